// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <rawimg/ext_options.h>
#include <rawimg/units.h>

#include "ext/features.h"
#include "ext/libext2fs.h"
#include "ext/window_io.h"

namespace rawimg {

/// Dropped without close_ext: what libext2fs has not handed to the io_manager is lost.
struct DiscardExt {
  void operator()(ext2_filsys fs) const noexcept { ext2fs_free(fs); }
};
using ExtHandle = std::unique_ptr<struct_ext2_filsys, DiscardExt>;

/// ExtOptions with every choice made for a window of a certain size.
struct ExtPlan {
  ExtType type = ExtType::Ext2;
  std::uint32_t block_size = 0, inode_size = 0;
  FeatureSet features;
  std::uint64_t blocks = 0;  ///< as many as fit the window
  std::uint64_t inodes = 0;  ///< wanted, before rounding
  bool block_size_asked_for = false;
  std::optional<std::uint64_t> inode_ratio;  ///< as asked for
  bool inodes_asked_for = false;             ///< by count or ratio: no more are promised
  double reserved_percent = 0;
  std::optional<Spare> fit;
  /// With `fit`: blocks behind every superblock copy for descriptors and their growth, the same
  /// whatever the size becomes.
  std::uint32_t descriptor_room = 0;
  std::string label;
  std::optional<Uuid> uuid, hash_seed;

  bool has_journal() const { return features.compat & EXT3_FEATURE_COMPAT_HAS_JOURNAL; }
  bool has_extents() const { return features.incompat & EXT3_FEATURE_INCOMPAT_EXTENTS; }
  bool has_flex_bg() const { return features.incompat & EXT4_FEATURE_INCOMPAT_FLEX_BG; }
};

/// Bytes of filesystem for each inode, as mke2fs has it.
inline constexpr std::uint64_t kUsualRatio = 16384;
/// From here on blocks have 4 KiB by default, below it 1 KiB.
inline constexpr std::uint64_t kSmallWindow = 16u << 20;
std::uint32_t default_block_size(ByteCount window);

/// Throws: Usage (out of range, contradictory), NoSpace (the window is too small).
ExtPlan plan_ext(const ExtOptions& options, ByteCount window);

/// The options as text, the same for the same options: what UUIDs of `make_ext` derive from.
std::string canonical_text(const ExtPlan& plan);

/// A handle for a filesystem that exists only in RAM: superblock and descriptors as libext2fs
/// computes them, nothing allocated. Its last group may be dropped when too small. `reserved_gdt`:
/// growth room in descriptor blocks; none: libext2fs's default. Throws: NoSpace, Usage.
ExtHandle initialize_ext(WindowIo& io, const ExtPlan& plan, std::uint64_t blocks,
                         std::uint64_t inodes,
                         std::optional<std::uint32_t> reserved_gdt = std::nullopt);

/// Identity and times, before anything that has a checksum is written. `created` also is the
/// library's clock from here on.
void stamp_ext(ext2_filsys fs, const Uuid& uuid, const Uuid& hash_seed, std::int64_t created);

/// Journal blocks for a filesystem of this size: mke2fs's choice.
std::uint32_t journal_blocks_for(std::uint64_t blocks);

ExtSummary summarize(ext2_filsys fs);

}  // namespace rawimg
