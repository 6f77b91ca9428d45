// SPDX-License-Identifier: MIT
// A new image that appears under its name whole or not at all: it grows as `IMG.part` beside the
// real file and takes the name by rename.
#pragma once

#include <filesystem>

#include <rawimg/image_file.h>

namespace rawimg {

enum class Replace { Refuse, RegularFile };  ///< what commit may do to a file that is already there

class NewImage {
 public:
  /// Starts `path`.part (symlinks in `path` resolved), empty and locked; a stale unlocked one is
  /// reused. Throws: Exists (a file is there and Replace::Refuse; not a regular file), Busy
  /// (someone else is making it), Io.
  NewImage(const std::filesystem::path& path, Replace replace, LockPolicy lock = {});
  ~NewImage();  ///< removes the .part file unless committed
  NewImage(const NewImage&) = delete;
  NewImage& operator=(const NewImage&) = delete;

  ImageFile& file() { return file_; }
  /// The path that a signal handler may unlink.
  const std::filesystem::path& part_path() const { return part_; }

  /// Syncs (unless told not to), gives the file its name, syncs the directory. A replaced file's
  /// mode stays. Guarantee: strong. Throws: Exists (somebody made the name meanwhile), Io, NoSpace.
  void commit(Durability durability);

 private:
  std::filesystem::path target_, part_;
  Replace replace_;
  ImageFile file_;
  bool committed_ = false;
};

}  // namespace rawimg
