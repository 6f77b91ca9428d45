// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cli/command.h"

namespace rawimg::cli {
namespace {

constexpr std::size_t kColumns = 120;  // as wide as the details are written

/// Breaks at blanks; the lines behind the first one begin with `indent` blanks.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string lines;
  while (indent + text.size() > kColumns) {
    std::size_t end = text.rfind(' ', kColumns - indent);
    if (end == std::string_view::npos) end = text.find(' ');
    if (end == std::string_view::npos) break;
    lines.append(text.substr(0, end)).append(1, '\n').append(indent, ' ');
    text.remove_prefix(end + 1);
  }
  return lines.append(text);
}

/// What a line is too long by goes on in the next one, where that is of the same paragraph.
std::string filled(std::string_view text) {
  std::string lines, rest;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string line = rest.empty() ? "" : rest + ' ';
    line += text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    rest = wrapped(line, 0);
    const std::size_t first = rest.find('\n');
    const bool goes_on = !text.empty() && text[0] != ' ' && text[0] != '\n';
    if (first == std::string::npos || !goes_on) {
      lines.append(std::exchange(rest, {})).append(1, '\n');
      continue;
    }
    lines.append(rest, 0, first + 1);
    rest = line.substr(first + 1);
  }
  return lines;
}

std::string option_lines(std::span<const OptionSpec> options) {
  std::size_t width = 0;
  std::vector<std::pair<std::string, std::string_view>> rows;
  for (const OptionSpec& spec : options) {
    std::string left = !spec.is_long()    ? fmt::format("-{}", spec.name)
                       : spec.letter != 0 ? fmt::format("-{}, --{}", spec.letter, spec.name)
                                          : fmt::format("    --{}", spec.name);
    if (spec.value_may_be_missing())
      left += fmt::format("[={}", spec.value.substr(1));
    else if (!spec.is_switch())
      left += fmt::format(" {}", spec.value);
    width = std::max(width, left.size());
    rows.emplace_back(std::move(left), spec.help);
  }
  std::string text;
  for (const auto& [left, right] : rows)
    text += fmt::format("  {:<{}}  {}\n", left, width, wrapped(right, width + 4));
  return text;
}

}  // namespace

std::vector<OptionSpec> all_options(const Command& command) {
  std::vector<OptionSpec> options;
  for (const auto table : command.options)
    options.insert(options.end(), table.begin(), table.end());
  return options;
}

std::string help_text(const Command& command) {
  std::string text =
      fmt::format("rawimg {} - {}\n\nExamples:\n{}\nUsage: rawimg {} {}\n\nOptions:\n{}",
                  command.name, command.summary, command.examples, command.name, command.synopsis,
                  option_lines(all_options(command)));
  if (!command.details.empty()) text += "\n" + filled(command.details);
  return text;
}

}  // namespace rawimg::cli
