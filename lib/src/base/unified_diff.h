// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace rawimg {

/// What `diff -u` says about two texts, with three lines of context: "--- old_name", "+++
/// new_name", hunks; empty when the texts are equal. Any bytes, line by line; `patch` makes the new
/// text of the old one. Names with a blank end in a tab, names with control bytes, quotes or
/// backslashes are quoted as in C, which is how patch wants them. The fewest lines differ, unless
/// finding them would take more than linear time and a few million steps: then a stretch is shown
/// as removed and added whole.
std::string unified_diff(std::string_view old_name, std::string_view new_name,
                         std::string_view old_text, std::string_view new_text);

}  // namespace rawimg
