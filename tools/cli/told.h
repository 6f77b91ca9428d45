// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string_view>

#include "cli/streams.h"

namespace rawimg::cli {

/// require_told() of a file that `what` is said of: "was made". Throws: Io.
void require_told(Streams& io, const std::filesystem::path& file, std::string_view what);

}  // namespace rawimg::cli
