// SPDX-License-Identifier: MIT
// Changes to an ext filesystem that exists already, all of them or none. Between begin() and
// commit() nothing that is in use is touched: new content goes into free blocks, everything else
// stays in RAM. commit() first writes what it will overwrite into an undo file beside the image,
// then marks the filesystem so that kernels and e2fsck refuse it, writes, and takes the mark away
// with the last write. Whoever opens the image after a crash finds the old filesystem or the new
// one; recover() brings back the old one where neither is whole. One transaction at a time, one
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/entry.h>
#include <rawimg/ext_fs.h>
#include <rawimg/observer.h>
#include <rawimg/window.h>

#pragma GCC visibility push(default)

namespace rawimg {

/// A change of an inode's own fields; what is absent stays. The change time becomes the
/// transaction's.
struct MetadataChange {
  std::optional<std::uint16_t> permissions = std::nullopt;  ///< the low 12 bits of the mode
  std::optional<std::uint32_t> uid = std::nullopt, gid = std::nullopt;
  std::optional<Timestamp> atime = std::nullopt, mtime = std::nullopt;
};

struct TransactionOptions {
  Timestamp now{
      1,
      0};  ///< for change times, and for times of directories whose names change; at least 1 second
  Durability durability = Durability::Sync;
  std::uint64_t keep_undo_bytes =
      0;  ///< an undo file of up to so many bytes of pre-images is kept as IMG.rawimg-kept, for
          ///< undo_last(); freed blocks then keep their bytes
  bool dry_run = false;  ///< nothing is written, and commit() must not be called; the image need
                         ///< not be open for writing. Of content that goes in, the first 64 MiB
                         ///< can be read back
};

/// For whoever has to say that a change has failed and Transaction::lost_kept_undo().
inline constexpr std::string_view kUndoIsLost =
    "the change before this one cannot be taken back any more: the blocks that it had freed were "
    "needed";

class Transaction : public ExtReader {
 public:
  /// Opens for writing, after recover(). Throws: Unsupported (no ext filesystem, or a feature that
  /// must not be written), Dirty (journal to be replayed, errors, orphans; for a
  /// dry run also a change that was interrupted), Corrupt, Busy, Io.
  static Transaction begin(const Window& where, const TransactionOptions& options = {});
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  ~Transaction() override;  ///< without commit(): the filesystem is as it was

  // Reading: sees what was changed. Errors as in ExtReader.
  ExtInfo info() const override;
  /// The directory that a path's last component is in, through symlinks on the way, and that
  /// component as it is. Throws: NotFound (a directory on the way), Usage (the root; `.` or `..` at
  /// the end).
  struct Place {
    std::uint32_t directory = 0;
    std::string name;
  };
  Place resolve_place(std::string_view path) const;
  InodeInfo inode(std::uint32_t number) const override;
  FileType type(std::uint32_t number) const override;
  std::optional<std::uint32_t> find(std::uint32_t directory, std::string_view name) const override;
  std::string symlink_target(std::uint32_t number) const override;
  std::vector<DirEntry> read_directory(std::uint32_t number) const override;
  std::uint64_t read_data(std::uint32_t number, const DataSink& sink) const override;
  /// A directory and those it is in, the root last. Throws: Corrupt (a circle).
  std::vector<std::uint32_t> ancestry(std::uint32_t directory) const;

  // Writing. Each is strong: a failure changes nothing, unless it is Io or Corrupt, after which the
  // transaction can only be dropped.

  /// A new inode with a name: an empty file, an empty directory, a symlink, a device, a FIFO or a
  /// socket, with the metadata and xattrs of `meta` (its path, size and hard link mean nothing).
  /// Throws: Exists, NoSpace (blocks, inodes), Unsupported (what the format cannot hold), NotFound
  /// (`directory` is none).
  std::uint32_t make(std::uint32_t directory, std::string_view name, const Entry& meta);
  /// Another name. Throws: Exists, NotFound, Usage (a directory), Unsupported (too many names).
  void link(std::uint32_t directory, std::string_view name, std::uint32_t inode);
  /// Takes a name away, and with the last one the inode. Throws: NotFound, Usage (a directory).
  void unlink(std::uint32_t directory, std::string_view name);
  /// Throws: NotFound (also: not a directory), Exists (not empty), Usage (the root or lost+found).
  void remove_directory(std::uint32_t directory, std::string_view name);
  /// As rename(2): what has the new name goes, a directory only when it is empty and for a
  /// directory. Throws: NotFound, Exists (not empty), Usage (a directory into itself; over
  /// something of another kind).
  void rename(std::uint32_t directory, std::string_view name, std::uint32_t new_directory,
              std::string_view new_name);

  /// As Linux does it, an access ACL follows the permissions, and a new owner gets no
  /// security.capability, nor, unless permissions are given, a program's setuid and setgid. Throws:
  /// Unsupported (a time that the inode cannot hold), NoSpace.
  void change(std::uint32_t inode, const MetadataChange& change);
  /// Replaces all of them; the permissions follow an access ACL. Throws: Unsupported, NoSpace.
  void set_xattrs(std::uint32_t inode, std::span<const Xattr> xattrs);
  /// Shorter: what is behind goes. Longer: a hole. security.capability goes. Throws: Usage (not a
  /// regular file), Unsupported (too long), NoSpace.
  void set_size(std::uint32_t inode, std::uint64_t size_bytes);
  /// Takes content, in ascending order without overlap; what lies between pieces is a hole.
  using ContentSink = std::function<void(const DataChunk&)>;
  /// Replaces a regular file's content by what `produce` hands to its sink; blocks of zeros become
  /// holes. Without `size_bytes` the file ends with the last piece. mtime becomes the
  /// transaction's, and security.capability goes. Throws: Usage (not a regular file), BadInput
  /// (pieces out of order, past the size), NoSpace, Unsupported (too long), and what `produce`
  /// throws.
  void write_file(std::uint32_t inode, std::optional<std::uint64_t> size_bytes,
                  const std::function<void(const ContentSink&)>& produce);

  /// Whether anything would change on disk.
  bool has_changes() const;
  /// Whether the change before this one cannot be taken back any more, also when this one fails:
  /// content needed the last free blocks, in which what it had freed was.
  bool lost_kept_undo() const;

  struct Result {
    std::uint64_t bytes_written = 0;  ///< metadata; content went before
    bool undo_kept = false;
    std::vector<Warning> warnings = {};  ///< files beside the image that could not be put away
  };
  /// Writes all of it. Throws: NoSpace (the host; a directory that cannot grow), Unsupported (a
  /// directory of too many names), Io. Guarantee: strong, Io and a crash included: what recover()
  /// finds is the old filesystem or the new one.
  Result commit();

  struct State;

 private:
  explicit Transaction(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace rawimg

#pragma GCC visibility pop
