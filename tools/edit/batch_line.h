// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rawimg::cli {

/// The words of a line, quoted as POSIX shells do: '...' as it is, "..." with \ before " \ $ and `,
/// \ before any other byte, # at the start of a word begins a comment. Nothing is expanded. Throws:
/// Usage (a quote that does not end).
std::vector<std::string> split_line(std::string_view line);

}  // namespace rawimg::cli
