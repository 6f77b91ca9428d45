// SPDX-License-Identifier: MIT
// What a command line is answered: exit code and words.
#pragma once

#include <string>
#include <vector>

#include "cli/edit_disk.h"

namespace rawimg::test {

/// What a command line shall say, on standard error.
struct Row {
  std::vector<std::string> words;
  int code;
  std::string says;
};

inline void check_row(const Disk& disk, const Row& row) {
  const CliResult result = disk.run_verb(row.words);
  CAPTURE(row.words, row.says, result.out, result.err);
  CHECK(result.code == row.code);
  CHECK_THAT(result.err, Catch::Contains(row.says));
}

/// The same of a verb that reads, with the image's name in full.
inline void check_read(const std::vector<std::string>& words, int code, const std::string& says) {
  const CliResult result = run_rawimg(words);
  CAPTURE(words, says, result.out, result.err);
  CHECK(result.code == code);
  CHECK_THAT(result.err, Catch::Contains(says));
}

}  // namespace rawimg::test
