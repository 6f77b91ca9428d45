// SPDX-License-Identifier: MIT
// The last change can be taken back (undo_last) as long as what it freed is still there: its undo
// file holds metadata, and content lies in blocks that are free now. So new content goes into other
// free blocks while there are some; where none are left, the undo file goes first.
#pragma once

#include <cstdint>

#include <rawimg/window.h>

#include "ext/libext2fs.h"
#include "ext/window_io.h"

namespace rawimg {

class UndoFile;

class KeptUndo {
 public:
  /// Reads nothing yet.
  KeptUndo(const Window& where, Durability durability) : where_(where), durability_(durability) {}

  /// The free blocks that taking back the last change would need. Asked for the first time, before
  /// any block is taken; `fs` with its bitmaps. Throws: Io, of the image.
  const RangeSet& blocks(ext2_filsys fs);
  /// Content is about to go into these blocks, past the overlay: where they are needed, the undo
  /// file goes, and is gone before they change. Throws: Io.
  void make_way(std::uint64_t begin, std::uint64_t end);
  /// Whether it went: the last change cannot be taken back any more.
  bool is_lost() const { return is_lost_; }

 private:
  void find_blocks(ext2_filsys fs, const UndoFile& undo);

  Window where_;
  Durability durability_;
  RangeSet blocks_;
  bool is_known_ = false, needs_all_ = false, is_lost_ = false;
};

}  // namespace rawimg
