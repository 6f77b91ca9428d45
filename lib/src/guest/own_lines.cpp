// SPDX-License-Identifier: MIT
#include "guest/own_lines.h"

#include <optional>

#include <fmt/format.h>
#include <rawimg/error.h>

namespace rawimg {
namespace {

std::string mark(const Owner& owner) { return fmt::format("#{}# ", owner.tag); }
std::string begin_line(const Owner& owner) {
  return fmt::format("# rawimg {}: begin ('{}' takes this back)", owner.tag, owner.undo);
}
std::string end_line(const Owner& owner) { return fmt::format("# rawimg {}: end", owner.tag); }

/// The numbers of the lines that begin and end the owner's block. Throws: BadInput (it has no end:
/// taking it back would take the rest of the file).
struct Block {
  std::size_t begin = 0, end = 0;
};

std::optional<Block> find_block(std::string_view text, const Owner& owner) {
  const std::string begin = begin_line(owner), end = end_line(owner);
  Block block;
  LineReader reader(text);
  while (const auto line = reader.next()) {
    if (block.begin == 0 && line->body == begin) block.begin = line->number;
    if (block.begin != 0 && line->body == end) {
      block.end = line->number;
      return block;
    }
  }
  if (block.begin != 0)
    throw Error(Errc::BadInput,
                fmt::format("line {} begins what '{}' takes back, and no line ends it", block.begin,
                            owner.undo))
        .with_hint(fmt::format("'{}' has to stand behind the last of these lines", end));
  return std::nullopt;
}

}  // namespace

std::string without_own_lines(std::string_view text, const Owner& owner) {
  const Block block = find_block(text, owner).value_or(Block{});
  const std::string front = mark(owner);
  std::string out;
  out.reserve(text.size());
  LineReader reader(text);
  while (const auto line = reader.next()) {
    if (line->number >= block.begin && line->number <= block.end) continue;
    if (line->body.starts_with(front))
      replace_line(out, *line, line->body.substr(front.size()));
    else
      keep_line(out, *line);
  }
  return out;
}

std::string with_own_lines(std::string_view text, const Owner& owner,
                           const std::vector<std::string>& lines,
                           const std::function<bool(const TextLine&)>& is_off) {
  const std::string before = without_own_lines(text, owner);
  std::string out;
  out.reserve(before.size() + 4096);
  if (!lines.empty()) {
    out += begin_line(owner) + '\n';
    for (const std::string& line : lines) out += line + '\n';
    out += end_line(owner) + '\n';
  }
  const std::string front = mark(owner);
  LineReader reader(before);
  while (const auto line = reader.next()) {
    if (is_off(*line)) out += front;
    keep_line(out, *line);
  }
  return out;
}

std::vector<std::string> own_lines(std::string_view text, const Owner& owner) {
  std::vector<std::string> lines;
  const Block block = find_block(text, owner).value_or(Block{});
  LineReader reader(text);
  while (const auto line = reader.next())
    if (line->number > block.begin && line->number < block.end) lines.emplace_back(line->body);
  return lines;
}

}  // namespace rawimg
