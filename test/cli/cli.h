// SPDX-License-Identifier: MIT
// The command, run inside of the test.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace rawimg::test {

struct CliResult {
  int code = -1;
  std::string out, err;
  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

struct CliSurroundings {
  std::map<std::string, std::string> environment{};
  bool terminal = false;
  std::string input_file{};   ///< standard input; empty: /dev/null
  int input_descriptor = -1;  ///< standard input instead, unless -1; it stays open
  std::string output_file{};  ///< where standard output goes; empty: into the result
};

CliResult run_rawimg(const std::vector<std::string>& words, const CliSurroundings& around = {});

/// A small tarball: ./, etc/fstab, a symlink, a device, an odd name.
std::string small_tar();

}  // namespace rawimg::test
