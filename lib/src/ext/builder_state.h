// SPDX-License-Identifier: MIT
// What the two halves of the builder share: builder.cpp takes content as it comes, materialize.cpp
// writes everything else when the source has ended.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ext/block_map.h"
#include "ext/block_space.h"
#include "ext/builder.h"
#include "ext/format.h"
#include "ext/window_io.h"
#include "ext/xattr_block.h"
#include "storage/run_writer.h"

namespace rawimg {

/// An inode under construction. There may be millions: what most of them lack lives in pools.
struct Node {
  NodeMeta meta;
  std::uint64_t size_bytes = 0;
  std::uint64_t blocks = 0;                          ///< content and map blocks
  std::uint32_t first_extent = 0, extent_count = 0;  ///< in State::extents
  std::uint32_t first_map = 0, map_count = 0;        ///< in State::map_blocks
  std::uint32_t xattrs = 0;                          ///< 1 + index in State::xattr_sets; 0: none
  std::uint32_t target = 0;                          ///< 1 + index in State::targets; 0: none
  bool removed = false;
};

struct Import;

/// The file whose content is coming in.
struct OpenContent {
  NodeId node{};
  std::uint64_t size = 0, position = 0;
  std::vector<std::byte> block;  ///< the beginning of a block whose rest has not come yet
  std::vector<std::byte> head;   ///< the beginning of a file that may be swap space
  bool may_be_swap = false, holes = true;
  IndirectCursor indirect{1024};
};

/// How much room a group keeps for its inode table while inodes are not counted yet (filesystems
/// without flex_bg, whose tables must lie in their group).
struct TableRoom {
  bool in_group = false;
  std::uint64_t reserved = 0;  ///< blocks kept at each group's start
  /// space ran out: the room above `final_blocks` was given to content
  bool opened = false;
  std::uint64_t final_blocks = 0;
  /// Size comes last: of each group that content has come to, instead of `reserved`.
  std::vector<std::uint64_t> by_group;
};

/// Inodes of each group for what the plan wants, rounded up as make_final_handle does.
std::uint64_t inodes_per_group(const ExtPlan& plan, std::uint64_t groups);
/// That room, in blocks, when no number of inodes was asked for.
std::uint64_t generous_table_blocks(const ExtPlan& plan, std::uint64_t groups);

struct ExtBuilder::State {
  State(const Window& where, BuilderOptions how);
  ~State();

  Window window;
  BuilderOptions options;
  std::unique_ptr<Import> import;  ///< populate: the filesystem that is added to
  ExtPlan plan;
  // format last: a template with the geometry of this size, replaced in finish()
  std::optional<WindowIo> io;
  ExtHandle fs;
  std::uint32_t block_size = 0, inode_size = 0;
  bool extents_on_disk = false;
  XattrRoom xattr_room;
  TableRoom tables;

  BlockSpace space{{}};
  std::uint64_t content_end = 0;  ///< behind the last block that content ever took
  RangeSet taken;                 ///< populate: every block that content ever took
  RangeSet given_back;            ///< blocks that content took and no longer needs
  bool full = false;
  std::uint64_t counted_blocks = 0;  ///< content and map blocks that found no place

  std::vector<Node> nodes;
  std::vector<Extent> extents;
  std::vector<std::uint64_t> map_blocks;
  std::vector<std::string> targets;
  std::vector<EncodedXattrs> xattr_sets;
  std::map<EncodedXattrs, std::uint32_t> xattr_index;
  std::optional<OpenContent> open;
  RunWriter writer;  // last: its thread writes what the members above hold

  Node& node(NodeId id) { return nodes.at(static_cast<std::size_t>(id)); }
  Node& known(NodeId id);  ///< with its metadata, which an imported one has on disk
  ByteOffset offset_of(std::uint64_t block) const {
    return ByteOffset{window.range().start() + block * block_size};
  }
  ext2_filsys handle() const;  ///< of either
  std::uint64_t groups() const { return fs->group_desc_count; }
  std::uint64_t group_start(std::uint64_t group) const {
    return ext2fs_group_first_block2(fs.get(), static_cast<dgrp_t>(group));
  }
  std::uint64_t group_end(std::uint64_t group) const {
    return ext2fs_group_last_block2(fs.get(), static_cast<dgrp_t>(group)) + 1;
  }
  /// Superblock copy, descriptors and their growth room at the start of a group.
  std::uint64_t super_blocks(std::uint64_t group) const {
    return ext2fs_bg_has_super(fs.get(), static_cast<dgrp_t>(group))
               ? 1 + fs->desc_blocks + fs->super->s_reserved_gdt_blocks
               : 0;
  }

  // Content
  void append_head(const DataChunk& chunk);
  void flush_head();
  void append_now(std::uint64_t offset, std::span<const std::byte> bytes,
                  const std::shared_ptr<const void>& owner);
  void skip_to(std::uint64_t offset);
  void flush_block();
  void emit(std::uint64_t position, std::span<const std::byte> bytes,
            const std::shared_ptr<const void>& owner);
  void emit_zeros(std::uint64_t position, std::uint64_t size);
  void place(std::uint64_t logical, std::uint64_t count, std::span<const std::byte> bytes,
             const std::shared_ptr<const void>& owner);
  void write(BlockRun run, std::span<const std::byte> bytes,
             const std::shared_ptr<const void>& owner);
  BlockRun take(std::uint64_t want);
  void make_map_blocks(Node& node, std::uint64_t logical);
  void record(Node& node, std::uint64_t logical, BlockRun run);
  void release(Node& node);
  bool open_table_room();
  bool open_group();

  std::span<const Extent> extents_of(const Node& node) const {
    return std::span(extents).subspan(node.first_extent, node.extent_count);
  }
  std::span<const std::uint64_t> maps_of(const Node& node) const {
    return std::span(map_blocks).subspan(node.first_map, node.map_count);
  }
};

}  // namespace rawimg
