// SPDX-License-Identifier: MIT
//
// ExtBuilder::finish for a filesystem that was there before. Names are compared with those on disk;
// what differs is changed in the order that keeps every inode alive that is still wanted:
//   content gets its blocks -> new names of old inodes count -> old names go -> new inodes -> new
//   names come -> metadata, because names touch the times of directories -> commit
#include "ext/merger.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "ext/inode_codec.h"

namespace rawimg {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;

std::size_t index_of(NodeId node) { return static_cast<std::size_t>(node); }

}  // namespace

ExtSummary Merger::run() {
  if (s_.full) throw_no_space();
  s_.writer.drain();
  if (!s_.options.dry_run)
    for (const auto& [first, last] : s_.given_back.ranges())  // content that was replaced
      s_.window.file().discard({s_.offset_of(first), ByteCount{(last - first) * s_.block_size}});
  fs_.set_now({how_.created, 0});
  find_changes();
  try {
    take_content_blocks();
    link_existing();
    for (const Change& change : changes_) remove_names(change);
    find_changed_inodes();
    number_inodes();
    write_inodes();
    for (const Change& change : changes_) add_names(change);
    update_metadata();
    fs_.store_directories();
  } catch (const Error& error) {
    if (error.code() == Errc::NoSpace) throw_no_space();
    throw;
  }
  if (!s_.options.dry_run) s_.import->committed = fs_.commit();
  return summarize(fs_.fs.get());
}

std::uint32_t Merger::inode_of(NodeId node) const {
  const Import::Origin* from = s_.import->origin(node);
  return from != nullptr ? from->inode : inode_of_[index_of(node)];
}

void Merger::find_changes() {
  new_links_.assign(s_.nodes.size(), 0);
  for (const NodeId directory : names_.directories()) {
    const Import::Origin* from = s_.import->origin(directory);
    if (from != nullptr && !from->names_known) continue;
    Change change = difference(directory);
    for (const Change::Added& added : change.added) ++new_links_[index_of(added.node)];
    if (from == nullptr || !change.added.empty() || !change.removed.empty())
      changes_.push_back(std::move(change));
  }
}

Merger::Change Merger::difference(NodeId directory) {
  Change change{directory, {}, {}};
  std::unordered_map<std::string, std::uint32_t> before;
  if (!is_new(directory))
    for (DirEntry& entry : fs_.view.read_directory(inode_of(directory)))
      before.emplace(std::move(entry.name), entry.inode);
  std::vector<NameTree::Name> names;
  names_.names(directory, names);
  for (const NameTree::Name& name : names) {
    const auto there = before.find(std::string(name.name));
    const bool stays =
        there != before.end() && !is_new(name.node) && inode_of(name.node) == there->second;
    if (!stays) change.added.push_back({std::string(name.name), name.node});
    if (stays) before.erase(there);
  }
  for (auto& [name, inode] : before) change.removed.push_back({name, inode});
  std::sort(change.removed.begin(), change.removed.end(),
            [](const Change::Removed& a, const Change::Removed& b) { return a.name < b.name; });
  return change;
}

void Merger::take_content_blocks() {
  for (const Node& node : s_.nodes) {
    if (node.removed) continue;
    for (const Extent& extent : s_.extents_of(node))
      fs_.space.take_exactly({extent.physical, extent.count});
    for (const std::uint64_t block : s_.maps_of(node)) fs_.space.take_exactly({block, 1});
  }
  // These bytes are no longer what the overlay may have read.
  for (const auto& [first, last] : s_.taken.ranges())
    fs_.io.forget(first * s_.block_size, (last - first) * s_.block_size);
}

/// In the order in which they came, so that what was packed together is read together.
void Merger::number_inodes() {
  inode_of_.assign(s_.nodes.size(), 0);
  std::uint32_t near = EXT2_ROOT_INO;
  for (std::size_t i = 0; i < s_.nodes.size(); ++i) {
    if (s_.nodes[i].removed || !is_new(NodeId{static_cast<std::uint32_t>(i)})) continue;
    near = fs_.space.take_inode(near, s_.nodes[i].meta.type);
    inode_of_[i] = near;
  }
}

void Merger::write_inodes() {
  std::vector<std::uint32_t> subdirectories(s_.nodes.size(), 0);
  for (const Change& change : changes_)
    for (const Change::Added& added : change.added)
      if (s_.node(added.node).meta.type == FileType::Directory)
        ++subdirectories[index_of(change.directory)];
  const bool uncounted = ext2fs_has_feature_dir_nlink(fs_.fs->super);
  for (std::size_t i = 0; i < s_.nodes.size(); ++i) {
    if (inode_of_[i] == 0) continue;
    const NodeId id{static_cast<std::uint32_t>(i)};
    const bool is_directory = s_.nodes[i].meta.type == FileType::Directory;
    std::uint32_t& links = new_links_[i];
    if (is_directory) links = 2 + subdirectories[i];
    if (links > kMaxLinks && (!is_directory || !uncounted))
      throw Error(Errc::Unsupported,
                  fmt::format("{} has more than {} {}", names_.describe(id),
                              is_directory ? kMaxLinks - 2 : kMaxLinks,
                              is_directory ? "subdirectories" : "names (hard links)"))
          .with_path(names_.describe(id));
    if (links > kMaxLinks) links = 1;  // "too many to count" (dir_nlink)
    write_inode(id);
  }
}

void Merger::write_inode(NodeId id) {
  const Node& node = s_.node(id);
  EditInode inode = fs_.blank_inode(inode_of(id), node.meta, new_links_[index_of(id)]);
  if (node.meta.type == FileType::Regular) {
    inode.set_size(node.size_bytes);
    const auto maps = s_.maps_of(node);
    fs_.store_map(inode, s_.extents_of(node), {maps.begin(), maps.end()});
  }
  if (node.target != 0) fs_.write_target(inode, s_.targets[node.target - 1]);
  if (node.xattrs != 0) fs_.store_xattrs(inode, s_.xattr_sets[node.xattrs - 1]);
  inode.write();
}

void Merger::link_existing() {
  for (const Change& change : changes_)
    for (const Change::Added& added : change.added)
      if (!is_new(added.node)) {
        s_.import->read_meta(s_, added.node);  // it is what its directory says, and no directory
        fs_.add_link(inode_of(added.node), s_.nodes[index_of(added.node)].meta.type);
      }
}

void Merger::remove_names(const Change& change) {
  const std::uint32_t directory = change.removed.empty() ? 0 : inode_of(change.directory);
  for (const Change::Removed& removed : change.removed)
    if (fs_.type(removed.inode) == FileType::Directory)
      fs_.remove_directory(directory, removed.name);
    else
      fs_.unlink(directory, removed.name);
}

void Merger::add_names(const Change& change) {
  const std::uint32_t number = inode_of(change.directory);
  EditDirectory& directory =
      is_new(change.directory)
          ? fs_.new_directory(number, inode_of(names_.parent(change.directory)))
          : fs_.open_directory(number);
  for (const Change::Added& added : change.added) {
    const FileType type = s_.node(added.node).meta.type;
    directory.add(added.name, inode_of(added.node), directory_type_of(type));
    if (type == FileType::Directory && !is_new(change.directory)) fs_.add_link(number, type);
  }
  if (!is_new(change.directory)) fs_.touch_directory(number);
  fs_.changed = true;
}

/// Those that are still there: a later entry may have replaced one, and its inode may become that
/// of a new file.
void Merger::find_changed_inodes() {
  for (std::size_t i = 0; i < s_.nodes.size(); ++i) {
    const NodeId id{static_cast<std::uint32_t>(i)};
    const Import::Origin* from = s_.import->origin(id);
    if (from != nullptr && from->meta_changed && !fs_.space.is_given_back_inode(from->inode))
      changed_inodes_.push_back(id);
  }
}

void Merger::update_metadata() {
  for (const NodeId id : changed_inodes_) {
    const Import::Origin* from = s_.import->origin(id);
    const Node& node = s_.node(id);
    fs_.change(from->inode, {.permissions = node.meta.permissions,
                             .uid = node.meta.uid,
                             .gid = node.meta.gid,
                             .atime = node.meta.atime,
                             .mtime = node.meta.mtime});
    if (!from->xattrs_changed) continue;
    EditInode inode(fs_.fs.get(), fs_.io, from->inode);
    fs_.store_xattrs(inode, node.xattrs != 0 ? s_.xattr_sets[node.xattrs - 1] : EncodedXattrs{});
    inode.write();
  }
}

/// About what is needed beside content: never too few.
std::uint64_t Merger::other_blocks() const {
  constexpr std::uint64_t kLongestEntry = 8 + 255 + 1;
  std::uint64_t blocks = s_.xattr_sets.size();
  for (const Node& node : s_.nodes) {
    if (node.removed) continue;
    if (s_.extents_on_disk) blocks += extent_tree_blocks(s_.extents_of(node), s_.block_size);
    if (node.target != 0 && node.size_bytes >= kFastSymlink) ++blocks;
  }
  for (const NodeId directory : names_.directories()) {
    std::vector<NameTree::Name> names;
    names_.names(directory, names);
    std::uint64_t bytes = 0;
    for (const NameTree::Name& name : names) bytes += 8 + (name.name.size() + 3) / 4 * 4;
    // Blocks of an index are three quarters full, and have an index.
    blocks += 1 + (bytes + bytes / 2) / (s_.block_size - kLongestEntry);
  }
  return blocks;
}

void Merger::throw_no_space() {
  std::uint64_t inodes = 0;
  for (std::size_t i = 0; i < s_.nodes.size(); ++i)
    if (!s_.nodes[i].removed && is_new(NodeId{static_cast<std::uint32_t>(i)})) ++inodes;
  const Import& import = *s_.import;
  const std::uint64_t blocks = s_.space.taken() + s_.counted_blocks + other_blocks();
  std::string hint;
  if (blocks <= import.free_blocks && inodes <= import.free_inodes) hint = "make it larger";
  if (blocks > import.free_blocks)
    hint = fmt::format("make it larger by about {} MiB",
                       (blocks - import.free_blocks) * s_.block_size * 105 / 100 / kMiB + 2);
  if (inodes > import.free_inodes)
    hint +=
        fmt::format("{}with --inodes {} or more", hint.empty() ? "make the filesystem " : ", and ",
                    inodes - import.free_inodes + fs_.fs->super->s_inodes_count);
  throw Error(Errc::NoSpace,
              fmt::format("the filesystem is too small: needed are {}about {} blocks of {} bytes "
                          "and {} inodes; it has {} free blocks and {} free inodes",
                          how_.counting_complete ? "" : "at least ", blocks, s_.block_size, inodes,
                          import.free_blocks, import.free_inodes))
      .with_hint(hint);
}

}  // namespace rawimg
