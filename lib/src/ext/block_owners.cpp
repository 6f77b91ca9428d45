// SPDX-License-Identifier: MIT
#include <rawimg/block_owners.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "ext/libext2fs.h"
#include "ext/map_reader.h"
#include "ext/superblock.h"

namespace rawimg {

struct BlockOwners::State {
  State(const Window& window, Superblock superblock) : where(window), super(superblock) {}

  ByteRange blocks(std::uint64_t first, std::uint64_t count) const;
  void own_of_group(std::uint64_t number, const Sink& sink) const;
  ext2_inode_large inode(std::uint32_t number) const;
  void map_of(std::uint32_t number, const ext2_inode_large& inode, BlockUse content, BlockUse map,
              const Sink& sink) const;

  Window where;
  Superblock super;
  // the bitmap that was asked last
  std::uint64_t group_of_bitmap = UINT64_MAX;
  std::vector<std::byte> bitmap;
};

BlockOwners::BlockOwners(const Window& where) {
  const Superblock super = Superblock::require(where);
  super.require_readable();
  state_ = std::make_unique<State>(where, super);
}

BlockOwners::BlockOwners(BlockOwners&&) noexcept = default;
BlockOwners::~BlockOwners() = default;

ByteCount BlockOwners::size() const {
  return {state_->super.blocks() * state_->super.block_size()};
}

/// What lies outside of the filesystem is left out: others say that it is damaged.
ByteRange BlockOwners::State::blocks(std::uint64_t first, std::uint64_t count) const {
  first = std::min(first, super.blocks());
  count = std::min(count, super.blocks() - first);
  return {ByteOffset{first * super.block_size()}, ByteCount{count * super.block_size()}};
}

void BlockOwners::State::own_of_group(std::uint64_t number, const Sink& sink) const {
  const Superblock::Group group = super.group(where, number);
  const std::uint64_t first = super.first_block_of(number);
  const bool copy = super.has_super(number);
  if (copy && number != 0) sink(blocks(first, 1), BlockUse::Superblock);
  const std::uint64_t behind = number == 0 ? super.superblock_block() + 1 : first + copy;
  if (const std::uint64_t count = group.descriptor_blocks + group.growth_blocks; count != 0)
    sink(blocks(behind, count), BlockUse::Descriptors);
  sink(blocks(group.block_bitmap, 1), BlockUse::Bitmap);
  sink(blocks(group.inode_bitmap, 1), BlockUse::Bitmap);
  sink(blocks(group.inode_table, group.table_blocks), BlockUse::InodeTable);
}

void BlockOwners::read_own(const Sink& sink) const {
  const Superblock& super = state_->super;
  sink({ByteOffset{0}, ByteCount{kSuperblockAt}}, BlockUse::Boot);
  const std::uint64_t end = (super.superblock_block() + 1) * super.block_size();
  sink({ByteOffset{kSuperblockAt}, ByteCount{end - kSuperblockAt}}, BlockUse::Superblock);
  for (std::uint64_t number = 0; number < super.groups(); ++number)
    state_->own_of_group(number, sink);
  // Their maps are the filesystem's, too. The resize inode has the growth room of descriptors, of
  // which only its own map is not with the groups.
  if (super.features().compat & EXT2_FEATURE_COMPAT_RESIZE_INODE)
    state_->map_of(EXT2_RESIZE_INO, state_->inode(EXT2_RESIZE_INO), BlockUse::Descriptors,
                   BlockUse::Descriptors, sink);
  if (const std::uint32_t journal = super.raw().s_journal_inum;
      journal != 0 && (super.features().compat & EXT3_FEATURE_COMPAT_HAS_JOURNAL))
    state_->map_of(journal, state_->inode(journal), BlockUse::Journal, BlockUse::Journal, sink);
}

ext2_inode_large BlockOwners::State::inode(std::uint32_t number) const {
  const Superblock::InodePlace place = super.place_of(where, number);
  std::vector<std::byte> block(super.block_size());
  super.read_blocks(where, place.block, 1, block);
  ext2_inode_large inode{};
  std::memcpy(&inode, block.data() + place.offset,
              std::min<std::size_t>(super.inode_size(), sizeof inode));
  return inode;
}

void BlockOwners::State::map_of(std::uint32_t number, const ext2_inode_large& inode,
                                BlockUse content, BlockUse map, const Sink& sink) const {
  const std::uint64_t size = inode.i_size | std::uint64_t{inode.i_size_high} << 32;
  const std::uint64_t count = size / super.block_size() + (size % super.block_size() != 0);
  const MapInput input{where,
                       super,
                       number,
                       inode.i_generation,
                       (inode.i_flags & EXT4_EXTENTS_FL) != 0,
                       std::span<const std::uint32_t, 15>(inode.i_block)};
  read_map(
      input, count, [&](const Extent& run) { sink(blocks(run.physical, run.count), content); },
      [&](std::uint64_t block) { sink(blocks(block, 1), map); });
}

void BlockOwners::read_inode(std::uint32_t number, const Sink& sink) const {
  const ext2_inode_large inode = state_->inode(number);
  const std::uint64_t xattrs =
      inode.i_file_acl | (state_->super.has_incompat(EXT4_FEATURE_INCOMPAT_64BIT)
                              ? std::uint64_t{inode.osd2.linux2.l_i_file_acl_high} << 32
                              : 0);
  if (xattrs != 0) sink(state_->blocks(xattrs, 1), BlockUse::Attributes);
  const bool is_link = LINUX_S_ISLNK(inode.i_mode);
  if (!LINUX_S_ISREG(inode.i_mode) && !LINUX_S_ISDIR(inode.i_mode) && !is_link) return;
  if (inode.i_flags & EXT4_INLINE_DATA_FL) return;
  constexpr std::uint32_t kFastSymlink = 60;  // shorter targets lie in i_block
  const bool has_no_blocks =
      inode.i_blocks == (xattrs != 0 ? state_->super.cluster_size() / kSectorSize : 0);
  if (is_link && inode.i_size < kFastSymlink && has_no_blocks && !(inode.i_flags & EXT4_EXTENTS_FL))
    return;
  state_->map_of(number, inode, BlockUse::Content, BlockUse::Map, sink);
}

bool BlockOwners::is_free(ByteOffset at) const {
  const Superblock& super = state_->super;
  const std::uint64_t block = at.value / super.block_size();
  if (block < super.first_block_of(0) || block >= super.blocks()) return false;
  const std::uint64_t group = super.group_of(block);
  const Superblock::Group there = super.group(state_->where, group);
  if (there.has_no_bitmap) return true;
  if (state_->group_of_bitmap != group) {
    state_->bitmap.resize(super.block_size());
    super.read_blocks(state_->where, there.block_bitmap, 1, state_->bitmap);
    state_->group_of_bitmap = group;
  }
  const std::uint64_t per_cluster =
      std::max<std::uint64_t>(1, super.cluster_size() / super.block_size());
  const std::uint64_t bit = (block - super.first_block_of(group)) / per_cluster;
  if (bit / 8 >= state_->bitmap.size()) return false;
  return (state_->bitmap[bit / 8] & std::byte{1} << static_cast<int>(bit % 8)) == std::byte{0};
}

}  // namespace rawimg
