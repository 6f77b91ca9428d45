// SPDX-License-Identifier: MIT
#include "ext/kernel_replay.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace rawimg::test {
namespace {

bool write_content(const std::string& path, const std::string& content, int flags) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0600);
  if (file < 0) return false;
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t n = ::write(file, content.data() + done, content.size() - done);
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  return ::close(file) == 0 && done == content.size();
}

bool set_xattrs(const std::string& path, const std::vector<Xattr>& xattrs) {
  std::string names(65536, '\0');
  const ssize_t length = llistxattr(path.c_str(), names.data(), names.size());
  if (length < 0) return false;
  for (const char* name = names.data(); name < names.data() + length; name += std::strlen(name) + 1)
    if (lremovexattr(path.c_str(), name) != 0) return false;
  for (const Xattr& xattr : xattrs)
    if (lsetxattr(path.c_str(), xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0) != 0)
      return false;
  return true;
}

bool set_metadata(const std::string& path, const Entry& meta) {
  // A change of owner takes setuid away, so the mode comes behind it.
  return lchown(path.c_str(), meta.uid, meta.gid) == 0 &&
         (meta.type == FileType::Symlink || chmod(path.c_str(), meta.permissions) == 0);
}

bool make(const std::string& path, const Entry& meta, const std::string& content) {
  switch (meta.type) {
    case FileType::Regular:
      return write_content(path, content, O_CREAT | O_EXCL);
    case FileType::Directory:
      return mkdir(path.c_str(), 0700) == 0;
    case FileType::Symlink:
      return symlink(meta.link_target.c_str(), path.c_str()) == 0;
    case FileType::CharDevice:
      return mknod(path.c_str(), S_IFCHR | 0600, makedev(meta.device_major, meta.device_minor)) ==
             0;
    case FileType::BlockDevice:
      return mknod(path.c_str(), S_IFBLK | 0600, makedev(meta.device_major, meta.device_minor)) ==
             0;
    case FileType::Fifo:
      return mkfifo(path.c_str(), 0600) == 0;
    case FileType::Socket:
      break;
  }
  return mknod(path.c_str(), S_IFSOCK | 0600, 0) == 0;
}

}  // namespace

KernelStep kernel_make(const std::string& path, const Entry& meta, const std::string& content) {
  return {"make " + path, true, [=](const std::string& root) {
            const std::string full = root + path;
            return make(full, meta, content) && set_metadata(full, meta) &&
                   (meta.xattrs.empty() || set_xattrs(full, meta.xattrs));
          }};
}

KernelStep kernel_remove(const std::string& path, FileType type) {
  return {"remove " + path, true, [=](const std::string& root) {
            const std::string full = root + path;
            return (type == FileType::Directory ? rmdir(full.c_str()) : unlink(full.c_str())) == 0;
          }};
}

KernelStep kernel_rename(const std::string& from, const std::string& to) {
  return {"rename " + from + " to " + to, true, [=](const std::string& root) {
            return std::rename((root + from).c_str(), (root + to).c_str()) == 0;
          }};
}

KernelStep kernel_link(const std::string& from, const std::string& to) {
  return {"link " + from + " to " + to, true, [=](const std::string& root) {
            return link((root + from).c_str(), (root + to).c_str()) == 0;
          }};
}

KernelStep kernel_set_size(const std::string& path, std::uint64_t size) {
  return {"truncate " + path, true, [=](const std::string& root) {
            return truncate((root + path).c_str(), static_cast<off_t>(size)) == 0;
          }};
}

KernelStep kernel_write(const std::string& path, const std::string& content) {
  return {"write " + path, true, [=](const std::string& root) {
            const std::string full = root + path;
            struct stat before {};
            // A write takes setuid away, which is a matter of who writes.
            return lstat(full.c_str(), &before) == 0 && write_content(full, content, O_TRUNC) &&
                   chmod(full.c_str(), before.st_mode & 07777) == 0;
          }};
}

KernelStep kernel_set_xattrs(const std::string& path, const std::vector<Xattr>& xattrs) {
  return {"xattrs of " + path, true,
          [=](const std::string& root) { return set_xattrs(root + path, xattrs); }};
}

KernelStep kernel_set_metadata(const std::string& path, const Entry& meta) {
  return {"metadata of " + path, true,
          [=](const std::string& root) { return set_metadata(root + path, meta); }};
}

void replay(const std::vector<KernelStep>& steps, const std::string& root) {
  for (const KernelStep& step : steps) {
    errno = 0;
    if (step.run(root) != step.succeeds)
      throw std::runtime_error(
          step.what + ": the kernel " +
          (step.succeeds ? std::string("refuses it: ") + strerror(errno) : std::string("does it")));
  }
}

}  // namespace rawimg::test
