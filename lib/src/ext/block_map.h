// SPDX-License-Identifier: MIT
// Which block of a file lies where: as extents in RAM, and in the two forms that ext knows on disk.
//
// Indirect blocks (ext2, ext3): 12 direct pointers, then a tree of blocks of 32-bit pointers one,
// two and three levels deep; a block of zeros in the file is a zero pointer, a whole missing
// subtree has no map block. Extents (ext4): a B-tree of runs with four entries in the inode.
// Sources: FORMATS.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace rawimg {

/// Blocks [logical, logical + count) of a file lie at [physical, physical + count).
struct Extent {
  std::uint64_t physical = 0;
  std::uint32_t logical = 0, count = 0;
  bool unwritten = false;  ///< reads as zeros; only the extent form knows it
  std::uint64_t logical_end() const { return std::uint64_t{logical} + count; }
};

/// Hands out map blocks for a file of indirect blocks whose content blocks come in ascending order:
/// how many new ones does the next content block need?
class IndirectCursor {
 public:
  explicit IndirectCursor(std::uint32_t block_size) : per_block_(block_size / 4) {}
  /// Map blocks to be made before logical block `at`, outermost first: 0 to 3. Call with ascending
  /// blocks.
  unsigned needed_at(std::uint64_t at);
  /// The first logical block behind `at` that may need another map block.
  std::uint64_t boundary_after(std::uint64_t at) const;

 private:
  std::uint64_t per_block_;
  std::optional<std::uint64_t> leaf_, middle_;
  bool has_double_ = false, has_triple_ = false;
};

/// Most logical blocks that a file can have.
std::uint64_t max_file_blocks(bool extents, std::uint32_t block_size);

/// The 60 bytes of an inode's i_block, and map blocks as they are completed.
struct MapRoot {
  std::array<std::uint32_t, 15> words{};  // little-endian on disk; the caller stores them with le32
};
using MapSink = std::function<void(std::uint64_t block, std::span<std::byte> bytes)>;

/// Indirect form. `map_blocks`: the blocks that IndirectCursor asked for, in that order; all are
/// used. `sink` gets each map block once.
MapRoot write_indirect_map(std::span<const Extent> extents,
                           std::span<const std::uint64_t> map_blocks, std::uint32_t block_size,
                           const MapSink& sink);

/// Tree blocks that the extent form needs beside the inode.
std::uint64_t extent_tree_blocks(std::span<const Extent> extents, std::uint32_t block_size);
/// Extent form. `tree_blocks`: exactly extent_tree_blocks of them. The last 4 bytes of each block's
/// checksum tail are left zero for the caller.
MapRoot write_extent_map(std::span<const Extent> extents,
                         std::span<const std::uint64_t> tree_blocks, std::uint32_t block_size,
                         const MapSink& sink);

/// Fills in the tail of a tree block (metadata_csum). `inode_seed`: its inode's.
void set_extent_block_checksum(std::uint32_t inode_seed, std::span<std::byte> block);

/// Indirect blocks for `count` blocks without holes.
std::uint64_t indirect_blocks_for(std::uint64_t count, std::uint32_t block_size);

}  // namespace rawimg
