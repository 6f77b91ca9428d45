// SPDX-License-Identifier: MIT
#include "tree/fake_builder.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <rawimg/error.h>

namespace rawimg {

using test::FakeImage;
using test::FakeNode;
using test::FakeSettings;

namespace test {

FakeSettings& fake_settings() {
  static FakeSettings settings;
  return settings;
}

FakeImage& fake_image() {
  static FakeImage image;
  return image;
}

}  // namespace test

namespace {

void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(std::string("the builder was misused: ") + what);
}

std::size_t index_of(NodeId node) { return static_cast<std::size_t>(node); }

}  // namespace

struct ExtBuilder::State {
  FakeSettings settings = test::fake_settings();
  FakeImage& image = test::fake_image();
  ExtOptions options;
  std::optional<NodeId> open;
  std::uint64_t open_end = 0, written = 0;

  FakeNode& node(NodeId id) {
    FakeNode& node = image.nodes.at(index_of(id));
    require(!node.removed, "a removed node is used");
    return node;
  }
  void check_directory(const NameTree& names, NodeId directory, std::vector<std::string>& paths,
                       std::vector<std::uint32_t>& counts);
};

ExtBuilder::ExtBuilder(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->image = {};
  FakeNode root, lost_found;
  root.meta.type = lost_found.meta.type = FileType::Directory;
  root.meta.permissions = 0755;
  lost_found.meta.permissions = 0700;
  state_->image.nodes = {root, lost_found};
}
ExtBuilder::ExtBuilder(ExtBuilder&&) noexcept = default;
ExtBuilder& ExtBuilder::operator=(ExtBuilder&&) noexcept = default;
ExtBuilder::~ExtBuilder() = default;

ExtBuilder ExtBuilder::format_last(const Window&, const ExtOptions& options, BuilderOptions) {
  auto state = std::make_unique<State>();
  state->options = options;
  return ExtBuilder(std::move(state));
}
bool ExtBuilder::imports() const { return false; }
bool ExtBuilder::lost_kept_undo() const { return false; }
Transaction::Result ExtBuilder::committed() const { return {}; }
bool ExtBuilder::is_new(NodeId) const { return true; }
std::vector<ExtBuilder::ImportedName> ExtBuilder::import_names(NodeId) { return {}; }

ExtBuilder ExtBuilder::populate(const Window&, BuilderOptions) {
  return ExtBuilder(std::make_unique<State>());
}

ExtType ExtBuilder::type() const { return ExtType::Ext2; }
std::uint32_t ExtBuilder::block_size() const { return 4096; }
std::uint32_t ExtBuilder::inode_size() const { return state_->settings.inode_size; }
std::string ExtBuilder::options_text() const { return "label " + state_->options.label; }

NodeId ExtBuilder::add(const NodeMeta& meta) {
  state_->image.nodes.emplace_back().meta = meta;
  return NodeId{static_cast<std::uint32_t>(state_->image.nodes.size() - 1)};
}

void ExtBuilder::set_meta(NodeId node, const NodeMeta& meta) {
  require(state_->node(node).meta.type == meta.type, "the type of a node changes");
  state_->node(node).meta = meta;
}

const NodeMeta& ExtBuilder::meta(NodeId node) const { return state_->node(node).meta; }
bool ExtBuilder::drops_fractions(const NodeMeta& meta) const {
  return state_->settings.inode_size == 128 && meta.mtime.nanoseconds != 0;
}

void ExtBuilder::set_xattrs(NodeId node, std::span<const Xattr> xattrs) {
  for (const Xattr& xattr : xattrs)
    if (xattr.name.starts_with("bad.")) throw Error(Errc::Unsupported, "no such namespace");
  state_->node(node).xattrs.assign(xattrs.begin(), xattrs.end());
}

void ExtBuilder::set_symlink(NodeId node, std::string_view target) {
  if (target.empty()) throw Error(Errc::Unsupported, "a symlink without a target");
  state_->node(node).target = target;
}
std::string_view ExtBuilder::symlink_target(NodeId node) const { return state_->node(node).target; }

void ExtBuilder::begin_content(NodeId node, std::uint64_t size_bytes) {
  if (size_bytes > state_->settings.max_file_bytes)
    throw Error(Errc::Unsupported, "a file too large");
  require(!state_->open, "two files are open");
  state_->open = node;
  state_->open_end = 0;
  state_->node(node).size_bytes = size_bytes;
}

void ExtBuilder::append(const DataChunk& chunk) {
  FakeNode& node = state_->node(state_->open.value());
  require(chunk.offset >= state_->open_end && chunk.offset + chunk.bytes.size() <= node.size_bytes,
          "content out of order");
  state_->open_end = chunk.offset + chunk.bytes.size();
  state_->written += chunk.bytes.size();
  if (is_full()) {
    state_->image.counted_bytes += chunk.bytes.size();
    return;
  }
  node.content.resize(state_->open_end);
  std::memcpy(node.content.data() + chunk.offset, chunk.bytes.data(), chunk.bytes.size());
}

void ExtBuilder::end_content() {
  FakeNode& node = state_->node(state_->open.value());
  if (state_->settings.full_after_bytes == UINT64_MAX) node.content.resize(node.size_bytes);
  state_->open.reset();
}

std::uint64_t ExtBuilder::size_of(NodeId node) const {
  return state_->node(node).meta.type == FileType::Symlink ? state_->node(node).target.size()
                                                           : state_->node(node).size_bytes;
}

void ExtBuilder::remove(NodeId node) {
  state_->node(node).removed = true;
  ++state_->image.removals;
  if (state_->open == node) state_->open.reset();
}

bool ExtBuilder::is_full() const { return state_->written > state_->settings.full_after_bytes; }

void ExtBuilder::State::check_directory(const NameTree& names, NodeId directory,
                                        std::vector<std::string>& paths,
                                        std::vector<std::uint32_t>& counts) {
  std::vector<NameTree::Name> held;
  names.names(directory, held);
  for (std::size_t i = 0; i < held.size(); ++i) {
    const std::string_view name = held[i].name;
    require(!name.empty() && name.size() <= 255 && name != "." && name != ".." &&
                name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos,
            "a name that ext cannot hold");
    require(i == 0 || held[i - 1].name < name, "names are not sorted, or one is there twice");
    (void)node(held[i].node);
    ++counts[index_of(held[i].node)];
    if (!settings.keeps_names) continue;
    const std::string path = paths[index_of(directory)] + "/" + std::string(name);
    image.tree[path] = held[i].node;
    if (node(held[i].node).meta.type == FileType::Directory) paths[index_of(held[i].node)] = path;
  }
}

ExtSummary ExtBuilder::finish(const NameTree& names, const Finish& how) {
  State& s = *state_;
  require(!s.open, "a file is still open");
  if (is_full()) throw Error(Errc::NoSpace, how.counting_complete ? "full" : "full, at least");
  std::vector<std::uint32_t> counts(s.image.nodes.size(), 0);
  std::vector<std::string> paths(s.image.nodes.size());
  std::vector<bool> seen(s.image.nodes.size(), false);
  for (const NodeId directory : names.directories()) {
    const std::size_t index = index_of(directory);
    require(s.node(directory).meta.type == FileType::Directory,
            "what is no directory is listed as one");
    require(directory == kRoot || seen[index_of(names.parent(directory))],
            "a directory comes before its parent");
    seen[index] = true;
    s.check_directory(names, directory, paths, counts);
  }
  s.image.tree["/"] = kRoot;
  for (std::size_t i = 1; i < counts.size(); ++i) {
    require(s.image.nodes[i].removed || counts[i] != 0, "a node without a name was not removed");
    require(s.image.nodes[i].meta.type != FileType::Directory || s.image.nodes[i].removed ||
                (counts[i] == 1 && seen[i]),
            "a directory does not have exactly one name");
    if (counts[i] > s.settings.max_links)
      throw Error(Errc::Unsupported,
                  "too many links: " + names.describe(NodeId{static_cast<std::uint32_t>(i)}));
  }
  s.image.finish = how;
  s.image.finished = true;
  ExtSummary summary;
  summary.inodes = counts.size();
  return summary;
}

}  // namespace rawimg
