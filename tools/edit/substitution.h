// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace rawimg::cli {

/// "s/old/new/[g][i]", as sed -E has it: a POSIX extended regular expression for each line; & and
/// \1 to \9 in what replaces it; \t, \x41, \o101 and \d065 in both; any other byte can stand for /.
class Substitution {
 public:
  /// Throws: Usage.
  explicit Substitution(std::string_view text);
  Substitution(Substitution&&) noexcept;
  ~Substitution();

  /// The text with every line changed; how many of them in `changed`. Text with zero bytes: Throws
  /// Unsupported.
  std::string apply(const std::string& text, std::size_t& changed) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rawimg::cli
