// SPDX-License-Identifier: MIT
// Names and links of an image are hostile: below the target that the user named, everything is made
// relative to a directory that is open, without following symlinks, and never over one.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <set>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/errno_error.h"
#include "base/text.h"
#include "edit/copy.h"

namespace rawimg::cli {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }

 private:
  int value_;
};

class HostCopier {
 public:
  HostCopier(const HostTarget& target, const CopyOptions& options, std::vector<Warning>& warnings,
             const std::function<void(const std::string&)>& say)
      : target_(target), options_(options), warnings_(warnings), say_(say) {}

  void copy(const CopySource& source) {
    const std::string& target = target_.path;
    struct stat there {};
    const bool is_there = stat(target.c_str(), &there) == 0;
    if (target.ends_with('/') && source.meta().type != FileType::Directory &&
        !(is_there && S_ISDIR(there.st_mode)))
      fail(ENOTDIR, "create", target);
    if (is_there) require_no_image(there);
    if (options_.dry_run) return say_(fmt::format("{} -> {}", quote(source.word()), quote(target)));
    const std::size_t slash = target.find_last_not_of('/') == std::string::npos
                                  ? std::string::npos
                                  : target.rfind('/', target.find_last_not_of('/'));
    const std::string parent = slash == std::string::npos ? "."
                               : slash == 0               ? "/"
                                                          : target.substr(0, slash);
    std::string name = target.substr(slash == std::string::npos ? 0 : slash + 1);
    while (name.size() > 1 && name.ends_with('/')) name.pop_back();
    const Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0) fail(errno, "open", parent);
    top_ = directory.get();
    top_path_ = target.substr(0, target.size() - std::min(target.size(), name.size()));
    copy_any(source, directory.get(), name, target, !target_.name_from_image);
  }

 private:
  [[noreturn]] void fail(int number, const char* what, const std::string& path) const {
    throw errno_error(number, fmt::format("cannot {} {}", what, quote(path))).with_path(path);
  }

  /// `cp IMG:/file IMG`, with the path forgotten, would leave nothing of the image.
  void require_no_image(const struct stat& there) const {
    for (const std::filesystem::path& image : target_.images) {
      struct stat status {};
      if (stat(image.c_str(), &status) == 0 && status.st_dev == there.st_dev &&
          status.st_ino == there.st_ino)
        throw Error(Errc::Usage, fmt::format("{} is an image that is open: it would be overwritten",
                                             quote(target_.path)))
            .with_hint(fmt::format("a path in it is {}:/...", escape(target_.path)));
    }
  }

  void copy_any(const CopySource& source, int at, const std::string& name, const std::string& path,
                bool named_by_user) {
    struct stat there {};
    if (options_.no_clobber && source.meta().type != FileType::Directory &&
        fstatat(at, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0)
      return;
    if (link_to_earlier(source, at, name, path)) return;
    switch (source.meta().type) {
      case FileType::Directory:
        return copy_tree(source, at, name, path, named_by_user);
      case FileType::Regular:
        return copy_regular(source, at, name, path, named_by_user);
      case FileType::Symlink:
        make_room(at, name, path);
        if (symlinkat(source.meta().link_target.c_str(), at, name.c_str()) != 0)
          fail(errno, "make the symlink", path);
        break;
      case FileType::Fifo:
        make_room(at, name, path);
        if (mkfifoat(at, name.c_str(), source.meta().permissions & 0777) != 0)
          fail(errno, "make the FIFO", path);
        break;
      default:
        make_device(source, at, name, path);
    }
    set_xattrs(source, -1, path);
    finish(source, at, name);
  }

  void make_device(const CopySource& source, int at, const std::string& name,
                   const std::string& path) {
    const Entry& meta = source.meta();
    if (!options_.devices)
      throw Error(Errc::Unsupported,
                  fmt::format("{} is a device node or a socket", quote(source.word())))
          .with_path(source.word())
          .with_hint("--devices makes them on the host, as root");
    make_room(at, name, path);
    const mode_t kind = meta.type == FileType::CharDevice    ? S_IFCHR
                        : meta.type == FileType::BlockDevice ? S_IFBLK
                                                             : S_IFSOCK;
    if (mknodat(at, name.c_str(), kind | (meta.permissions & 0777),
                makedev(meta.device_major, meta.device_minor)) != 0)
      fail(errno, "make the node", path);
  }

  void make_room(int at, const std::string& name, const std::string& path) {
    if (unlinkat(at, name.c_str(), 0) != 0 && errno != ENOENT) fail(errno, "replace", path);
  }

  void copy_regular(const CopySource& source, int at, const std::string& name,
                    const std::string& path, bool named_by_user) {
    struct stat there {};
    const bool exists =
        fstatat(at, name.c_str(), &there, named_by_user ? 0 : AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && S_ISDIR(there.st_mode))
      throw Error(Errc::Usage, fmt::format("{} is a directory, and {} is none", quote(path),
                                           quote(source.word())));
    // A file that the user has there keeps its owner and mode; anything else makes room.
    const bool in_place = named_by_user || (at == top_ && exists && S_ISREG(there.st_mode));
    if (exists && !in_place) make_room(at, name, path);
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (in_place ? O_TRUNC : O_EXCL) |
                      (named_by_user ? 0 : O_NOFOLLOW);
    const Descriptor file(openat(at, name.c_str(), flags, source.meta().permissions & 0777));
    if (file.get() < 0) fail(errno, "create", path);
    source.read([&](const DataChunk& chunk) { write(file.get(), chunk, path); });
    if (ftruncate(file.get(), static_cast<off_t>(source.meta().size_bytes)) != 0 && errno != EINVAL)
      fail(errno, "set the size of", path);
    set_xattrs(source, file.get(), path);
    finish(source, at, name);
    say_(fmt::format("{} -> {}", quote(source.word()), quote(path)));
  }

  /// -1: there is no descriptor to set them by.
  void set_xattrs(const CopySource& source, int file, const std::string& path) {
    if (!options_.xattrs) return;
    for (const Xattr& xattr : source.meta().xattrs)
      if (file < 0 ||
          fsetxattr(file, xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0) != 0)
        warnings_.push_back(
            {"xattr-lost", path, fmt::format("{}: cannot set {}", quote(path), quote(xattr.name))});
  }

  /// With -a, another name of a file that was copied is a hard link. The way to the first one is
  /// walked again, because a symlink may have come into it.
  bool link_to_earlier(const CopySource& source, int at, const std::string& name,
                       const std::string& path) {
    const std::string identity = source.identity();
    if (!options_.hard_links || identity.empty() || source.meta().type == FileType::Directory)
      return false;
    const auto [earlier, is_first] = linked_.emplace(identity, path.substr(top_path_.size()));
    if (is_first) return false;
    make_room(at, name, path);
    Descriptor directory(dup(top_));
    std::string_view rest = earlier->second;
    for (std::size_t slash = rest.find('/'); slash != std::string_view::npos;
         slash = rest.find('/')) {
      const std::string part(rest.substr(0, slash));
      rest.remove_prefix(slash + 1);
      if (part.empty()) continue;
      directory = Descriptor(
          openat(directory.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
      if (directory.get() < 0) fail(errno, "open the directory", part);
    }
    if (linkat(directory.get(), std::string(rest).c_str(), at, name.c_str(), 0) != 0)
      fail(errno, "make the hard link", path);
    say_(fmt::format("{} -> {}", quote(source.word()), quote(path)));
    return true;
  }

  /// Pieces of zeros become holes where the target is a file.
  void write(int file, const DataChunk& chunk, const std::string& path) {
    const bool zeros = std::all_of(chunk.bytes.begin(), chunk.bytes.end(),
                                   [](std::byte b) { return b == std::byte{0}; });
    struct stat status {};
    if (zeros && fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
        lseek(file, static_cast<off_t>(chunk.bytes.size()), SEEK_CUR) >= 0)
      return;
    for (std::span<const std::byte> bytes = chunk.bytes; !bytes.empty();) {
      const ssize_t n = ::write(file, bytes.data(), bytes.size());
      if (n < 0 && errno != EINTR) fail(errno, "write", path);
      if (n > 0) bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }

  /// Owner first, because changing it clears setuid; who is not root keeps what is possible.
  void finish(const CopySource& source, int at, const std::string& name) {
    const Entry& meta = source.meta();
    bool owned = true;
    if (options_.owner || options_.preserve) {
      const uid_t uid =
          options_.owner ? options_.owner->uid.value_or(static_cast<std::uint32_t>(-1)) : meta.uid;
      const gid_t gid =
          options_.owner ? options_.owner->gid.value_or(static_cast<std::uint32_t>(-1)) : meta.gid;
      owned = fchownat(at, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) == 0;
      if (!owned && errno != EPERM) fail(errno, "set the owner of", name);
    }
    if (meta.type == FileType::Symlink) return set_times(meta, at, name);
    std::optional<mode_t> mode;
    // A setuid program that belongs to somebody else than it did is a danger.
    if (options_.preserve) mode = meta.permissions & (owned ? 07777 : 01777);
    if (options_.mode)
      mode = options_.mode->apply(mode ? static_cast<std::uint16_t>(*mode) : meta.permissions,
                                  meta.type == FileType::Directory);
    if (mode && fchmodat(at, name.c_str(), *mode, 0) != 0) fail(errno, "set the mode of", name);
    set_times(meta, at, name);
  }

  void set_times(const Entry& meta, int at, const std::string& name) {
    if (!options_.preserve) return;
    const Timestamp access = meta.atime.value_or(meta.mtime);
    const timespec times[] = {{access.seconds, access.nanoseconds},
                              {meta.mtime.seconds, meta.mtime.nanoseconds}};
    if (utimensat(at, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
      fail(errno, "set the times of", name);
  }

  void require_plain_name(const std::string& name) const {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
      throw Error(Errc::Corrupt, fmt::format("a file of the image is named {}", quote(name)));
  }

  void copy_tree(const CopySource& top, int at, const std::string& name, const std::string& path,
                 bool named_by_user) {
    if (!options_.recursive)
      throw Error(Errc::Usage, fmt::format("{} is a directory", quote(top.word())))
          .with_hint("-r copies it with all that is in it");
    struct Level {
      const CopySource* source;
      std::unique_ptr<CopySource> owned;
      Descriptor directory;
      int parent;  // descriptor of the level above, or `at`
      std::string name, path;
      std::vector<std::string> names;
    };
    std::set<std::string> seen;
    const auto open = [&](const CopySource& source, std::unique_ptr<CopySource> owned, int parent,
                          const std::string& child, const std::string& where, bool by_user) {
      if (!options_.follow && !seen.insert(source.identity()).second)
        throw Error(Errc::Corrupt,
                    fmt::format("{} is a directory with two names", quote(source.word())));
      if (mkdirat(parent, child.c_str(), 0700) != 0 && errno != EEXIST)
        fail(errno, "make the directory", where);
      Descriptor directory(openat(parent, child.c_str(),
                                  O_RDONLY | O_DIRECTORY | O_CLOEXEC | (by_user ? 0 : O_NOFOLLOW)));
      if (directory.get() < 0) fail(errno, "open the directory", where);
      std::vector<std::string> names = source.names();
      return Level{&source,
                   std::move(owned),
                   std::move(directory),
                   parent,
                   child,
                   where,
                   {names.rbegin(), names.rend()}};
    };
    std::vector<Level> levels;
    levels.push_back(open(top, nullptr, at, name, path, named_by_user));
    while (!levels.empty()) {
      Level& level = levels.back();
      if (level.names.empty()) {
        if (fchmod(level.directory.get(), level.source->meta().permissions & 0777 & ~mask()) != 0)
          fail(errno, "set the mode of", level.path);
        set_xattrs(*level.source, level.directory.get(), level.path);
        finish(*level.source, level.parent, level.name);
        levels.pop_back();
        continue;
      }
      const std::string child_name = std::move(level.names.back());
      level.names.pop_back();
      require_plain_name(child_name);
      std::unique_ptr<CopySource> child = level.source->child(child_name, options_.follow);
      const std::string where = level.path + "/" + child_name;
      if (child->meta().type != FileType::Directory) {
        copy_any(*child, level.directory.get(), child_name, where, false);
        continue;
      }
      const CopySource& directory = *child;
      const int parent = level.directory.get();
      if (levels.size() > kMostDeep)
        throw Error(Errc::Unsupported, fmt::format("{} is nested more than {} deep",
                                                   quote(directory.word()), kMostDeep));
      levels.push_back(open(directory, std::move(child), parent, child_name, where, false));
    }
  }

  static mode_t mask() {
    const mode_t mask = umask(0);
    umask(mask);
    return mask;
  }

  static constexpr std::size_t kMostDeep = 900;  // each level keeps a descriptor
  const HostTarget& target_;
  const CopyOptions& options_;
  std::vector<Warning>& warnings_;
  const std::function<void(const std::string&)>& say_;
  int top_ = -1;                               // the directory that the target is in
  std::string top_path_;                       // and its name in front of paths
  std::map<std::string, std::string> linked_;  // identity -> path below top_
};

}  // namespace

void copy_to_host(const CopySource& source, const HostTarget& target, const CopyOptions& options,
                  std::vector<Warning>& warnings,
                  const std::function<void(const std::string&)>& say) {
  HostCopier(target, options, warnings, say).copy(source);
}

}  // namespace rawimg::cli
