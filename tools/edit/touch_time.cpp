// SPDX-License-Identifier: MIT
#include "edit/touch_time.h"

#include <charconv>
#include <chrono>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg::cli {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr int kMaxOffsetHours = 24;

/// Takes what it knows off the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool is_done() const { return rest_.empty(); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_one_of(std::string_view set) {
    return !rest_.empty() && set.find(rest_[0]) != std::string_view::npos && take(rest_[0]);
  }
  std::optional<int> take_digits(std::size_t count) {
    if (rest_.size() < count ||
        rest_.substr(0, count).find_first_not_of(kDigits) != std::string_view::npos)
      return std::nullopt;
    int value = 0;
    std::from_chars(rest_.data(), rest_.data() + count, value);
    rest_.remove_prefix(count);
    return value;
  }
  /// ".5" in nanoseconds, digits behind the ninth dropped; nothing: 0.
  std::optional<std::uint32_t> take_fraction() {
    if (!take_one_of(".,")) return 0;
    const std::size_t count = std::min(rest_.find_first_not_of(kDigits), rest_.size());
    if (count == 0) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 9; ++i)
      value = value * 10 + (i < count ? static_cast<std::uint32_t>(rest_[i] - '0') : 0);
    rest_.remove_prefix(count);
    return value;
  }
  std::optional<std::int64_t> take_number() {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{}) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

 private:
  std::string_view rest_;
};

struct Clock {
  int hour = 0, minute = 0, second = 0;
};

std::optional<std::int64_t> seconds_of(int year, int month, int day, const Clock& clock) {
  using namespace std::chrono;
  const year_month_day date{std::chrono::year{year},
                            std::chrono::month{static_cast<unsigned>(month)},
                            std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || clock.hour > 23 || clock.minute > 59 || clock.second > 60) return std::nullopt;
  return sys_days{date}.time_since_epoch().count() * 86'400LL + clock.hour * 3600 +
         clock.minute * 60 + clock.second;
}

/// "Z", "UTC", "+01:00", "-0130", "+01": seconds east of UTC. Nothing: 0.
std::optional<int> take_zone(Scanner& text) {
  if (text.is_done()) return 0;
  if (text.take('Z')) return 0;
  if (text.take('U')) return text.take('T') && text.take('C') ? std::optional(0) : std::nullopt;
  const bool west = text.take('-');
  if (!west && !text.take('+')) return std::nullopt;
  const auto hours = text.take_digits(2);
  if (!hours || *hours > kMaxOffsetHours) return std::nullopt;
  int minutes = 0;
  if (!text.is_done()) {
    (void)text.take(':');
    const auto given = text.take_digits(2);
    if (!given || *given > 59) return std::nullopt;
    minutes = *given;
  }
  return (west ? -60 : 60) * (*hours * 60 + minutes);
}

std::optional<Timestamp> read_date(Scanner text) {
  const auto year = text.take_digits(4);
  if (!year || !text.take('-')) return std::nullopt;
  const auto month = text.take_digits(2);
  if (!month || !text.take('-')) return std::nullopt;
  const auto day = text.take_digits(2);
  if (!day) return std::nullopt;
  Clock clock;
  std::uint32_t nanoseconds = 0;
  int east = 0;
  if (!text.is_done()) {
    if (!text.take_one_of(" T")) return std::nullopt;
    const auto hour = text.take_digits(2);
    if (!hour || !text.take(':')) return std::nullopt;
    const auto minute = text.take_digits(2);
    if (!minute) return std::nullopt;
    clock = {*hour, *minute, 0};
    if (text.take(':')) {
      const auto second = text.take_digits(2);
      const auto fraction = second ? text.take_fraction() : std::nullopt;
      if (!fraction) return std::nullopt;
      clock.second = *second;
      nanoseconds = *fraction;
    }
    (void)text.take(' ');
    const auto zone = take_zone(text);
    if (!zone || !text.is_done()) return std::nullopt;
    east = *zone;
  }
  const auto seconds = seconds_of(*year, *month, *day, clock);
  if (!seconds) return std::nullopt;
  return Timestamp{*seconds - east, nanoseconds};
}

/// "-1.5" is half a second after -2.
std::optional<Timestamp> read_seconds(std::string_view text) {
  Scanner scanner(text);
  const bool negative = text.starts_with('-');
  const auto seconds = scanner.take_number();
  const auto fraction = seconds ? scanner.take_fraction() : std::nullopt;
  if (!fraction || !scanner.is_done()) return std::nullopt;
  if (!negative || *fraction == 0) return Timestamp{*seconds, *fraction};
  if (*seconds == std::numeric_limits<std::int64_t>::min()) return std::nullopt;
  return Timestamp{*seconds - 1, 1'000'000'000U - *fraction};
}

std::optional<Timestamp> read_stamp(std::string_view text, int this_year) {
  const std::size_t length = std::min(text.find('.'), text.size());
  Scanner scanner(text);
  std::optional<int> year = this_year;
  if (length == 12)
    year = scanner.take_digits(4);
  else if (length == 10 && (year = scanner.take_digits(2)))
    *year += *year < 69 ? 2000 : 1900;
  else if (length != 8 && length != 10)
    return std::nullopt;
  const auto month = scanner.take_digits(2), day = scanner.take_digits(2),
             hour = scanner.take_digits(2), minute = scanner.take_digits(2);
  const auto second = scanner.take('.') ? scanner.take_digits(2) : std::optional(0);
  if (!year || !month || !day || !hour || !minute || !second || !scanner.is_done())
    return std::nullopt;
  const auto seconds = seconds_of(*year, *month, *day, {*hour, *minute, *second});
  return seconds ? std::optional(Timestamp{*seconds, 0}) : std::nullopt;
}

}  // namespace

Timestamp parse_date(std::string_view text) {
  const auto time = text.starts_with('@') ? read_seconds(text.substr(1)) : read_date(Scanner(text));
  if (time) return *time;
  throw Error(Errc::Usage, fmt::format("date {}: it can be 2024-02-29, 2024-02-29T12:34:56.5 (UTC, "
                                       "or +0100 behind it), or @ and seconds since 1970",
                                       quote(text)));
}

Timestamp parse_stamp(std::string_view text, Timestamp now) {
  using namespace std::chrono;
  const year_month_day today{floor<days>(sys_seconds{seconds{now.seconds}})};
  if (const auto time = read_stamp(text, static_cast<int>(today.year()))) return *time;
  throw Error(
      Errc::Usage,
      fmt::format("stamp {}: it is [[CC]YY]MMDDhhmm[.ss], such as 202402291234.56", quote(text)));
}

}  // namespace rawimg::cli
