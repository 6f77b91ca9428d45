// SPDX-License-Identifier: MIT
// An image that verbs change; e2fsck looks at it when the test is done.
#pragma once

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "cli/cli.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace rawimg::test {

/// An image with a root filesystem in slot 1.
class Disk {
 public:
  explicit Disk(const std::string& type = "ext4") {
    write_file(dir / "a.tar", small_tar());
    REQUIRE(run_rawimg({"build", image, "--from", (dir / "a.tar").string(), "--size", "32M", "-t",
                        type, "--no-sync", "-q"})
                .code == 0);
  }
  ~Disk() {
    const Outcome judged = run({"e2fsck", "-fn", image + "?offset=1048576"});
    CAPTURE(judged.text());
    CHECK(judged.exit_code == 0);
    CHECK(judged.out.find("? no") == std::string::npos);
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  /// Runs a verb without syncing; ":" at the start of a word stands for the image.
  CliResult run_verb(std::vector<std::string> words, const CliSurroundings& around = {}) const {
    for (std::string& word : words)
      if (word.starts_with(":/")) word = image + word;
    words.push_back("--no-sync");
    return run_rawimg(words, around);
  }
  void require_verb(const std::vector<std::string>& words,
                    const CliSurroundings& around = {}) const {
    const CliResult result = run_verb(words, around);
    CAPTURE(words, result.err);
    REQUIRE(result.code == 0);
  }
  std::string cat(const std::string& path) const {
    return run_rawimg({"cat", image + ":" + path}).out;
  }
  std::string ls(const std::string& path) const {
    return run_rawimg({"ls", image + ":" + path}).out;
  }
  nlohmann::json stat(const std::string& path) const {
    return run_rawimg({"stat", "--json", image + ":" + path}).json().at("result");
  }

  TempDir dir;
  std::string image = (dir / "a.img").string();
};

}  // namespace rawimg::test
