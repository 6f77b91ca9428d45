// SPDX-License-Identifier: MIT
// find(1)'s expressions. find_expression.cpp reads them, find_tests.cpp has the tests,
// find_actions.cpp the actions.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "read/reading.h"
#include "read/walk.h"

namespace rawimg::cli {

/// A file that find has come to.
struct FindFile {
  const WalkStep& step;
  const ReadFile& start;
};

/// What goes from file to file.
struct FindRun {
  Reading& reading;
  bool prune = false, quit = false;
  JsonList entries = {};
};

using FindTest = std::function<bool(const FindFile&, FindRun&)>;

struct FindPlan {
  FindTest test;
  std::size_t least_depth = 0, most_depth = SIZE_MAX;
  bool depth_first = false;
};

/// What makers of tests know.
struct FindRequest {
  std::span<const std::string> arguments;
  const ReadFile& start;  ///< names and files are looked up in its filesystem
  Timestamp now;
};

/// How many words behind this word of an expression are its arguments.
std::size_t words_behind_find(std::string_view word);
/// Throws: Usage, NotFound (a user, group or file that the image does not have).
FindPlan parse_find(std::span<const std::string> words, const ReadFile& start, Timestamp now);

/// A word of an expression that is true or false of a file.
struct FindWord {
  std::string_view name;
  std::size_t arguments = 0;
  FindTest (*make)(const FindRequest& request);
  bool prints = false;  ///< so that -print is not meant
};
std::span<const FindWord> find_tests();
std::span<const FindWord> find_actions();

}  // namespace rawimg::cli
