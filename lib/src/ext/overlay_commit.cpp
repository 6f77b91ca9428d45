// SPDX-License-Identifier: MIT
#include "ext/overlay_commit.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
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

/// Null: it is gone.
std::optional<Warning> remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return std::nullopt;
  const std::string name = path.string();
  return Warning{"leftover", name,
                 fmt::format("cannot remove {}: {}", quote(name), std::strerror(errno))};
}

/// The commit point is behind us: what fails here is no failure of the change.
void put_away(const fs::path& undo, const fs::path& kept, Durability durability,
              CommitOutcome& outcome) {
  const auto note = [&](std::optional<Warning> warning) {
    if (warning) outcome.warnings.push_back(*std::move(warning));
  };
  if (outcome.undo_kept && std::rename(undo.c_str(), kept.c_str()) != 0) {
    outcome.undo_kept = false;
    note(Warning{"undo-not-kept", kept.string(),
                 fmt::format("the change cannot be taken back later: cannot make {}: {}",
                             quote(kept.string()), std::strerror(errno))});
    note(remove_file(undo));
  } else if (!outcome.undo_kept) {
    note(remove_file(undo));
    note(remove_file(kept));  // of a state that is gone
  }
  try {
    if (durability == Durability::Sync) sync_directory_of(undo);
  } catch (const Error& error) {
    note(Warning{"leftover", undo.string(), error.what()});
  }
}

}  // namespace

void drop_kept_undo(const ImageFile& image, Durability durability) {
  const fs::path kept = kept_path(image);
  if (::access(kept.c_str(), F_OK) != 0 && errno == ENOENT) return;
  if (const auto failure = remove_file(kept); failure && may_be_undone(kept, image))
    throw Error(Errc::Io, failure->message).with_path(failure->path);
  if (durability == Durability::Sync) sync_directory_of(kept);
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
  put_away(path, kept_path(file), policy.durability, outcome);
  return outcome;
}

}  // namespace rawimg
