// SPDX-License-Identifier: MIT
// Text as lines that can be put together again byte by byte: LF, CRLF and a last line without an
// end stay what they are.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <rawimg/edit_count.h>

namespace rawimg {

/// A line of a text that outlives it.
struct TextLine {
  std::size_t number = 0;   ///< from 1
  std::string_view body;    ///< without its end
  std::string_view ending;  ///< "\n" or "\r\n"; of a last line without a newline "\r" or nothing
};

/// Hands out the lines of `text` one after the other.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}
  std::optional<TextLine> next();

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

/// The line as it is, at the end of `out`.
void keep_line(std::string& out, const TextLine& line);
/// The line with another body.
void replace_line(std::string& out, const TextLine& line, std::string_view body);
/// A new last line, with the ending that the first line of `out` has (LF when there is none); a
/// last line without an end gets one before, and one that ends in a lone CR its LF.
void append_line(std::string& out, std::string_view body);

/// What a line is to a pattern.
enum class LineMatch { None, Active, Comment };
/// Takes the active lines that match out of `text`.
EditCount remove_lines(std::string& text, const std::function<LineMatch(const TextLine&)>& match);
/// Puts a number sign before the active lines that match; comments that do count as matched.
EditCount comment_lines(std::string& text, const std::function<LineMatch(const TextLine&)>& match);

/// `text` without the blanks (space, tab) at its start.
std::string_view skip_blanks(std::string_view text);
/// What a comment's text is: without blanks and number signs at its start. Absent: the line is no
/// comment.
std::optional<std::string_view> comment_text(std::string_view body);
/// A whole decimal number of digits alone that fits 32 bits, else nothing.
std::optional<unsigned> parse_decimal(std::string_view digits);

}  // namespace rawimg
