// SPDX-License-Identifier: MIT
// A guest's tree as those see it who prepare it for something: what is at a path, and what shall be
// changed there. What decides (gem5.h, serial.h) reads through GuestFiles and answers with changes;
// it does not know whether they go into an image that exists or into one that is being built.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/entry.h>

#pragma GCC visibility push(default)

namespace rawimg {

/// What is at a path.
struct GuestFile {
  std::uint64_t id = 0;  ///< the same for two names of one file
  FileType type = FileType::Regular;
  std::uint16_t permissions = 0;
  std::uint32_t uid = 0, gid = 0;
  std::uint64_t size_bytes = 0;
  std::string link_target;    ///< of a symlink
  std::vector<Xattr> xattrs;  ///< where they are known
  std::string path;           ///< where it is really, as far as that is known; else as asked
};

class GuestFiles {
 public:
  virtual ~GuestFiles() = default;

  enum class Follow { All, AllButLast };
  /// What is at an absolute path, through symlinks inside the tree; nothing where there is nothing,
  /// also where a symlink leads nowhere or round in a circle. Throws: Corrupt, Io.
  virtual std::optional<GuestFile> find(std::string_view path, Follow follow) const = 0;
  /// The first `count` bytes of a regular file, or fewer: none where they are not known.
  virtual std::string head(const GuestFile& file, std::size_t count) const = 0;
  /// All of a regular file; nothing where it is not known. Throws: Unsupported (over 16 MiB),
  /// Corrupt, Io.
  virtual std::optional<std::string> read(const GuestFile& file) const = 0;
};

inline constexpr std::uint64_t kMaxGuestFileBytes = 16u << 20;

/// Which program starts the guest.
enum class GuestInit { Sysvinit, Busybox, Systemd, None };
std::string_view to_text(GuestInit init);  ///< "sysvinit", ...
/// By what /sbin/init leads to, else by /etc/inittab, else by whether systemd is there. Throws:
/// what `files` throws.
GuestInit init_of(const GuestFiles& files);

/// One step; steps are taken in their order.
struct GuestChange {
  enum class Kind {
    Edit,             ///< new content of a text file that is there; everything else about it stays
    File,             ///< a new file of root's, in place of a file or symlink of that name
    Symlink,          ///< the same
    Directory,        ///< a new directory of root's, 0755
    Aside,            ///< the name becomes `target`
    Remove,           ///< the name goes, unless it is a directory
    RemoveDirectory,  ///< if it is empty
  };
  Kind kind = Kind::Edit;
  std::string path;
  std::string content = {};  ///< of Edit and File
  std::string before = {};   ///< of Edit, and of File in place of one of these texts
  std::string target = {};   ///< of Symlink: what it says; of Aside: the new path
  std::uint16_t permissions = 0644;
  bool is_text = true;  ///< false: nothing to show a difference of
};

/// Changes as a source that comes behind all others of a build: entries of root's, of one time.
/// What is edited keeps its metadata, which is why `files` is asked. Throws: Unsupported (a step
/// that takes a name away, or that renames a directory: no source can say that).
std::unique_ptr<EntrySource> make_change_source(const std::vector<GuestChange>& changes,
                                                const GuestFiles& files, Timestamp time);

}  // namespace rawimg

#pragma GCC visibility pop
