// SPDX-License-Identifier: MIT
#include "ext/overlay_commit.h"

#include <cerrno>
#include <cstdio>
#include <vector>

#include <unistd.h>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/errno_error.h"
#include "base/text.h"
#include "ext/undo_file.h"
#include "storage/sync_directory.h"

namespace rawimg {
namespace {

namespace fs = std::filesystem;

void put_away(const fs::path& undo, const fs::path& kept, bool keep, Durability durability) {
  const int failed = keep ? std::rename(undo.c_str(), kept.c_str()) : ::unlink(undo.c_str());
  if (failed != 0)
    throw errno_error(errno, fmt::format("cannot put away {}", quote(undo.string())))
        .with_path(undo.string());
  // An older one is of a state that is gone.
  if (!keep && ::unlink(kept.c_str()) != 0 && errno != ENOENT)
    throw errno_error(errno, fmt::format("cannot remove {}", quote(kept.string())))
        .with_path(kept.string());
  if (durability == Durability::Sync) sync_directory_of(undo);
}

}  // namespace

void drop_kept_undo(const ImageFile& image) {
  const fs::path kept = kept_path(image);
  if (::unlink(kept.c_str()) != 0 && errno != ENOENT)
    throw errno_error(errno, fmt::format("cannot remove {}", quote(kept.string())))
        .with_path(kept.string());
}

CommitOutcome commit_overlay(const Window& where, WindowIo& io, const CommitPolicy& policy,
                             const std::function<void()>& about_to_write) {
  ImageFile& file = where.file();
  const auto sync = [&] {
    if (policy.durability == Durability::Sync) file.sync();
  };
  const std::vector<ByteRange> ranges = io.dirty();
  CommitOutcome outcome;
  for (const ByteRange& range : ranges) {
    file.reserve({ByteOffset{where.range().start() + range.start()}, ByteCount{range.size()}});
    outcome.bytes_written += range.size();
  }
  // Content that was written past the overlay must be there before anything points to it.
  sync();
  const fs::path path = undo_path(file);
  const UndoFile undo = UndoFile::write(path, where, ranges, io, policy.durability);
  about_to_write();
  file.write_at(ByteOffset{where.range().start() + kSuperblockAt}, undo.superblock_marked());
  sync();
  io.write_all_but_superblock();
  sync();
  io.write_superblock();
  sync();
  outcome.undo_kept = undo.payload_bytes() <= policy.keep_undo_bytes;
  put_away(path, kept_path(file), outcome.undo_kept, policy.durability);
  return outcome;
}

}  // namespace rawimg
