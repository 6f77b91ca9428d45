// SPDX-License-Identifier: MIT
// Free blocks and inodes of a filesystem that is being edited. Blocks that are given back stay
// taken until settle(), so that nothing that the old filesystem needs is overwritten before the
// commit. What the last change needs to be taken back is used when nothing else is free.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include <rawimg/entry.h>

#include "ext/block_space.h"
#include "ext/kept_undo.h"
#include "ext/libext2fs.h"
#include "ext/window_io.h"

namespace rawimg {

class EditSpace {
 public:
  EditSpace(ext2_filsys fs, WindowIo& io, KeptUndo& kept);

  /// 1 to `want` blocks back to back, near `goal`. Throws: NoSpace, Corrupt (the bitmap calls the
  /// filesystem's own tables free).
  BlockRun take_blocks(std::uint64_t goal, std::uint64_t want);
  /// Blocks that free_runs() has named.
  void take_exactly(BlockRun run);
  /// All that is free, in ascending order; what the last change needs at the end. Throws: Corrupt
  /// as take_blocks.
  std::vector<BlockRun> free_runs() const;
  /// Throws: Corrupt (not in use, given back already, or not a file's to give).
  void give_back(BlockRun run);
  /// An inode in the group of `near` or behind it; where no other is free, one that was given back:
  /// unlike content, inodes are part of the commit and its undo. Throws: NoSpace.
  std::uint32_t take_inode(std::uint32_t near, FileType type);
  void give_back_inode(std::uint32_t inode, FileType type);

  /// Takes back what is taken while it lives, unless keep() is called: what fails half-way leaves
  /// no block that nobody has.
  class Savepoint {
   public:
    explicit Savepoint(EditSpace& space) : space_(space), from_(space.log_.size()) {}
    ~Savepoint() {
      if (!kept_) space_.take_back(from_);
    }
    Savepoint(const Savepoint&) = delete;
    Savepoint& operator=(const Savepoint&) = delete;
    void keep() { kept_ = true; }

   private:
    EditSpace& space_;
    std::size_t from_;
    bool kept_ = false;
  };

  /// Where a file's first block is looked for.
  std::uint64_t goal_for(std::uint32_t inode) const;
  /// Clears the bits of all that was given back.
  void settle();
  const RangeSet& given_back() const { return given_back_; }
  const RangeSet& taken() const { return taken_; }
  // Both before settle().
  std::uint64_t given_back_blocks() const;
  std::size_t given_back_inodes() const { return inodes_.size(); }
  bool is_given_back_inode(std::uint32_t inode) const { return inodes_.contains(inode); }
  bool has_changes() const {
    return !given_back_.empty() || !taken_.empty() || !inodes_.empty() || took_inode_;
  }

 private:
  BlockRun find_run(std::uint64_t goal, std::uint64_t want, const RangeSet& avoid) const;
  std::uint32_t take_given_back_inode(FileType type);
  void zero_slots_up_to(std::uint32_t inode);
  void require_not_metadata(BlockRun run) const;
  void take_back(std::size_t from);
  void give_back_taken(BlockRun run);

  ext2_filsys fs_;
  WindowIo& io_;
  KeptUndo& kept_;
  bool avoids_kept_ = true;
  RangeSet metadata_, given_back_, taken_;
  std::vector<BlockRun> log_;                 // of what was taken, in order
  std::map<std::uint32_t, FileType> inodes_;  // given back
  bool took_inode_ = false;
};

}  // namespace rawimg
