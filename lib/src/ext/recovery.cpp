// SPDX-License-Identifier: MIT
#include <rawimg/recovery.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/errno_error.h"
#include "base/text.h"
#include "ext/overlay_commit.h"
#include "ext/undo_file.h"
#include "storage/sync_directory.h"

namespace rawimg {
namespace {

namespace fs = std::filesystem;

enum class Stage { NotBegun, Writing, Complete, Foreign };

/// How far the transaction had come, by the halves of the superblock (undo_file.h).
Stage stage_of(const UndoFile& undo, const SuperblockBytes& now) {
  const SuperblockBytes before = undo.superblock_before(), marked = undo.superblock_marked(),
                        after = undo.superblock_after();
  if (now == after) return Stage::Complete;
  if (now == before) return Stage::NotBegun;
  for (std::size_t half = 0; half < kSuperblockSize; half += kSectorSize) {
    const auto same = [&](const SuperblockBytes& other) {
      return std::equal(now.begin() + static_cast<std::ptrdiff_t>(half),
                        now.begin() + static_cast<std::ptrdiff_t>(half + kSectorSize),
                        other.begin() + static_cast<std::ptrdiff_t>(half));
    };
    if (!same(before) && !same(marked) && !same(after)) return Stage::Foreign;
  }
  return Stage::Writing;
}

bool is_marked(const SuperblockBytes& superblock) {
  ext2_super_block super;
  std::memcpy(&super, superblock.data(), sizeof super);
  return super.s_magic == EXT2_SUPER_MAGIC && (super.s_feature_incompat & kUnusableMark) != 0;
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

/// Whoever may make files beside the image is not thereby somebody who may change it.
void require_trusted_owner(const ImageFile& image) {
  struct stat undo {
  }, own{};
  if (lstat(undo_path(image).c_str(), &undo) != 0 || stat(image.path().c_str(), &own) != 0) return;
  if (undo.st_uid != geteuid() && undo.st_uid != 0 && undo.st_uid != own.st_uid)
    throw Error(Errc::Dirty, fmt::format("{} belongs to user {}, and the image to user {}",
                                         quote(undo_path(image).string()), undo.st_uid, own.st_uid))
        .with_path(undo_path(image).string())
        .with_hint("if it is right, give it to the image's owner; else remove it");
}

Found look(const ImageFile& image) {
  Found found;
  require_trusted_owner(image);
  try {
    found.undo = UndoFile::read(undo_path(image));
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
  if (is_marked(*now))
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

/// The file, with pre-images in front of it.
class RecoveredWindow : public WindowReader {
 public:
  RecoveredWindow(const Window& where, const UndoFile& undo) : where_(where) {
    undo.read_pre_images([&](std::uint64_t at, std::span<const std::byte> bytes) {
      pieces_[at].assign(bytes.begin(), bytes.end());
    });
  }
  void read_at(std::uint64_t at, std::span<std::byte> out) const override {
    where_.read_at(at, out);
    auto piece = pieces_.upper_bound(at);
    if (piece != pieces_.begin()) --piece;
    for (; piece != pieces_.end() && piece->first < at + out.size(); ++piece) {
      const std::uint64_t begin = std::max(at, piece->first),
                          end = std::min<std::uint64_t>(at + out.size(),
                                                        piece->first + piece->second.size());
      if (begin < end)
        std::memcpy(out.data() + (begin - at), piece->second.data() + (begin - piece->first),
                    end - begin);
    }
  }

 private:
  Window where_;
  std::map<std::uint64_t, std::vector<std::byte>> pieces_;
};

}  // namespace

Recovery recover(ImageFile& image, Durability durability, Recover what) {
  const Found found = look(image);
  const bool dry = what == Recover::DryRun;
  const fs::path path = undo_path(image);
  if (!found.undo && found.why_not.empty()) return {};
  if (!found.undo) {
    const fs::path stale(path.native() + ".stale");
    if (!dry && std::rename(path.c_str(), stale.c_str()) != 0)
      throw errno_error(errno, fmt::format("cannot rename {}", quote(path.string())))
          .with_path(path.string());
    return {Recovery::Outcome::SetAside,
            fmt::format("{} is of no use and was renamed to .stale: {}", quote(path.string()),
                        found.why_not)};
  }
  if (!dry && found.stage == Stage::Writing) roll_back(image, *found.undo, durability);
  if (!dry) remove_undo(image, durability);
  if (found.stage == Stage::Writing)
    return {Recovery::Outcome::RolledBack, "a change that was interrupted was taken back"};
  return {Recovery::Outcome::Finished,
          found.stage == Stage::Complete
              ? "a change that was interrupted at its very end is complete"
              : "a change that was interrupted had not begun to write"};
}

std::unique_ptr<const WindowReader> read_recovered(const Window& where) {
  const Found found = look(where.file());
  if (!found.undo || found.stage != Stage::Writing || found.undo->window() != where.range())
    return nullptr;
  return std::make_unique<RecoveredWindow>(where, *found.undo);
}

void undo_last(ImageFile& image, Durability durability, Recover what) {
  (void)recover(image, durability, what);
  const fs::path path = kept_path(image);
  const auto kept = UndoFile::read(path);
  if (!kept)
    throw Error(Errc::NotFound, fmt::format("no change of {} was kept to be taken back",
                                            quote(image.path().string())))
        .with_path(path.string());
  const auto mismatch = [&] {
    return Error(Errc::Mismatch,
                 fmt::format("{} has changed since: its last change cannot be taken back any more",
                             quote(image.path().string())))
        .with_path(image.path().string());
  };
  if (image.size().value != kept->image_bytes()) throw mismatch();
  const Window where(image, kept->window());
  std::vector<std::byte> now;
  for (const UndoFile::Range& range : kept->ranges()) {
    Sha256 digest;
    for (std::uint64_t done = 0; done < range.size; done += now.size()) {
      now.resize(std::min<std::uint64_t>(1u << 20, range.size - done));
      where.read_at(range.at + done, now);
      digest.add(now);
    }
    if (digest.finish() != range.after) throw mismatch();
  }
  if (what == Recover::DryRun) return;
  WindowIo io(where, WindowIo::Content::Unknown);
  kept->read_pre_images(
      [&](std::uint64_t at, std::span<const std::byte> bytes) { io.write_at(at, bytes); });
  commit_overlay(where, io, {durability, UINT64_MAX});
}

}  // namespace rawimg
