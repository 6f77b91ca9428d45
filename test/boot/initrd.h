// SPDX-License-Identifier: MIT
// Packs files of the host into the initial RAM disk of a guest (cpio "newc"), as any user.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

namespace rawimg::test {

class Initrd {
 public:
  /// `path` has no leading slash; missing parents are made. Throws: std::system_error when the
  /// host's file cannot be read.
  void add_directory(const std::string& path);
  void add_bytes(const std::string& path, std::string_view bytes, unsigned mode);
  void add_file(const std::string& path, const std::filesystem::path& from);
  void add_symlink(const std::string& path, const std::string& target);
  /// A program of the host and the shared libraries that it needs, at the places where it looks for
  /// them.
  void add_program(const std::string& path, const std::string& name);

  /// The archive; nothing can be added afterwards.
  std::string finish();

 private:
  void add_entry(const std::string& path, unsigned mode, std::string_view bytes);

  std::string bytes_;
  std::set<std::string> have_;
  unsigned next_inode_ = 1;
};

/// The absolute paths of the shared libraries and the loader that a program of the host needs;
/// empty for a static one.
std::set<std::string> libraries_of(const std::filesystem::path& program);

}  // namespace rawimg::test
