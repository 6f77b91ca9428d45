// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rawimg::cli {

/// One row of a command's option table. Parsing, help and the tests of both come from it.
struct OptionSpec {
  std::string_view name;  ///< without dashes; of one letter: it has no long form
  /// what help calls its value; empty: a switch; in brackets: it may be left out, and is given as
  /// --name=value
  std::string_view value;
  std::string_view help;
  char letter = 0;  ///< the short form, or 0
  bool is_long() const { return name.size() > 1; }
  char short_form() const { return is_long() ? letter : name[0]; }

  bool is_switch() const { return value.empty(); }
  bool value_may_be_missing() const { return value.starts_with('['); }
  bool needs_value() const { return !is_switch() && !value_may_be_missing(); }
};

/// A command's words, sorted: options in the order in which they came, operands.
class Args {
 public:
  Args(std::vector<std::pair<std::string, std::string>> options, std::vector<std::string> operands)
      : options_(std::move(options)), operands_(std::move(operands)) {}

  bool has(std::string_view name) const { return value(name).has_value(); }
  /// the last one; empty for a switch and where the value was left out
  std::optional<std::string> value(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& options() const { return options_; }
  const std::vector<std::string>& operands() const { return operands_; }
  /// What stands behind the operands of a command that takes an expression.
  const std::vector<std::string>& expression() const { return expression_; }
  void set_expression(std::vector<std::string> words) { expression_ = std::move(words); }
  /// Throws: Usage, naming the operand.
  const std::string& require(std::size_t index, std::string_view what) const;
  /// Throws: Usage when there are more operands.
  void require_at_most(std::size_t count) const;

 private:
  std::vector<std::pair<std::string, std::string>> options_;
  std::vector<std::string> operands_, expression_;
};

/// Throws: Usage (unknown option, with a suggestion; a value missing or too many).
Args parse_args(std::span<const OptionSpec> table, const std::vector<std::string>& words);

/// The candidate that is nearest to a mistyped word, if one is near.
std::optional<std::string> nearest(std::string_view word,
                                   std::span<const std::string_view> candidates);

}  // namespace rawimg::cli
