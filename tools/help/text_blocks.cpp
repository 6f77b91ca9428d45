// SPDX-License-Identifier: MIT
#include "help/text_blocks.h"

#include <algorithm>

namespace rawimg::cli {
namespace {

using Kind = TextBlock::Kind;

constexpr std::size_t kIndent = 2;

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// Where the tag of an item ends; npos: the line is none.
std::size_t gap_in(std::string_view line) { return line.find("  "); }

void add_indented(std::string_view line, bool goes_on, std::vector<TextBlock>& blocks) {
  const std::size_t indent = line.find_first_not_of(' ');
  const std::string_view words = line.substr(indent);
  if (goes_on && blocks.back().kind == Kind::Item && indent > kIndent) {
    blocks.back().text.append(" ").append(words);
  } else if (const std::size_t gap = gap_in(words);
             gap != std::string_view::npos && indent <= kIndent) {
    blocks.push_back(
        {Kind::Item, std::string(words.substr(0, gap)), std::string(trim(words.substr(gap)))});
  } else if (goes_on && blocks.back().kind == Kind::Literal) {
    blocks.back().text.append("\n").append(line.substr(std::min(indent, kIndent)));
  } else {
    blocks.push_back({Kind::Literal, "", std::string(line.substr(std::min(indent, kIndent)))});
  }
}

}  // namespace

std::vector<TextBlock> read_blocks(std::string_view text) {
  std::vector<TextBlock> blocks;
  bool goes_on = false;
  for (const std::string_view line : lines_of(text)) {
    if (trim(line).empty()) {
      goes_on = false;
      continue;
    }
    if (line[0] == ' ')
      add_indented(line, goes_on, blocks);
    else if (goes_on && blocks.back().kind == Kind::Paragraph)
      blocks.back().text.append(" ").append(trim(line));
    else
      blocks.push_back({Kind::Paragraph, "", std::string(trim(line))});
    goes_on = true;
  }
  return blocks;
}

std::vector<Example> read_examples(std::string_view text) {
  std::vector<Example> examples;
  for (const std::string_view line : lines_of(text)) {
    const std::string_view words = trim(line);
    if (words.empty()) continue;
    const std::size_t gap = std::min(gap_in(words), words.size());
    std::string_view purpose = trim(words.substr(gap));
    if (purpose.starts_with("# ")) purpose.remove_prefix(2);
    examples.push_back({words.substr(0, gap), purpose});
  }
  return examples;
}

}  // namespace rawimg::cli
