// SPDX-License-Identifier: MIT
#include "edit/mode_change.h"

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg::cli {
namespace {

constexpr unsigned kUmask = 0022, kAll = 07777, kEveryone = 0777;
constexpr unsigned kSetuid = 04000, kSetgid = 02000, kSticky = 01000;
constexpr std::size_t kPlainDigits = 4;  // a number of more mentions all bits

unsigned repeated(unsigned rwx) { return rwx << 6U | rwx << 3U | rwx; }

/// Those of owner, group and others, each given to all three.
unsigned spread(unsigned bits) { return repeated((bits >> 6U | bits >> 3U | bits) & 7U); }

}  // namespace

class ModeChange::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::vector<Step> parse() {
    if (is_digit()) {
      const std::size_t begin = at_;
      const unsigned bits = take_octal();
      if (at_ != text_.size()) refuse();
      const bool is_plain = at_ - begin <= kPlainDigits;
      const unsigned special = bits & (kSetuid | kSetgid | kSticky);
      return {{Step::Kind::Plain, '=', kAll, bits, is_plain ? special | kEveryone : kAll}};
    }
    std::vector<Step> steps;
    do {
      const unsigned who = take_who();
      if (!is_one_of("+-=")) refuse();
      while (is_one_of("+-=")) steps.push_back(take_step(who));
    } while (take(','));
    if (at_ != text_.size()) refuse();
    return steps;
  }

 private:
  [[noreturn]] void refuse() const {
    throw Error(Errc::Usage, fmt::format("mode {}: it can be octal, such as 0644, or symbolic, "
                                         "such as u=rwx,go-w",
                                         quote(text_)));
  }
  bool is_one_of(std::string_view letters) const {
    return at_ < text_.size() && letters.find(text_[at_]) != std::string_view::npos;
  }
  bool is_digit() const { return is_one_of("01234567"); }
  bool take(char letter) {
    const bool found = at_ < text_.size() && text_[at_] == letter;
    at_ += found ? 1 : 0;
    return found;
  }
  unsigned take_octal() {
    unsigned bits = 0;
    for (; is_digit(); ++at_)
      if ((bits = bits * 8 + static_cast<unsigned>(text_[at_] - '0')) > kAll) refuse();
    return bits;
  }
  unsigned take_who() {
    unsigned who = 0;
    for (; is_one_of("ugoa"); ++at_)
      who |= text_[at_] == 'u'   ? kSetuid | 0700U
             : text_[at_] == 'g' ? kSetgid | 0070U
             : text_[at_] == 'o' ? kSticky | 0007U
                                 : kAll;
    return who;
  }
  Step take_step(unsigned who) {
    Step step{.action = text_[at_++], .who = who};
    if (is_digit()) {
      if (who != 0) refuse();
      step.bits = take_octal();
      step.who = step.mentioned = kAll;
      if (at_ < text_.size() && text_[at_] != ',') refuse();
      return step;
    }
    if (is_one_of("ugo")) {
      step.kind = Step::Kind::CopiesBits;
      step.bits = text_[at_] == 'u' ? 0700 : text_[at_] == 'g' ? 0070 : 0007;
      ++at_;
    } else {
      for (; is_one_of("rwxXst"); ++at_) add_letter(step, text_[at_]);
    }
    step.mentioned = who != 0 ? who & step.bits : step.bits;
    return step;
  }
  static void add_letter(Step& step, char letter) {
    if (letter == 'X') step.kind = Step::Kind::ExecutesIfSome;
    step.bits |= letter == 'r'   ? repeated(4)
                 : letter == 'w' ? repeated(2)
                 : letter == 'x' ? repeated(1)
                 : letter == 's' ? kSetuid | kSetgid
                 : letter == 't' ? kSticky
                                 : 0;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

ModeChange::ModeChange(std::string_view text) : steps_(Parser(text).parse()) {}

std::uint16_t ModeChange::apply(std::uint16_t permissions, FileType type) const {
  const bool is_directory = type == FileType::Directory;
  unsigned mode = permissions & kAll;
  for (const Step& step : steps_) {
    const unsigned kept = is_directory ? (kSetuid | kSetgid) & ~step.mentioned : 0;
    unsigned bits = step.bits;
    if (step.kind == Step::Kind::CopiesBits) bits = spread(mode & step.bits);
    if (step.kind == Step::Kind::ExecutesIfSome && (is_directory || (mode & 0111) != 0))
      bits |= repeated(1);
    bits &= (step.who != 0 ? step.who : ~kUmask) & ~kept;
    if (step.action == '+')
      mode |= bits;
    else if (step.action == '-')
      mode &= ~bits;
    else
      mode = (mode & ((step.who != 0 ? ~step.who : 0) | kept)) | bits;
  }
  return static_cast<std::uint16_t>(mode & kAll);
}

}  // namespace rawimg::cli
