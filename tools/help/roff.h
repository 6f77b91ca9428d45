// SPDX-License-Identifier: MIT
// A page in the man(7) macros, as groff and mandoc take them.
#pragma once

#include <string>
#include <string_view>

namespace rawimg::cli {

/// Text as roff shows it: no byte of it is a command or an escape of roff, and no dash becomes a
/// hyphen, so that what is copied out of a page works.
std::string roff_escape(std::string_view text);

class RoffPage {
 public:
  /// `section` is a digit.
  RoffPage(std::string_view name, std::string_view section);

  void section(std::string_view title);
  void subsection(std::string_view title);
  void paragraph(std::string_view text);
  /// A tag, which is roff already, and what it means.
  void item(const std::string& roff_tag, std::string_view text);
  void literal(std::string_view lines);
  /// A line of roff.
  void raw(std::string_view line);
  /// "\fBrawimg build\fR" and what is behind it.
  void synopsis(std::string_view command, std::string_view words);
  const std::string& text() const { return text_; }

 private:
  void fill(std::string_view text);

  std::string text_;
  bool begins_ = true;  ///< whether a section has just begun, which is a paragraph of its own
};

std::string roff_bold(std::string_view text);
std::string roff_italic(std::string_view text);

}  // namespace rawimg::cli
