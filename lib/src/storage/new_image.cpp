// SPDX-License-Identifier: MIT
#include <rawimg/new_image.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <span>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/errno_error.h"
#include "base/text.h"
#include "base/zeros.h"
#include "storage/lock.h"
#include "storage/rename_no_replace.h"
#include "storage/sync_directory.h"

namespace rawimg {
namespace {

namespace fs = std::filesystem;

/// What is at `path`, without following a symlink; nothing when there is nothing.
std::optional<struct stat> look_at(const fs::path& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) == 0) return status;
  if (errno == ENOENT) return std::nullopt;
  throw errno_error(errno, fmt::format("cannot look at {}", quote(path.string())))
      .with_path(path.string());
}

fs::path resolve(const fs::path& path) {
  if (path.empty() || !path.has_filename())
    throw Error(Errc::Usage, fmt::format("{} names no file", quote(path.string())));
  std::error_code error;
  fs::path real = fs::weakly_canonical(path, error);
  if (error)
    throw errno_error(error.value(), fmt::format("cannot resolve {}", quote(path.string())))
        .with_path(path.string());
  return real;
}

void require_replaceable(const fs::path& target, Replace replace) {
  const auto there = look_at(target);
  if (!there) return;
  if (S_ISDIR(there->st_mode))
    throw Error(Errc::Exists, fmt::format("{} is a directory", quote(target.string())))
        .with_path(target.string())
        .with_hint("name the image in it: " + shell_word((target / "disk.img").string()));
  if (replace == Replace::Refuse && S_ISREG(there->st_mode))
    throw Error(Errc::Exists, fmt::format("{} exists", quote(target.string())))
        .with_path(target.string())
        .with_hint("replace it with --force, or choose another name");
  if (!S_ISREG(there->st_mode))
    throw Error(Errc::Exists,
                fmt::format("{} exists and is not a regular file", quote(target.string())))
        .with_path(target.string());
}

/// The sticky bit: without a meaning for a file, and no download has it. It says that a .part is
/// ours, whatever the image that is copied begins with.
constexpr mode_t kUnfinished = S_ISVTX, kPermissions = 07777;

/// Somebody may have a download under this name. An image that was not finished begins with zeros,
/// or at its very end with a table without boot code.
void require_leftover(const ImageFile& file, const std::string& name) {
  std::array<std::byte, kSectorSize> sector{};
  const std::uint64_t size = file.size().value;
  if (size == 0) return;
  file.read_at(ByteOffset{0},
               std::span(sector).first(std::min<std::uint64_t>(size, sector.size())));
  constexpr std::size_t kBootCode = 440;
  const bool has_table = sector[510] == std::byte{0x55} && sector[511] == std::byte{0xAA};
  const auto checked = std::span(sector).first(has_table ? kBootCode : sector.size());
  if (!is_zeros(checked))
    throw Error(
        Errc::Exists,
        fmt::format("{} is there already and is not a leftover of ours; remove it", quote(name)))
        .with_path(name);
}

/// Opens and locks `part`, and makes sure that what is locked is still what has the name and nobody
/// else's.
ImageFile open_part(const fs::path& part, const LockPolicy& lock) {
  const std::string name = part.string();
  for (int attempt = 0; attempt < 100; ++attempt) {
    constexpr int kFlags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    int descriptor = ::open(part.c_str(), kFlags | O_EXCL, 0666);
    const bool is_ours = descriptor >= 0;
    if (!is_ours) descriptor = ::open(part.c_str(), kFlags, 0666);
    if (descriptor < 0) {
      if (errno == ELOOP)
        throw Error(Errc::Exists, fmt::format("{} is a symlink; remove it", quote(name)))
            .with_path(name);
      throw errno_error(errno, fmt::format("cannot create {}", quote(name))).with_path(name);
    }
    ImageFile file = ImageFile::adopt(descriptor, part, Access::ReadWrite);
    try {
      lock_file(descriptor, name, Access::ReadWrite, lock);
    } catch (...) {
      if (is_ours) unlink(part.c_str());
      throw;
    }
    struct stat mine {};
    if (fstat(descriptor, &mine) != 0)
      throw errno_error(errno, fmt::format("cannot stat {}", quote(name))).with_path(name);
    // Whoever had the lock may have renamed the file to its final name meanwhile: that one must not
    // be truncated.
    const auto named = look_at(part);
    if (!named || named->st_ino != mine.st_ino || named->st_dev != mine.st_dev) continue;
    if (!S_ISREG(mine.st_mode) || mine.st_nlink != 1 || mine.st_uid != geteuid())
      throw Error(
          Errc::Exists,
          fmt::format("{} is there already and is not a leftover of ours; remove it", quote(name)))
          .with_path(name);
    if ((mine.st_mode & kUnfinished) == 0) require_leftover(file, name);
    // where the host does not know it, the content has to tell
    (void)fchmod(descriptor, (mine.st_mode & kPermissions) | kUnfinished);
    // ext4 writes out at close() what was ever truncated to nothing, even if nothing it was
    if (mine.st_size != 0) file.resize(ByteCount{0});
    return file;
  }
  throw Error(Errc::Busy, fmt::format("{} keeps changing: another rawimg makes it", quote(name)))
      .with_path(name);
}

/// Whoever has the old image open would go on with a file that has no name any more.
std::optional<ImageFile> lock_old(const fs::path& target, const LockPolicy& lock) {
  if (!look_at(target)) return std::nullopt;
  try {
    return ImageFile::open(target, Access::ReadWrite, lock);
  } catch (const Error& error) {
    if (error.code() == Errc::Busy) throw;
    return std::nullopt;  // who may not write it may replace it all the same
  }
}

/// Whether a file that is open still is what has the name.
bool is_named(const ImageFile& file, const fs::path& name) {
  struct stat open {};
  const auto named = look_at(name);
  return named && fstat(file.descriptor(), &open) == 0 && named->st_ino == open.st_ino &&
         named->st_dev == open.st_dev;
}

/// Takes the mode of what is replaced, and its owner where we may give it. What has no name yet
/// stays marked as unfinished. Returns the mode without the mark.
mode_t take_mode(const ImageFile& part, const std::optional<struct stat>& replaced) {
  struct stat made {};
  const int descriptor = part.descriptor();
  if (replaced) (void)!fchown(descriptor, replaced->st_uid, replaced->st_gid);
  if (fstat(descriptor, &made) == 0) {
    const mode_t mode = (replaced ? replaced->st_mode : made.st_mode) & kPermissions & ~kUnfinished,
                 marked = mode | (made.st_mode & kUnfinished);
    if (marked == (made.st_mode & kPermissions) || fchmod(descriptor, marked) == 0) return mode;
  }
  throw errno_error(errno, fmt::format("cannot set the mode of {}", quote(part.path().string())))
      .with_path(part.path().string());
}

fs::path part_of(const fs::path& target, Replace replace) {
  require_replaceable(target, replace);
  return fs::path(target.native() + ".part");
}

}  // namespace

NewImage::NewImage(const fs::path& path, Replace replace, LockPolicy lock)
    : target_(resolve(path)),
      part_(part_of(target_, replace)),
      replace_(replace),
      old_(lock_old(target_, lock)),
      file_(open_part(part_, lock)) {}

NewImage::NewImage(const fs::path& path, Replace replace, DryRun)
    : target_(resolve(path)), replace_(replace), file_(ImageFile::scratch(path)) {
  require_replaceable(target_, replace);
  const fs::path directory = target_.has_parent_path() ? target_.parent_path() : ".";
  if (access(directory.c_str(), W_OK | X_OK) != 0)
    throw errno_error(errno, fmt::format("cannot create {}", quote(path.string())))
        .with_path(path.string());
}

NewImage::NewImage(ImageFile old, LockPolicy lock)
    : target_(resolve(old.path())),
      part_(part_of(target_, Replace::RegularFile)),
      replace_(Replace::RegularFile),
      old_(std::move(old)),
      file_(open_part(part_, lock)) {
  // of an image that others may not read
  (void)fchmod(file_.descriptor(), S_IRUSR | S_IWUSR | kUnfinished);
  if (is_named(*old_, target_)) return;
  unlink(part_.c_str());
  throw Error(Errc::Io, fmt::format("{} was replaced while it was opened", quote(target_.string())))
      .with_path(target_.string());
}

bool NewImage::owns_part() const { return is_named(file_, part_); }

NewImage::~NewImage() {
  try {
    if (!committed_ && !part_.empty() && owns_part()) unlink(part_.c_str());
  } catch (const Error&) {
    // What cannot be looked at cannot be removed.
  }
}

void NewImage::commit(Durability durability) {
  if (part_.empty()) return;
  require_replaceable(target_, replace_);
  if (durability == Durability::Sync) file_.sync();
  const mode_t mode = take_mode(file_, look_at(target_));
  if (!owns_part())
    throw Error(Errc::Io,
                fmt::format("{} was removed or replaced while it was written; nothing has "
                            "the name {}",
                            quote(part_.string()), quote(target_.string())))
        .with_path(part_.string());
  const int error = replace_ == Replace::Refuse
                        ? rename_no_replace(part_, target_)
                        : (rename(part_.c_str(), target_.c_str()) == 0 ? 0 : errno);
  if (error == EEXIST)
    throw Error(Errc::Exists,
                fmt::format("{} has come into being meanwhile", quote(target_.string())))
        .with_path(target_.string());
  if (error != 0)
    throw errno_error(error, fmt::format("cannot rename {} to {}", quote(part_.string()),
                                         quote(target_.string())))
        .with_path(target_.string());
  committed_ = true;
  (void)fchmod(file_.descriptor(), mode);  // a mark that stays on does no harm
  if (durability == Durability::Sync) sync_directory_of(target_);
}

}  // namespace rawimg
