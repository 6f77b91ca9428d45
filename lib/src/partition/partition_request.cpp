// SPDX-License-Identifier: MIT
//
// One line of the script language of sfdisk(8): fields separated by commas or semicolons, either
// named (start= size= type= bootable) or by place (start, size, type, `*`), then white space
// separates them as well. Numbers are sectors, with a unit (K M G T, KiB ...) bytes.
#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/partition_table.h>

#include "base/text.h"
#include "partition/mbr_sector.h"
#include "partition/partition_type.h"

namespace rawimg {
namespace {

constexpr std::string_view kSpace = " \t\r\n", kSeparators = ",;";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

struct Field {
  std::string key;  // lower case; empty: by place
  std::string_view value;
};

class RequestParser {
 public:
  explicit RequestParser(std::string_view line) : line_(line) {}

  PartitionRequest parse() {
    for (const Field& field : split(without_device())) {
      if (!field.key.empty()) {
        take(field.key, field.value);
        continue;
      }
      constexpr std::array<std::string_view, 4> kPlaces{"start", "size", "type", "bootable"};
      if (place_ >= kPlaces.size())
        refuse(fmt::format("{} is one field too many", quote(field.value)));
      const std::string_view key = kPlaces[place_++];
      if (!field.value.empty()) take(key, field.value);
    }
    return request_;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(Errc::Usage, fmt::format("partition {}: {}", quote(line_), why))
        .with_hint(
            "as sfdisk takes it: 'start=63,type=83', 'start=1M,size=200M,type=82,bootable', ',1G'");
  }

  /// sfdisk's dump has the device and the slot in front: "/dev/sda2 : start=...".
  std::string_view without_device() {
    const std::size_t colon = line_.find(" :");
    if (colon == std::string_view::npos || colon > line_.find('=')) return line_;
    const std::string_view device = trim(line_.substr(0, colon));
    const std::size_t digit = device.find_last_not_of("0123456789") + 1;
    unsigned slot = 0;
    const auto [end, error] =
        std::from_chars(device.data() + digit, device.data() + device.size(), slot);
    if (error != std::errc{} || slot == 0 || slot > kSlots)
      refuse(fmt::format("{} names no slot from 1 to {}", quote(device), kSlots));
    request_.slot = slot;
    return line_.substr(colon + 2);
  }

  std::vector<Field> split(std::string_view rest) const {
    std::vector<Field> fields;
    for (bool more = true; more;) {
      const std::size_t end = end_of_field(rest);
      more = end < rest.size();
      split_field(trim(rest.substr(0, end)), fields);
      rest.remove_prefix(more ? end + 1 : end);
    }
    // a separator at the end, or an empty line
    if (fields.back().key.empty() && fields.back().value.empty()) fields.pop_back();
    return fields;
  }

  std::size_t end_of_field(std::string_view text) const {
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '"') quoted = !quoted;
      if (!quoted && kSeparators.find(text[i]) != std::string_view::npos) return i;
    }
    if (quoted) refuse("a quote is open at the end");
    return text.size();
  }

  static void split_field(std::string_view text, std::vector<Field>& fields) {
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      std::string_view value = trim(text.substr(equals + 1));
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
      const std::string key = to_lower(trim(text.substr(0, equals)));
      fields.push_back({key.empty() ? "=" : key, value});
      return;
    }
    do {
      const std::size_t space = std::min(text.find_first_of(kSpace), text.size());
      const std::string_view word = text.substr(0, space);
      fields.push_back(to_lower(word) == "bootable" ? Field{"bootable", "*"} : Field{"", word});
      text = trim(text.substr(space));
    } while (!text.empty());
  }

  void take(std::string_view key, std::string_view value) {
    // id: sfdisk's old word for type
    constexpr std::array<std::string_view, 5> kKeys{"start", "size", "type", "bootable", "id"};
    std::size_t index = 0;
    while (index < kKeys.size() && kKeys[index] != key) ++index;
    if (index == kKeys.size())
      refuse(fmt::format("{} is not one of start, size, type, bootable", quote(key)));
    if (key == "id") index = 2;
    if (taken_[index]) refuse(fmt::format("{} is given twice", kKeys[index]));
    taken_[index] = true;
    if (index == 0 && value != "-") request_.first_sector = sectors(value);
    if (index == 1 && value != "+" && value != "-") request_.sector_count = sectors(value);
    if (index == 2) request_.type = type(value);
    if (index == 3) request_.bootable = flag(value);
  }

  /// Sectors from "2048", "63s", "1M", "1MiB".
  std::uint64_t sectors(std::string_view text) const {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range)
      refuse(fmt::format("{} is too large", quote(text)));
    if (error != std::errc{})
      refuse(fmt::format("{} is not a number of sectors or a size", quote(text)));
    const std::string unit = to_lower(
        trim(std::string_view(end, static_cast<std::size_t>(text.data() + text.size() - end))));
    if (unit.empty() || unit == "s") return number;
    constexpr std::string_view kUnits = "kmgt";
    const std::size_t power = kUnits.find(unit[0]);
    const bool known =
        power != std::string_view::npos && (unit.size() == 1 || unit.substr(1) == "ib");
    if (!known && power != std::string_view::npos && unit.substr(1) == "b") {
      const char letter = static_cast<char>(unit[0] - 'a' + 'A');
      refuse(fmt::format("{} could be a power of 1000 or of 1024: write {}{} or {}{}iB",
                         quote(text), number, letter, number, letter));
    }
    if (!known)
      refuse(fmt::format("unit {} is not one of s, K, M, G, T (powers of 1024)", quote(unit)));
    const unsigned shift = 10 * (static_cast<unsigned>(power) + 1);
    if (number > UINT64_MAX >> shift) refuse(fmt::format("{} is too large", quote(text)));
    return (number << shift) / kSectorSize;
  }

  std::uint8_t type(std::string_view text) const {
    const auto found = parse_partition_type(text);
    if (!found || *found == 0)
      refuse(
          fmt::format("type {} is not a hexadecimal number from 1 to ff, one of L S U V R, or a "
                      "name as 'sfdisk -T' lists them",
                      quote(text)));
    return *found;
  }

  bool flag(std::string_view text) const {
    const std::string word = to_lower(text);
    if (word == "-" || word == "no") return false;
    if (word == "*" || word == "yes") return true;
    refuse(fmt::format("{} where '*' for bootable is expected", quote(text)));
  }

  std::string_view line_;
  PartitionRequest request_;
  std::array<bool, 4> taken_{};
  std::size_t place_ = 0;
};

}  // namespace

PartitionRequest parse_partition_request(std::string_view line) {
  return RequestParser(line).parse();
}

}  // namespace rawimg
