// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <rawimg/image_file.h>
#include <rawimg/observer.h>
#include <rawimg/window.h>

#include "ext/window_io.h"

namespace rawimg {

struct CommitPolicy {
  Durability durability = Durability::Sync;
  std::uint64_t keep_undo_bytes = 0;  ///< an undo file up to so large is kept
};

struct CommitOutcome {
  std::uint64_t bytes_written = 0;
  bool undo_kept = false;
  std::vector<Warning> warnings;  ///< files beside the image that could not be put away
};

/// Blocks that the last change freed are about to be overwritten: they can no longer be brought
/// back, so its undo file goes, and is gone before they change. Throws: Io.
void drop_kept_undo(const ImageFile& image, Durability durability);

/// Writes an overlay so that a crash at any instant leaves what recover() knows to finish or take
/// back: room on the host, undo file, mark, everything but the superblock, the superblock. Throws:
/// NoSpace, Io, Exists (an undo file is there). Nothing in the image has changed when
/// `about_to_write` has not been called.
CommitOutcome commit_overlay(
    const Window& where, WindowIo& io, const CommitPolicy& policy,
    const std::function<void()>& about_to_write = [] {});

}  // namespace rawimg
