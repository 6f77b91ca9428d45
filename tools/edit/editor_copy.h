// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

namespace rawimg::cli {

/// A directory on the host that is gone at the end, with what is in it.
class TemporaryDirectory {
 public:
  /// Throws: Io.
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void keep() { path_.clear(); }

 private:
  std::filesystem::path path_;
};

/// A file on the host that an editor works on.
class EditorCopy {
 public:
  /// Throws: Io, NoSpace; nothing is left then.
  EditorCopy(const std::string& name, const std::string& content);
  /// A shell command, to which the file's name is added. Throws: Io (also: it failed).
  void run(const std::string& editor) const;
  /// Throws: Io, Unsupported (over 1 GiB).
  std::string read() const;
  /// It stays, for the user to do something with it.
  const std::filesystem::path& keep();

 private:
  TemporaryDirectory directory_;
  std::filesystem::path file_;
};

}  // namespace rawimg::cli
