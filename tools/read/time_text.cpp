// SPDX-License-Identifier: MIT
#include "read/time_text.h"

#include <array>
#include <ctime>

#include <fmt/format.h>

namespace rawimg::cli {
namespace {

std::string letter_text(char letter, const std::tm& parts, Timestamp time) {
  if (letter == 's') return fmt::format("{}", time.seconds);
  if (letter == 'N') return fmt::format("{:09}", time.nanoseconds);
  if (letter == 'z') return "+0000";
  if (letter == 'Z') return "UTC";
  const std::array<char, 3> format{'%', letter, 0};
  std::array<char, 256> buffer{};
  const std::size_t length = std::strftime(buffer.data(), buffer.size(), format.data(), &parts);
  return {buffer.data(), length};
}

}  // namespace

std::string format_time(std::string_view format, Timestamp time) {
  const std::time_t seconds = time.seconds;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size())
      text += format[i];
    else
      text += letter_text(format[++i], parts, time);
  }
  return text;
}

}  // namespace rawimg::cli
