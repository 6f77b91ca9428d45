// SPDX-License-Identifier: MIT
#include "tree/tree_builder.h"

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/digest.h"
#include "base/text.h"

namespace rawimg {
namespace {

constexpr std::int64_t kMaxEpoch = UINT32_MAX;  // what a superblock holds
constexpr unsigned kMaxSymlinks = 40;           // on the way to one file, as Linux

std::size_t index_of(NodeId node) { return static_cast<std::size_t>(node); }

[[noreturn]] void refuse(const std::string& why) { throw Error(Errc::BadInput, why); }

/// Puts the components of a symlink's target onto `todo`, the first one last.
void push_components(std::vector<std::string>& todo, std::string_view target) {
  while (!target.empty()) {
    const std::size_t slash = target.rfind('/');
    const std::string_view name =
        slash == std::string_view::npos ? target : target.substr(slash + 1);
    if (!name.empty() && name != ".") todo.emplace_back(name);
    target = slash == std::string_view::npos ? "" : target.substr(0, slash);
  }
}

std::string_view noun(const Entry& entry) {
  return entry.is_hard_link ? "hard link" : noun(entry.type);
}

}  // namespace

TreeBuilder::TreeBuilder(ExtBuilder& builder, const PopulateOptions& options, Observer& observer)
    : builder_(builder), options_(options), observer_(observer) {
  if (builder_.imports()) return;
  names_.add_directory(ExtBuilder::kRoot, "lost+found", ExtBuilder::kLostFound);
  implied_ = {ExtBuilder::kRoot, ExtBuilder::kLostFound};
  is_implied_ = {true, true};
}

void TreeBuilder::begin_source(const SourceSpec& spec) {
  filter_.emplace(spec);
  const Components& at = spec.at.components();
  with_context(quote(spec.at.to_text()), [&] { walk(at, at.size(), Missing::Imply); });
}

bool TreeBuilder::take(const Entry& entry, const std::function<void()>& read_content) {
  const auto path = filter_->apply(entry.path);
  if (!path) return false;
  const bool is_directory = !entry.is_hard_link && entry.type == FileType::Directory;
  if (filter_->is_stripped_root(*path) && !is_directory) return false;
  if (path->empty())
    take_root(entry);
  else if (entry.is_hard_link)
    return take_hard_link(entry, *path);
  else if (is_directory)
    take_directory(entry, *path);
  else
    take_other(entry, *path, read_content);
  return true;
}

void TreeBuilder::take_root(const Entry& entry) {
  if (entry.is_hard_link || entry.type != FileType::Directory)
    refuse(fmt::format("a {} would replace the root directory", noun(entry)));
  update_node(ExtBuilder::kRoot, entry);
}

void TreeBuilder::take_directory(const Entry& entry, const Components& path) {
  if (const auto there = lookup(path)) {
    if (names_.is_directory(*there)) {
      update_node(*there, entry);
      return note_arrival(path, *there);
    }
    // `sbin/` over `sbin -> usr/bin` (usr-merge): both stay as they are
    if (leads_to_directory(path, *there)) return;
  }
  const NodeId node = make_node(entry);
  const Place place = clear_place(path);
  names_.add_directory(place.directory, place.name, node);
  note_times(node);
  note_arrival(path, node);
}

void TreeBuilder::take_other(const Entry& entry, const Components& path,
                             const std::function<void()>& read_content) {
  const NodeId node = make_node(entry);
  // The name comes before the content, so that the blocks of a replaced file can serve the new one.
  const Place place = clear_place(path);
  names_.add(place.directory, place.name, node);
  if (entry.type == FileType::Regular) {
    last_file_ = node;
    try {
      read_content();
    } catch (const Error& error) {
      if (error.code() != Errc::Unsupported) throw;
      builder_.end_content();
      drop_name(place, node);
      throw;
    }
    builder_.end_content();
  }
  note_times(node);
  note_arrival(path, node);
}

// Hard links: a name for the inode that the target's name has now, else for the first later entry
// of that name in the same source.

bool TreeBuilder::take_hard_link(const Entry& entry, const Components& path) {
  const auto target = with_context(fmt::format("hard link to {}", quote(entry.link_target)),
                                   [&] { return filter_->apply(entry.link_target); });
  if (!target)
    refuse(fmt::format("it is a hard link to {}, which is left out", quote(entry.link_target)));
  const std::string target_key = links_.is_idle() ? "" : key_of(*target);
  if (links_.is_skipped(target_key)) {
    skip_link(entry.path, entry.link_target);
    skip_waiting_for(path);
    return false;
  }
  const auto node = lookup(*target);
  if (!node) {
    const std::string key = key_of(path);
    links_.note_arrival(key);
    links_.wait(key_of(*target), {path, key, entry.path, entry.link_target});
    return true;
  }
  if (names_.is_directory(*node))
    refuse(fmt::format("it is a hard link to {}, which is a directory", quote(entry.link_target)));
  put_link(path, *node);
  note_arrival(path, *node);
  return true;
}

void TreeBuilder::put_link(const Components& path, NodeId node) {
  if (lookup(path) == node) return;  // a link to itself, or the same link twice
  const Place place = clear_place(path);
  names_.add(place.directory, place.name, node);
}

/// Makes the links that have waited for this name, and those that have waited for them.
void TreeBuilder::note_arrival(const Components& path, NodeId node) {
  if (links_.is_idle()) return;
  std::vector<Components> arrived{path};
  while (!arrived.empty()) {
    const std::vector<std::string> keys = keys_of(arrived.back());
    arrived.pop_back();
    for (const std::string& key : keys) links_.note_arrival(key);
    for (const std::string& key : keys) {
      for (LinkBook::Waiting& link : links_.take_waiting(key)) {
        try {
          if (names_.is_directory(node))
            refuse(fmt::format("it is a hard link to {}, which is a directory",
                               quote(link.target_path)));
          put_link(link.link, node);
        } catch (const Error& error) {
          throw error.in(quote(link.link_path)).with_path(link.link_path);
        }
        arrived.push_back(std::move(link.link));
      }
    }
  }
}

bool TreeBuilder::leaves_out(std::string_view path) const {
  try {
    return !filter_->apply(path);
  } catch (const Error&) {
    return false;
  }
}

void TreeBuilder::note_skipped(std::string_view path) {
  ++skipped_;
  std::optional<Components> components;
  try {
    components = filter_->apply(path);
  } catch (const Error&) {
    return;  // a hard link to such a path fails by the path itself
  }
  if (components && !components->empty()) skip_waiting_for(std::move(*components));
}

void TreeBuilder::skip_link(const std::string& link_path, const std::string& target_path) {
  observer_.warning({"skipped-unsupported", link_path,
                     fmt::format("{}: it is a hard link to {}, which was skipped", quote(link_path),
                                 quote(target_path))});
  ++skipped_;
}

void TreeBuilder::skip_waiting_for(Components path) {
  std::vector<Components> skipped{std::move(path)};
  while (!skipped.empty()) {
    const std::vector<std::string> keys = keys_of(skipped.back());
    skipped.pop_back();
    for (const std::string& key : keys) {
      links_.mark_skipped(key);
      for (LinkBook::Waiting& link : links_.take_waiting(key)) {
        skip_link(link.link_path, link.target_path);
        skipped.push_back(std::move(link.link));
      }
    }
  }
}

/// The path with symlinks among its parents resolved, where those are there already.
std::string TreeBuilder::key_of(const Components& path) {
  const auto parent = path.empty() ? std::nullopt : parent_of(path, Missing::Stop);
  if (!parent) return join(path);
  return (*parent == ExtBuilder::kRoot ? "" : names_.path_of(*parent)) + "/" + path.back();
}

/// What a link may be waiting under that came before the parents of this path did.
std::vector<std::string> TreeBuilder::keys_of(const Components& path) {
  std::vector<std::string> keys{key_of(path)};
  if (std::string literal = join(path); literal != keys.front()) keys.push_back(std::move(literal));
  return keys;
}

void TreeBuilder::end_source() {
  if (const auto link = links_.first_waiting())
    throw Error(Errc::BadInput,
                fmt::format("{}: it is a hard link to {}, which the source does not have",
                            quote(link->link_path), quote(link->target_path)))
        .with_path(link->link_path);
  links_.clear();
}

// Nodes

NodeMeta TreeBuilder::meta_of(const Entry& entry) const {
  const auto clamped = [this](Timestamp time) {
    return options_.clamp_mtime ? std::min(time, Timestamp{*options_.clamp_mtime, 0}) : time;
  };
  NodeMeta meta;
  meta.type = entry.type;
  // Linux has no other, whatever an archive says.
  meta.permissions = entry.type == FileType::Symlink ? 0777 : entry.permissions;
  meta.uid = entry.uid;
  meta.gid = entry.gid;
  meta.mtime = clamped(entry.mtime);
  meta.atime = clamped(entry.atime.value_or(entry.mtime));
  meta.ctime = clamped(entry.ctime.value_or(entry.mtime));
  meta.birthtime = clamped(entry.birthtime.value_or(entry.mtime));
  meta.device_major = entry.device_major;
  meta.device_minor = entry.device_minor;
  return meta;
}

/// Everything that can be Unsupported happens here, before names change.
NodeId TreeBuilder::make_node(const Entry& entry) {
  const NodeId node = builder_.add(meta_of(entry));
  try {
    builder_.set_xattrs(node, entry.xattrs);
    if (entry.type == FileType::Symlink) builder_.set_symlink(node, entry.link_target);
    if (entry.type == FileType::Regular) builder_.begin_content(node, entry.size_bytes);
  } catch (...) {
    builder_.remove(node);
    throw;
  }
  set_xattr_digest(node, entry.xattrs);
  return node;
}

void TreeBuilder::update_node(NodeId node, const Entry& entry) {
  const NodeMeta before = builder_.meta(node);
  builder_.set_meta(node, meta_of(entry));
  try {
    builder_.set_xattrs(node, entry.xattrs);
  } catch (...) {
    builder_.set_meta(node, before);
    throw;
  }
  set_xattr_digest(node, entry.xattrs);
  if (index_of(node) < is_implied_.size()) is_implied_[index_of(node)] = false;
  note_times(node);
}

NodeId TreeBuilder::add_implied(NodeId parent, std::string_view name) {
  if (name.size() > kMaxName)
    refuse(fmt::format("a symlink on the way leads to a name of {} bytes: ext holds at most {}",
                       name.size(), kMaxName));
  NodeMeta meta;
  meta.type = FileType::Directory;
  meta.permissions = 0755;
  const NodeId node = builder_.add(meta);
  names_.add_directory(parent, name, node);
  implied_.push_back(node);
  is_implied_.resize(std::max(is_implied_.size(), index_of(node) + 1), false);
  is_implied_[index_of(node)] = true;
  return node;
}

bool TreeBuilder::is_implied(NodeId node) const {
  return index_of(node) < is_implied_.size() && is_implied_[index_of(node)];
}

void TreeBuilder::settle_implied(std::int64_t epoch) {
  for (const NodeId node : implied_) {
    // it has got an entry of its own, or was replaced
    if (!is_implied_[index_of(node)] || !names_.is_directory(node)) continue;
    NodeMeta meta = builder_.meta(node);
    meta.mtime = meta.atime = meta.ctime = meta.birthtime = Timestamp{epoch, 0};
    with_context("the time of the superblock, which directories without an entry of their own get",
                 [&] { builder_.set_meta(node, meta); });
  }
}

void TreeBuilder::note_times(NodeId node) {
  const NodeMeta& meta = builder_.meta(node);
  newest_mtime_ = std::max(newest_mtime_, std::min(meta.mtime.seconds, kMaxEpoch));
  if (builder_.drops_fractions(meta)) ++dropped_fractions_;
}

void TreeBuilder::set_xattr_digest(NodeId node, const std::vector<Xattr>& xattrs) {
  std::uint64_t first = 0;
  if (!xattrs.empty()) {
    Sha256 hash;
    for (const Xattr& xattr : xattrs)
      hash.add(fmt::format("{}:{}{}:{}", xattr.name.size(), xattr.name, xattr.value.size(),
                           xattr.value));
    const Sha256::Value digest = hash.finish();
    for (std::size_t i = 0; i < 8; ++i) first = first << 8 | digest[i];
  }
  if (index_of(node) >= xattr_digests_.size()) {
    if (first == 0) return;
    xattr_digests_.resize(index_of(node) + 1, 0);
  }
  xattr_digests_[index_of(node)] = first;
}

std::uint64_t TreeBuilder::xattr_digest(NodeId node) const {
  return index_of(node) < xattr_digests_.size() ? xattr_digests_[index_of(node)] : 0;
}

// Names

/// Makes the parents, and takes away what has the name now: the later entry wins, except over a
/// directory that holds something.
TreeBuilder::Place TreeBuilder::clear_place(const Components& path) {
  const Place place{parent_of(path, Missing::Imply).value(), path.back()};
  const auto there = find(place.directory, place.name);
  if (!there) return place;
  if (*there == ExtBuilder::kLostFound)
    refuse("it would replace 'lost+found', which must stay a directory");
  if (names_.is_directory(*there)) import(*there);
  if (names_.is_directory(*there) && names_.child_count(*there) != 0) {
    std::vector<NameTree::Name> held;
    names_.names(*there, held);
    const std::string directory = names_.path_of(*there);
    refuse(fmt::format("it would replace the directory {}, which is not empty: it holds {}",
                       quote(directory), quote(directory + "/" + std::string(held.front().name))));
  }
  drop_name(place, *there);
  return place;
}

/// What a directory held before comes into play when something in it is first looked for.
void TreeBuilder::import(NodeId directory) {
  for (const ExtBuilder::ImportedName& name : builder_.import_names(directory)) {
    if (name.is_directory)
      names_.add_directory(directory, name.name, name.node);
    else
      names_.add(directory, name.name, name.node);
  }
}

std::optional<NodeId> TreeBuilder::find(NodeId directory, std::string_view name) {
  import(directory);
  return names_.find(directory, name);
}

void TreeBuilder::drop_name(Place place, NodeId node) {
  names_.remove(place.directory, place.name);
  if (names_.name_count(node) == 0) builder_.remove(node);
}

bool TreeBuilder::leads_to_directory(const Components& path, NodeId link) {
  if (builder_.meta(link).type != FileType::Symlink) return false;
  return walk_on(parent_of(path, Missing::Stop).value(), {path.back()}, Missing::Stop).has_value();
}

/// The last component is not followed.
std::optional<NodeId> TreeBuilder::lookup(const Components& path) {
  if (path.empty()) return ExtBuilder::kRoot;
  const auto directory = parent_of(path, Missing::Stop);
  return directory ? find(*directory, path.back()) : std::nullopt;
}

std::optional<TreeBuilder::Found> TreeBuilder::resolve(std::string_view path, Follow follow) {
  std::vector<std::string> todo;  // the last component first
  push_components(todo, path);
  NodeId directory = ExtBuilder::kRoot;
  for (unsigned links = 0; !todo.empty() && todo.front() != "..";) {
    const std::string name = std::move(todo.front());
    todo.erase(todo.begin());
    const auto parent = walk_on(directory, std::move(todo), Missing::Stop);
    const auto node = parent ? find(*parent, name) : std::nullopt;
    if (!node) return std::nullopt;
    if (follow == Follow::AllButLast || builder_.meta(*node).type != FileType::Symlink)
      return Found{*node, *parent, name};
    if (links++ == kMaxSymlinks) return std::nullopt;
    const std::string_view target = builder_.symlink_target(*node);
    directory = target.starts_with('/') ? ExtBuilder::kRoot : *parent;
    todo.clear();
    push_components(todo, target);
  }
  const auto node = walk_on(directory, std::move(todo), Missing::Stop);
  if (!node) return std::nullopt;
  return Found{*node, *node, ""};
}

std::optional<NodeId> TreeBuilder::walk(const Components& path, std::size_t count,
                                        Missing missing) {
  NodeId at = ExtBuilder::kRoot;
  for (std::size_t i = 0; i < count; ++i) {
    const auto child = find(at, path[i]);
    // rare: all else comes by without a list of what is to do
    if (!child || !names_.is_directory(*child)) {
      Components rest(path.begin() + static_cast<std::ptrdiff_t>(i),
                      path.begin() + static_cast<std::ptrdiff_t>(count));
      std::reverse(rest.begin(), rest.end());
      return walk_on(at, std::move(rest), missing);
    }
    at = *child;
  }
  return at;
}

/// `todo`: components still to go, the next one last. Symlinks are resolved as the guest's kernel
/// would, inside the image: `..` of the root is the root.
std::optional<NodeId> TreeBuilder::walk_on(NodeId at, std::vector<std::string> todo,
                                           Missing missing) {
  for (unsigned links = 0; !todo.empty();) {
    const std::string name = std::move(todo.back());
    todo.pop_back();
    if (name == "..") {
      at = names_.parent(at);
      continue;
    }
    const auto child = find(at, name);
    if (!child && missing == Missing::Stop) return std::nullopt;
    if (!child || names_.is_directory(*child)) {
      at = child ? *child : add_implied(at, name);
      continue;
    }
    const bool is_symlink = builder_.meta(*child).type == FileType::Symlink;
    if (missing == Missing::Stop && (!is_symlink || links == kMaxSymlinks)) return std::nullopt;
    if (!is_symlink)
      refuse(fmt::format("{} is not a directory, so nothing can be put below it",
                         quote(names_.path_of(*child))));
    if (links++ == kMaxSymlinks)
      refuse(fmt::format("too many levels of symlinks at {}", quote(names_.path_of(*child))));
    const std::string_view target = builder_.symlink_target(*child);
    if (target.starts_with('/')) at = ExtBuilder::kRoot;
    push_components(todo, target);
  }
  return at;
}

}  // namespace rawimg
