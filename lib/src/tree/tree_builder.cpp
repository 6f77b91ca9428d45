// SPDX-License-Identifier: MIT
#include "tree/tree_builder.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/digest.h"
#include "base/text.h"

namespace rawimg {
namespace {

constexpr unsigned kMaxSymlinks = 40;  // as Linux
constexpr std::size_t kMaxDepth = 4096;
constexpr std::int64_t kMaxEpoch = UINT32_MAX;

std::string join(const std::vector<std::string>& components) {
  std::string path;
  for (const std::string& component : components) (path += '/') += component;
  return path.empty() ? "/" : path;
}

const char* noun(FileType type) {
  switch (type) {
    case FileType::Regular: return "file";
    case FileType::Directory: return "directory";
    case FileType::Symlink: return "symlink";
    case FileType::CharDevice:
    case FileType::BlockDevice: return "device";
    case FileType::Fifo: return "FIFO";
    case FileType::Socket: break;
  }
  return "socket";
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) { throw Error(Errc::BadInput, fmt::format("{}: {}", quote(path), why)).with_path(path); }

}  // namespace

TreeBuilder::TreeBuilder(ExtBuilder& builder, const PopulateOptions& options, Observer& observer) : builder_(builder), options_(options), observer_(observer) {
  names_.add(ExtBuilder::kRoot, "lost+found", ExtBuilder::kLostFound, true);
  for (const NodeId node : {ExtBuilder::kRoot, ExtBuilder::kLostFound}) {
    implied_.push_back(node);
    still_implied_.insert(static_cast<std::uint32_t>(node));
  }
}

void TreeBuilder::begin_source(const SourceSpec& spec) {
  filter_.emplace(spec);
  if (!spec.at.is_root()) (void)walk(spec.at.components(), spec.at.components().size(), Missing::Imply);
}

void TreeBuilder::take(const Entry& entry, const std::function<void()>& read_content) {
  const auto path = filter_->apply(entry.path);
  if (!path) return;
  if (path->size() > kMaxDepth) refuse(entry.path.substr(0, 100), fmt::format("it is deeper than {} directories", kMaxDepth));
  if (entry.is_hard_link) return take_hard_link(entry, *path);
  if (path->empty()) return set_root(entry);
  if (entry.type == FileType::Directory) return take_directory(entry, *path);
  const NodeId node = make_node(entry);
  try {
    if (entry.type == FileType::Regular) builder_.begin_content(node, entry.size_bytes);
    put_name(*path, node, &entry);
  } catch (...) {
    builder_.remove(node);
    throw;
  }
  if (entry.type == FileType::Regular) {
    read_content();
    builder_.end_content();
  }
  bind_waiting_links(*path, node);
}

void TreeBuilder::set_root(const Entry& entry) {
  if (entry.type != FileType::Directory) refuse(entry.path, fmt::format("a {} would replace the root directory", noun(entry.type)));
  update_node(ExtBuilder::kRoot, entry);
}

void TreeBuilder::take_directory(const Entry& entry, const Components& path) {
  if (const auto there = lookup(path)) {
    if (names_.is_directory(*there)) return update_node(*there, entry);
    // usr-merge: `sbin/` over `sbin -> usr/bin` leaves both as they are.
    const auto parent = walk(path, path.size() - 1, Missing::Stop);
    if (builder_.meta(*there).type == FileType::Symlink && follow(*parent, *there)) return;
  }
  const NodeId node = make_node(entry);
  try {
    put_name(path, node, &entry);
  } catch (...) {
    builder_.remove(node);
    throw;
  }
  bind_waiting_links(path, node);
}

// Hard links: a name for the inode that the target's name has now, else for the first later entry of that name in the same source.

void TreeBuilder::take_hard_link(const Entry& entry, const Components& path) {
  const auto target = filter_->apply(entry.link_target);
  if (path.empty()) refuse(entry.path, "a hard link would replace the root directory");
  if (!target) refuse(entry.path, fmt::format("it is a hard link to {}, which is left out", quote(entry.link_target)));
  const std::string key = join(*target);
  if (skipped_paths_.contains(key)) {
    observer_.warning({"skipped-unsupported", entry.path, fmt::format("{}: it is a hard link to {}, which was skipped", quote(entry.path), quote(entry.link_target))});
    ++skipped_;
    skipped_paths_.insert(join(path));
    return;
  }
  const auto node = lookup(*target);
  if (!node) {
    auto& waiting = waiting_[key];
    if (waiting.empty()) waiting_order_.push_back(key);
    waiting.push_back({path, entry.path});
    return;
  }
  if (names_.is_directory(*node)) refuse(entry.path, fmt::format("it is a hard link to {}, which is a directory", quote(entry.link_target)));
  if (lookup(path) == node) return;  // the name is there already: a link to itself, or said twice
  put_name(path, *node, &entry);
  bind_waiting_links(path, *node);
}

void TreeBuilder::bind_waiting_links(const Components& path, NodeId node) {
  if (waiting_.empty()) return;
  std::vector<Components> arrived{path};  // a link that is bound may itself be what another one waits for
  while (!arrived.empty()) {
    const auto it = waiting_.find(join(arrived.back()));
    arrived.pop_back();
    if (it == waiting_.end()) continue;
    const std::vector<PendingLink> links = std::move(it->second);
    waiting_.erase(it);
    for (const PendingLink& pending : links) {
      if (names_.is_directory(node)) refuse(pending.link_path, fmt::format("it is a hard link to {}, which is a directory", quote(join(path))));
      if (lookup(pending.link)) continue;  // an entry after the link has taken its name
      put_name(pending.link, node, nullptr);
      arrived.push_back(pending.link);
    }
  }
}

void TreeBuilder::note_skipped(std::string_view path) {
  ++skipped_;
  const auto components = filter_->apply(path);
  if (!components) return;
  const std::string key = join(*components);
  skipped_paths_.insert(key);
  skip_waiting(key);
}

void TreeBuilder::skip_waiting(const std::string& key) {
  const auto it = waiting_.find(key);
  if (it == waiting_.end()) return;
  for (const PendingLink& pending : it->second) {
    observer_.warning({"skipped-unsupported", pending.link_path, fmt::format("{}: it is a hard link to {}, which was skipped", quote(pending.link_path), quote(key))});
    ++skipped_;
    skipped_paths_.insert(join(pending.link));
  }
  waiting_.erase(it);
}

void TreeBuilder::end_source() {
  for (const std::string& target : waiting_order_) {
    const auto it = waiting_.find(target);
    if (it == waiting_.end() || it->second.empty()) continue;
    refuse(it->second.front().link_path, fmt::format("it is a hard link to {}, which the source does not have", quote(target)));
  }
  waiting_.clear();
  waiting_order_.clear();
  skipped_paths_.clear();
}

// Nodes

NodeMeta TreeBuilder::meta_of(const Entry& entry) {
  const auto clamped = [this](Timestamp time) { return options_.clamp_mtime && time > Timestamp{*options_.clamp_mtime, 0} ? Timestamp{*options_.clamp_mtime, 0} : time; };
  NodeMeta meta;
  meta.type = entry.type;
  meta.permissions = entry.permissions;
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

void TreeBuilder::note_time(const NodeMeta& meta) {
  newest_mtime_ = std::clamp<std::int64_t>(meta.mtime.seconds, newest_mtime_, std::max(newest_mtime_, kMaxEpoch));
  if (builder_.drops_fractions(meta)) ++dropped_fractions_;
}

NodeId TreeBuilder::make_node(const Entry& entry) {
  const NodeMeta meta = meta_of(entry);
  const NodeId node = builder_.add(meta);
  try {
    builder_.set_xattrs(node, entry.xattrs);
    if (entry.type == FileType::Symlink) builder_.set_symlink(node, entry.link_target);
  } catch (...) {
    builder_.remove(node);
    throw;
  }
  set_xattr_digest(node, entry.xattrs);
  note_time(meta);
  return node;
}

void TreeBuilder::update_node(NodeId node, const Entry& entry) {
  const NodeMeta before = builder_.meta(node), meta = meta_of(entry);
  builder_.set_meta(node, meta);
  try {
    builder_.set_xattrs(node, entry.xattrs);
  } catch (...) {
    builder_.set_meta(node, before);
    throw;
  }
  set_xattr_digest(node, entry.xattrs);
  still_implied_.erase(static_cast<std::uint32_t>(node));
  note_time(meta);
}

NodeId TreeBuilder::add_implied(NodeId parent, std::string_view name) {
  NodeMeta meta;
  meta.type = FileType::Directory;
  meta.permissions = 0755;
  const NodeId node = builder_.add(meta);
  names_.add(parent, name, node, true);
  implied_.push_back(node);
  still_implied_.insert(static_cast<std::uint32_t>(node));
  return node;
}

void TreeBuilder::settle_implied(std::int64_t epoch) {
  for (const NodeId node : implied_) {
    if (!still_implied_.contains(static_cast<std::uint32_t>(node)) || (node != ExtBuilder::kRoot && names_.name_count(node) == 0)) continue;
    NodeMeta meta = builder_.meta(node);
    meta.mtime = meta.atime = meta.ctime = meta.birthtime = Timestamp{epoch, 0};
    builder_.set_meta(node, meta);
  }
}

void TreeBuilder::set_xattr_digest(NodeId node, const std::vector<Xattr>& xattrs) {
  xattr_digests_.erase(static_cast<std::uint32_t>(node));
  if (xattrs.empty()) return;
  Sha256 hash;
  for (const Xattr& xattr : xattrs) hash.add(fmt::format("{}:{}{}:{}", xattr.name.size(), xattr.name, xattr.value.size(), xattr.value));
  const Sha256::Value digest = hash.finish();
  std::uint64_t first = 0;
  for (int i = 0; i < 8; ++i) first = first << 8 | digest[static_cast<std::size_t>(i)];
  xattr_digests_[static_cast<std::uint32_t>(node)] = first;
}

std::uint64_t TreeBuilder::xattr_digest(NodeId node) const {
  const auto it = xattr_digests_.find(static_cast<std::uint32_t>(node));
  return it == xattr_digests_.end() ? 0 : it->second;
}

// Names

void TreeBuilder::put_name(const Components& path, NodeId node, const Entry* entry) {
  const auto directory = walk(path, path.size() - 1, Missing::Imply);
  make_way(*directory, path.back(), path);
  names_.add(*directory, path.back(), node, entry != nullptr && !entry->is_hard_link && entry->type == FileType::Directory);
}

/// The later entry wins, except over a directory that holds something.
void TreeBuilder::make_way(NodeId directory, std::string_view name, const Components& path) {
  const auto there = names_.find(directory, name);
  if (!there) return;
  if (*there == ExtBuilder::kLostFound) refuse(join(path), "lost+found must stay a directory");
  if (names_.is_directory(*there) && names_.child_count(*there) != 0) {
    std::vector<NameTree::Name> children;
    names_.names(*there, children);
    refuse(join(path), fmt::format("it would replace a directory that holds {}", quote(join(path) + "/" + std::string(children.front().name))));
  }
  drop_name(directory, name, *there);
}

void TreeBuilder::drop_name(NodeId directory, std::string_view name, NodeId node) {
  names_.remove(directory, name);
  if (names_.name_count(node) == 0) builder_.remove(node);
}

std::optional<NodeId> TreeBuilder::lookup(const Components& path) {
  if (path.empty()) return ExtBuilder::kRoot;
  const auto directory = walk(path, path.size() - 1, Missing::Stop);
  return directory ? names_.find(*directory, path.back()) : std::nullopt;
}

std::optional<NodeId> TreeBuilder::walk(const Components& path, std::size_t count, Missing missing) {
  // The common case needs no list of things to do: no symlink on the way.
  NodeId at = ExtBuilder::kRoot;
  for (std::size_t i = 0; i < count; ++i) {
    const auto child = names_.find(at, path[i]);
    if (!child || !names_.is_directory(*child)) {
      std::vector<std::string> rest(path.begin() + static_cast<std::ptrdiff_t>(i), path.begin() + static_cast<std::ptrdiff_t>(count));
      std::reverse(rest.begin(), rest.end());
      return walk_from(at, std::move(rest), missing, 0);
    }
    at = *child;
  }
  return at;
}

std::optional<NodeId> TreeBuilder::follow(NodeId directory, NodeId link) {
  std::vector<std::string> todo;
  const std::string_view target = builder_.symlink_target(link);
  for (std::size_t at = 0; at < target.size();) {
    const std::size_t slash = std::min(target.find('/', at), target.size());
    todo.emplace_back(target.substr(at, slash - at));
    at = slash + 1;
  }
  std::reverse(todo.begin(), todo.end());
  return walk_from(target.starts_with('/') ? ExtBuilder::kRoot : directory, std::move(todo), Missing::Stop, 1);
}

/// `todo`: components still to go, the next one last. Symlinks are resolved inside the image; `..` of the root is the root.
std::optional<NodeId> TreeBuilder::walk_from(NodeId at, std::vector<std::string> todo, Missing missing, unsigned links) {
  while (!todo.empty()) {
    const std::string name = std::move(todo.back());
    todo.pop_back();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      at = names_.parent(at);
      continue;
    }
    const auto child = names_.find(at, name);
    if (child && names_.is_directory(*child)) {
      at = *child;
      continue;
    }
    if (!child) {
      if (missing == Missing::Stop) return std::nullopt;
      at = add_implied(at, name);
      continue;
    }
    if (builder_.meta(*child).type != FileType::Symlink) {
      if (missing == Missing::Stop) return std::nullopt;
      refuse(names_.path_of(*child), fmt::format("it is a {}, so nothing can be put below it", noun(builder_.meta(*child).type)));
    }
    if (++links > kMaxSymlinks) {
      if (missing == Missing::Stop) return std::nullopt;
      refuse(names_.path_of(*child), "too many levels of symbolic links");
    }
    const std::string_view target = builder_.symlink_target(*child);
    if (target.starts_with('/')) at = ExtBuilder::kRoot;
    for (std::size_t end = target.size(); end != std::string_view::npos && end != 0;) {  // last component first, so that the first one is on top
      const std::size_t slash = target.rfind('/', end - 1);
      const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
      todo.emplace_back(target.substr(begin, end - begin));
      end = slash;
    }
  }
  return at;
}

}  // namespace rawimg
