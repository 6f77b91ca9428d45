// SPDX-License-Identifier: MIT
#include <utility>

#include <rawimg/error.h>

#include "ext/edit_state.h"
#include "ext/overlay_commit.h"

namespace rawimg {

Transaction::Result Transaction::commit() { return state_->commit(); }

Transaction::Result Transaction::State::commit() {
  if (!changed) return {};
  store_directories();
  space.settle();
  fs->super->s_kbytes_written = 0;  // depends on how it was written, not on what
  ext2fs_mark_super_dirty(fs.get());
  ext2fs_mark_bb_dirty(fs.get());
  ext2fs_mark_ib_dirty(fs.get());
  io.check(ext2fs_flush2(fs.get(), EXT2_FLAG_FLUSH_NO_SYNC), "write back the filesystem");
  // From the first write on, content that was written belongs to whoever recovers.
  CommitOutcome outcome = commit_overlay(window, io, {options.durability, options.keep_undo_bytes},
                                         [&] { committed = true; });
  if (!outcome.undo_kept) discard_given_back();
  changed = false;
  return {outcome.bytes_written, outcome.undo_kept, std::move(outcome.warnings)};
}

/// The commit point is behind us: what fails here is no failure of the change.
void Transaction::State::discard_given_back() {
  try {
    for (const auto& [begin, end] : space.given_back().ranges())
      window.file().discard({ByteOffset{window.range().start() + begin * block_size()},
                             ByteCount{(end - begin) * block_size()}});
  } catch (const Error&) {
    // They are free blocks, whatever they hold.
  }
}

}  // namespace rawimg
