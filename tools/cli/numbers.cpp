// SPDX-License-Identifier: MIT
#include "cli/numbers.h"

#include <array>
#include <charconv>
#include <string>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/units.h>

#include "base/text.h"

namespace rawimg::cli {
namespace {

[[noreturn]] void refuse(std::string_view what, std::string_view text, const std::string& why) {
  throw Error(Errc::Usage, fmt::format("{} {}: {}", what, quote(text), why));
}

constexpr std::string_view kLetters = "KMGTPE";

}  // namespace

std::uint64_t parse_size(std::string_view text, std::string_view what) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error == std::errc::result_out_of_range) refuse(what, text, "it is larger than 2^64");
  if (error != std::errc{}) refuse(what, text, "it is not a size such as 512M, 4G or 63s");
  if (unit.empty()) return number;
  if (unit == "s") {
    if (number > UINT64_MAX / kSectorSize) refuse(what, text, "it is larger than 2^64 bytes");
    return number * kSectorSize;
  }
  const char letter =
      unit[0] >= 'a' && unit[0] <= 'z' ? static_cast<char>(unit[0] - 'a' + 'A') : unit[0];
  const std::size_t power = kLetters.find(letter);
  const auto refuse_unit = [&] {
    refuse(what, text,
           fmt::format("unit {} is not one of K, M, G, T (powers of 1024) and s (sectors)",
                       quote(unit)));
  };
  if (power == std::string_view::npos) refuse_unit();
  if (unit.size() == 2 && (unit[1] == 'B' || unit[1] == 'b'))
    refuse(what, text,
           fmt::format("write {}{} or {}{}iB for {} times 1024{}", number, letter, number, letter,
                       number, power == 0 ? "" : fmt::format("^{}", power + 1)));
  if (unit.size() != 1 && unit.substr(1) != "iB") refuse_unit();
  const unsigned shift = 10 * (static_cast<unsigned>(power) + 1);
  if (number > UINT64_MAX >> shift) refuse(what, text, "it is larger than 2^64 bytes");
  return number << shift;
}

std::uint64_t parse_sector(std::string_view text, std::string_view what) {
  const std::uint64_t bytes = parse_size(text, what);
  if (bytes % kSectorSize != 0)
    refuse(what, text,
           fmt::format("{} bytes are not whole sectors of {}; sectors are written {}s", bytes,
                       kSectorSize, bytes));
  return bytes / kSectorSize;
}

std::uint64_t parse_number(std::string_view text, std::string_view what, std::uint64_t least,
                           std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most)
    refuse(what, text, fmt::format("a whole number from {} to {} is expected", least, most));
  return number;
}

double parse_percent(std::string_view text, std::string_view what) {
  const std::string_view digits = text.ends_with('%') ? text.substr(0, text.size() - 1) : text;
  double value = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size() || !(value >= 0 && value <= 100))
    refuse(what, text, "a percentage from 0 to 100 is expected");
  return value;
}

std::uint32_t parse_hex32(std::string_view text, std::string_view what) {
  const std::string_view digits =
      text.starts_with("0x") || text.starts_with("0X") ? text.substr(2) : text;
  std::uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size())
    refuse(what, text, "a hexadecimal number of 32 bits such as 0x1a2b3c4d is expected");
  return value;
}

std::string short_size(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{}", bytes);
  const auto round_up = [bytes](std::uint64_t scale, std::uint64_t times) {
    return bytes / scale * times + (bytes % scale * times + scale - 1) / scale;
  };
  std::uint64_t scale = 1024;
  std::size_t unit = 0;
  for (; round_up(scale, 1) >= 1024 && unit + 1 < kLetters.size(); ++unit) scale *= 1024;
  const std::uint64_t tenths = round_up(scale, 10);
  return tenths < 100 ? fmt::format("{}.{}{}", tenths / 10, tenths % 10, kLetters[unit])
                      : fmt::format("{}{}", round_up(scale, 1), kLetters[unit]);
}

}  // namespace rawimg::cli
