// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "cli/streams.h"

namespace rawimg::cli {

/// The whole command: `words` without the program's name. Returns the exit code; throws nothing.
int run(const std::vector<std::string>& words, Streams& io);

}  // namespace rawimg::cli
