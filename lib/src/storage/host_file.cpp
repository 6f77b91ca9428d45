// SPDX-License-Identifier: MIT
#include "storage/host_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/errno_error.h"
#include "base/text.h"

namespace rawimg {
namespace {

FileType type_of(mode_t mode, const std::string& name) {
  if (S_ISREG(mode)) return FileType::Regular;
  if (S_ISDIR(mode)) return FileType::Directory;
  if (S_ISLNK(mode)) return FileType::Symlink;
  if (S_ISCHR(mode)) return FileType::CharDevice;
  if (S_ISBLK(mode)) return FileType::BlockDevice;
  if (S_ISFIFO(mode)) return FileType::Fifo;
  if (S_ISSOCK(mode)) return FileType::Socket;
  throw Error(Errc::Unsupported, fmt::format("{} is of a kind that is not known", quote(name)));
}

/// Of what is open, else of what has the path. A symlink or a device cannot be opened for this, and
/// no other call takes a directory that is open.
class Attributes {
 public:
  Attributes(int descriptor, const std::string& path) : descriptor_(descriptor), path_(path) {}
  ssize_t list(char* buffer, std::size_t size) const {
    return descriptor_ >= 0 ? flistxattr(descriptor_, buffer, size)
                            : llistxattr(path_.c_str(), buffer, size);
  }
  ssize_t get(const std::string& name, char* buffer, std::size_t size) const {
    return descriptor_ >= 0 ? fgetxattr(descriptor_, name.c_str(), buffer, size)
                            : lgetxattr(path_.c_str(), name.c_str(), buffer, size);
  }

 private:
  int descriptor_;
  const std::string& path_;
};

std::vector<Xattr> xattrs_of(const Attributes& of, const std::string& path) {
  constexpr std::size_t kMost = 65536;  // XATTR_LIST_MAX and XATTR_SIZE_MAX of Linux
  const auto fail = [&](const std::string& what) {
    throw host_error(errno, "read " + what + " of", path);
  };
  const ssize_t wanted = of.list(nullptr, 0);
  if (wanted == 0 || (wanted < 0 && errno == ENOTSUP)) return {};  // nearly all have none
  const auto buffer = std::make_unique_for_overwrite<char[]>(kMost);
  const ssize_t length = of.list(buffer.get(), kMost);
  if (length < 0) fail("the attributes");
  const std::string names(buffer.get(), static_cast<std::size_t>(length));
  std::vector<Xattr> xattrs;
  for (std::size_t at = 0; at < names.size();) {
    const std::string attribute(names.c_str() + at);
    at += attribute.size() + 1;
    const ssize_t size = of.get(attribute, buffer.get(), kMost);
    if (size < 0 && errno == ENODATA) continue;  // it went in the meantime
    if (size < 0) fail("the attribute " + quote(attribute));
    xattrs.push_back({attribute, std::string(buffer.get(), static_cast<std::size_t>(size))});
  }
  std::sort(xattrs.begin(), xattrs.end());
  return xattrs;
}

std::string read_target(int directory, const std::string& name, const std::string& path) {
  std::array<char, PATH_MAX> target;
  const ssize_t length = readlinkat(directory, name.c_str(), target.data(), target.size());
  if (length < 0) throw host_error(errno, "read", path);
  return {target.data(), static_cast<std::size_t>(length)};
}

Timestamp time_of(const timespec& time) {
  return {time.tv_sec, static_cast<std::uint32_t>(time.tv_nsec)};
}

}  // namespace

HostFile::HostFile(int directory, std::string name, std::string path, HostLinks links)
    : directory_(directory), name_(std::move(name)), path_(std::move(path)) {
  const bool follow = links == HostLinks::AreFollowed;
  if (fstatat(directory, name_.c_str(), &status_, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
    throw host_error(errno, "read", path_);
  if (!S_ISREG(status_.st_mode) && !S_ISDIR(status_.st_mode)) return;
  const mode_t kind = status_.st_mode & S_IFMT;
  descriptor_ =
      Descriptor(openat(directory, name_.c_str(),
                        O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | (follow ? 0 : O_NOFOLLOW)));
  error_ = descriptor_.get() < 0 ? errno : 0;
  if (error_ != 0) return;
  if (fstat(descriptor_.get(), &status_) != 0) throw host_error(errno, "read", path_);
  if ((status_.st_mode & S_IFMT) != kind) throw changed_while_read(path_);
}

int HostFile::descriptor() const {
  if (descriptor_.get() < 0) throw host_error(error_, "open", path_);
  return descriptor_.get();
}

Entry HostFile::entry() const {
  Entry entry;
  entry.type = type_of(status_.st_mode, path_);
  entry.permissions = status_.st_mode & 07777;
  entry.uid = status_.st_uid;
  entry.gid = status_.st_gid;
  entry.mtime = time_of(status_.st_mtim);
  entry.atime = time_of(status_.st_atim);
  if (entry.type == FileType::Regular)
    entry.size_bytes = static_cast<std::uint64_t>(status_.st_size);
  entry.device_major = major(status_.st_rdev);
  entry.device_minor = minor(status_.st_rdev);
  if (entry.type == FileType::Symlink) entry.link_target = read_target(directory_, name_, path_);
  entry.xattrs = xattrs_of(Attributes(descriptor_.get(), path_), path_);
  return entry;
}

std::vector<std::string> HostFile::names() const {
  Descriptor again(fcntl(descriptor(), F_DUPFD_CLOEXEC, 0));
  const std::unique_ptr<DIR, int (*)(DIR*)> open(again.get() < 0 ? nullptr : fdopendir(again.get()),
                                                 closedir);
  if (!open) throw host_error(errno, "read", path_);
  again.release();
  rewinddir(open.get());
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(open.get());
    if (entry == nullptr && errno != 0) throw host_error(errno, "read", path_);
    if (entry == nullptr) break;
    const std::string_view found = entry->d_name;
    if (found != "." && found != "..") names.emplace_back(found);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void HostFile::require_unchanged() const {
  struct stat now {};
  if (fstat(descriptor(), &now) != 0 || now.st_size != status_.st_size ||
      time_of(now.st_mtim) != time_of(status_.st_mtim))
    throw changed_while_read(path_);
}

Error host_error(int number, std::string_view what, const std::string& name) {
  return errno_error(number, fmt::format("cannot {} {}", what, quote(name))).with_path(name);
}

Error changed_while_read(const std::string& name) {
  return Error(Errc::Io, fmt::format("{} changed while it was read", quote(name))).with_path(name);
}

void write_all(int descriptor, std::span<const std::byte> bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) throw host_error(errno, "write", name);
    if (n > 0) bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

std::optional<ByteRange> next_data(int descriptor, std::uint64_t at, std::uint64_t size) {
  if (at >= size) return std::nullopt;
  const off_t begin = lseek(descriptor, static_cast<off_t>(at), SEEK_DATA);
  if (begin < 0 && errno == ENXIO) return std::nullopt;
  const off_t end = begin < 0 ? -1 : lseek(descriptor, begin, SEEK_HOLE);
  if (begin < 0 || end < 0) return ByteRange{ByteOffset{at}, ByteCount{size - at}};
  const auto from = static_cast<std::uint64_t>(begin),
             to = std::min(static_cast<std::uint64_t>(end), size);
  if (from >= to) return std::nullopt;
  return ByteRange{ByteOffset{from}, ByteCount{to - from}};
}

}  // namespace rawimg
