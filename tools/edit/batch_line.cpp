// SPDX-License-Identifier: MIT
#include "edit/batch_line.h"

#include <optional>

#include <fmt/format.h>
#include <rawimg/error.h>

namespace rawimg::cli {

std::vector<std::string> split_line(std::string_view line) {
  std::vector<std::string> words;
  if (line.find('\0') != std::string_view::npos)
    throw Error(Errc::Usage, "the line has a NUL byte, which no name and no text can have");
  std::optional<std::string> word;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool has_next = i + 1 < line.size();
    if (quote != 0) {
      if (c == quote)
        quote = 0;
      else if (quote == '"' && c == '\\' && has_next &&
               std::string_view("\"\\$`").find(line[i + 1]) != std::string_view::npos)
        *word += line[++i];
      else
        *word += c;
      continue;
    }
    if (c == ' ' || c == '\t' || c == '\r') {
      if (word) words.push_back(*std::exchange(word, std::nullopt));
      continue;
    }
    if (c == '#' && !word) break;
    if (!word) word.emplace();
    if (c == '\'' || c == '"')
      quote = c;
    else if (c == '\\' && has_next)
      *word += line[++i];
    else if (c == '\\')
      throw Error(Errc::Usage, "the line ends with a backslash");
    else
      *word += c;
  }
  if (quote != 0)
    throw Error(Errc::Usage, fmt::format("a quote {} does not end in its line", quote));
  if (word) words.push_back(*word);
  return words;
}

}  // namespace rawimg::cli
