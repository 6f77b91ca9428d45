// SPDX-License-Identifier: MIT
// tree_listing [--blocks] DIR: the canonical listing of a directory tree as the running kernel
// shows it. Static, so that it runs in a guest that has nothing else. Stays on DIR's filesystem.
// Walks with chdir, so that no path is too long and no /proc is needed.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "judge/listing.h"

using rawimg::judge::ContentHash;
using rawimg::judge::Node;

namespace {

[[noreturn]] void fail(const char* what, const std::string& path) {
  std::fprintf(stderr, "tree_listing: %s '%s': %s\n", what, path.c_str(), std::strerror(errno));
  std::exit(1);
}

char type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return 'f';
    case S_IFDIR:
      return 'd';
    case S_IFLNK:
      return 'l';
    case S_IFCHR:
      return 'c';
    case S_IFBLK:
      return 'b';
    case S_IFIFO:
      return 'p';
    case S_IFSOCK:
      return 's';
    default:
      return '?';
  }
}

// `name` is relative to the working directory, `path` is what a message shows.
std::map<std::string, std::string> read_xattrs(const char* name, const std::string& path) {
  static char names[65536], value[65536];  // as large as the kernel lets them be
  std::map<std::string, std::string> found;
  const auto length = ::llistxattr(name, names, sizeof names);
  if (length < 0 && errno == ENOTSUP) return found;
  if (length < 0) fail("llistxattr", path);
  for (const char* at = names; at < names + length; at += std::strlen(at) + 1) {
    const auto size = ::lgetxattr(name, at, value, sizeof value);
    if (size < 0) fail("lgetxattr", path + " " + at);
    found[at].assign(value, static_cast<std::size_t>(size));
  }
  return found;
}

std::string hash_file(const char* name, const std::string& path) {
  // Whole pieces; many at once, because a system call is dear in an emulated machine.
  static unsigned char pieces[64][ContentHash::kPiece];
  const int fd = ::open(name, O_RDONLY | O_NOFOLLOW);
  if (fd < 0) fail("open", path);
  ContentHash hash;
  off_t at = 0;
  while ((at = ::lseek(fd, at, SEEK_DATA)) >= 0) {
    const off_t end = ::lseek(fd, at, SEEK_HOLE);
    if (end < 0) fail("lseek", path);
    at -= at % static_cast<off_t>(ContentHash::kPiece);
    while (at < end) {
      std::size_t have = 0;
      for (ssize_t got = 1; have < sizeof pieces && at + static_cast<off_t>(have) < end && got != 0;
           have += static_cast<std::size_t>(got)) {
        got = ::pread(fd, pieces[0] + have, sizeof pieces - have, at + static_cast<off_t>(have));
        if (got < 0) fail("read", path);
      }
      if (have == 0) break;
      std::memset(pieces[0] + have, 0, sizeof pieces - have);
      for (std::size_t i = 0; i * ContentHash::kPiece < have; ++i, at += ContentHash::kPiece)
        hash.add(static_cast<std::uint64_t>(at), pieces[i]);
    }
  }
  if (errno != ENXIO) fail("lseek", path);
  ::close(fd);
  return hash.text();
}

std::string read_target(const char* name, const std::string& path) {
  char target[4096];
  const auto length = ::readlink(name, target, sizeof target);
  if (length < 0) fail("readlink", path);
  return {target, static_cast<std::size_t>(length)};
}

Node read_node(const char* name, const std::string& path, const struct stat& status) {
  Node node;
  node.path = path;
  node.type = type_of(status.st_mode);
  node.mode = status.st_mode & 07777;
  node.uid = status.st_uid;
  node.gid = status.st_gid;
  node.size = static_cast<std::uint64_t>(status.st_size);
  node.links = status.st_nlink;
  node.mtime = status.st_mtim.tv_sec;
  node.mtime_ns = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
  node.dev_major = major(status.st_rdev);
  node.dev_minor = minor(status.st_rdev);
  node.inode = status.st_ino;
  node.blocks = static_cast<std::uint64_t>(status.st_blocks);
  node.xattrs = read_xattrs(name, path);
  if (node.type == 'f') node.hash = node.size == 0 ? ContentHash().text() : hash_file(name, path);
  if (node.type == 'l') node.target = read_target(name, path);
  return node;
}

std::vector<std::string> names_here(const std::string& path) {
  DIR* directory = ::opendir(".");
  if (directory == nullptr) fail("opendir", path);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) fail("readdir", path);
  ::closedir(directory);
  return names;
}

// Lists what is below the working directory, whose path is `path`.
void walk(const std::string& path, dev_t device, std::vector<Node>& nodes) {
  for (const std::string& name : names_here(path)) {
    const std::string child = path + "/" + name;
    struct stat status {};
    if (::lstat(name.c_str(), &status) != 0) fail("lstat", child);
    nodes.push_back(read_node(name.c_str(), child, status));
    if (!S_ISDIR(status.st_mode) || status.st_dev != device) continue;
    if (::chdir(name.c_str()) != 0) fail("chdir", child);
    walk(child, device, nodes);
    if (::chdir("..") != 0) fail("chdir ..", child);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool with_blocks = argc > 1 && std::strcmp(argv[1], "--blocks") == 0;
  if (argc != (with_blocks ? 3 : 2)) {
    std::fputs("usage: tree_listing [--blocks] DIR\n", stderr);
    return 2;
  }
  if (::chdir(argv[argc - 1]) != 0) fail("chdir", argv[argc - 1]);
  struct stat status {};
  if (::lstat(".", &status) != 0) fail("lstat", ".");
  std::vector<Node> nodes{read_node(".", ".", status)};
  walk(".", status.st_dev, nodes);
  const std::string text = rawimg::judge::to_listing(std::move(nodes), with_blocks);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    fail("write", "stdout");
}
