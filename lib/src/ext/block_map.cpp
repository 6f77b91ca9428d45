// SPDX-License-Identifier: MIT
#include "ext/block_map.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "ext/libext2fs.h"

namespace rawimg {
namespace {

constexpr std::uint64_t kDirect = EXT2_NDIR_BLOCKS;
// EXT_INIT_MAX_LEN
constexpr std::uint32_t kMaxExtentLength = 32768;
constexpr std::size_t kRootEntries = 4;  // of an extent tree, in the inode
constexpr std::size_t kEntrySize = sizeof(ext3_extent);
static_assert(sizeof(ext3_extent) == 12 && sizeof(ext3_extent_idx) == 12 &&
              sizeof(ext3_extent_header) == 12);

std::uint64_t div_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

/// The longest length that an entry can say; more would mean "unwritten", from 1 on.
std::uint32_t longest(const Extent& extent) {
  return extent.unwritten ? kMaxExtentLength - 1 : kMaxExtentLength;
}

std::uint64_t entries_for(std::span<const Extent> extents) {
  std::uint64_t entries = 0;
  for (const Extent& extent : extents) entries += div_up(extent.count, longest(extent));
  return entries;
}

std::size_t entries_per_block(std::uint32_t block_size) {
  return (block_size - sizeof(ext3_extent_header)) / kEntrySize;
}

void put_header(std::byte* to, std::size_t entries, std::size_t capacity, unsigned depth) {
  ext3_extent_header header{};
  header.eh_magic = ext2fs_cpu_to_le16(EXT3_EXT_MAGIC);
  header.eh_entries = ext2fs_cpu_to_le16(static_cast<__u16>(entries));
  header.eh_max = ext2fs_cpu_to_le16(static_cast<__u16>(capacity));
  header.eh_depth = ext2fs_cpu_to_le16(static_cast<__u16>(depth));
  std::memcpy(to, &header, sizeof header);
}

/// An entry of one level of the tree as 12 bytes, and the logical block it begins with.
struct TreeEntry {
  std::uint32_t logical;
  std::array<std::byte, kEntrySize> bytes;
};

std::vector<TreeEntry> leaf_entries(std::span<const Extent> extents) {
  std::vector<TreeEntry> entries;
  entries.reserve(entries_for(extents));
  for (const Extent& extent : extents) {
    for (std::uint32_t done = 0; done < extent.count;) {
      const std::uint32_t length = std::min(extent.count - done, longest(extent));
      const std::uint64_t physical = extent.physical + done;
      ext3_extent on_disk{};
      on_disk.ee_block = ext2fs_cpu_to_le32(extent.logical + done);
      on_disk.ee_len = ext2fs_cpu_to_le16(
          static_cast<__u16>(extent.unwritten ? length + kMaxExtentLength : length));
      on_disk.ee_start_hi = ext2fs_cpu_to_le16(static_cast<__u16>(physical >> 32));
      on_disk.ee_start = ext2fs_cpu_to_le32(static_cast<__u32>(physical));
      TreeEntry& entry = entries.emplace_back(TreeEntry{extent.logical + done, {}});
      std::memcpy(entry.bytes.data(), &on_disk, kEntrySize);
      done += length;
    }
  }
  return entries;
}

TreeEntry index_entry(std::uint32_t logical, std::uint64_t block) {
  ext3_extent_idx on_disk{};
  on_disk.ei_block = ext2fs_cpu_to_le32(logical);
  on_disk.ei_leaf = ext2fs_cpu_to_le32(static_cast<__u32>(block));
  on_disk.ei_leaf_hi = ext2fs_cpu_to_le16(static_cast<__u16>(block >> 32));
  TreeEntry entry{logical, {}};
  std::memcpy(entry.bytes.data(), &on_disk, kEntrySize);
  return entry;
}

void put_entries(std::byte* to, std::span<const TreeEntry> entries) {
  for (const TreeEntry& entry : entries) {
    std::memcpy(to, entry.bytes.data(), kEntrySize);
    to += kEntrySize;
  }
}

}  // namespace

unsigned IndirectCursor::needed_at(std::uint64_t at) {
  if (at < kDirect) return 0;
  const std::uint64_t leaf = (at - kDirect) / per_block_;
  if (leaf_ == leaf) return 0;
  leaf_ = leaf;
  if (leaf == 0) return 1;
  if (leaf <= per_block_) return has_double_ ? 1 : (has_double_ = true, 2);
  const std::uint64_t middle = (leaf - 1 - per_block_) / per_block_;
  const unsigned outer = has_triple_ ? 0 : 1;
  has_triple_ = true;
  const unsigned inner = middle_ == middle ? 0 : 1;
  middle_ = middle;
  return outer + inner + 1;
}

std::uint64_t IndirectCursor::boundary_after(std::uint64_t at) const {
  return at < kDirect ? kDirect : kDirect + ((at - kDirect) / per_block_ + 1) * per_block_;
}

std::uint64_t max_file_blocks(bool extents, std::uint32_t block_size) {
  // logical block numbers have 32 bits, and the last one is never used
  if (extents) return UINT32_MAX;
  const std::uint64_t n = block_size / 4;
  return std::min<std::uint64_t>(kDirect + n + n * n + n * n * n, UINT32_MAX);
}

std::uint64_t indirect_blocks_for(std::uint64_t count, std::uint32_t block_size) {
  IndirectCursor cursor(block_size);
  std::uint64_t blocks = 0;
  for (std::uint64_t at = 0; at < count; at = cursor.boundary_after(at))
    blocks += cursor.needed_at(at);
  return blocks;
}

namespace {

/// Builds the tree of indirect blocks for content blocks that come in ascending order. Each level
/// has at most one block open.
class IndirectWriter {
 public:
  IndirectWriter(std::span<const std::uint64_t> map_blocks, std::uint32_t block_size,
                 const MapSink& sink)
      : cursor_(block_size), map_blocks_(map_blocks), per_block_(block_size / 4), sink_(sink) {}

  void add(std::uint64_t logical, std::uint32_t physical) {
    if (logical < kDirect) {
      root_.words[logical] = physical;
      return;
    }
    if (cursor_.needed_at(logical) != 0) open_leaf((logical - kDirect) / per_block_);
    set(levels_[0], (logical - kDirect) % per_block_, physical);
  }

  MapRoot finish() {
    for (Level& level : levels_) close(level);
    assert(next_ == map_blocks_.size());
    return root_;
  }

 private:
  struct Level {  // 0: leaf, 1: of double or the middle of triple, 2: top of triple
    std::uint64_t block = 0;
    std::uint64_t id = UINT64_MAX;
    std::vector<std::uint32_t> pointers;
  };

  std::uint32_t open(Level& level, std::uint64_t id) {
    close(level);
    level.block = map_blocks_[next_++];
    level.id = id;
    level.pointers.assign(per_block_, 0);
    return static_cast<std::uint32_t>(level.block);
  }
  void close(Level& level) {
    if (level.block != 0) sink_(level.block, std::as_writable_bytes(std::span(level.pointers)));
    level.block = 0;
  }
  static void set(Level& level, std::uint64_t index, std::uint32_t value) {
    level.pointers[index] = ext2fs_cpu_to_le32(value);
  }

  void open_leaf(std::uint64_t leaf) {
    if (leaf == 0) {
      root_.words[EXT2_IND_BLOCK] = open(levels_[0], leaf);
      return;
    }
    if (leaf <= per_block_) {
      if (levels_[1].id != 0) root_.words[EXT2_DIND_BLOCK] = open(levels_[1], 0);
      set(levels_[1], leaf - 1, open(levels_[0], leaf));
      return;
    }
    const std::uint64_t in_triple = leaf - 1 - per_block_, middle = in_triple / per_block_;
    if (levels_[2].id != 0) root_.words[EXT2_TIND_BLOCK] = open(levels_[2], 0);
    if (levels_[1].id != middle + 1) set(levels_[2], middle, open(levels_[1], middle + 1));
    set(levels_[1], in_triple % per_block_, open(levels_[0], leaf));
  }

  IndirectCursor cursor_;
  std::span<const std::uint64_t> map_blocks_;
  std::size_t next_ = 0;
  std::uint64_t per_block_;
  const MapSink& sink_;
  std::array<Level, 3> levels_;
  MapRoot root_;
};

}  // namespace

MapRoot write_indirect_map(std::span<const Extent> extents,
                           std::span<const std::uint64_t> map_blocks, std::uint32_t block_size,
                           const MapSink& sink) {
  IndirectWriter writer(map_blocks, block_size, sink);
  for (const Extent& extent : extents)
    for (std::uint32_t i = 0; i < extent.count; ++i)
      writer.add(std::uint64_t{extent.logical} + i,
                 static_cast<std::uint32_t>(extent.physical + i));
  return writer.finish();
}

std::uint64_t extent_tree_blocks(std::span<const Extent> extents, std::uint32_t block_size) {
  std::uint64_t blocks = 0;
  for (std::uint64_t entries = entries_for(extents); entries > kRootEntries;)
    blocks += entries = div_up(entries, entries_per_block(block_size));
  return blocks;
}

void set_extent_block_checksum(std::uint32_t inode_seed, std::span<std::byte> block) {
  // The tail lies behind the last entry that fits (Linux fs/ext4/ext4_extents.h, ext4_extent_tail).
  const std::size_t tail = sizeof(ext3_extent_header) +
                           entries_per_block(static_cast<std::uint32_t>(block.size())) * kEntrySize;
  const std::uint32_t crc = ext2fs_cpu_to_le32(
      ext2fs_crc32c_le(inode_seed, reinterpret_cast<const unsigned char*>(block.data()), tail));
  std::memcpy(block.data() + tail, &crc, sizeof crc);
}

MapRoot write_extent_map(std::span<const Extent> extents,
                         std::span<const std::uint64_t> tree_blocks, std::uint32_t block_size,
                         const MapSink& sink) {
  std::vector<TreeEntry> level = leaf_entries(extents);
  const std::size_t capacity = entries_per_block(block_size);
  unsigned depth = 0;
  std::size_t next = 0;
  for (; level.size() > kRootEntries; ++depth) {
    std::vector<TreeEntry> above;
    for (std::size_t at = 0; at < level.size(); at += capacity) {
      const std::span<const TreeEntry> part =
          std::span(level).subspan(at, std::min(capacity, level.size() - at));
      std::vector<std::byte> block(block_size);
      put_header(block.data(), part.size(), capacity, depth);
      put_entries(block.data() + sizeof(ext3_extent_header), part);
      sink(tree_blocks[next], block);
      above.push_back(index_entry(part.front().logical, tree_blocks[next++]));
    }
    level = std::move(above);
  }
  assert(next == tree_blocks.size());
  std::array<std::byte, sizeof(MapRoot)> root{};
  put_header(root.data(), level.size(), kRootEntries, depth);
  put_entries(root.data() + sizeof(ext3_extent_header), level);
  MapRoot map;
  std::memcpy(map.words.data(), root.data(), root.size());
  for (std::uint32_t& word : map.words) word = ext2fs_le32_to_cpu(word);
  return map;
}

}  // namespace rawimg
