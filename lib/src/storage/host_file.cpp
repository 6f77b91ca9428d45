// SPDX-License-Identifier: MIT
#include "storage/host_file.h"

#include <dirent.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>

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

std::vector<Xattr> xattrs_of(const std::string& path, const std::string& name) {
  constexpr std::size_t kMost = 65536;  // XATTR_LIST_MAX and XATTR_SIZE_MAX of Linux
  const auto fail = [&](const std::string& what) {
    throw host_error(errno, "read " + what + " of", name);
  };
  const ssize_t wanted = llistxattr(path.c_str(), nullptr, 0);
  if (wanted == 0 || (wanted < 0 && errno == ENOTSUP)) return {};  // nearly all have none
  const auto buffer = std::make_unique_for_overwrite<char[]>(kMost);
  const ssize_t length = llistxattr(path.c_str(), buffer.get(), kMost);
  if (length < 0) fail("the attributes");
  const std::string names(buffer.get(), static_cast<std::size_t>(length));
  std::vector<Xattr> xattrs;
  for (std::size_t at = 0; at < names.size();) {
    const std::string attribute(names.c_str() + at);
    at += attribute.size() + 1;
    const ssize_t size = lgetxattr(path.c_str(), attribute.c_str(), buffer.get(), kMost);
    if (size < 0 && errno == ENODATA) continue;  // it went in the meantime
    if (size < 0) fail("the attribute " + quote(attribute));
    xattrs.push_back({attribute, std::string(buffer.get(), static_cast<std::size_t>(size))});
  }
  std::sort(xattrs.begin(), xattrs.end());
  return xattrs;
}

Timestamp time_of(const timespec& time) {
  return {time.tv_sec, static_cast<std::uint32_t>(time.tv_nsec)};
}

}  // namespace

Entry host_entry(const std::string& path, const struct stat& status, const std::string& name) {
  Entry entry;
  entry.type = type_of(status.st_mode, name);
  entry.permissions = status.st_mode & 07777;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.mtime = time_of(status.st_mtim);
  entry.atime = time_of(status.st_atim);
  if (entry.type == FileType::Regular)
    entry.size_bytes = static_cast<std::uint64_t>(status.st_size);
  entry.device_major = major(status.st_rdev);
  entry.device_minor = minor(status.st_rdev);
  if (entry.type == FileType::Symlink) {
    std::error_code error;
    entry.link_target = std::filesystem::read_symlink(path, error).string();
    if (error) throw host_error(error.value(), "read", name);
  }
  entry.xattrs = xattrs_of(path, name);
  return entry;
}

Error host_error(int number, std::string_view what, const std::string& name) {
  return errno_error(number, fmt::format("cannot {} {}", what, quote(name))).with_path(name);
}

void write_all(int descriptor, std::span<const std::byte> bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) throw host_error(errno, "write", name);
    if (n > 0) bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

std::vector<std::string> names_in(const std::string& directory, const std::string& name) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(directory.c_str()), closedir);
  if (!open) throw host_error(errno, "read", name);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(open.get());
    if (entry == nullptr && errno != 0) throw host_error(errno, "read", name);
    if (entry == nullptr) break;
    const std::string_view found = entry->d_name;
    if (found != "." && found != "..") names.emplace_back(found);
  }
  std::sort(names.begin(), names.end());
  return names;
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

bool same_content(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && time_of(a.st_mtim) == time_of(b.st_mtim);
}

}  // namespace rawimg
