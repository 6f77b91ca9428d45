// SPDX-License-Identifier: MIT
#include <rawimg/recovery.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/errno_error.h"
#include "base/text.h"
#include "ext/overlay_commit.h"
#include "ext/undo_file.h"
#include "storage/rename_no_replace.h"
#include "storage/sync_directory.h"

namespace rawimg {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMarkedIdWords = 4;  // of s_reserved: the first 16 bytes of the id
constexpr unsigned kMostStale = 100;

enum class Stage { NotBegun, Writing, Ending, Complete, Foreign };

/// How far the transaction had come, by the halves of the superblock (undo_file.h).
Stage stage_of(const UndoFile& undo, const SuperblockBytes& now) {
  const SuperblockBytes before = undo.superblock_before(), marked = undo.superblock_marked(),
                        after = undo.superblock_after();
  if (now == after) return Stage::Complete;
  if (now == before) return Stage::NotBegun;
  const auto is_torn = [&](const SuperblockBytes& from, const SuperblockBytes& to) {
    for (std::size_t half = 0; half < kSuperblockSize; half += kSectorSize) {
      const auto same = [&](const SuperblockBytes& other) {
        return std::memcmp(&now[half], &other[half], kSectorSize) == 0;
      };
      if (!same(from) && !same(to)) return false;
    }
    return true;
  };
  if (is_torn(before, marked)) return Stage::Writing;
  return is_torn(marked, after) ? Stage::Ending : Stage::Foreign;
}

ext2_super_block fields_of(const SuperblockBytes& superblock) {
  ext2_super_block super;
  std::memcpy(&super, superblock.data(), sizeof super);
  return super;
}

bool is_marked(const SuperblockBytes& superblock) {
  const ext2_super_block super = fields_of(superblock);
  return super.s_magic == EXT2_SUPER_MAGIC && (super.s_feature_incompat & kUnusableMark) != 0;
}

/// Half of a mark is one, too: its second half has the transaction's id.
bool may_be_interrupted(const SuperblockBytes& superblock) {
  const ext2_super_block super = fields_of(superblock);
  const auto* id = std::begin(super.s_reserved);
  return (super.s_feature_incompat & kUnusableMark) != 0 ||
         std::any_of(id, id + kMarkedIdWords, [](__u32 word) { return word != 0; });
}

/// A superblock that is damaged, but bears this transaction's id.
bool names(const SuperblockBytes& superblock, const UndoFile& undo) {
  const ext2_super_block now = fields_of(superblock), marked = fields_of(undo.superblock_marked());
  return std::memcmp(now.s_reserved, marked.s_reserved, kMarkedIdWords * sizeof(__u32)) == 0;
}

std::optional<SuperblockBytes> superblock_at(const ImageFile& image, std::uint64_t window_start) {
  if (window_start > image.size().value ||
      image.size().value - window_start < kSuperblockAt + kSuperblockSize)
    return std::nullopt;
  SuperblockBytes bytes;
  image.read_at(ByteOffset{window_start + kSuperblockAt}, bytes);
  return bytes;
}

/// A damaged undo file is of no use unless the image needs it: then it is all that there is.
void require_unmarked(const ImageFile& image, const Error& damage) {
  const auto start = UndoFile::claimed_start(undo_path(image));
  const auto superblock = start ? superblock_at(image, *start) : std::nullopt;
  if (superblock && is_marked(*superblock))
    throw Error(Errc::Dirty, fmt::format("a change of the filesystem at byte {} was interrupted, "
                                         "and cannot be taken back: {}",
                                         *start, damage.what()))
        .with_path(undo_path(image).string())
        .with_hint("find an undamaged copy of the undo file, or restore the image from a backup");
}

struct Found {
  std::optional<UndoFile> undo;  ///< complete and of this image
  Stage stage = Stage::Foreign;
  std::string why_not;  ///< when there is an undo file that is of no use
};

Found look(const ImageFile& image) {
  Found found;
  try {
    found.undo = UndoFile::read(undo_path(image), image);
  } catch (const Error& error) {
    if (error.code() != Errc::BadInput) throw;
    require_unmarked(image, error);
    found.why_not = error.what();
    return found;
  }
  if (!found.undo) return found;
  const auto now = superblock_at(image, found.undo->window().start());
  if (!now || image.size().value != found.undo->image_bytes()) {
    if (now && is_marked(*now))
      throw Error(Errc::Dirty, fmt::format("a change of the filesystem at byte {} was interrupted, "
                                           "when the image had {} bytes; now it has {}",
                                           found.undo->window().start(), found.undo->image_bytes(),
                                           image.size().value))
          .with_path(image.path().string())
          .with_hint("give it its length back");
    found.why_not = fmt::format("it is for an image of {} bytes, and there are {}",
                                found.undo->image_bytes(), image.size().value);
    found.undo.reset();
    return found;
  }
  found.stage = stage_of(*found.undo, *now);
  if (found.stage != Stage::Foreign) return found;
  if (is_marked(*now) || names(*now, *found.undo))
    throw Error(Errc::Dirty,
                fmt::format("the filesystem at byte {} was being changed by a transaction, and {} "
                            "is of another one",
                            found.undo->window().start(), quote(undo_path(image).string())))
        .with_hint("find the right undo file, or restore the image from a backup");
  found.why_not = "the image has changed since";
  found.undo.reset();
  return found;
}

void remove_undo(const ImageFile& image, Durability durability) {
  const fs::path path = undo_path(image);
  if (::unlink(path.c_str()) != 0)
    throw errno_error(errno, fmt::format("cannot remove {}", quote(path.string())))
        .with_path(path.string());
  if (durability == Durability::Sync) sync_directory_of(path);
}

void roll_back(ImageFile& image, const UndoFile& undo, Durability durability) {
  const std::uint64_t start = undo.window().start();
  const auto write = [&](std::uint64_t at, std::span<const std::byte> bytes) {
    if (!bytes.empty()) image.write_at(ByteOffset{start + at}, bytes);
  };
  undo.read_pre_images([&](std::uint64_t at, std::span<const std::byte> bytes) {
    const std::uint64_t end = at + bytes.size(), super_end = kSuperblockAt + kSuperblockSize;
    const std::uint64_t before = std::clamp(kSuperblockAt, at, end),
                        behind = std::clamp(super_end, at, end);
    write(at, bytes.first(before - at));
    write(behind, bytes.subspan(behind - at));
  });
  if (durability == Durability::Sync) image.sync();
  write(kSuperblockAt, undo.superblock_before());
  if (durability == Durability::Sync) image.sync();
}

void end(ImageFile& image, const UndoFile& undo, Durability durability) {
  image.write_at(ByteOffset{undo.window().start() + kSuperblockAt}, undo.superblock_after());
  if (durability == Durability::Sync) image.sync();
}

/// What recover() would make of the file.
class RecoveredWindow : public WindowReader {
 public:
  RecoveredWindow(const Window& where, UndoFile undo, Stage stage)
      : where_(where), undo_(std::move(undo)), stage_(stage) {}
  void read_at(std::uint64_t at, std::span<std::byte> out) const override {
    where_.read_at(at, out);
    if (stage_ == Stage::Writing) return undo_.overlay_pre_images(at, out);
    const SuperblockBytes super = undo_.superblock_after();
    const std::uint64_t begin = std::max(at, kSuperblockAt),
                        end = std::min(at + out.size(), kSuperblockAt + kSuperblockSize);
    if (begin < end) std::memcpy(&out[begin - at], &super[begin - kSuperblockAt], end - begin);
  }

 private:
  Window where_;
  UndoFile undo_;
  Stage stage_;
};

/// Renames to NAME.stale, or NAME.stale.2 and so on: what is there already may be needed.
fs::path set_aside(const fs::path& path, Recover what) {
  for (unsigned number = 1;; ++number) {
    const fs::path stale(path.native() + ".stale" +
                         (number == 1 ? "" : "." + std::to_string(number)));
    const int failure = what == Recover::DryRun ? 0 : rename_no_replace(path, stale);
    if (failure == 0) return stale;
    if (failure == EEXIST && number < kMostStale) continue;
    throw errno_error(failure, fmt::format("cannot rename {}", quote(path.string())))
        .with_path(path.string());
  }
}

}  // namespace

Recovery recover(ImageFile& image, Durability durability, Recover what) {
  const Found found = look(image);
  const bool dry = what == Recover::DryRun;
  const fs::path path = undo_path(image);
  if (!found.undo && found.why_not.empty()) return {};
  if (!found.undo) {
    const fs::path stale = set_aside(path, what);
    return {Recovery::Outcome::SetAside,
            fmt::format("{} is of no use ({}): renamed to {}", quote(path.string()), found.why_not,
                        quote(stale.filename().string()))};
  }
  if (!dry && found.stage == Stage::Writing) roll_back(image, *found.undo, durability);
  if (!dry && found.stage == Stage::Ending) end(image, *found.undo, durability);
  if (!dry) remove_undo(image, durability);
  if (found.stage == Stage::Writing)
    return {Recovery::Outcome::RolledBack, "a change that was interrupted was taken back"};
  return {Recovery::Outcome::Finished,
          found.stage != Stage::NotBegun
              ? "a change that was interrupted at its very end is complete"
              : "a change that was interrupted had not begun to write"};
}

void require_whole(ImageFile& image) {
  const Recovery::Outcome outcome = recover(image, Durability::NoSync, Recover::DryRun).outcome;
  if (outcome != Recovery::Outcome::RolledBack && outcome != Recovery::Outcome::Finished) return;
  throw Error(Errc::Dirty,
              fmt::format("a change of {} was interrupted", quote(image.path().string())))
      .with_path(image.path().string())
      .with_hint("run " + quote_command("rawimg recover " + shell_word(image.path().string())) +
                 " first");
}

std::unique_ptr<const WindowReader> read_recovered(const Window& where) {
  const auto now = superblock_at(where.file(), where.range().start());
  if (!now || !may_be_interrupted(*now)) return nullptr;
  Found found = look(where.file());
  const bool interrupted = found.stage == Stage::Writing || found.stage == Stage::Ending;
  if (!found.undo || !interrupted || found.undo->window() != where.range()) return nullptr;
  return std::make_unique<RecoveredWindow>(where, *std::move(found.undo), found.stage);
}

Recovery undo_last(ImageFile& image, const UndoOptions& options) {
  Recovery recovery = recover(image, options.durability, options.what);
  if (recovery.outcome == Recovery::Outcome::RolledBack ||
      recovery.outcome == Recovery::Outcome::Finished)
    return recovery;
  const fs::path path = kept_path(image);
  const auto kept = UndoFile::read(path, image);
  if (!kept)
    throw Error(Errc::NotFound, fmt::format("no change of {} was kept to be taken back",
                                            quote(image.path().string())))
        .with_path(path.string());
  if (options.filesystem.value_or(kept->window()) != kept->window())
    throw Error(Errc::NotFound,
                fmt::format("the last change of {} was of the filesystem at byte {}",
                            quote(image.path().string()), kept->window().start()))
        .with_path(image.path().string());
  if (!kept->is_last_change(image))
    throw Error(Errc::Mismatch,
                fmt::format("{} has changed since: its last change cannot be taken back any more",
                            quote(image.path().string())))
        .with_path(image.path().string());
  if (options.what == Recover::DryRun) return recovery;
  const Window where(image, kept->window());
  WindowIo io(where, WindowIo::Content::Unknown);
  kept->read_pre_images(
      [&](std::uint64_t at, std::span<const std::byte> bytes) { io.write_at(at, bytes); });
  commit_overlay(where, io, {options.durability, UINT64_MAX});
  return recovery;
}

}  // namespace rawimg
