// SPDX-License-Identifier: MIT
#include "ext/kept_undo.h"

#include <algorithm>
#include <vector>

#include <rawimg/error.h>

#include "ext/overlay_commit.h"
#include "ext/undo_file.h"

namespace rawimg {
namespace {

/// Whether the undo file knows pre-images of these bytes of the window.
bool has_pre_images(const UndoFile& undo, std::uint64_t at, std::uint64_t size) {
  const auto range = std::upper_bound(
      undo.ranges().begin(), undo.ranges().end(), at,
      [](std::uint64_t byte, const UndoFile::Range& one) { return byte < one.at + one.size; });
  return range != undo.ranges().end() && range->at < at + size;
}

}  // namespace

const RangeSet& KeptUndo::blocks(ext2_filsys fs) {
  if (is_known_) return blocks_;
  is_known_ = true;
  try {
    const auto undo = UndoFile::read(kept_path(where_.file()), where_.file());
    // One that was left beside another image of this name does not decide where blocks go.
    if (undo && undo->window() == where_.range() && undo->is_last_change(where_.file()))
      find_blocks(fs, *undo);
  } catch (const Error& error) {
    // undo_last() refuses the first two, too; what cannot be read now may be readable later
    needs_all_ = error.code() != Errc::BadInput && error.code() != Errc::Dirty;
  }
  return blocks_;
}

/// Those that were in use before the change, and are not any more.
void KeptUndo::find_blocks(ext2_filsys fs, const UndoFile& undo) {
  const std::uint64_t end = ext2fs_blocks_count(fs->super);
  std::vector<std::byte> before(fs->blocksize);
  for (dgrp_t group = 0; group < fs->group_desc_count; ++group) {
    const std::uint64_t at = ext2fs_block_bitmap_loc(fs, group) * fs->blocksize;
    if (!has_pre_images(undo, at, before.size())) continue;
    where_.read_at(at, before);
    undo.overlay_pre_images(at, before);
    const std::uint64_t first = ext2fs_group_first_block2(fs, group);
    for (std::uint64_t i = 0; i < fs->super->s_blocks_per_group && first + i < end; ++i) {
      const bool was_used = ((before[i / 8] >> (i % 8)) & std::byte{1}) != std::byte{0};
      if (was_used && !ext2fs_test_block_bitmap2(fs->block_map, first + i))
        blocks_.add(first + i, first + i + 1);
    }
  }
}

void KeptUndo::make_way(std::uint64_t begin, std::uint64_t end) {
  if (is_lost_ || !(needs_all_ || blocks_.overlaps(begin, end))) return;
  drop_kept_undo(where_.file(), durability_);
  is_lost_ = true;
}

}  // namespace rawimg
