// SPDX-License-Identifier: MIT
// A program on a terminal of its own, which a test types into.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rawimg::test {

class Terminal {
 public:
  /// Throws: NotRun when there is no such program; std::system_error. `environment` is all of it:
  /// "NAME=value".
  Terminal(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
           const std::filesystem::path& directory);
  /// Hangs up, and kills what is still there.
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(std::string_view keys);
  /// Waits until there is such a file; false: it did not come, or the program has ended.
  bool wait_for(const std::filesystem::path& file, std::chrono::seconds limit);
  /// What the program has shown so far, for a failure message.
  const std::string& screen() const { return screen_; }

 private:
  void read_screen();

  pid_t pid_ = -1;
  int master_ = -1;
  std::string screen_;
};

}  // namespace rawimg::test
