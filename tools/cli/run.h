// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "cli/streams.h"

namespace rawimg::cli {

/// A line's words behind the program's name; one called gem5img or gem5img.py is `rawimg gem5img`.
std::vector<std::string> without_program(std::vector<std::string> words);
std::vector<std::string> words_of(int argc, const char* const* argv);
/// The whole command: `words` without the program's name. Returns the exit code; throws nothing.
int run(const std::vector<std::string>& words, Streams& io);

}  // namespace rawimg::cli
