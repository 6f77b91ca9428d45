// SPDX-License-Identifier: MIT
#pragma once

#include <bitset>
#include <string_view>
#include <vector>

namespace rawimg {

/// A pattern over bytes: `*` any bytes (also `/`), `?` one byte, `[a-z]` `[!a-z]` one of a set, `\` takes the next byte as it is. A `[` without its `]` stands for itself.
/// Cost of a match: at most length of text times length of pattern.
class Glob {
 public:
  explicit Glob(std::string_view pattern);

  /// All of `text`.
  bool matches(std::string_view text) const { return run(text, Bounds::Whole); }
  /// From the path's start to the end of any of its components.
  bool matches_leading_part(std::string_view path) const { return run(path, Bounds::Leading); }
  /// From the start of any component to the end of any component.
  bool matches_some_part(std::string_view path) const { return run(path, Bounds::Some); }

 private:
  enum class Bounds { Whole, Leading, Some };
  struct Element {
    bool is_star = false;
    std::bitset<256> bytes;  ///< of what is no star: which bytes it matches
  };
  bool run(std::string_view text, Bounds bounds) const;
  void enter(std::vector<char>& states, std::size_t state) const;

  std::vector<Element> elements_;
};

}  // namespace rawimg
