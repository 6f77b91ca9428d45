// SPDX-License-Identifier: MIT
// A new image that appears under its name whole or not at all: it grows as `IMG.part` beside the
// real file and takes the name by rename.
#pragma once

#include <filesystem>
#include <optional>

#include <rawimg/image_file.h>

#pragma GCC visibility push(default)

namespace rawimg {

enum class Replace { Refuse, RegularFile };  ///< what commit may do to a file that is already there

class NewImage {
 public:
  /// Starts `path`.part (symlinks in `path` resolved), empty and locked; a stale unlocked one is
  /// reused. A file that is to be replaced is locked, too, where it can be opened for writing.
  /// Throws: Exists (a file is there and Replace::Refuse; not a regular file; a dangling symlink),
  /// Busy (someone else is making it, or uses the one that is there), Usage (names no file), Io.
  NewImage(const std::filesystem::path& path, Replace replace, LockPolicy lock = {});
  /// One that is never made: file() is in memory, commit() does nothing, nothing is written.
  /// Throws: as above, but for Busy.
  struct DryRun {};
  NewImage(const std::filesystem::path& path, Replace replace, DryRun);
  /// One that takes the place of an image which is open for writing, and whose lock is held until
  /// then: old() reads it. Throws: as above, and Io (the name is another file's meanwhile).
  explicit NewImage(ImageFile old, LockPolicy lock = {});
  ~NewImage();  ///< removes the .part file unless committed
  NewImage(const NewImage&) = delete;
  NewImage& operator=(const NewImage&) = delete;

  ImageFile& file() { return file_; }
  /// What is to be replaced, of one that was made so.
  const ImageFile& old() const { return *old_; }
  /// The path that a signal handler may unlink; empty in a dry run.
  const std::filesystem::path& part_path() const { return part_; }

  /// Syncs (unless told not to), gives the file its name, syncs the directory. A replaced file's
  /// mode stays, and its owner where the host lets us. Guarantee: strong, but for a failed sync of
  /// the directory: the name is there then. Throws: Exists (somebody made the name meanwhile), Io,
  /// NoSpace.
  void commit(Durability durability);

 private:
  bool owns_part() const;

  std::filesystem::path target_, part_;
  Replace replace_;
  std::optional<ImageFile> old_;  // for its lock
  ImageFile file_;
  bool committed_ = false;
};

}  // namespace rawimg

#pragma GCC visibility pop
