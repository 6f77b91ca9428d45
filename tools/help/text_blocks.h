// SPDX-License-Identifier: MIT
// The forms that a text of help is made of. Lines without an indent are a paragraph, whose lines
// may be broken anew; "  tag    text" explains a tag, two blanks or more between them, and goes on
// in lines that are indented further; other indented lines stay as they are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rawimg::cli {

struct TextBlock {
  enum class Kind { Paragraph, Item, Literal };
  Kind kind = Kind::Paragraph;
  std::string tag = {};  ///< of an item
  std::string text;      ///< without newlines, except in a literal
};

std::vector<TextBlock> read_blocks(std::string_view text);

/// A line of examples: a command, and what it is for, or nothing.
struct Example {
  std::string_view command, purpose;
};

std::vector<Example> read_examples(std::string_view text);

}  // namespace rawimg::cli
