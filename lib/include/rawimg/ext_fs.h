// SPDX-License-Identifier: MIT
// Making an ext2, ext3 or ext4 filesystem in a window, and reading one. Every byte of an image is
// hostile here until it has been checked; nothing follows a pointer of the image without bounds,
// and no walk is longer than the filesystem. Reading opens nothing for writing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <rawimg/entry.h>
#include <rawimg/ext_options.h>
#include <rawimg/image_path.h>
#include <rawimg/window.h>

#pragma GCC visibility push(default)

namespace rawimg {

/// Makes an empty filesystem (root and lost+found) that fills the window, in the layout mke2fs
/// gives it. What the window held is gone; bytes outside are untouched. `options.created` defaults
/// to 1; UUID and hash seed to values derived from the options. The primary superblock is written
/// last. Guarantee: none (a failure leaves the window unusable, never a valid-looking filesystem).
/// Throws: Usage (options that contradict each other), NoSpace (the window is too small, or the
/// host is full), Io.
ExtSummary make_ext(const Window& where, const ExtOptions& options);

/// What make_ext would refuse before it writes anything. Throws: Usage, NoSpace.
void require_ext_possible(const ExtOptions& options, ByteCount window_size);

/// Everything the filesystem knows about one inode.
struct InodeInfo {
  std::uint32_t number = 0;
  FileType type = FileType::Regular;
  std::uint16_t permissions = 0;  ///< the low 12 bits of the mode
  std::uint32_t uid = 0, gid = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t sectors = 0;  ///< 512-byte units in use, map and xattr blocks included
  std::uint32_t links = 0;
  Timestamp atime, mtime, ctime;
  std::optional<Timestamp> birthtime, deleted;
  std::uint32_t flags = 0, generation = 0;
  std::uint32_t device_major = 0, device_minor = 0;
  std::string symlink_target;
  std::vector<Xattr> xattrs;  ///< in the form that Entry has them
};

struct DirEntry {
  std::string name;  ///< raw bytes, never "." or ".."
  std::uint32_t inode = 0;
  std::optional<FileType> type =
      std::nullopt;  ///< as the directory says; many older ones say nothing
};

/// What a filesystem says about itself, for `info`.
struct ExtInfo {
  ExtSummary summary;
  std::uint32_t inode_size = 0;
  /// mke2fs's names; unknown bits as "FEATURE_C12", as e2fsprogs prints them
  std::vector<std::string> features;
  bool needs_recovery = false;  ///< the journal has to be replayed
  bool has_errors = false;      ///< marked as damaged by a kernel
  bool not_clean = false;       ///< was not unmounted
  bool interrupted = false;     ///< marked by a transaction that did not come to its end
  std::int64_t created = 0, written = 0;
  std::uint64_t size_bytes = 0;  ///< blocks times block size
  /// of the superblocks, descriptors, bitmaps, inode tables and the journal, which Linux leaves out
  /// of the size that df shows
  std::uint64_t overhead_blocks = 0;
  /// what Linux holds back from everybody while it is mounted
  std::uint64_t kernel_reserve_blocks = 0;
};

/// The filesystem in a window, if there is one that looks like ext (the magic is there); reads the
/// superblock only. Throws: Corrupt (a superblock that cannot be true, or one larger than the
/// window), Unsupported (an external journal), Io.
std::optional<ExtInfo> probe_ext(const Window& where);

/// Looks at all group descriptors, where probe_ext finds a filesystem; whoever reads a file looks
/// at those on the way only. Throws: Corrupt (a wrong checksum, or one that leads outside of the
/// filesystem), Unsupported, Io. Does not check: whether what they lead to overlaps.
void require_descriptors(const Window& where);

/// What can be read of a filesystem: as it lies in its window (ExtFs), or as a transaction leaves
/// it (Transaction).
class ExtReader {
 public:
  virtual ~ExtReader() = default;

  virtual ExtInfo info() const = 0;

  enum class Follow { All, AllButLast };
  /// The inode that `path` leads to; symlinks resolve inside the image, at most 40 of them; `..` of
  /// the root is the root. `path` is as typed: relative means from the root, `.` and `..` are
  /// allowed. Throws: NotFound (names the component; also for a loop or a file used as a
  /// directory), Corrupt, Io.
  std::uint32_t resolve(std::string_view path, Follow follow = Follow::All) const;
  /// The same, but nothing where nothing is. Throws: Corrupt, Io.
  std::optional<std::uint32_t> look_up(std::string_view path, Follow follow = Follow::All) const;
  /// Throws: Corrupt, Io.
  virtual InodeInfo inode(std::uint32_t number) const = 0;
  virtual FileType type(std::uint32_t number) const = 0;
  /// A name in a directory. Throws: NotFound (not a directory), Corrupt, Io.
  virtual std::optional<std::uint32_t> find(std::uint32_t directory,
                                            std::string_view name) const = 0;
  /// Throws: Corrupt, Unsupported (it is encrypted), Io. Does not check: that it is a symlink.
  virtual std::string symlink_target(std::uint32_t number) const = 0;
  /// Names in the directory's own order; `.` and `..` left out. Throws: NotFound (not a directory),
  /// Corrupt, Io.
  virtual std::vector<DirEntry> read_directory(std::uint32_t number) const = 0;
  /// Hands the content of a regular file to `sink` in order; holes as zeros, at most 1 MiB at a
  /// time. Throws: Exists (not a regular file), Unsupported (inline data, encrypted, ...),
  /// Corrupt, Io, and whatever `sink` throws.
  void read_file(std::uint32_t number,
                 const std::function<void(std::span<const std::byte>)>& sink) const;
  /// The same without holes and blocks that were never written: what a copy that keeps holes needs.
  /// Gives the file's size.
  using DataSink = std::function<void(std::uint64_t offset, std::span<const std::byte> bytes)>;
  virtual std::uint64_t read_data(std::uint32_t number, const DataSink& sink) const = 0;

 protected:
  ExtReader() = default;
  ExtReader(ExtReader&&) noexcept = default;
  ExtReader& operator=(ExtReader&&) noexcept = default;
};

enum class DirtyJournal { Refuse, Ignore };

/// An ext filesystem, open for reading. The image file, and the reader of its window if it has one,
/// must outlive it.
class ExtFs : public ExtReader {
 public:
  /// Throws: Unsupported (no ext filesystem; a feature that cannot be read), Corrupt, Dirty (the
  /// journal needs recovery and Refuse), Io.
  static ExtFs open(const Window& where, DirtyJournal journal = DirtyJournal::Refuse);
  ExtFs(ExtFs&&) noexcept;
  ExtFs& operator=(ExtFs&&) noexcept;
  ~ExtFs() override;

  ExtInfo info() const override;
  InodeInfo inode(std::uint32_t number) const override;
  FileType type(std::uint32_t number) const override;
  std::optional<std::uint32_t> find(std::uint32_t directory, std::string_view name) const override;
  std::string symlink_target(std::uint32_t number) const override;
  std::vector<DirEntry> read_directory(std::uint32_t number) const override;
  std::uint64_t read_data(std::uint32_t number, const DataSink& sink) const override;

 private:
  struct State;
  explicit ExtFs(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace rawimg

#pragma GCC visibility pop
