// SPDX-License-Identifier: MIT
// Lines that rawimg has put into a guest's text file, and those that it has taken out of force,
// told apart from all others, so that both can be taken back byte by byte:
//
//   # rawimg gem5: begin ('rawimg gem5 --remove' takes this back)
//   g5:12345:wait:/sbin/gem5-start
//   # rawimg gem5: end
//   #gem5# si::sysinit:/sbin/openrc sysinit
//
// What is put in stands in front of the text, so that a last line without an end is nobody's
// concern.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "guest/text_lines.h"

namespace rawimg {

/// Who has put the lines in.
struct Owner {
  std::string_view tag;   ///< "gem5"
  std::string_view undo;  ///< the command that takes it back: "rawimg gem5 --remove"
};

/// The text as it was before with_own_lines, byte by byte; a text without such lines as it is.
std::string without_own_lines(std::string_view text, const Owner& owner);
/// `text`, without what the owner had in it, with `lines` in front and those lines commented out
/// that `is_off` says. With neither it is without_own_lines.
std::string with_own_lines(std::string_view text, const Owner& owner,
                           const std::vector<std::string>& lines,
                           const std::function<bool(const TextLine&)>& is_off);
/// The owner's lines.
std::vector<std::string> own_lines(std::string_view text, const Owner& owner);

}  // namespace rawimg
