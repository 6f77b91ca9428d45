// SPDX-License-Identifier: MIT
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include <fmt/format.h>
#include <rawimg/entry.h>

namespace rawimg {
namespace {

unsigned char byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

/// Bytes of the well-formed UTF-8 character at `at`, or 0.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const unsigned char lead = byte_at(text, at);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                             : (lead & 0xF0) == 0xE0        ? 3
                             : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                            : 0;
  if (length == 0 || text.size() - at < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte_at(text, at + i) & 0xC0) != 0x80) return 0;
  const unsigned char second = byte_at(text, at + 1);
  // Overlong forms, surrogates and what lies past U+10FFFF (Unicode 15, table 3-7).
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
      (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F))
    return 0;
  return length;
}

bool is_high_surrogate(char32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low_surrogate(char32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

void append_utf8(std::string& out, char32_t point) {
  const auto add = [&out](char32_t byte) { out += static_cast<char>(byte); };
  const auto add_tail = [&](unsigned shift) { add(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) return add(point);
  if (point < 0x800) {
    add(0xC0 | point >> 6);
  } else if (point < 0x10000) {
    add(0xE0 | point >> 12);
    add_tail(6);
  } else {
    add(0xF0 | point >> 18);
    add_tail(12);
    add_tail(6);
  }
  add_tail(0);
}

}  // namespace

std::string shell_word(std::string_view word) {
  if (word.starts_with('-') && word.size() > 1) return shell_word(std::string("./").append(word));
  const auto is_plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("_./:=,@%+-").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) return std::string(word);
  std::string without(word);  // single quotes keep it as it is
  std::erase(without, '\\');
  if (without.find('\'') == std::string::npos && escape(without) == without)
    return fmt::format("'{}'", word);
  return "$" + quote(word);
}

std::string quote_command(std::string_view line) {
  const char mark = line.find('\'') == std::string_view::npos ? '\'' : '`';
  return fmt::format("{0}{1}{0}", mark, line);
}

std::string utf16_to_utf8(std::u16string_view units) {
  constexpr char32_t kReplacement = 0xFFFD;
  std::string out;
  for (std::size_t i = 0; i < units.size(); ++i) {
    char32_t point = units[i];
    if (is_high_surrogate(point) && i + 1 < units.size() && is_low_surrogate(units[i + 1]))
      point = 0x10000 + ((point - 0xD800) << 10) + (units[++i] - char32_t{0xDC00});
    else if (is_high_surrogate(point) || is_low_surrogate(point))
      point = kReplacement;
    append_utf8(out, point);
  }
  return out;
}

bool is_utf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = utf8_length(bytes, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string escape(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    const unsigned char c = byte_at(bytes, i);
    const std::size_t length = utf8_length(bytes, i);
    // terminals obey U+0080 to U+009F
    const bool c1_control = length == 2 && c == 0xC2 && byte_at(bytes, i + 1) < 0xA0;
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\\' || c == '\'')
      (out += '\\') += static_cast<char>(c);
    else if (length == 0 || c < 0x20 || c == 0x7F)
      out += fmt::format("\\x{:02x}", c);
    else if (c1_control)
      out += fmt::format("\\x{:02x}\\x{:02x}", c, byte_at(bytes, i + 1));
    else
      out += bytes.substr(i, length);
    i += length == 0 ? 1 : length;
  }
  return out;
}

std::string quote(std::string_view bytes) { return "'" + escape(bytes) + "'"; }

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string human_size(std::uint64_t bytes) {
  constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string_view noun(FileType type) {
  switch (type) {
    case FileType::Regular:
      return "file";
    case FileType::Directory:
      return "directory";
    case FileType::Symlink:
      return "symlink";
    case FileType::CharDevice:
    case FileType::BlockDevice:
      return "device";
    case FileType::Fifo:
      return "FIFO";
    case FileType::Socket:
      break;
  }
  return "socket";
}

}  // namespace rawimg
