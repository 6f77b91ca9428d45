// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/command.h"

namespace rawimg::cli {
namespace {

bool begins_expression(const std::string& word) {
  if (word == "(" || word == ")" || word == "!" || word == ",") return true;
  return word.size() > 1 && word[0] == '-' && word[1] != '-';
}

const OptionSpec* find_option(std::span<const OptionSpec> table, const std::string& word) {
  if (!word.starts_with("--")) return nullptr;
  const std::string_view name = std::string_view(word).substr(2, word.find('=') - 2);
  const auto it = std::find_if(table.begin(), table.end(),
                               [&](const OptionSpec& spec) { return spec.name == name; });
  return it == table.end() ? nullptr : &*it;
}

/// Whether the word behind this option is its value.
bool takes_next(std::span<const OptionSpec> table, const std::string& word) {
  if (const OptionSpec* spec = find_option(table, word))
    return spec->needs_value() && word.find('=') == std::string::npos;
  if (word.size() != 2 || word[0] != '-') return false;
  return std::any_of(table.begin(), table.end(), [&](const OptionSpec& spec) {
    return spec.short_form() == word[1] && spec.needs_value();
  });
}

/// Where the expression begins, which is behind an operand.
std::size_t find_expression(std::span<const OptionSpec> table,
                            const std::vector<std::string>& words) {
  bool has_operand = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (has_operand && begins_expression(words[i])) return i;
    if (takes_next(table, words[i]))
      ++i;
    else if (!words[i].starts_with('-'))
      has_operand = true;
  }
  return words.size();
}

/// Words with a dash that are operands go in front, with commas between them, as chmod(1) takes
/// `-w -x` for the mode -w,-x.
Args parse_dashed(const Command& command, std::span<const OptionSpec> table,
                  const std::vector<std::string>& words) {
  std::vector<std::string> rest;
  std::string dashed;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--") {
      rest.insert(rest.end(), words.begin() + static_cast<std::ptrdiff_t>(i), words.end());
      break;
    }
    if (command.is_dashed_operand(words[i])) {
      dashed += (dashed.empty() ? "" : ",") + words[i];
      continue;
    }
    rest.push_back(words[i]);
    if (takes_next(table, words[i]) && i + 1 < words.size()) rest.push_back(words[++i]);
  }
  const Args args = parse_args(table, rest);
  if (dashed.empty()) return args;
  std::vector<std::string> operands{dashed};
  operands.insert(operands.end(), args.operands().begin(), args.operands().end());
  return Args(args.options(), std::move(operands));
}

}  // namespace

Args parse_words(const Command& command, const std::vector<std::string>& words) {
  const std::vector<OptionSpec> table = all_options(command);
  if (command.is_dashed_operand != nullptr) return parse_dashed(command, table, words);
  if (command.words_behind == nullptr) return parse_args(table, words);
  if (!words.empty() && begins_expression(words[0]) && words[0].size() > 2)
    throw Error(Errc::Usage, fmt::format("{} stands before the image", quote(words[0])))
        .with_hint(fmt::format("the expression stands behind it: rawimg {} {}", command.name,
                               command.synopsis));
  const auto begin = words.begin() + static_cast<std::ptrdiff_t>(find_expression(table, words));
  std::vector<std::string> front(words.begin(), begin), expression;
  for (auto word = begin; word != words.end();) {
    const bool own = find_option(table, *word) != nullptr;
    const std::size_t count = 1 + (own ? takes_next(table, *word) : command.words_behind(*word));
    const auto end =
        word + std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(count), words.end() - word);
    // an option of ours stands before the operands for the parser
    if (own)
      front.insert(front.begin(), word, end);
    else
      expression.insert(expression.end(), word, end);
    word = end;
  }
  Args args = parse_args(table, front);
  args.set_expression(std::move(expression));
  return args;
}

}  // namespace rawimg::cli
