// SPDX-License-Identifier: MIT
// Formats with a percent sign, as stat -c and find -printf take them: flags, a width, a precision,
// a letter.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rawimg::cli {

/// A part of a format: text, or a directive.
struct FormatPart {
  std::string text;
  char letter = 0;  ///< 0: text
  char which = 0;   ///< behind T, A and C of find -printf
  bool left = false, zero = false, alternate = false;
  std::size_t width = 0;
  std::optional<std::size_t> precision = std::nullopt;
};

/// Splits a format. `letters` are the known ones, `two` those with a second letter behind them.
/// Throws: Usage (an unknown letter; a width over 4096).
std::vector<FormatPart> parse_format(std::string_view format, std::string_view letters,
                                     std::string_view two = "");
/// \n, \t, \0, \033, \x41 and so on replaced, as coreutils do it. Throws: Usage (an unknown
/// escape).
std::string unescape_format(std::string_view text);
/// `value`, filled up to the part's width.
std::string fill(const FormatPart& part, std::string value);

}  // namespace rawimg::cli
