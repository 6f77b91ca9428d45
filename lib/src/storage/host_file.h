// SPDX-License-Identifier: MIT
// A file of the host as an entry.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/entry.h>
#include <rawimg/error.h>
#include <rawimg/units.h>

#include "base/descriptor.h"

namespace rawimg {

enum class HostLinks { AreThemselves, AreFollowed };

/// A file of the host, open where it is a regular file or a directory. What is in a directory is
/// found from there on, so a directory that is swapped for a symlink meanwhile leads nowhere else;
/// but a descriptor is held for it.
class HostFile {
 public:
  /// `name` in the directory that is open (AT_FDCWD: any path); `path` is what messages call it.
  /// What may not be read is no error yet. Throws: Io (it does not exist, for one).
  HostFile(int directory, std::string name, std::string path, HostLinks links);

  const struct stat& status() const { return status_; }
  /// Throws: Io (why it could not be opened).
  int descriptor() const;
  /// Everything but path and content. Throws: Io, Unsupported (a kind that is not known).
  Entry entry() const;
  /// The names in a directory, sorted by their bytes. Throws: Io.
  std::vector<std::string> names() const;
  /// Throws: Io (its length or its time is not what it was when it was opened).
  void require_unchanged() const;

 private:
  int directory_;
  std::string name_, path_;
  struct stat status_ {};
  Descriptor descriptor_;
  int error_ = 0;
};

/// "cannot open 'a': permission denied", about `name`.
Error host_error(int number, std::string_view what, const std::string& name);
/// About a file that is not what it was when it was opened.
Error changed_while_read(const std::string& name);
/// Throws: Io, NoSpace.
void write_all(int descriptor, std::span<const std::byte> bytes, const std::string& name);
/// The next bytes from `at` on, below `size`, that are no hole; all, where the file system knows no
/// holes; none: only holes follow. Moves the descriptor.
std::optional<ByteRange> next_data(int descriptor, std::uint64_t at, std::uint64_t size);

}  // namespace rawimg
