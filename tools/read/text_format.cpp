// SPDX-License-Identifier: MIT
#include "read/text_format.h"

#include <charconv>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg::cli {
namespace {

constexpr std::size_t kMostWidth = 4096;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class FormatParser {
 public:
  FormatParser(std::string_view format, std::string_view letters, std::string_view two)
      : format_(format), letters_(letters), two_(two) {}

  std::vector<FormatPart> run() {
    std::vector<FormatPart> parts;
    while (at_ < format_.size()) {
      if (format_[at_] != '%') {
        const std::size_t end = std::min(format_.find('%', at_), format_.size());
        parts.push_back({.text = std::string(format_.substr(at_, end - at_))});
        at_ = end;
        continue;
      }
      parts.push_back(directive());
    }
    return parts;
  }

 private:
  FormatPart directive() {
    const std::size_t start = at_++;
    FormatPart part;
    for (; at_ < format_.size(); ++at_) {
      if (format_[at_] == '-')
        part.left = true;
      else if (format_[at_] == '0')
        part.zero = true;
      else if (format_[at_] == '#')
        part.alternate = true;
      else
        break;
    }
    part.width = number();
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      part.precision = number();
    }
    part.letter = next(start);
    if (part.letter == '%') return {.text = "%"};
    if (letters_.find(part.letter) == std::string_view::npos) refuse(start);
    if (two_.find(part.letter) != std::string_view::npos) part.which = next(start);
    return part;
  }

  char next(std::size_t start) {
    if (at_ == format_.size()) refuse(start);
    return format_[at_++];
  }

  std::size_t number() {
    std::size_t value = 0;
    for (; at_ < format_.size() && is_digit(format_[at_]); ++at_) {
      value = value * 10 + static_cast<std::size_t>(format_[at_] - '0');
      if (value > kMostWidth)
        throw Error(Errc::Usage,
                    fmt::format("format {}: a width over {}", quote(format_), kMostWidth));
    }
    return value;
  }

  [[noreturn]] void refuse(std::size_t start) const {
    throw Error(Errc::Usage,
                fmt::format("format {}: {} is not known; known letters are {}", quote(format_),
                            quote(format_.substr(start, at_ - start)), letters_));
  }

  std::string_view format_, letters_, two_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<FormatPart> parse_format(std::string_view format, std::string_view letters,
                                     std::string_view two) {
  return FormatParser(format, letters, two).run();
}

std::string unescape_format(std::string_view text) {
  constexpr std::string_view kLetters = "abefnrtv\\\"'", kBytes = "\a\b\x1b\f\n\r\t\v\\\"'";
  std::string result;
  // How many digits it has: none, and nothing is appended.
  const auto append_number = [&](std::size_t at, std::size_t most, int base) {
    const std::string_view digits = text.substr(at, most);
    unsigned value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error == std::errc{}) result += static_cast<char>(value);
    return static_cast<std::size_t>(end - digits.data());
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      result += text[i];
      continue;
    }
    const char letter = text[++i];
    std::size_t digits = 0;
    if (letter >= '0' && letter <= '7') {
      i += append_number(i, 3, 8) - 1;
    } else if (letter == 'x' && (digits = append_number(i + 1, 2, 16)) != 0) {
      i += digits;
    } else if (const std::size_t at = kLetters.find(letter); at != std::string_view::npos) {
      result += kBytes[at];
    } else {
      throw Error(Errc::Usage, fmt::format("format {}: unknown escape {}", quote(text),
                                           quote(text.substr(i - 1, 2))));
    }
  }
  return result;
}

std::string fill(const FormatPart& part, std::string value) {
  if (value.size() >= part.width) return value;
  const std::size_t missing = part.width - value.size();
  if (part.left) return value.append(missing, ' ');
  return value.insert(0, missing, part.zero ? '0' : ' ');
}

}  // namespace rawimg::cli
