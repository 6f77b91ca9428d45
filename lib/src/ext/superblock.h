// SPDX-License-Identifier: MIT
// The superblock and group descriptors of a filesystem that somebody else may have made: the one
// gate through which their numbers come. What leaves here is within bounds.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ext2fs/ext2_fs.h>
#include <rawimg/ext_fs.h>
#include <rawimg/window.h>

#include "ext/features.h"

namespace rawimg {

static_assert(std::endian::native == std::endian::little, "structures are read in host order");

inline constexpr std::uint64_t kSuperblockAt = 1024;  ///< byte of the window
/// An INCOMPAT bit that no kernel and no e2fsprogs knows: both refuse the filesystem while rawimg
/// changes it.
inline constexpr std::uint32_t kUnusableMark = 0x40000000;

class Superblock {
 public:
  /// Nothing where the magic is not there. Throws: Corrupt (numbers that cannot be true; larger
  /// than the window), Unsupported (an external journal), Io.
  static std::optional<Superblock> read(const Window& where);
  /// Throws: Unsupported (there is none), and as read().
  static Superblock require(const Window& where);

  std::uint32_t block_size() const { return block_size_; }
  std::uint32_t cluster_size() const {
    return has_ro_compat(EXT4_FEATURE_RO_COMPAT_BIGALLOC)
               ? 1024U << std::min<std::uint32_t>(raw_.s_log_cluster_size, 20)
               : block_size_;
  }
  std::uint64_t blocks() const { return blocks_; }
  std::uint32_t inodes() const { return raw_.s_inodes_count; }
  /// Those below are the filesystem's own, but for the root.
  std::uint32_t first_inode() const {
    return raw_.s_rev_level == EXT2_GOOD_OLD_REV ? EXT2_GOOD_OLD_FIRST_INO : raw_.s_first_ino;
  }
  std::uint32_t inode_size() const { return inode_size_; }
  bool has_checksums() const {
    return raw_.s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
  }
  bool has_incompat(std::uint32_t bits) const { return (raw_.s_feature_incompat & bits) != 0; }
  bool has_ro_compat(std::uint32_t bits) const { return (raw_.s_feature_ro_compat & bits) != 0; }
  std::uint32_t checksum_seed() const;
  FeatureSet features() const {
    return {raw_.s_feature_compat, raw_.s_feature_incompat, raw_.s_feature_ro_compat};
  }
  const ext2_super_block& raw() const { return raw_; }

  ExtInfo info() const;
  /// Throws: Unsupported (features that cannot be read, named), Dirty (marked by an interrupted
  /// rawimg).
  void require_readable() const;
  /// Throws: Dirty (a journal to replay, errors, not unmounted, orphans), Unsupported (features
  /// that must not be written, named), and like require_readable.
  void require_editable() const;

  /// The block where inode `number` lies and its byte in it. Throws: Corrupt (no such inode; a
  /// table outside of the filesystem), Io.
  struct InodePlace {
    std::uint64_t block = 0;
    std::uint32_t offset = 0;
  };
  InodePlace place_of(const Window& where, std::uint32_t number) const;

  // Groups, as they lie on disk
  std::uint64_t groups() const { return groups_; }
  std::uint64_t first_block_of(std::uint64_t group) const {
    return raw_.s_first_data_block + group * raw_.s_blocks_per_group;
  }
  std::uint64_t group_of(std::uint64_t block) const {
    return (block - raw_.s_first_data_block) / raw_.s_blocks_per_group;
  }
  /// The block that has byte 1024.
  std::uint64_t superblock_block() const { return kSuperblockAt / block_size_; }
  bool has_super(std::uint64_t group) const;
  struct Group {
    std::uint64_t block_bitmap = 0, inode_bitmap = 0, inode_table = 0, table_blocks = 0;
    /// behind its superblock copy, or in its place; then the room for more
    std::uint64_t descriptor_blocks = 0, growth_blocks = 0;
    std::uint64_t free_clusters = 0;
    std::uint32_t directories = 0;  ///< inodes of directories
    bool has_no_bitmap = false;     ///< of blocks: all but its own structures are free
    bool has_no_inodes = false;     ///< in use: their bitmap was never written
  };
  /// Throws: Corrupt (its checksum is wrong), Io. Does not check: where its structures lie.
  Group group(const Window& where, std::uint64_t number) const;

  /// Reads all group descriptors. Throws: Corrupt (a wrong checksum; one that leads outside of the
  /// filesystem), Io, and what `each` throws. Does not check: whether what they lead to overlaps.
  void for_each_group(const Window& where,
                      const std::function<void(std::uint64_t number, const Group&)>& each) const;
  /// The same, for nothing but the check, and of overlaps, too: a bitmap that is something else
  /// would give away what is in use.
  void require_descriptors(const Window& where) const;

  /// Reads `count` blocks from `block` on. Throws: Corrupt (outside of the filesystem), Io.
  void read_blocks(const Window& where, std::uint64_t block, std::uint64_t count,
                   std::span<std::byte> out) const;

 private:
  void check(const Window& where);
  void require_inside(std::string_view what, std::uint64_t group, std::uint64_t at,
                      std::uint64_t count) const;
  void check_descriptor(std::span<const std::byte> descriptor, std::uint32_t group) const;
  std::uint64_t descriptor_block(std::uint64_t group) const;
  std::uint64_t descriptors_per_block() const { return block_size_ / descriptor_size_; }
  void place_descriptors(std::uint64_t number, Group& group) const;
  /// Of a group whose descriptor is in this block.
  Group group_in(std::span<const std::byte> block, std::uint64_t number) const;
  std::uint64_t count_supers() const;
  std::uint64_t overhead_blocks(std::uint64_t journal_blocks) const;
  std::uint64_t kernel_reserve_blocks() const;

  ext2_super_block raw_{};
  std::uint32_t block_size_ = 0, inode_size_ = 0, descriptor_size_ = 0;
  std::uint64_t blocks_ = 0, groups_ = 0;
};

}  // namespace rawimg
