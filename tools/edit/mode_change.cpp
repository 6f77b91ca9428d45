// SPDX-License-Identifier: MIT
#include "edit/mode_change.h"

#include <charconv>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg::cli {
namespace {

constexpr unsigned kUmask = 0022;
constexpr unsigned kSetuid = 04000, kSetgid = 02000, kSticky = 01000;

unsigned repeated(unsigned rwx) { return rwx << 6 | rwx << 3 | rwx; }

}  // namespace

ModeChange::ModeChange(std::string_view text) {
  const auto refuse = [&] {
    throw Error(
        Errc::Usage,
        fmt::format("mode {}: it can be octal, such as 0644, or symbolic, such as u=rwx,go-w",
                    quote(text)));
  };
  if (text.empty()) refuse();
  if (text[0] >= '0' && text[0] <= '9') {
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), octal_bits_, 8);
    if (error != std::errc{} || end != text.data() + text.size() || octal_bits_ > 07777) refuse();
    octal_ = true;
    octal_sets_special_ = text.size() > 4 || octal_bits_ > 0777;
    return;
  }
  std::size_t at = 0;
  for (;;) {
    unsigned who = 0;
    for (; at < text.size() && std::string_view("ugoa").find(text[at]) != std::string_view::npos;
         ++at)
      who |= text[at] == 'u'   ? kSetuid | 0700
             : text[at] == 'g' ? kSetgid | 0070
             : text[at] == 'o' ? kSticky | 0007U
                               : 07777U;
    const bool anyone = who == 0;
    if (at == text.size()) refuse();
    while (at < text.size() && std::string_view("+-=").find(text[at]) != std::string_view::npos) {
      Step step{.who = anyone ? 07777 & ~kUmask : who, .action = text[at++]};
      if (anyone && at < text.size() && text[at] >= '0' && text[at] <= '7') {
        step.who = 07777;
        step.is_octal = true;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '7'; ++at)
          if ((step.bits = step.bits * 8 + static_cast<unsigned>(text[at] - '0')) > 07777) refuse();
      }
      for (; at < text.size() && std::string_view("+-=,").find(text[at]) == std::string_view::npos;
           ++at) {
        switch (text[at]) {
          case 'r':
            step.bits |= repeated(4);
            break;
          case 'w':
            step.bits |= repeated(2);
            break;
          case 'x':
            step.bits |= repeated(1);
            break;
          case 'X':
            step.execute_some = true;
            break;
          case 's':
            step.bits |= kSetuid | kSetgid;
            break;
          case 't':
            step.bits |= kSticky;
            step.who |= kSticky;
            break;
          case 'u':
            step.copy_from = 0700;
            break;
          case 'g':
            step.copy_from = 0070;
            break;
          case 'o':
            step.copy_from = 0007;
            break;
          default:
            refuse();
        }
      }
      steps_.push_back(step);
    }
    if (at == text.size()) return;
    if (text[at++] != ',') refuse();
  }
}

std::uint16_t ModeChange::apply(std::uint16_t permissions, bool directory) const {
  unsigned mode = permissions;
  if (octal_)
    return static_cast<std::uint16_t>(directory && !octal_sets_special_
                                          ? octal_bits_ | (mode & (kSetuid | kSetgid))
                                          : octal_bits_);
  for (const Step& step : steps_) {
    unsigned bits = step.bits;
    if (step.execute_some && (directory || (mode & 0111) != 0)) bits |= repeated(1);
    if (step.copy_from != 0)
      bits |= repeated((mode & step.copy_from) >> (step.copy_from == 0700   ? 6
                                                   : step.copy_from == 0070 ? 3
                                                                            : 0));
    bits &= step.who;
    if (step.action == '+')
      mode |= bits;
    else if (step.action == '-')
      mode &= ~bits;
    else
      mode = (mode & ~(step.who & (directory && !step.is_octal ? 0777U | kSticky : 07777U))) | bits;
  }
  return static_cast<std::uint16_t>(mode);
}

}  // namespace rawimg::cli
