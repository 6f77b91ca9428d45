// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <unordered_set>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "ext/edit_state.h"
#include "ext/ext_error.h"
#include "ext/inode_codec.h"

namespace rawimg {
namespace {

constexpr std::size_t kMaxName = 255;
constexpr std::size_t kManyLookups = 64;  // looking in a directory without an index reads all of it

void require_name(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string_view::npos ||
      name.find('\0') != std::string_view::npos)
    throw Error(Errc::Usage, fmt::format("{} cannot be a file's name", quote(name)));
  if (name.size() > kMaxName)
    throw Error(Errc::Unsupported,
                fmt::format("a name of {} bytes: ext holds at most {}", name.size(), kMaxName));
}

}  // namespace

void EditDirectory::add(std::string name, std::uint32_t inode, std::uint8_t type) {
  added_at.emplace(name, added.size());
  added.push_back({std::move(name), inode, type});
}

void EditDirectory::remove(std::string_view name) {
  const auto at = added_at.find(std::string(name));
  if (at == added_at.end()) {
    removed.emplace(name);
    return;
  }
  added[at->second].inode = 0;
  added_at.erase(at);
}

FileType Transaction::State::type(std::uint32_t inode) const { return view.type(inode); }

std::optional<std::uint32_t> Transaction::State::find(std::uint32_t directory,
                                                      std::string_view name) const {
  const auto changed_one = directories.find(directory);
  if (changed_one == directories.end()) return view.find(directory, name);
  const EditDirectory& change = changed_one->second;
  const std::string key(name);
  if (const auto at = change.added_at.find(key); at != change.added_at.end())
    return change.added[at->second].inode;
  if (change.is_new || change.removed.count(key) != 0) return std::nullopt;
  if (!change.on_disk && ++change.lookups < kManyLookups) return view.find(directory, name);
  if (!change.on_disk) {
    change.on_disk.emplace();
    for (DirEntry& entry : view.read_directory(directory))
      change.on_disk->emplace(std::move(entry.name), entry.inode);
  }
  const auto there = change.on_disk->find(key);
  return there == change.on_disk->end() ? std::nullopt : std::optional(there->second);
}

std::string Transaction::State::symlink_target(std::uint32_t inode) const {
  return view.symlink_target(inode);
}

std::uint32_t Transaction::State::read_parent(std::uint32_t directory) {
  if (const auto known = directories.find(directory); known != directories.end())
    return known->second.parent;
  const EditInode inode(fs.get(), io, directory);
  const std::uint32_t parent =
      DirectoryReader(overlay, super, map_of(inode), inode.fields().i_flags & EXT2_INDEX_FL,
                      inode.size() / block_size())
          .parent();
  if (type(parent) != FileType::Directory)
    throw Error(Errc::Corrupt,
                fmt::format("'..' of directory inode {} is inode {}, which is no directory",
                            directory, parent));
  return parent;
}

EditDirectory& Transaction::State::open_directory(std::uint32_t inode) {
  if (const auto known = directories.find(inode); known != directories.end()) return known->second;
  EditDirectory directory;
  directory.parent = read_parent(inode);
  return directories.emplace(inode, std::move(directory)).first->second;
}

EditDirectory& Transaction::State::new_directory(std::uint32_t inode, std::uint32_t parent) {
  EditDirectory& directory = directories[inode];
  directory = {};
  directory.parent = parent;
  directory.is_new = true;
  return directory;
}

void Transaction::State::touch_directory(std::uint32_t inode) {
  EditInode directory(fs.get(), io, inode);
  directory.set_mtime(options.now);
  directory.set_ctime(options.now);
  directory.write();
}

void Transaction::State::require_absent(std::uint32_t directory, std::string_view name) {
  require_name(name);
  if (type(directory) != FileType::Directory)
    throw Error(Errc::NotFound, fmt::format("inode {} is not a directory", directory));
  if (find(directory, name)) throw Error(Errc::Exists, fmt::format("{} exists", quote(name)));
}

std::uint32_t Transaction::State::require_present(std::uint32_t directory,
                                                  std::string_view name) const {
  require_name(name);
  const auto inode = find(directory, name);
  if (!inode) throw Error(Errc::NotFound, fmt::format("{} does not exist", quote(name)));
  return *inode;
}

void Transaction::State::add_name(std::uint32_t directory, std::string_view name,
                                  std::uint32_t inode, FileType type) {
  open_directory(directory).add(std::string(name), inode, directory_type_of(type));
  touch_directory(directory);
  changed = true;
}

void Transaction::State::remove_name(std::uint32_t directory, std::string_view name) {
  open_directory(directory).remove(name);
  touch_directory(directory);
  changed = true;
}

void Transaction::State::require_room_for_link(std::uint32_t number, FileType of) {
  const EditInode inode(fs.get(), io, number);
  const std::uint32_t links = inode.fields().i_links_count;
  const bool is_directory = of == FileType::Directory;
  if (links >= kMaxLinks && (!is_directory || !ext2fs_has_feature_dir_nlink(fs->super)))
    throw Error(Errc::Unsupported,
                fmt::format("inode {} has {} {} already", number, links,
                            is_directory ? "subdirectories" : "names (hard links)"));
}

void Transaction::State::add_link(std::uint32_t number, FileType of) {
  require_room_for_link(number, of);
  EditInode inode(fs.get(), io, number);
  __u16& links = inode.fields().i_links_count;
  if (links == 0) throw Error(Errc::Corrupt, fmt::format("inode {} is free", number));
  if (links >= kMaxLinks)
    links = 1;  // "too many to count" (dir_nlink)
  else if (of != FileType::Directory || links != 1)
    ++links;
  inode.set_ctime(options.now);
  inode.write();
}

void Transaction::State::drop_link(std::uint32_t number, FileType of) {
  EditInode inode(fs.get(), io, number);
  __u16& links = inode.fields().i_links_count;
  if (links == 0)
    throw Error(Errc::Corrupt, fmt::format("inode {} has a name, but no links", number))
        .with_hint(kCheckHint);
  const bool is_directory = of == FileType::Directory;
  if (!is_directory || links > 2) --links;
  inode.set_ctime(options.now);
  inode.write();
  if (!is_directory && links == 0) free_inode(number);
}

std::vector<DirEntry> Transaction::State::read_directory(std::uint32_t number) const {
  const auto changed_one = directories.find(number);
  if (changed_one == directories.end()) return view.read_directory(number);
  const EditDirectory& change = changed_one->second;
  std::vector<DirEntry> entries;
  if (!change.is_new) entries = view.read_directory(number);
  std::erase_if(entries, [&](const DirEntry& entry) { return change.removed.count(entry.name); });
  for (const TypedName& name : change.added)
    if (name.inode != 0) entries.push_back({name.name, name.inode, type(name.inode)});
  return entries;
}

void Transaction::State::unlink(std::uint32_t directory, std::string_view name) {
  const std::uint32_t inode = require_present(directory, name);
  const FileType kind = type(inode);
  if (kind == FileType::Directory)
    throw Error(Errc::Usage, fmt::format("{} is a directory", quote(name)));
  drop_link(inode, kind);
  remove_name(directory, name);
}

void Transaction::State::remove_directory(std::uint32_t directory, std::string_view name) {
  const std::uint32_t inode = require_present(directory, name);
  if (type(inode) != FileType::Directory)
    throw Error(Errc::NotFound, fmt::format("{} is not a directory", quote(name)));
  if (directory == EXT2_ROOT_INO && name == "lost+found")
    throw Error(Errc::Usage, "lost+found has to stay: e2fsck needs it");
  if (!read_directory(inode).empty())
    throw Error(Errc::Exists, fmt::format("{} is not empty", quote(name)));
  free_inode(inode);
  drop_link(directory, FileType::Directory);
  remove_name(directory, name);
}

EditInode Transaction::State::blank_inode(std::uint32_t number, const NodeMeta& meta,
                                          std::uint32_t links) {
  EditInode inode(fs.get(), io, number);
  const std::uint32_t size = EXT2_INODE_SIZE(fs->super);
  const bool is_regular = meta.type == FileType::Regular;
  const bool tree =
      ext2fs_has_feature_extents(fs->super) && (is_regular || meta.type == FileType::Directory);
  std::memset(inode.data(), 0, size);
  InodeShape shape;
  shape.links = links;
  shape.flags = tree ? EXT4_EXTENTS_FL : 0;
  encode_inode(meta, shape, size, &inode.fields());
  if (tree || is_regular) store_map(inode, {}, {});
  return inode;
}

void Transaction::State::change(std::uint32_t number, const MetadataChange& change) {
  EditInode inode(fs.get(), io, number);
  ext2_inode_large& fields = inode.fields();
  EditSpace::Savepoint savepoint(space);
  if (change.atime) inode.set_atime(*change.atime);
  if (change.mtime) inode.set_mtime(*change.mtime);
  inode.set_ctime(options.now);
  if (change.uid) {
    fields.i_uid = static_cast<__u16>(*change.uid);
    fields.osd2.linux2.l_i_uid_high = static_cast<__u16>(*change.uid >> 16);
  }
  if (change.gid) {
    fields.i_gid = static_cast<__u16>(*change.gid);
    fields.osd2.linux2.l_i_gid_high = static_cast<__u16>(*change.gid >> 16);
  }
  set_permissions(inode, change);
  inode.write();
  savepoint.keep();
  changed = true;
}

void Transaction::State::free_inode(std::uint32_t number) {
  EditInode inode(fs.get(), io, number);
  const FileType kind = type(number);
  const InodeBlocks blocks = blocks_of(inode);
  give_back(blocks.extents);
  for (const std::uint64_t block : blocks.map_blocks) space.give_back({block, 1});
  drop_xattr_block(inode);
  space.give_back_inode(number, kind);
  ext2_inode_large& fields = inode.fields();
  std::fill(std::begin(fields.i_block), std::end(fields.i_block), 0);
  fields.i_links_count = 0;
  fields.i_flags &= ~static_cast<__u32>(EXT4_EXTENTS_FL | EXT2_INDEX_FL);
  fields.i_size = fields.i_size_high = 0;
  inode.set_blocks(0);
  inode.set_xattr_area({});
  fields.i_dtime = static_cast<__u32>(options.now.seconds);
  inode.write();
  directories.erase(number);
  changed = true;
}

std::vector<std::uint32_t> Transaction::State::read_ancestry(std::uint32_t directory) {
  std::vector<std::uint32_t> line{directory};
  std::unordered_set<std::uint32_t> seen;
  for (; line.back() != EXT2_ROOT_INO; line.push_back(read_parent(line.back())))
    if (!seen.insert(line.back()).second)
      throw Error(Errc::Corrupt,
                  fmt::format("directory inode {} is below itself: a '..' is wrong", directory));
  return line;
}

}  // namespace rawimg
