// SPDX-License-Identifier: MIT
// Changed directories become blocks. One with an index, of which little has changed, is edited
// where it is: a name more in a directory of 200 000 costs a block, not all of them. Any other is
// made anew, and so is one with a leaf that is full.
#include <algorithm>
#include <map>
#include <unordered_set>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "ext/directory_blocks.h"
#include "ext/directory_leaf.h"
#include "ext/edit_state.h"
#include "ext/ext_error.h"

namespace rawimg {
namespace {

// Of the blocks of a directory, those that may be edited one by one: making all of them anew also
// gives room back.
constexpr std::uint64_t kMostEditedPart = 4;

/// The blocks that have to change, by their place in the directory.
class LeafChanges {
 public:
  LeafChanges(const DirectoryReader& reader, const DirectoryFormat& format)
      : reader_(reader), format_(format) {}

  bool remove(std::string_view name) {
    const auto leaves = reader_.leaves_of(name);
    if (!leaves) return false;
    for (const std::uint32_t leaf : *leaves)
      if (remove_name(format_, block(leaf), name)) return true;
    return false;
  }
  bool add(const DirName& name) {
    const auto leaves = reader_.leaves_of(name.name);
    if (!leaves) return false;
    for (const std::uint32_t leaf : *leaves)
      if (add_name(format_, block(leaf), name)) return true;
    return false;
  }
  std::vector<std::byte>& block(std::uint32_t logical) {
    const auto [at, is_first] = blocks_.try_emplace(logical);
    if (is_first) at->second = reader_.read_block(logical);
    return at->second;
  }
  const std::map<std::uint32_t, std::vector<std::byte>>& blocks() const { return blocks_; }

 private:
  const DirectoryReader& reader_;
  const DirectoryFormat& format_;
  std::map<std::uint32_t, std::vector<std::byte>> blocks_;
};

void require_names_once(std::uint32_t directory, std::span<const DirName> names) {
  std::unordered_set<std::string_view> seen;
  for (const DirName& name : names)
    if (!seen.insert(name.name).second)
      throw Error(Errc::Corrupt, fmt::format("directory inode {} has the name {} twice", directory,
                                             quote(name.name)))
          .with_hint(kCheckHint);
}

}  // namespace

void Transaction::State::store_directories() {
  std::vector<std::uint32_t> numbers;
  for (const auto& [number, directory] : directories) numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end());  // what is on disk must not depend on a hash table
  for (const std::uint32_t number : numbers) store_directory(number, directories.at(number));
  directories.clear();
}

void Transaction::State::store_directory(std::uint32_t number, const EditDirectory& directory) {
  EditInode inode(fs.get(), io, number);
  if (!edit_index_leaves(inode, directory)) rebuild_directory(inode, directory);
}

bool Transaction::State::edit_index_leaves(const EditInode& inode, const EditDirectory& directory) {
  const std::uint64_t count = inode.size() / block_size();
  const bool indexed = inode.fields().i_flags & EXT2_INDEX_FL;
  if (directory.is_new || !indexed || directory.changes() > count / kMostEditedPart) return false;
  const DirectoryReader reader(overlay, super, map_of(inode), indexed, count);
  const DirectoryFormat format = DirectoryFormat::of(*fs->super, block_size());
  LeafChanges changes(reader, format);
  for (const std::string& name : directory.removed)
    if (!changes.remove(name)) return false;
  for (const TypedName& name : directory.added)
    if (name.inode != 0 && !changes.add({name.name, name.inode, name.type})) return false;
  if (directory.moved) set_parent(changes.block(0), directory.parent);
  const std::uint32_t seed =
      inode_checksum_seed(fs->csum_seed, inode.number(), inode.fields().i_generation);
  for (const auto& [logical, bytes] : changes.blocks()) {
    std::vector<std::byte> block = bytes;
    set_block_checksum(format, seed, logical == 0 ? BlockKind::IndexRoot : BlockKind::Names, block);
    write_block(reader.physical_of(logical), block);
  }
  return true;
}

void Transaction::State::rebuild_directory(EditInode& inode, const EditDirectory& directory) {
  const std::uint32_t number = inode.number();
  const DirectoryFormat format = DirectoryFormat::of(*fs->super, block_size());
  std::vector<DirEntry> before;
  if (!directory.is_new) before = view.read_directory(number);
  std::vector<DirName> names;
  names.reserve(before.size() + directory.added.size());
  for (const DirEntry& entry : before)
    if (directory.removed.count(entry.name) == 0)
      names.push_back({entry.name, entry.inode,
                       directory_type_of(entry.type ? *entry.type : view.type(entry.inode))});
  for (const TypedName& name : directory.added)
    if (name.inode != 0) names.push_back({name.name, name.inode, name.type});
  require_names_once(number, names);
  const bool is_lost_found = directory.parent == EXT2_ROOT_INO &&
                             number == EXT2_GOOD_OLD_FIRST_INO;  // e2fsck wants its empty blocks
  const InodeBlocks old = blocks_of(inode);
  // Up to its end, reading it has looked at its map.
  if (!old.extents.empty() && old.extents.back().logical_end() > inode.size() / block_size())
    throw Error(Errc::Corrupt, fmt::format("directory inode {} has blocks behind its end", number))
        .with_hint(kCheckHint);
  const auto least = is_lost_found ? static_cast<std::uint32_t>(std::min<std::uint64_t>(
                                         data_blocks(old.extents), EXT2_NDIR_BLOCKS))
                                   : 1;
  DirectoryBlocks blocks = with_context(fmt::format("directory inode {}", number), [&] {
    return build_directory(format, number, directory.parent, names,
                           is_lost_found ? DirectoryShape::Linear : DirectoryShape::Indexed,
                           std::max(least, 1U));
  });
  set_directory_checksums(
      format, inode_checksum_seed(fs->csum_seed, number, inode.fields().i_generation), blocks);
  store_directory_blocks(inode, old, blocks);
}

/// Onto the blocks it has, and on new ones; what is left of those is given back.
void Transaction::State::store_directory_blocks(EditInode& inode, const InodeBlocks& old,
                                                const DirectoryBlocks& blocks) {
  const std::uint64_t need = blocks.bytes.size() / block_size();
  std::vector<Extent> extents;
  std::uint64_t have = 0;
  for (Extent extent : old.extents) {
    const std::uint64_t used = std::min<std::uint64_t>(extent.count, need - have);
    if (used < extent.count) space.give_back({extent.physical + used, extent.count - used});
    extent.count = static_cast<std::uint32_t>(used);
    have += used;
    if (used != 0) extents.push_back(extent);
  }
  const std::uint64_t goal = extents.empty() ? space.goal_for(inode.number())
                                             : extents.back().physical + extents.back().count;
  for (const Extent& more : take_run(goal, have, need - have)) extents.push_back(more);
  for (const Extent& extent : extents)
    io.write_at(extent.physical * block_size(),
                std::span(blocks.bytes)
                    .subspan(std::size_t{extent.logical} * block_size(),
                             std::size_t{extent.count} * block_size()));
  inode.set_size(blocks.bytes.size());
  inode.fields().i_flags = (inode.fields().i_flags & ~static_cast<__u32>(EXT2_INDEX_FL)) |
                           (blocks.indexed ? EXT2_INDEX_FL : 0U);
  store_map(inode, extents, old.map_blocks);
  inode.write();
}

}  // namespace rawimg
