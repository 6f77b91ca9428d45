// SPDX-License-Identifier: MIT
//
// One line of the script language of sfdisk(8): fields separated by commas, either named (start= size= type= bootable) or by place (start, size, type, `*`). Numbers are sectors, with a unit
// (K M G T, KiB ...) bytes.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/partition_table.h>

#include "base/text.h"

namespace rawimg {
namespace {

[[noreturn]] void refuse(std::string_view line, const std::string& why) {
  throw Error(Errc::Usage, fmt::format("partition {}: {}", quote(line), why)).with_hint("as sfdisk takes it: 'start=63,type=83', 'start=1M,size=200M,type=82,bootable', ',1G'");
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// Sectors from "2048", "63s", "1M", "1MiB".
std::uint64_t parse_sectors(std::string_view line, std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) refuse(line, fmt::format("{} is not a number of sectors or a size", quote(text)));
  const std::string unit = lower(std::string_view(end, text.data() + text.size()));
  if (unit.empty() || unit == "s") return number;
  constexpr std::string_view kUnits = "kmgt";
  const std::size_t power = kUnits.find(unit[0]);
  const bool known = power != std::string_view::npos && (unit.size() == 1 || unit.substr(1) == "ib");
  if (!known) refuse(line, fmt::format("unit {} is not one of s, K, M, G, T (powers of 1024)", quote(unit)));
  const unsigned shift = 10 * (static_cast<unsigned>(power) + 1);
  if (number > UINT64_MAX >> shift) refuse(line, fmt::format("{} is too large", quote(text)));
  const std::uint64_t bytes = number << shift;
  return bytes / kSectorSize;
}

std::uint8_t parse_type(std::string_view line, std::string_view text) {
  struct Alias {
    std::string_view name;
    std::uint8_t type;
  };
  constexpr std::array kAliases{Alias{"l", 0x83}, Alias{"linux", 0x83}, Alias{"s", 0x82}, Alias{"swap", 0x82}, Alias{"u", 0xEF}, Alias{"uefi", 0xEF}, Alias{"v", 0x8E}, Alias{"lvm", 0x8E}, Alias{"r", 0xFD}, Alias{"raid", 0xFD}};
  const std::string word = lower(text);
  for (const Alias& alias : kAliases)
    if (alias.name == word) return alias.type;
  if (word == "e" || word == "x" || word == "extended" || word == "ex" || word == "5" || word == "05" || word == "f" || word == "0f" || word == "85") refuse(line, "rawimg makes no extended partitions");
  unsigned value = 0;
  const std::string_view digits = std::string_view(word).substr(word.starts_with("0x") ? 2 : 0);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size() || value == 0 || value > 0xFF) refuse(line, fmt::format("type {} is not a hexadecimal number from 1 to ff, or one of L S U V R", quote(text)));
  return static_cast<std::uint8_t>(value);
}

bool parse_flag(std::string_view line, std::string_view text) {
  const std::string word = lower(text);
  if (word.empty() || word == "-" || word == "no") return false;
  if (word == "*" || word == "yes") return true;
  refuse(line, fmt::format("{} where '*' for bootable is expected", quote(text)));
}

}  // namespace

PartitionRequest parse_partition_request(std::string_view line) {
  PartitionRequest request;
  std::string_view rest = line;
  // sfdisk's dump has the device and the slot in front: "/dev/sda2 : start=..."
  if (const std::size_t colon = rest.find(" :"); colon != std::string_view::npos) {
    const std::string_view device = trim(rest.substr(0, colon));
    const std::size_t digit = device.find_last_not_of("0123456789") + 1;
    unsigned slot = 0;
    const auto [end, error] = std::from_chars(device.data() + digit, device.data() + device.size(), slot);
    if (error != std::errc{} || slot == 0 || slot > 4) refuse(line, fmt::format("{} names no slot from 1 to 4", quote(device)));
    request.slot = slot;
    rest = rest.substr(colon + 2);
  }
  unsigned place = 0;
  for (bool more = true; more;) {
    const std::size_t comma = rest.find(',');
    std::string_view field = trim(rest.substr(0, comma));
    more = comma != std::string_view::npos;
    if (more) rest.remove_prefix(comma + 1);
    const std::size_t equals = field.find('=');
    std::string key = equals == std::string_view::npos ? "" : lower(trim(field.substr(0, equals)));
    std::string_view value = equals == std::string_view::npos ? field : trim(field.substr(equals + 1));
    if (key.empty() && lower(field) == "bootable") key = "bootable", value = "*";
    if (key.empty()) {
      constexpr std::array<std::string_view, 4> kPlaces{"start", "size", "type", "bootable"};
      if (place >= kPlaces.size()) refuse(line, fmt::format("{} is one field too many", quote(field)));
      key = kPlaces[place++];
      if (value.empty()) continue;
    }
    if (key == "start") request.first_sector = value == "-" ? std::nullopt : std::optional(parse_sectors(line, value));
    else if (key == "size") request.sector_count = value == "+" || value == "-" ? std::nullopt : std::optional(parse_sectors(line, value));
    else if (key == "type" || key == "id") request.type = parse_type(line, value);
    else if (key == "bootable") request.bootable = parse_flag(line, value);
    else refuse(line, fmt::format("{} is not one of start, size, type, bootable", quote(key)));
  }
  return request;
}

}  // namespace rawimg
