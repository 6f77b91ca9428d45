// SPDX-License-Identifier: MIT
// Names and links of an image are hostile: below the target that the user named, everything is made
// relative to a directory that is open, without following symlinks, and never over one.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/descriptor.h"
#include "base/errno_error.h"
#include "base/text.h"
#include "base/zeros.h"
#include "edit/copy.h"

namespace rawimg::cli {
namespace {

class HostCopier {
 public:
  HostCopier(const HostTarget& target, const CopyOptions& options, std::vector<Warning>& warnings,
             const std::function<void(const std::string&)>& say)
      : target_(target), options_(options), warnings_(warnings), say_(say) {}

  void copy(const CopySource& source) {
    std::string target = target_.path;
    struct stat there {};
    const bool is_there = stat(target.c_str(), &there) == 0;
    if (target.ends_with('/') && source.meta().type != FileType::Directory &&
        !(is_there && S_ISDIR(there.st_mode)))
      fail(ENOTDIR, "create", target);
    if (is_there) require_no_image(there);
    if (options_.dry_run) return say_(fmt::format("{} -> {}", quote(source.word()), quote(target)));
    while (target.size() > 1 && target.ends_with('/')) target.pop_back();
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
    copy_any(source, directory.get(), name, target, true, !target_.name_from_image);
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

  /// What was made: by its descriptor, or by its name where it has none.
  struct Made {
    int at;
    std::string name, path;
    int file = -1;
  };

  /// Left alone, as -n and -u ask for it.
  bool stays(const CopySource& source, int at, const std::string& name) const {
    struct stat there {};
    if (!options_.no_clobber && !options_.update) return false;
    if (fstatat(at, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) return false;
    const Timestamp time{there.st_mtim.tv_sec, static_cast<std::uint32_t>(there.st_mtim.tv_nsec)};
    return options_.no_clobber || time >= source.meta().mtime;
  }

  void copy_any(const CopySource& source, int at, const std::string& name, const std::string& path,
                bool is_top, bool named_by_user) {
    require_no_stop(options_);
    const FileType type = source.meta().type;
    if (type == FileType::Directory) return copy_tree(source, at, name, path, named_by_user);
    if (stays(source, at, name)) return;
    const bool plain =
        type == FileType::Regular || type == FileType::Symlink || type == FileType::Fifo;
    if (!plain && !options_.devices) return refuse_node(source, is_top);
    if (link_to_earlier(source, at, name, path)) return;
    if (type == FileType::Regular) return copy_regular(source, at, name, path, named_by_user);
    make_room(at, name, path);
    make_node(source.meta(), at, name, path);
    finish(source, {at, name, path});
    say_(fmt::format("{} -> {}", quote(source.word()), quote(path)));
  }

  void refuse_node(const CopySource& source, bool is_top) {
    const std::string what = fmt::format("{} is a device node or a socket", quote(source.word()));
    if (!is_top)
      return warnings_.push_back(
          {"skipped-device", source.word(), what + ": left out (--devices makes it, as root)"});
    throw Error(Errc::Unsupported, what)
        .with_path(source.word())
        .with_hint("--devices makes them on the host, as root");
  }

  void make_node(const Entry& meta, int at, const std::string& name, const std::string& path) {
    if (meta.type == FileType::Symlink) {
      if (symlinkat(meta.link_target.c_str(), at, name.c_str()) != 0)
        fail(errno, "make the symlink", path);
      return;
    }
    const mode_t kind = meta.type == FileType::Fifo          ? S_IFIFO
                        : meta.type == FileType::CharDevice  ? S_IFCHR
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
      throw Error(Errc::Exists, fmt::format("{} is a directory, and {} is none", quote(path),
                                            quote(source.word())));
    if (!exists && named_by_user && fstatat(at, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0)
      throw Error(Errc::Exists, fmt::format("{} is a symlink that leads nowhere", quote(path)))
          .with_path(path);
    // A file that the user has there keeps its owner and mode; anything else makes room.
    const bool in_place = named_by_user || (at == top_ && exists && S_ISREG(there.st_mode));
    if (exists && !in_place) make_room(at, name, path);
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (in_place ? O_TRUNC : O_EXCL) |
                      (named_by_user ? 0 : O_NOFOLLOW);
    const auto open = [&] {
      return Descriptor(openat(at, name.c_str(), flags, source.meta().permissions & 0777));
    };
    Descriptor file = open();
    if (file.get() < 0 && exists && in_place && options_.force) {
      make_room(at, name, path);
      file = open();
    }
    if (file.get() < 0) fail(errno, "create", path);
    write_content(source, file.get(), path);
    finish(source, {at, name, path, file.get()});
    say_(fmt::format("{} -> {}", quote(source.word()), quote(path)));
  }

  /// Holes stay holes, where the target is a file.
  void write_content(const CopySource& source, int file, const std::string& path) {
    struct stat status {};
    if (fstat(file, &status) != 0) fail(errno, "write", path);
    if (!S_ISREG(status.st_mode))
      return read_without_holes(source, [&](std::span<const std::byte> bytes) {
        require_no_stop(options_);
        write_all(file, bytes, path);
      });
    source.read([&](const DataChunk& chunk) {
      require_no_stop(options_);
      if (is_zeros(chunk.bytes)) return;
      if (lseek(file, static_cast<off_t>(chunk.offset), SEEK_SET) < 0) fail(errno, "write", path);
      write_all(file, chunk.bytes, path);
    });
    const auto size = static_cast<off_t>(source.meta().size_bytes);
    if (ftruncate(file, size) != 0) fail(errno, "set the size of", path);
  }

  void write_all(int file, std::span<const std::byte> bytes, const std::string& path) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(file, bytes.data(), bytes.size());
      if (n < 0 && errno != EINTR) fail(errno, "write", path);
      if (n > 0) bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
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

  /// Owner first, because changing it clears setuid and security.capability; who is not root keeps
  /// what is possible.
  void finish(const CopySource& source, const Made& made) {
    const Entry& meta = source.meta();
    const bool owned = set_owner(meta, made);
    if (options_.xattrs) set_xattrs(meta, made, owned);
    if (meta.type != FileType::Symlink) set_mode(meta, made, owned);
    if (options_.keep_times) set_times(meta, made);
  }

  /// Whether it now belongs to whom it did.
  bool set_owner(const Entry& meta, const Made& made) {
    if (!options_.owner && !options_.keep_owner) return false;
    constexpr auto kSame = static_cast<std::uint32_t>(-1);
    const uid_t uid = options_.owner ? options_.owner->uid.value_or(kSame) : meta.uid;
    const gid_t gid = options_.owner ? options_.owner->gid.value_or(kSame) : meta.gid;
    const int failed = made.file >= 0
                           ? fchown(made.file, uid, gid)
                           : fchownat(made.at, made.name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW);
    if (failed != 0 && errno != EPERM) fail(errno, "set the owner of", made.path);
    return failed == 0 && uid == meta.uid && gid == meta.gid;
  }

  void set_xattrs(const Entry& meta, const Made& made, bool owned) {
    // There is no fsetxattrat; this way leads through no symlink, either.
    const std::string by_name = fmt::format("/proc/self/fd/{}/{}", made.at, made.name);
    for (const Xattr& xattr : meta.xattrs) {
      if (!owned && xattr.name == "security.capability") {
        warnings_.push_back({"xattr-lost", made.path,
                             fmt::format("{}: {} is left out: it belongs to somebody else now",
                                         quote(made.path), quote(xattr.name))});
        continue;
      }
      const auto [name, value] = std::pair(xattr.name.c_str(), xattr.value.data());
      const int failed = made.file >= 0
                             ? fsetxattr(made.file, name, value, xattr.value.size(), 0)
                             : lsetxattr(by_name.c_str(), name, value, xattr.value.size(), 0);
      if (failed != 0)
        warnings_.push_back({"xattr-lost", made.path,
                             fmt::format("{}: cannot set {}: {}", quote(made.path),
                                         quote(xattr.name), std::strerror(errno))});
    }
  }

  void set_mode(const Entry& meta, const Made& made, bool owned) {
    std::optional<mode_t> mode;
    // A setuid program that belongs to somebody else than it did is a danger.
    if (options_.keep_mode) mode = meta.permissions & (owned ? 07777 : 01777);
    if (options_.mode)
      mode =
          options_.mode->apply(mode ? static_cast<std::uint16_t>(*mode) : meta.permissions & 01777,
                               meta.type == FileType::Directory);
    if (!mode) return;
    const int failed = made.file >= 0
                           ? fchmod(made.file, *mode)
                           : fchmodat(made.at, made.name.c_str(), *mode, AT_SYMLINK_NOFOLLOW);
    if (failed != 0) fail(errno, "set the mode of", made.path);
  }

  void set_times(const Entry& meta, const Made& made) {
    const Timestamp access = meta.atime.value_or(meta.mtime);
    const timespec times[] = {{access.seconds, access.nanoseconds},
                              {meta.mtime.seconds, meta.mtime.nanoseconds}};
    const int failed = made.file >= 0
                           ? futimens(made.file, times)
                           : utimensat(made.at, made.name.c_str(), times, AT_SYMLINK_NOFOLLOW);
    if (failed != 0) fail(errno, "set the times of", made.path);
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
      if (!seen.insert(source.identity()).second) throw seen_twice(source, options_);
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
        finish(*level.source, {level.parent, level.name, level.path, level.directory.get()});
        if (options_.follow) seen.erase(level.source->identity());
        levels.pop_back();
        continue;
      }
      const std::string child_name = std::move(level.names.back());
      level.names.pop_back();
      require_plain_name(child_name);
      std::unique_ptr<CopySource> child = level.source->child(child_name, options_.follow);
      const std::string where = level.path + "/" + child_name;
      if (child->meta().type != FileType::Directory) {
        copy_any(*child, level.directory.get(), child_name, where, false, false);
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
