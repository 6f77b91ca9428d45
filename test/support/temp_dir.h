// SPDX-License-Identifier: MIT
// A directory of a test's own: made empty, removed with all it holds when the test ends, also when
// it ends by an exception.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace rawimg::test {

class TempDir {
 public:
  /// A new directory below `parent` (by default $TMPDIR, else /tmp). Throws: std::system_error.
  explicit TempDir(const std::filesystem::path& parent = {});
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::filesystem::path operator/(const TempDir& dir, const std::filesystem::path& name) {
  return dir.path() / name;
}

/// The whole file. Throws: std::system_error.
std::string read_file(const std::filesystem::path& file);
/// A new file with these bytes, or the old one with its content replaced. Throws:
/// std::system_error.
void write_file(const std::filesystem::path& file, std::string_view bytes);

}  // namespace rawimg::test
