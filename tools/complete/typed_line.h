// SPDX-License-Identifier: MIT
// A line of bash or zsh that is still being typed: its words without quotes, and what of the last
// one the shell puts a candidate in place of.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rawimg::cli {

struct TypedLine {
  std::vector<std::string> words;  ///< in front of the cursor, whole
  std::string word;                ///< the one that the cursor is at the end of; may be empty
  std::string raw;                 ///< the same as it is typed
  /// for each byte of `word` where it begins in `raw`, and the end
  std::vector<std::size_t> raw_at;
  char quote = 0;         ///< the quote that is still open, or 0
  std::size_t fixed = 0;  ///< bytes of `word` that readline leaves as they are
};

/// A shell's variable, or nothing.
using Variables = std::function<std::optional<std::string>(const char* name)>;

/// `breaks` are bash's COMP_WORDBREAKS. Of expansions, ~/ at the start of a word, $NAME and ${NAME}
/// are made; nothing is ever run. Throws nothing: an open quote is what a line has that is typed.
TypedLine read_typed_line(std::string_view line, std::string_view breaks,
                          const Variables& variables);

/// Bytes as what they have to be behind an open quote (0: none) in bash.
std::string quoted_for_bash(std::string_view bytes, char open_quote);

}  // namespace rawimg::cli
