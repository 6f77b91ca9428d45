// SPDX-License-Identifier: MIT
#include "partition/partition_type.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <rawimg/partition_table.h>

#include "base/text.h"

namespace rawimg {
namespace {

struct Name {
  std::string_view name;
  std::uint8_t type;
};

constexpr std::array kNames{Name{"FAT12", 0x01},
                            Name{"FAT16 <32M", 0x04},
                            Name{"Extended", 0x05},
                            Name{"FAT16", 0x06},
                            Name{"HPFS/NTFS/exFAT", 0x07},
                            Name{"W95 FAT32", 0x0B},
                            Name{"W95 FAT32 (LBA)", 0x0C},
                            Name{"W95 FAT16 (LBA)", 0x0E},
                            Name{"W95 Ext'd (LBA)", 0x0F},
                            Name{"Hidden W95 FAT32", 0x1B},
                            Name{"PPC PReP Boot", 0x41},
                            Name{"Minix / old Linux", 0x81},
                            Name{"Linux swap / Solaris", 0x82},
                            Name{"Linux", 0x83},
                            Name{"Linux extended", 0x85},
                            Name{"Linux LVM", 0x8E},
                            Name{"FreeBSD", 0xA5},
                            Name{"OpenBSD", 0xA6},
                            Name{"NetBSD", 0xA9},
                            Name{"HFS / HFS+", 0xAF},
                            Name{"Solaris", 0xBF},
                            Name{"Non-FS data", 0xDA},
                            Name{"BeOS fs", 0xEB},
                            Name{"GPT", 0xEE},
                            Name{"EFI (FAT-12/16/32)", 0xEF},
                            Name{"Linux raid autodetect", 0xFD}};

// sfdisk(8) has one letter and one word for each of these.
constexpr std::array kAliases{Name{"L", 0x83},    Name{"linux", 0x83},   Name{"S", 0x82},
                              Name{"swap", 0x82}, Name{"E", 0x05},       Name{"extended", 0x05},
                              Name{"X", 0x85},    Name{"linuxex", 0x85}, Name{"U", 0xEF},
                              Name{"uefi", 0xEF}, Name{"V", 0x8E},       Name{"lvm", 0x8E},
                              Name{"R", 0xFD},    Name{"raid", 0xFD}};

}  // namespace

std::string_view partition_type_name(std::uint8_t type) {
  const auto known = std::find_if(kNames.begin(), kNames.end(),
                                  [&](const Name& name) { return name.type == type; });
  return known == kNames.end() ? std::string_view() : known->name;
}

std::optional<std::uint8_t> parse_partition_type(std::string_view text) {
  const auto exact = [&](const Name& name) { return name.name == text; };
  // Before the number, because E is extended to sfdisk, and e is a FAT16.
  if (const auto letter = std::find_if(kAliases.begin(), kAliases.end(), exact);
      letter != kAliases.end())
    return letter->type;

  const std::string word = to_lower(text);
  const std::string_view digits = std::string_view(word).substr(word.starts_with("0x") ? 2 : 0);
  unsigned value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error == std::errc{} && end == digits.data() + digits.size() && value <= 0xFF)
    return static_cast<std::uint8_t>(value);

  const auto same = [&](const Name& name) { return to_lower(name.name) == word; };
  if (const auto alias = std::find_if(kAliases.begin(), kAliases.end(), same);
      alias != kAliases.end())
    return alias->type;
  if (const auto known = std::find_if(kNames.begin(), kNames.end(), same); known != kNames.end())
    return known->type;
  return std::nullopt;
}

bool is_extended(const Partition& partition) { return is_extended(partition.type); }

bool is_extended(std::uint8_t type) { return type == 0x05 || type == 0x0F || type == 0x85; }

}  // namespace rawimg
