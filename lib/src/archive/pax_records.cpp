// SPDX-License-Identifier: MIT
#include "archive/pax_records.h"

#include <algorithm>
#include <charconv>
#include <ranges>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg {
namespace {

constexpr std::uint32_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::size_t kFractionDigits = 9;
constexpr std::size_t kShown = 64;  // of a bad value, in a message

bool is_digit(char c) { return c >= '0' && c <= '9'; }

[[noreturn]] void bad_value(std::string_view text, std::string_view key, std::string_view why) {
  throw Error(Errc::BadInput, fmt::format("the pax record '{}' holds {}, {}", escape(key),
                                          quote(text.substr(0, kShown)), why));
}

[[noreturn]] void bad_record(std::size_t at, std::string_view why) {
  throw Error(Errc::BadInput, fmt::format("the pax record at byte {} of its header {}", at, why));
}

}  // namespace

void PaxRecords::add(std::string_view body) {
  std::size_t at = 0;
  while (at < body.size()) {
    const std::string_view rest = body.substr(at);
    // some writers count the padding in
    if (rest.find_first_not_of('\0') == std::string_view::npos) return;
    std::size_t length = 0;
    const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), length);
    const std::size_t digits = static_cast<std::size_t>(end - rest.data());
    if (problem != std::errc{} || digits >= rest.size() || rest[digits] != ' ')
      bad_record(at, "does not begin with its length");
    if (length <= digits + 1 || length > rest.size())
      bad_record(at,
                 fmt::format("claims a length of {} bytes where {} are left", length, rest.size()));
    const std::string_view record = rest.substr(0, length);
    if (record.back() != '\n') bad_record(at, "does not end with a newline");
    const std::string_view text = record.substr(digits + 1, length - digits - 2);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) bad_record(at, "has no '='");
    if (equals == 0) bad_record(at, "has no key");
    records_.push_back({std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))});
    at += length;
  }
}

const std::string* PaxRecords::find(std::string_view key) const {
  for (const PaxRecord& record : records_ | std::views::reverse)
    if (record.key == key) return &record.value;
  return nullptr;
}

std::uint64_t parse_pax_number(std::string_view text, std::string_view key) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem == std::errc::result_out_of_range)
    bad_value(text, key, "a number that does not fit 63 bits");
  if (problem != std::errc{} || end != text.data() + text.size() || !is_digit(text[0]))
    bad_value(text, key, "which is no decimal number");
  return static_cast<std::uint64_t>(value);
}

Timestamp parse_pax_time(std::string_view text, std::string_view key) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);
  const std::size_t point = std::min(rest.find('.'), rest.size());
  const std::string_view whole = rest.substr(0, point), fraction = point < rest.size()
                                                                       ? rest.substr(point + 1)
                                                                       : std::string_view{};
  if (whole.empty() || !std::ranges::all_of(whole, is_digit) ||
      !std::ranges::all_of(fraction, is_digit))
    bad_value(text, key, "which is no time");
  std::int64_t seconds = 0;
  if (std::from_chars(whole.data(), whole.data() + whole.size(), seconds).ec != std::errc{} ||
      seconds == INT64_MAX)
    bad_value(text, key, "a time that does not fit 63 bits");
  std::uint32_t nanoseconds = 0;
  for (std::size_t i = 0; i < kFractionDigits; ++i)
    nanoseconds =
        nanoseconds * 10 + static_cast<std::uint32_t>(i < fraction.size() ? fraction[i] - '0' : 0);
  if (!negative) return {seconds, nanoseconds};
  const bool more =
      fraction.size() > kFractionDigits &&
      std::ranges::any_of(fraction.substr(kFractionDigits), [](char c) { return c != '0'; });
  if (more) ++nanoseconds;  // rounding down goes away from zero here
  if (nanoseconds == 0) return {-seconds, 0};
  return {-seconds - 1, kNanosecondsPerSecond - nanoseconds};
}

}  // namespace rawimg
