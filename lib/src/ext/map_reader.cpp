// SPDX-License-Identifier: MIT
#include "ext/map_reader.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "ext/directory_blocks.h"
#include "ext/libext2fs.h"

namespace rawimg {
namespace {

constexpr unsigned kMaxDepth = 5;          // of an extent tree (EXT4_MAX_EXTENT_DEPTH)
constexpr std::uint32_t kInitMax = 32768;  // longer lengths mean "unwritten"

class MapReader {
 public:
  MapReader(const MapInput& input, std::uint64_t blocks,
            const std::function<void(const Extent&)>& sink,
            const std::function<void(std::uint64_t)>& map_block)
      : in_(input), blocks_(blocks), sink_(sink), map_block_(map_block) {}

  void run() {
    if (in_.has_extents) {
      read_node(std::as_bytes(in_.words), std::nullopt, 0, std::uint64_t{UINT32_MAX} + 1);
      return;
    }
    const std::uint64_t per_block = in_.super.block_size() / 4;
    for (std::uint64_t i = 0; i < EXT2_NDIR_BLOCKS; ++i) add(i, in_.words[i]);
    std::uint64_t first = EXT2_NDIR_BLOCKS, span = per_block;
    for (unsigned level = 0; level < 3; ++level, first += span, span *= per_block)
      read_indirect(in_.words[EXT2_NDIR_BLOCKS + level], level, first);
    flush();
  }

 private:
  [[noreturn]] void corrupt(const std::string& why) const {
    throw Error(Errc::Corrupt,
                fmt::format("the block map of inode {} is damaged: {}", in_.inode, why));
  }

  void require_run(std::uint64_t physical, std::uint64_t count) const {
    if (physical == 0 || physical >= in_.super.blocks() || count > in_.super.blocks() - physical)
      corrupt(
          fmt::format("blocks {} to {} of {}", physical, physical + count - 1, in_.super.blocks()));
  }

  std::vector<std::byte> read_block(std::uint64_t block) const {
    require_run(block, 1);
    if (map_block_) map_block_(block);
    std::vector<std::byte> bytes(in_.super.block_size());
    in_.super.read_blocks(in_.where, block, 1, bytes);
    return bytes;
  }

  // Extents: a child's entries must lie in the interval that its parent gives it, and no child is
  // empty; so no block is visited twice.
  void read_node(std::span<const std::byte> bytes, std::optional<unsigned> expected_depth,
                 std::uint64_t low, std::uint64_t high) {
    ext3_extent_header header;
    std::memcpy(&header, bytes.data(), sizeof header);
    const std::size_t capacity = (bytes.size() - sizeof header) / sizeof(ext3_extent);
    if (header.eh_magic != EXT3_EXT_MAGIC)
      corrupt(fmt::format("magic {:04x} in its extent tree", header.eh_magic));
    if (header.eh_max > capacity || header.eh_entries > header.eh_max)
      corrupt(fmt::format("{} extents where {} have room", header.eh_entries,
                          std::min<std::size_t>(capacity, header.eh_max)));
    if (header.eh_depth > kMaxDepth || (expected_depth && header.eh_depth != *expected_depth))
      corrupt(fmt::format("an extent tree of depth {}", header.eh_depth));
    if (header.eh_entries == 0 && expected_depth) corrupt("an empty block in its extent tree");
    for (unsigned i = 0; i < header.eh_entries; ++i) {
      const std::byte* at = bytes.data() + sizeof header + i * sizeof(ext3_extent);
      low = header.eh_depth == 0
                ? read_extent(at, low, high)
                : read_index(at, i + 1 < header.eh_entries ? at + sizeof(ext3_extent) : nullptr,
                             header.eh_depth - 1U, low, high);
    }
  }

  std::uint64_t read_extent(const std::byte* at, std::uint64_t low, std::uint64_t high) {
    ext3_extent extent;
    std::memcpy(&extent, at, sizeof extent);
    const bool unwritten = extent.ee_len > kInitMax;
    const std::uint32_t length = unwritten ? extent.ee_len - kInitMax : extent.ee_len;
    const std::uint64_t physical = extent.ee_start | std::uint64_t{extent.ee_start_hi} << 32,
                        end = std::uint64_t{extent.ee_block} + length;
    if (length == 0 || extent.ee_block < low || end > high)
      corrupt(fmt::format("an extent of {} blocks at {} is out of order", length, extent.ee_block));
    require_run(physical, length);
    if (extent.ee_block >= blocks_) return end;
    Extent run;
    run.logical = extent.ee_block;
    run.physical = physical;
    run.count =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(length, blocks_ - extent.ee_block));
    run.unwritten = unwritten;
    sink_(run);
    return end;
  }

  std::uint64_t read_index(const std::byte* at, const std::byte* next, unsigned depth,
                           std::uint64_t low, std::uint64_t high) {
    ext3_extent_idx index, following;
    std::memcpy(&index, at, sizeof index);
    std::uint64_t end = high;
    if (next != nullptr) {
      std::memcpy(&following, next, sizeof following);
      end = following.ei_block;
    }
    if (index.ei_block < low || index.ei_block >= end || end > high)
      corrupt(fmt::format("an index entry at {} is out of order", index.ei_block));
    if (index.ei_block >= blocks_) return end;
    const std::uint64_t block = index.ei_leaf | std::uint64_t{index.ei_leaf_hi} << 32;
    const std::vector<std::byte> bytes = read_block(block);
    check_tail(bytes, block);
    read_node(bytes, depth, index.ei_block, end);
    return end;
  }

  void check_tail(std::span<const std::byte> bytes, std::uint64_t block) const {
    if (!in_.super.has_checksums()) return;
    const std::size_t tail =
        sizeof(ext3_extent_header) +
        (bytes.size() - sizeof(ext3_extent_header)) / sizeof(ext3_extent) * sizeof(ext3_extent);
    const std::array<std::uint32_t, 2> key{in_.inode, in_.generation};
    std::uint32_t crc = ext2fs_crc32c_le(
        in_.super.checksum_seed(), reinterpret_cast<const unsigned char*>(key.data()), sizeof key);
    crc = ext2fs_crc32c_le(crc, reinterpret_cast<const unsigned char*>(bytes.data()), tail);
    std::uint32_t stored = 0;
    std::memcpy(&stored, bytes.data() + tail, sizeof stored);
    if (stored != crc) corrupt(fmt::format("the checksum of its extent block {} is wrong", block));
  }

  // Indirect blocks
  /// No block is there twice: four that name each other would make a map of thousands of millions.
  void count() {
    if (++named_ > in_.super.blocks())
      corrupt(
          fmt::format("it names more blocks than the {} of the filesystem", in_.super.blocks()));
  }

  void read_indirect(std::uint32_t block, unsigned level, std::uint64_t first) {
    if (block == 0 || first >= blocks_) return;
    count();
    const std::vector<std::byte> bytes = read_block(block);
    const std::uint64_t per_block = bytes.size() / 4;
    std::uint64_t span = 1;
    for (unsigned i = 0; i < level; ++i) span *= per_block;
    for (std::uint64_t i = 0; i < per_block && first + i * span < blocks_; ++i) {
      std::uint32_t pointer = 0;
      std::memcpy(&pointer, bytes.data() + 4 * i, sizeof pointer);
      if (level == 0)
        add(first + i, pointer);
      else
        read_indirect(pointer, level - 1, first + i * span);
    }
  }

  void add(std::uint64_t logical, std::uint32_t physical) {
    if (physical == 0 || logical >= blocks_) return;
    require_run(physical, 1);
    count();
    if (pending_.count != 0 && pending_.logical_end() == logical &&
        pending_.physical + pending_.count == physical && pending_.count < UINT32_MAX) {
      ++pending_.count;
      return;
    }
    flush();
    pending_.logical = static_cast<std::uint32_t>(logical);
    pending_.physical = physical;
    pending_.count = 1;
  }

  void flush() {
    if (pending_.count != 0) sink_(pending_);
    pending_ = Extent{};
  }

  const MapInput& in_;
  const std::uint64_t blocks_;
  const std::function<void(const Extent&)>& sink_;
  const std::function<void(std::uint64_t)>& map_block_;
  Extent pending_;
  std::uint64_t named_ = 0;  // by indirect blocks
};

}  // namespace

void read_map(const MapInput& input, std::uint64_t blocks,
              const std::function<void(const Extent&)>& sink,
              const std::function<void(std::uint64_t)>& map_block) {
  MapReader(input, blocks, sink, map_block).run();
}

}  // namespace rawimg
