// SPDX-License-Identifier: MIT
#include "guest/text_lines.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace rawimg {

std::optional<TextLine> LineReader::next() {
  if (rest_.empty()) return std::nullopt;
  const std::size_t newline = rest_.find('\n');
  const std::size_t whole = newline == std::string_view::npos ? rest_.size() : newline + 1;
  std::size_t body = std::min(newline, rest_.size());
  // libmount takes a carriage return off at the end of the file, too
  if (body > 0 && rest_[body - 1] == '\r') --body;
  const TextLine line{++number_, rest_.substr(0, body), rest_.substr(body, whole - body)};
  rest_.remove_prefix(whole);
  return line;
}

void keep_line(std::string& out, const TextLine& line) {
  out.append(line.body).append(line.ending);
}

void replace_line(std::string& out, const TextLine& line, std::string_view body) {
  out.append(body).append(line.ending);
}

void append_line(std::string& out, std::string_view body) {
  const auto first = LineReader(out).next();
  const std::string ending(
      first && first->ending.find('\n') != std::string_view::npos ? first->ending : "\n");
  // a reader takes the carriage return for the line's end already
  if (!out.empty() && out.back() != '\n') out += out.back() == '\r' ? "\n" : ending;
  out.append(body).append(ending);
}

EditCount remove_lines(std::string& text, const std::function<LineMatch(const TextLine&)>& match) {
  EditCount count;
  std::string out;
  LineReader reader(text);
  while (const auto line = reader.next()) {
    if (match(*line) == LineMatch::Active)
      ++count.matched;
    else
      keep_line(out, *line);
  }
  count.changed = count.matched;
  text = std::move(out);
  return count;
}

EditCount comment_lines(std::string& text, const std::function<LineMatch(const TextLine&)>& match) {
  EditCount count;
  std::string out;
  LineReader reader(text);
  while (const auto line = reader.next()) {
    const LineMatch what = match(*line);
    if (what != LineMatch::None) ++count.matched;
    if (what == LineMatch::Active) {
      ++count.changed;
      out += '#';
    }
    keep_line(out, *line);
  }
  text = std::move(out);
  return count;
}

std::string_view skip_blanks(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text;
}

std::optional<std::string_view> comment_text(std::string_view body) {
  const std::string_view text = skip_blanks(body);
  if (text.empty() || text.front() != '#') return std::nullopt;
  return text.substr(std::min(text.find_first_not_of("# \t"), text.size()));
}

std::optional<unsigned> parse_decimal(std::string_view digits) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace rawimg
