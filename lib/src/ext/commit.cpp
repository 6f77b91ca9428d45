// SPDX-License-Identifier: MIT
#include <rawimg/error.h>

#include "ext/edit_state.h"
#include "ext/overlay_commit.h"

namespace rawimg {

Transaction::Result Transaction::commit() {
  State& s = *state_;
  if (!s.changed) return {};
  s.store_directories();
  s.space.settle();
  s.fs->super->s_kbytes_written = 0;  // depends on how it was written, not on what
  ext2fs_mark_super_dirty(s.fs.get());
  ext2fs_mark_bb_dirty(s.fs.get());
  ext2fs_mark_ib_dirty(s.fs.get());
  s.io.check(ext2fs_flush2(s.fs.get(), EXT2_FLAG_FLUSH_NO_SYNC), "write back the filesystem");
  // From the first write on, content that was written belongs to whoever recovers.
  const CommitOutcome outcome =
      commit_overlay(s.window, s.io, {s.options.durability, s.options.keep_undo_bytes},
                     [&] { s.committed = true; });
  if (!outcome.undo_kept)
    for (const auto& [begin, end] : s.space.given_back().ranges())
      s.window.file().punch({ByteOffset{s.window.range().start() + begin * s.block_size()},
                             ByteCount{(end - begin) * s.block_size()}});
  s.changed = false;
  return {outcome.bytes_written, outcome.undo_kept};
}

}  // namespace rawimg
