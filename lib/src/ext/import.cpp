// SPDX-License-Identifier: MIT
#include "ext/import.h"

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "ext/ext_error.h"

namespace rawimg {
namespace {

std::size_t index_of(NodeId node) { return static_cast<std::size_t>(node); }

[[noreturn]] void corrupt(const std::string& why) {
  throw Error(Errc::Corrupt, why).with_hint(kCheckHint);
}

void require_names_once(std::uint32_t directory, std::vector<DirEntry>& entries) {
  std::sort(entries.begin(), entries.end(),
            [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  const auto twice =
      std::adjacent_find(entries.begin(), entries.end(),
                         [](const DirEntry& a, const DirEntry& b) { return a.name == b.name; });
  if (twice != entries.end())
    corrupt(fmt::format("directory inode {} has the name {} twice", directory, quote(twice->name)));
}

}  // namespace

Import::Import(const Window& where, const BuilderOptions& how)
    : fs(where, {.now = {1, 0},  // settled when the sources have ended
                 .durability = how.durability,
                 .keep_undo_bytes = how.keep_undo_bytes,
                 .dry_run = how.dry_run}),
      free_blocks(ext2fs_free_blocks_count(fs.fs->super)),
      free_inodes(fs.fs->super->s_free_inodes_count) {}

Import::Origin* Import::origin(NodeId node) {
  if (index_of(node) >= origins_.size() || origins_[index_of(node)].inode == 0) return nullptr;
  return &origins_[index_of(node)];
}

XattrRoom Import::room_of(std::uint32_t inode) {
  return fs.xattr_room(EditInode(fs.fs.get(), fs.io, inode));
}

NodeId Import::adopt(ExtBuilder::State& state, std::uint32_t inode, FileType type) {
  Node node;
  node.meta.type = type;
  state.nodes.push_back(node);
  const NodeId id{static_cast<std::uint32_t>(state.nodes.size() - 1)};
  origins_.resize(state.nodes.size());
  origins_.back().inode = inode;
  nodes_.emplace(inode, id);
  return id;
}

void Import::adopt_root(ExtBuilder::State& state) {
  origins_.resize(state.nodes.size());
  const auto adopt_as = [&](NodeId node, std::uint32_t inode) {
    origins_[index_of(node)].inode = inode;
    nodes_.emplace(inode, node);
  };
  adopt_as(ExtBuilder::kRoot, EXT2_ROOT_INO);
  const auto lost_found = fs.find(EXT2_ROOT_INO, "lost+found");
  if (lost_found && fs.type(*lost_found) == FileType::Directory)
    adopt_as(ExtBuilder::kLostFound, *lost_found);
  else
    state.node(ExtBuilder::kLostFound).removed = true;
}

std::vector<ExtBuilder::ImportedName> Import::read_names(ExtBuilder::State& state,
                                                         NodeId directory) {
  Origin* const from = origin(directory);
  if (from == nullptr || from->names_known) return {};
  from->names_known = true;
  const std::uint32_t number = from->inode;  // `from` moves when nodes are added
  std::vector<DirEntry> entries = fs.view.read_directory(number);
  require_names_once(number, entries);
  std::vector<ExtBuilder::ImportedName> names;
  names.reserve(entries.size());
  for (DirEntry& entry : entries) {
    const FileType type = entry.type ? *entry.type : fs.view.type(entry.inode);
    const bool is_directory = type == FileType::Directory;
    const auto known = nodes_.find(entry.inode);
    // Lost+found is known before its name is.
    const bool is_lost_found = known != nodes_.end() && known->second == ExtBuilder::kLostFound &&
                               number == EXT2_ROOT_INO && entry.name == "lost+found";
    if (known != nodes_.end() && !is_lost_found &&
        (is_directory || state.node(known->second).meta.type != type))
      corrupt(fmt::format("inode {} has a second name, {} in directory inode {}", entry.inode,
                          quote(entry.name), number));
    const NodeId node = known != nodes_.end() ? known->second : adopt(state, entry.inode, type);
    names.push_back({std::move(entry.name), node, is_directory});
  }
  return names;
}

void Import::read_meta(ExtBuilder::State& state, NodeId node) {
  Origin* const from = origin(node);
  if (from == nullptr || from->meta_known) return;
  const InodeInfo info = fs.view.inode(from->inode);
  Node& n = state.node(node);
  if (info.type != n.meta.type)
    corrupt(fmt::format("inode {} is not what its directory says it is", from->inode));
  n.meta.permissions = info.permissions;
  n.meta.uid = info.uid;
  n.meta.gid = info.gid;
  n.meta.mtime = info.mtime;
  n.meta.atime = info.atime;
  n.meta.ctime = info.ctime;
  n.meta.birthtime = info.birthtime.value_or(info.mtime);
  n.meta.device_major = info.device_major;
  n.meta.device_minor = info.device_minor;
  n.size_bytes = info.size_bytes;
  if (info.type == FileType::Symlink) {
    state.targets.push_back(info.symlink_target);
    n.target = static_cast<std::uint32_t>(state.targets.size());
  }
  from->meta_known = true;
}

}  // namespace rawimg
