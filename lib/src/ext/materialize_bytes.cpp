// SPDX-License-Identifier: MIT
// Writing everything that is not content, in ascending order: symlinks, xattr blocks, directories,
// maps with inode tables; then the library's own inodes, bitmaps, counters.
#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "ext/materializer.h"

namespace rawimg {
namespace {

constexpr std::uint64_t kTableRun = 1u << 20;  // bytes of inode table per write

}  // namespace

void Materializer::place_blocks(Node& node, std::uint64_t count, TailSpace& space) {
  node.first_extent = static_cast<std::uint32_t>(s_.extents.size());
  node.first_map = static_cast<std::uint32_t>(s_.map_blocks.size());
  node.blocks = 0;
  for (std::uint64_t logical = 0; logical < count;) {
    const BlockRun run = space.take(count - logical);
    s_.record(node, logical, run);
    logical += run.count;
  }
  if (s_.extents_on_disk) return place_extent_tree(node, space);
  for (std::uint64_t left = indirect_blocks_for(count, s_.block_size); left != 0; --left) {
    s_.map_blocks.push_back(space.take(1).start);
    ++node.map_count;
    ++node.blocks;
  }
}

void Materializer::place_extent_tree(Node& node, TailSpace& space) {
  const std::uint64_t count = extent_tree_blocks(s_.extents_of(node), s_.block_size);
  node.first_map = static_cast<std::uint32_t>(s_.map_blocks.size());
  node.map_count = static_cast<std::uint32_t>(count);
  node.blocks += count;
  for (std::uint64_t i = 0; i < count; ++i) s_.map_blocks.push_back(space.take(1).start);
}

void Materializer::write_blocks(std::span<const Extent> extents, std::span<const std::byte> bytes,
                                const std::shared_ptr<const void>& owner) {
  for (const Extent& extent : extents) {
    s_.io->forget(extent.physical * s_.block_size, std::uint64_t{extent.count} * s_.block_size);
    s_.writer.put(s_.offset_of(extent.physical),
                  bytes.subspan(std::size_t{extent.logical} * s_.block_size,
                                std::size_t{extent.count} * s_.block_size),
                  owner);
  }
}

void Materializer::write_one_block(std::uint64_t block, std::span<const std::byte> bytes) {
  s_.io->forget(block * s_.block_size, s_.block_size);
  s_.writer.put_copy(s_.offset_of(block), bytes);
}

void Materializer::write_directory(std::size_t index, TailSpace& space) {
  Directory& directory = directories_[index];
  Node& node = s_.node(directory.id);
  node.size_bytes = directory.blocks.bytes.size();
  place_blocks(node, node.size_bytes / s_.block_size, space);
  DirectoryFormat format = DirectoryFormat::of(*super(), s_.block_size);
  set_directory_checksums(format, inode_checksum_seed(fs()->csum_seed, inode_of(directory.id)),
                          directory.blocks);
  const auto bytes =
      std::make_shared<const std::vector<std::byte>>(std::move(directory.blocks.bytes));
  write_blocks(s_.extents_of(node), *bytes, bytes);
}

void Materializer::write_symlink(Node& node, TailSpace& space) {
  const std::string& target = s_.targets[node.target - 1];
  place_blocks(node, 1, space);
  std::vector<std::byte> block(s_.block_size);
  std::memcpy(block.data(), target.data(), target.size());
  write_one_block(s_.extents_of(node).front().physical, block);
}

void Materializer::write_xattr_blocks(TailSpace& space) {
  xattr_blocks_.resize(s_.xattr_sets.size());
  xattr_handed_out_.assign(s_.xattr_sets.size(), 0);
  for (std::size_t set = 0; set < s_.xattr_sets.size(); ++set) {
    for (std::uint32_t left = xattr_references_[set]; left != 0;) {
      const std::uint32_t references = std::min(left, kMaxXattrReferences);
      const std::uint64_t at = space.take(1).start;
      std::string block = s_.xattr_sets[set].block;
      auto* header = reinterpret_cast<ext2_ext_attr_header*>(block.data());
      header->h_refcount = references;
      s_.io->check(ext2fs_ext_attr_block_csum_set(fs(), 0, at, header),
                   "checksum extended attributes");
      write_one_block(at, std::as_bytes(std::span(block)));
      xattr_blocks_[set].push_back(at);
      left -= references;
    }
  }
}

void Materializer::place_and_write_tail() {
  TailSpace space(fs(), s_.content_end);
  for (const std::size_t index : node_of_) {
    if (index == SIZE_MAX) continue;
    Node& node = s_.nodes[index];
    if (node.target != 0 && node.size_bytes >= kFastSymlink)
      write_symlink(node, space);
    else if (s_.extents_on_disk && node.meta.type == FileType::Regular)
      place_extent_tree(node, space);
  }
  write_xattr_blocks(space);
  for (std::size_t i = 0; i < directories_.size(); ++i) write_directory(i, space);
}

MapRoot Materializer::write_map(const Node& node, std::uint32_t inode, const MapSink& sink) {
  if (!s_.extents_on_disk)
    return write_indirect_map(s_.extents_of(node), s_.maps_of(node), s_.block_size, sink);
  const std::uint32_t seed = inode_checksum_seed(fs()->csum_seed, inode);
  return write_extent_map(s_.extents_of(node), s_.maps_of(node), s_.block_size,
                          [&](std::uint64_t block, std::span<std::byte> bytes) {
                            if (has_csum()) set_extent_block_checksum(seed, bytes);
                            sink(block, bytes);
                          });
}

void Materializer::encode_node(std::size_t index, std::byte* out, const MapSink& sink) {
  const Node& node = s_.nodes[index];
  const std::uint32_t inode = inode_of_[index];
  const bool fast_symlink = node.meta.type == FileType::Symlink && node.size_bytes < kFastSymlink;
  const bool has_map = node.meta.type == FileType::Regular ||
                       node.meta.type == FileType::Directory ||
                       (node.meta.type == FileType::Symlink && !fast_symlink);
  InodeShape shape;
  shape.size_bytes = node.size_bytes;
  shape.links = links_[index];
  std::uint64_t blocks = node.blocks;
  if (node.xattrs != 0) {
    const std::uint32_t set = node.xattrs - 1;
    shape.xattrs_in_inode = s_.xattr_sets[set].in_inode;
    if (!xattr_blocks_[set].empty()) {
      shape.xattr_block = xattr_blocks_[set][xattr_handed_out_[set]++ / kMaxXattrReferences];
      ++blocks;
    }
  }
  shape.blocks_512 = blocks * (s_.block_size / 512);
  MapRoot map;
  if (has_map) {
    map = write_map(node, inode, sink);
    shape.map = &map;
    if (s_.extents_on_disk) shape.flags |= EXT4_EXTENTS_FL;
    if (indexed_[index]) shape.flags |= EXT2_INDEX_FL;
  }
  if (fast_symlink && node.target != 0) shape.fast_target = s_.targets[node.target - 1];
  encode_inode(node.meta, shape, s_.inode_size, reinterpret_cast<ext2_inode_large*>(out));
}

void Materializer::write_inode_tables() {
  const MapSink to_writer = [this](std::uint64_t block, std::span<std::byte> bytes) {
    write_one_block(block, bytes);
  };
  const std::uint64_t per_group = super()->s_inodes_per_group, per_run = kTableRun / s_.inode_size;
  const std::uint64_t per_block = s_.block_size / s_.inode_size;
  for (std::uint64_t first = 1; first < node_of_.size();) {
    const std::uint64_t group = (first - 1) / per_group, in_group = (first - 1) % per_group;
    const std::uint64_t count = std::min(
        {per_run, per_group - in_group, static_cast<std::uint64_t>(node_of_.size()) - first});
    auto table = std::make_shared<std::vector<std::byte>>(div_up(count, per_block) * s_.block_size);
    for (std::uint64_t i = 0; i < count; ++i) {
      auto* inode = reinterpret_cast<ext2_inode_large*>(table->data() + i * s_.inode_size);
      const std::size_t node = node_of_[first + i];
      const auto number = static_cast<ext2_ino_t>(first + i);
      if (node != SIZE_MAX) encode_node(node, table->data() + i * s_.inode_size, to_writer);
      if (has_csum()) s_.io->check(ext2fs_inode_csum_set(fs(), number, inode), "checksum an inode");
    }
    const std::uint64_t at =
        s_.offset_of(ext2fs_inode_table_loc(fs(), static_cast<dgrp_t>(group))).value +
        in_group * s_.inode_size;
    s_.io->forget(at - s_.window.range().start(), table->size());
    s_.writer.put(ByteOffset{at}, *table, table);
    first += count;
  }
}

/// Inodes that libext2fs makes better than we: bad blocks, resize; and the journal, whose making
/// there would write every block of it.
void Materializer::write_special_inodes() {
  s_.io->check(ext2fs_update_bb_inode(fs(), nullptr), "write the bad blocks inode");
  if (s_.plan.has_journal()) write_journal();
  if (ext2fs_has_feature_resize_inode(super()))
    s_.io->check(ext2fs_create_resize_inode(fs()), "write the resize inode");
}

void Materializer::write_journal() {
  journal_ = journal_blocks_for(ext2fs_blocks_count(super()));
  TailSpace space(fs(), s_.content_end);
  Node node;
  node.meta.type = FileType::Regular;
  node.meta.permissions = 0600;
  node.meta.mtime = node.meta.atime = node.meta.ctime = node.meta.birthtime =
      Timestamp{how_.created, 0};
  node.size_bytes = journal_ * s_.block_size;
  place_blocks(node, journal_, space);
  const MapRoot map =
      write_map(node, EXT2_JOURNAL_INO, [this](std::uint64_t block, std::span<std::byte> bytes) {
        s_.io->check(io_channel_write_blk64(fs()->io, block, 1, bytes.data()),
                     "write the journal's block map");
      });
  std::vector<std::byte> inode(s_.inode_size);
  InodeShape shape;
  shape.size_bytes = node.size_bytes;
  shape.blocks_512 = node.blocks * (s_.block_size / 512);
  shape.links = 1;
  shape.flags = s_.extents_on_disk ? EXT4_EXTENTS_FL : 0;
  shape.map = &map;
  encode_inode(node.meta, shape, s_.inode_size, reinterpret_cast<ext2_inode_large*>(inode.data()));
  s_.io->check(
      ext2fs_write_inode_full(fs(), EXT2_JOURNAL_INO, reinterpret_cast<ext2_inode*>(inode.data()),
                              static_cast<int>(inode.size())),
      "write the journal inode");
  ext2fs_journal_params parameters{};
  parameters.num_journal_blocks = static_cast<blk_t>(journal_);
  char* journal_super = nullptr;
  s_.io->check(ext2fs_create_journal_superblock2(fs(), &parameters, 0, &journal_super),
               "make the journal's superblock");
  const std::unique_ptr<char, void (*)(char*)> owned(
      journal_super, [](char* memory) { ext2fs_free_mem(&memory); });
  s_.io->check(
      io_channel_write_blk64(fs()->io, s_.extents_of(node).front().physical, 1, journal_super),
      "write the journal's superblock");
  ext2_super_block* sb = super();
  sb->s_journal_inum = EXT2_JOURNAL_INO;
  std::copy(map.words.begin(), map.words.end(), sb->s_jnl_blocks);
  sb->s_jnl_blocks[15] = static_cast<std::uint32_t>(node.size_bytes >> 32);
  sb->s_jnl_blocks[16] = static_cast<std::uint32_t>(node.size_bytes);
  sb->s_jnl_backup_type = EXT3_JNL_BACKUP_BLOCKS;
}

/// Inode and block bitmaps, and everything that counts them: descriptors, their flags, totals.
void Materializer::settle_bitmaps() {
  const auto used = static_cast<std::uint32_t>(node_of_.size() - 1);
  ext2fs_mark_inode_bitmap2(fs()->inode_map, 1);
  for (std::uint32_t inode = 1; inode <= used; ++inode)
    ext2fs_mark_inode_bitmap2(fs()->inode_map, inode);
  std::vector<std::uint32_t> directories(fs()->group_desc_count, 0);
  for (const Directory& directory : directories_)
    ++directories[(inode_of(directory.id) - 1) / super()->s_inodes_per_group];

  std::uint64_t free_total = 0, free_inodes = 0;
  const bool checksums = ext2fs_has_group_desc_csum(fs());
  for (dgrp_t g = 0; g < fs()->group_desc_count; ++g) {
    const std::uint32_t per_group = super()->s_inodes_per_group, before = g * per_group;
    const std::uint32_t here = used <= before ? 0 : std::min(used - before, per_group);
    const auto free_here = static_cast<std::uint32_t>(free_in_group(fs(), g));
    // A group with nothing in it needs no bitmap: kernels make it when they first want one. Not the
    // last one, whose end they would not see. [K blockgroup.rst]
    const bool is_untouched = checksums && g + 1 < fs()->group_desc_count &&
                              free_here == s_.group_end(g) - s_.group_start(g);
    ext2fs_bg_flags_clear(fs(), g, EXT2_BG_BLOCK_UNINIT);
    if (is_untouched) ext2fs_bg_flags_set(fs(), g, EXT2_BG_BLOCK_UNINIT);
    if (here != 0) ext2fs_bg_flags_clear(fs(), g, EXT2_BG_INODE_UNINIT);
    if (checksums) ext2fs_bg_flags_set(fs(), g, EXT2_BG_INODE_ZEROED);
    ext2fs_bg_free_blocks_count_set(fs(), g, free_here);
    ext2fs_bg_free_inodes_count_set(fs(), g, per_group - here);
    ext2fs_bg_used_dirs_count_set(fs(), g, directories[g]);
    if (checksums) ext2fs_bg_itable_unused_set(fs(), g, per_group - here);
    ext2fs_group_desc_csum_set(fs(), g);
    free_total += free_here;
    free_inodes += per_group - here;
  }
  ext2fs_free_blocks_count_set(super(), free_total);
  super()->s_free_inodes_count = static_cast<std::uint32_t>(free_inodes);
  ext2fs_mark_bb_dirty(fs());
  ext2fs_mark_ib_dirty(fs());
}

void Materializer::settle_superblock() {
  ext2_super_block* sb = super();
  std::uint64_t overhead = sb->s_first_data_block + journal_;
  for (std::uint64_t g = 0; g < s_.groups(); ++g)
    overhead += s_.super_blocks(g) + 2 + fs()->inode_blocks_per_group;
  sb->s_overhead_clusters = static_cast<std::uint32_t>(overhead);
  // depends on how it was written, not on what; 0 keeps it out of the library's accounting
  sb->s_kbytes_written = 0;
  ext2fs_mark_super_dirty(fs());
}

/// Blocks that content gave back and nobody took: their bytes go, as if they had never been
/// written. Tables and the journal may come to lie there, and count on zeros.
void Materializer::punch_given_back() {
  for (const auto& [first, last] : s_.given_back.ranges())
    s_.window.file().punch(
        ByteRange{s_.offset_of(first), ByteCount{(last - first) * s_.block_size}});
}

}  // namespace rawimg
