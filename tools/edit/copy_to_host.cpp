// SPDX-License-Identifier: MIT
// Names and links of an image are hostile: below the target that the user named, everything is made
// relative to a directory that is open, without following symlinks, and never over one.
#include "edit/copy_to_host.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/recovery.h>

#include "base/stop.h"
#include "base/text.h"
#include "base/zeros.h"
#include "edit/destination.h"
#include "storage/host_file.h"

namespace rawimg::cli {
namespace {

constexpr std::string_view kCapability = "security.capability";

std::pair<std::uint64_t, std::uint64_t> id_of(const struct stat& status) {
  return {status.st_dev, status.st_ino};
}

mode_t read_umask() {
  const mode_t mask = umask(0);
  umask(mask);
  return mask;
}

void require_plain_name(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
    throw Error(Errc::Corrupt, fmt::format("a file of the image is named {}", quote(name)));
}

/// What a dry run can say of a write that it does not do.
void require_access(int at, const std::string& name, int mode, std::string_view what,
                    const std::string& path) {
  if (at >= 0 && faccessat(at, name.c_str(), mode, AT_EACCESS) != 0)
    throw host_error(errno, what, path);
}

}  // namespace

/// A name in a directory that is open. In a dry run the directory may not be there: `at` is -1.
struct HostCopier::Spot {
  int at;
  std::string name, path;
  NamedBy named_by;

  std::optional<struct stat> look(int flags) const {
    struct stat status {};
    if (at < 0 || fstatat(at, name.c_str(), &status, flags) != 0) return std::nullopt;
    return status;
  }
  /// Whether a name may come here.
  void require_writable(std::string_view what) const {
    require_access(at, ".", W_OK | X_OK, what, path);
  }
  /// Whether what has the name may go: of a sticky directory only its owner removes what is
  /// another's.
  void require_removable(const struct stat& there) const {
    require_writable("replace");
    struct stat directory {};
    if (fstat(at, &directory) != 0) throw host_error(errno, "replace", path);
    const uid_t user = geteuid();
    if ((directory.st_mode & S_ISVTX) != 0 && user != 0 && user != directory.st_uid &&
        user != there.st_uid)
      throw host_error(EPERM, "replace", path);
  }
};

/// What was made: by its descriptor, or by its name where it has none.
struct HostCopier::Made {
  const Spot& spot;
  int file = -1;

  struct stat status() const {
    struct stat status {};
    if ((file >= 0 ? fstat(file, &status)
                   : fstatat(spot.at, spot.name.c_str(), &status, AT_SYMLINK_NOFOLLOW)) != 0)
      throw host_error(errno, "read", spot.path);
    return status;
  }
  bool keeps_owner_of(const Entry& meta) const {
    const struct stat now = status();
    return may_keep_setuid(meta, now.st_uid, now.st_gid);
  }
};

struct HostCopier::Level {
  const CopySource* source;
  std::unique_ptr<CopySource> owned;
  Descriptor directory;
  Spot spot;
  enum class State { Made, WasThere } state;
  std::vector<std::string> names;  // still to go, the next one last
};

void HostCopier::protect(const std::filesystem::path& image) {
  std::error_code error;
  std::filesystem::path real = std::filesystem::canonical(image, error);
  if (error) real = image;
  struct stat file {
  }, directory{};
  const std::filesystem::path parent = real.has_parent_path() ? real.parent_path() : ".";
  if (stat(real.c_str(), &file) != 0 || stat(parent.c_str(), &directory) != 0) return;
  protected_.push_back({id_of(file), id_of(directory), real.filename().string()});
}

void HostCopier::copy(const CopySource& source, const std::string& target, NamedBy named_by) {
  // a directory goes through a symlink where the slash behind it says so, as with cp -T
  const bool is_directory = source.meta().type == FileType::Directory;
  if (is_directory && !target.ends_with('/')) named_by = NamedBy::Image;
  const Spot spot = open_spot(target, named_by);
  const auto there = spot.look(0);
  if (target.ends_with('/') && !is_directory && !(there && S_ISDIR(there->st_mode)))
    throw host_error(there ? ENOTDIR : ENOENT, "create", target)
        .with_hint(there ? "" : hint_to_make(target));
  way_.clear();
  copy_any(source, spot);
}

/// The directory that a path is in, and its name there: slashes behind it mean nothing more.
HostCopier::Spot HostCopier::open_spot(std::string path, NamedBy named_by) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t slash = path.rfind('/');
  std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1);
  if (name.empty()) name.push_back('.');  // the root
  top_ = std::make_shared<const Descriptor>(
      ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (top_->get() < 0) {
    const int error = errno;
    throw host_error(error, "open", parent).with_hint(error == ENOENT ? hint_to_make(parent) : "");
  }
  return {top_->get(), std::move(name), std::move(path), named_by};
}

void HostCopier::say(const CopySource& source, const Spot& spot) {
  say_([&] { return fmt::format("{} -> {}", quote(source.word()), quote(spot.path)); });
}

/// `cp IMG:/file IMG`, with the path forgotten, would leave nothing of the image.
void HostCopier::require_unprotected(const Spot& spot, const struct stat* there) const {
  for (const Protected& one : protected_) {
    if (there != nullptr && id_of(*there) == one.image)
      throw Error(Errc::Usage, fmt::format("{} is an image that is open: it would be overwritten",
                                           quote(spot.path)))
          .with_hint(fmt::format("a path in it is {}:/...", escape(spot.path)));
    if (!spot.name.starts_with(one.name)) continue;
    const std::string_view suffix = std::string_view(spot.name).substr(one.name.size());
    struct stat directory {};
    if ((suffix == kUndoSuffix || suffix == kKeptSuffix) && fstat(spot.at, &directory) == 0 &&
        id_of(directory) == one.directory)
      throw Error(Errc::Usage, fmt::format("{} takes back changes of an image that is open: it "
                                           "would be overwritten",
                                           quote(spot.path)));
  }
}

/// Left alone, as -n and -u ask for it.
bool HostCopier::stays(const CopySource& source, const Spot& spot) const {
  if (!options_.no_clobber && !options_.update) return false;
  const auto there = spot.look(AT_SYMLINK_NOFOLLOW);
  if (!there) return false;
  const Timestamp time{there->st_mtim.tv_sec, static_cast<std::uint32_t>(there->st_mtim.tv_nsec)};
  return options_.no_clobber || time >= source.meta().mtime;
}

void HostCopier::copy_any(const CopySource& source, const Spot& spot) {
  require_no_stop(options_.stop);
  const FileType type = source.meta().type;
  if (type == FileType::Directory) return copy_tree(source, spot);
  if (stays(source, spot)) return;
  const bool plain =
      type == FileType::Regular || type == FileType::Symlink || type == FileType::Fifo;
  if (!plain && !options_.devices) return refuse_node(source);
  if (link_to_earlier(source, spot)) return say(source, spot);
  type == FileType::Regular ? copy_regular(source, spot) : copy_node(source, spot);
  say(source, spot);
}

void HostCopier::refuse_node(const CopySource& source) {
  const std::string what = fmt::format("{} is a device node or a socket", quote(source.word()));
  if (!way_.empty())
    return warnings_.push_back(
        {"skipped-device", source.word(), what + ": left out (--devices makes it, as root)"});
  throw Error(Errc::Unsupported, what)
      .with_path(source.word())
      .with_hint("--devices makes them on the host, as root");
}

void HostCopier::copy_node(const CopySource& source, const Spot& spot) {
  const Entry& meta = source.meta();
  make_room(spot);
  if (options_.dry_run) return spot.require_writable("make");
  const mode_t kind = meta.type == FileType::Fifo          ? S_IFIFO
                      : meta.type == FileType::CharDevice  ? S_IFCHR
                      : meta.type == FileType::BlockDevice ? S_IFBLK
                                                           : S_IFSOCK;
  const int failed =
      meta.type == FileType::Symlink
          ? symlinkat(meta.link_target.c_str(), spot.at, spot.name.c_str())
          : mknodat(spot.at, spot.name.c_str(), kind | (options_.new_mode(meta) & 0777),
                    makedev(meta.device_major, meta.device_minor));
  if (failed != 0) throw host_error(errno, "make", spot.path);
  finish(source, {spot});
  remember(source, spot);
}

/// What has the name goes.
void HostCopier::make_room(const Spot& spot) {
  const auto there = spot.look(AT_SYMLINK_NOFOLLOW);
  require_unprotected(spot, there ? &*there : nullptr);
  if (!there) return;
  if (S_ISDIR(there->st_mode))
    throw Error(Errc::Exists, fmt::format("{} is a directory, and is not replaced by what is none",
                                          quote(spot.path)))
        .with_path(spot.path);
  if (options_.dry_run) return spot.require_removable(*there);
  forget(*there);
  if (unlinkat(spot.at, spot.name.c_str(), 0) != 0) throw host_error(errno, "replace", spot.path);
}

/// What is written over, or goes, is no copy any more that a hard link could lead to.
void HostCopier::forget(const struct stat& there) {
  const auto identity = identities_.find(id_of(there));
  if (identity == identities_.end()) return;
  linked_.erase(identity->second);
  identities_.erase(identity);
}

void HostCopier::require_may_write(const Spot& spot, bool in_place) const {
  if (!in_place) return spot.require_writable("create");
  try {
    require_access(spot.at, spot.name, W_OK, "create", spot.path);
  } catch (const Error&) {
    const auto there = spot.look(AT_SYMLINK_NOFOLLOW);
    if (!options_.force || !there) throw;
    spot.require_removable(*there);
  }
}

void HostCopier::copy_regular(const CopySource& source, const Spot& spot) {
  const bool by_user = spot.named_by == NamedBy::User;
  const auto named = spot.look(AT_SYMLINK_NOFOLLOW);
  const auto there = by_user && !options_.remove_destination ? spot.look(0) : named;
  if (there && S_ISDIR(there->st_mode))
    throw Error(Errc::Exists, fmt::format("{} is a directory, and {} is none", quote(spot.path),
                                          quote(source.word())));
  if (named && !there)
    throw Error(Errc::Exists, fmt::format("{} is a symlink that leads nowhere", quote(spot.path)))
        .with_path(spot.path)
        .with_hint("--remove-destination replaces it");
  // A file that the user has there keeps its owner and mode; anything else makes room.
  const bool is_file = there && S_ISREG(there->st_mode);
  const bool in_place = there && !options_.remove_destination &&
                        !(options_.hard_links && is_file && there->st_nlink > 1) &&
                        (by_user || (way_.empty() && is_file));
  require_unprotected(spot, there ? &*there : nullptr);
  if (!in_place) make_room(spot);
  if (options_.dry_run) return require_may_write(spot, in_place);
  if (there) forget(*there);
  // who may not write a file may not set its attributes, either
  const mode_t mode = options_.new_mode(source.meta()) & 0777,
               first_mode = options_.xattrs ? mode | S_IWUSR : mode;
  const auto open = [&](int how) {
    return Descriptor(openat(spot.at, spot.name.c_str(),
                             O_WRONLY | O_CREAT | O_CLOEXEC | how | (by_user ? 0 : O_NOFOLLOW),
                             first_mode));
  };
  Descriptor file = open(in_place ? O_TRUNC : O_EXCL);
  if (file.get() < 0 && in_place && options_.force) {
    make_room(spot);
    file = open(O_EXCL);
  }
  if (file.get() < 0) throw host_error(errno, "create", spot.path);
  write_content(source, file.get(), spot.path);
  finish(source, {spot, file.get()});
  const bool is_final = options_.keep_mode || options_.mode || in_place;
  if (first_mode != mode && !is_final && fchmod(file.get(), mode & ~read_umask()) != 0)
    throw host_error(errno, "set the mode of", spot.path);
  remember(source, spot);
}

/// Holes stay holes, where the target is a file.
void HostCopier::write_content(const CopySource& source, int file, const std::string& path) {
  struct stat status {};
  if (fstat(file, &status) != 0) throw host_error(errno, "write", path);
  if (!S_ISREG(status.st_mode))
    return read_without_holes(source, [&](std::span<const std::byte> bytes) {
      require_no_stop(options_.stop);
      write_all(file, bytes, path);
    });
  source.read([&](const DataChunk& chunk) {
    require_no_stop(options_.stop);
    if (is_zeros(chunk.bytes)) return;
    if (lseek(file, static_cast<off_t>(chunk.offset), SEEK_SET) < 0)
      throw host_error(errno, "write", path);
    write_all(file, chunk.bytes, path);
  });
  const auto size = static_cast<off_t>(source.meta().size_bytes);
  if (ftruncate(file, size) != 0) throw host_error(errno, "set the size of", path);
}

void HostCopier::remember(const CopySource& source, const Spot& spot) {
  if (!options_.hard_links || source.identity().empty()) return;
  const auto made = spot.look(AT_SYMLINK_NOFOLLOW);
  if (!made) return;
  std::vector<std::string> names = way_;
  names.push_back(spot.name);
  linked_.insert_or_assign(source.identity(), Copied{top_, std::move(names), id_of(*made)});
  identities_.insert_or_assign(id_of(*made), source.identity());
}

/// The directory of an earlier copy; none, where it is no more what was copied. The way there is
/// walked again, because a symlink may have come into it.
Descriptor HostCopier::find_earlier(const Copied& earlier) const {
  Descriptor directory(dup(earlier.top->get()));
  for (std::size_t i = 0; directory.get() >= 0 && i + 1 < earlier.names.size(); ++i)
    directory = Descriptor(openat(directory.get(), earlier.names[i].c_str(),
                                  O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  const Spot spot{directory.get(), earlier.names.back(), {}, NamedBy::Image};
  const auto now = spot.look(AT_SYMLINK_NOFOLLOW);
  return now && id_of(*now) == earlier.id ? std::move(directory) : Descriptor();
}

/// With -a, another name of a file that was copied is a hard link.
bool HostCopier::link_to_earlier(const CopySource& source, const Spot& spot) {
  if (!options_.hard_links || source.identity().empty()) return false;
  const auto found = linked_.find(source.identity());
  if (found == linked_.end()) return false;
  const Copied earlier = found->second;
  const auto there = spot.look(AT_SYMLINK_NOFOLLOW);
  if (there && id_of(*there) == earlier.id) return true;
  const Descriptor directory = find_earlier(earlier);
  if (directory.get() < 0) return false;
  make_room(spot);
  if (!options_.dry_run &&
      linkat(directory.get(), earlier.names.back().c_str(), spot.at, spot.name.c_str(), 0) != 0)
    throw host_error(errno, "make the hard link", spot.path);
  return true;
}

/// Owner first, because changing it clears setuid and security.capability; who is not root keeps
/// what is possible.
void HostCopier::finish(const CopySource& source, const Made& made) {
  const Entry& meta = source.meta();
  set_owner(meta, made);
  if (options_.xattrs) set_xattrs(meta, made);
  if (meta.type != FileType::Symlink) set_mode(meta, made);
  if (options_.keep_times) set_times(meta, made);
}

void HostCopier::set_owner(const Entry& meta, const Made& made) {
  if (!options_.owner && !options_.keep_owner) return;
  constexpr auto kSame = static_cast<std::uint32_t>(-1);
  const Owner wanted = options_.owner.value_or(Owner{});
  const uid_t uid = wanted.uid.value_or(options_.keep_owner ? meta.uid : kSame);
  const gid_t gid = wanted.gid.value_or(options_.keep_owner ? meta.gid : kSame);
  const int failed = made.file >= 0 ? fchown(made.file, uid, gid)
                                    : fchownat(made.spot.at, made.spot.name.c_str(), uid, gid,
                                               AT_SYMLINK_NOFOLLOW);
  if (failed != 0 && errno != EPERM) throw host_error(errno, "set the owner of", made.spot.path);
}

void HostCopier::set_xattrs(const Entry& meta, const Made& made) {
  // There is no fsetxattrat; this way leads through no symlink, either.
  const std::string by_name = fmt::format("/proc/self/fd/{}/{}", made.spot.at, made.spot.name);
  for (const Xattr& xattr : meta.xattrs) {
    if (xattr.name == kCapability && !made.keeps_owner_of(meta)) {
      warnings_.push_back(trust_lost(made.spot.path));
      continue;
    }
    const auto [name, value] = std::pair(xattr.name.c_str(), xattr.value.data());
    const int failed = made.file >= 0
                           ? fsetxattr(made.file, name, value, xattr.value.size(), 0)
                           : lsetxattr(by_name.c_str(), name, value, xattr.value.size(), 0);
    if (failed != 0)
      warnings_.push_back({"xattr-lost", made.spot.path,
                           fmt::format("{}: cannot set {}: {}", quote(made.spot.path),
                                       quote(xattr.name), std::strerror(errno))});
  }
}

void HostCopier::set_mode(const Entry& meta, const Made& made) {
  if (!options_.keep_mode && !options_.mode) return;
  std::uint16_t mode = meta.permissions;
  if ((mode & 06000) != 0 && (!options_.keep_mode || !made.keeps_owner_of(meta))) {
    mode &= 01777;
    if (options_.keep_mode) warnings_.push_back(trust_lost(made.spot.path));
  }
  if (options_.mode) mode = options_.mode->apply(mode, meta.type);
  const int failed =
      made.file >= 0 ? fchmod(made.file, mode)
                     : fchmodat(made.spot.at, made.spot.name.c_str(), mode, AT_SYMLINK_NOFOLLOW);
  if (failed != 0) throw host_error(errno, "set the mode of", made.spot.path);
}

void HostCopier::set_times(const Entry& meta, const Made& made) {
  const Timestamp access = meta.atime.value_or(meta.mtime);
  const timespec times[] = {{access.seconds, access.nanoseconds},
                            {meta.mtime.seconds, meta.mtime.nanoseconds}};
  const int failed =
      made.file >= 0 ? futimens(made.file, times)
                     : utimensat(made.spot.at, made.spot.name.c_str(), times, AT_SYMLINK_NOFOLLOW);
  if (failed != 0) throw host_error(errno, "set the times of", made.spot.path);
}

HostCopier::Level HostCopier::open_level(const CopySource& source,
                                         std::unique_ptr<CopySource> owned, const Spot& spot) {
  Level level{&source, std::move(owned), Descriptor(), spot, Level::State::WasThere, {}};
  if (!options_.dry_run && mkdirat(spot.at, spot.name.c_str(), 0700) == 0)
    level.state = Level::State::Made;
  else if (!options_.dry_run && errno != EEXIST)
    throw host_error(errno, "make the directory", spot.path);
  const int no_follow = spot.named_by == NamedBy::User ? 0 : O_NOFOLLOW;
  if (spot.at >= 0)
    level.directory = Descriptor(
        openat(spot.at, spot.name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | no_follow));
  const bool is_open = level.directory.get() >= 0;
  const bool will_be = !is_open && options_.dry_run && (spot.at < 0 || errno == ENOENT);
  if (!is_open && !will_be) throw host_error(errno, "open the directory", spot.path);
  if (will_be) spot.require_writable("make the directory");
  const std::vector<std::string> names = source.names();
  level.names.assign(names.rbegin(), names.rend());
  return level;
}

void HostCopier::close_level(const Level& level) {
  if (options_.dry_run) return;
  const mode_t mode = options_.new_mode(level.source->meta()) & 0777 & ~read_umask();
  if (level.state == Level::State::Made && fchmod(level.directory.get(), mode) != 0)
    throw host_error(errno, "set the mode of", level.spot.path);
  finish(*level.source, {level.spot, level.directory.get()});
}

/// Depth first without recursion. Modes and times of directories are set when all is in them.
void HostCopier::copy_tree(const CopySource& top, const Spot& spot) {
  if (!options_.recursive)
    throw Error(Errc::Exists, fmt::format("{} is a directory", quote(top.word())))
        .with_hint("-r copies it with all that is in it");
  std::set<std::string> seen;
  std::vector<Level> levels;
  const auto enter = [&](const CopySource& source, std::unique_ptr<CopySource> owned,
                         const Spot& at) {
    require_no_stop(options_.stop);
    if (!seen.insert(source.identity()).second) throw seen_twice(source, options_);
    levels.push_back(open_level(source, std::move(owned), at));
    way_.push_back(at.name);
  };
  enter(top, nullptr, spot);
  while (!levels.empty()) {
    Level& level = levels.back();
    if (level.names.empty()) {
      close_level(level);
      if (options_.follow == FollowLinks::All) seen.erase(level.source->identity());
      way_.pop_back();
      levels.pop_back();
      continue;
    }
    const std::string name = std::move(level.names.back());
    level.names.pop_back();
    require_plain_name(name);
    std::unique_ptr<CopySource> child = level.source->child(name, options_.for_found());
    const Spot below{level.directory.get(), name, level.spot.path + "/" + name, NamedBy::Image};
    if (child->meta().type != FileType::Directory) {
      copy_any(*child, below);
      continue;
    }
    const CopySource& directory = *child;
    require_not_too_deep(directory, levels.size());
    enter(directory, std::move(child), below);
  }
}

}  // namespace rawimg::cli
