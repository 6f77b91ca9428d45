// SPDX-License-Identifier: MIT
#include <catch2/catch.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "partition/samples.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

struct Entry {
  std::uint8_t type = 0;
  std::uint32_t first = 0, count = 0;
};

Sector sector_of(const std::vector<Entry>& entries) {
  Sector sector{};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    std::string bytes(16, '\0');
    bytes[4] = static_cast<char>(entries[i].type);
    std::memcpy(bytes.data() + 8, &entries[i].first, 4);
    std::memcpy(bytes.data() + 12, &entries[i].count, 4);
    put(sector, 446 + 16 * i, bytes);
  }
  put(sector, 510, "\x55\xAA");
  return sector;
}

constexpr std::uint32_t kExtended = 4096, kSize = 12288;

/// A disk of 8 MiB whose slot 2 is extended, of sectors 4096 to 16383.
class LogicalDisk : public SampleImage {
 public:
  LogicalDisk() : SampleImage(mib(8).value) {
    put(0, sector_of({{0x83, 2048, 2048}, {0x05, kExtended, kSize}}));
  }
  LogicalDisk& table(std::uint64_t sector, const std::vector<Entry>& entries) {
    put(sector * kSectorSize, sector_of(entries));
    return *this;
  }
  PartitionTable read() const { return PartitionTable::read(open()); }
  /// Slots and places of the logical ones.
  std::string logical() const {
    std::string text;
    for (const Partition& partition : read().partitions())
      if (partition.slot >= kFirstLogicalSlot)
        text += fmt::format("{}:{}+{} ", partition.slot, partition.first_sector,
                            partition.sector_count);
    return text;
  }
  std::string warning() const {
    const PartitionTable table = read();
    if (table.warnings().empty()) return "";
    CHECK(table.warnings().size() == 1);
    CHECK(table.warnings().front().code == "mbr-logical-damaged");
    CHECK(table.warnings().front().path == path().string());
    return table.warnings().front().message;
  }
};

}  // namespace

TEST_CASE("logical partitions are counted from 5 in the order of their chain", "[partition]") {
  LogicalDisk disk;
  // the second table lies in front of the first one's partition; the third has no partition
  disk.table(4096, {{0x83, 4096, 2048}, {0x05, 2048, 100}});
  disk.table(4096 + 2048, {{0x82, 63, 1000}, {0x05, 8192, 1}});
  disk.table(4096 + 8192, {{}, {0x85, 10240, 1}});
  disk.table(4096 + 10240, {{0x8E, 1, 2047}});
  CHECK(disk.logical() == "5:8192+2048 6:6207+1000 7:14337+2047 ");
  CHECK(disk.warning().empty());
  const PartitionTable table = disk.read();
  CHECK((table.logical_tables() == std::vector<std::uint64_t>{4096, 6144, 12288, 14336}));
  CHECK(table.slot(7)->type == 0x8E);
  CHECK(table.partuuid(*table.slot(7)) == "00000000-07");
  CHECK(is_extended(*table.slot(2)));
  CHECK_FALSE(is_extended(*table.slot(5)));
}

TEST_CASE("a second extended partition goes on with the numbers", "[partition]") {
  LogicalDisk disk;
  disk.put(0, sector_of({{0x0F, 2048, 2048}, {0x85, 4096, 4096}}));
  disk.table(2048, {{0x83, 2, 8}});
  disk.table(4096, {{0x83, 2, 4094}});
  CHECK(disk.logical() == "5:2050+8 6:4098+4094 ");
}

TEST_CASE("a chain of logical partitions ends where it cannot be right", "[partition]") {
  struct Row {
    const char* name;
    std::vector<Entry> second;  // the table that the first one leads to
    const char* logical;
    const char* warning;
  };
  const std::vector<Row> rows = {
      {"good, up to the last sector", {{0x83, 1, kSize - 4097}}, "6:8193+8191 ", ""},
      {"a sector too long",
       {{0x83, 1, kSize - 4096}},
       "",
       "partition 6 (sectors 8193 to 16384) is outside of partition 2 (sectors 4096 to 16383)"},
      {"over 32 bits", {{0x83, UINT32_MAX, UINT32_MAX}}, "", "is outside of partition 2"},
      {"over its table",
       {{0x83, 0, 10}},
       "",
       "partition 6 (sectors 8192 to 8201) holds the table of logical partitions at sector 8192"},
      {"a circle",
       {{0x83, 1, 10}, {0x05, 0, 1}},
       "6:8193+10 ",
       "are a circle: sector 4096 comes again"},
      {"in itself",
       {{0x83, 1, 10}, {0x05, 4096, 1}},
       "6:8193+10 ",
       "are a circle: sector 8192 comes again"},
      {"behind the end",
       {{0x83, 1, 10}, {0x05, kSize, 1}},
       "6:8193+10 ",
       "at sector 16384 is outside of partition 2"},
      {"behind the disk",
       {{0x83, 1, 10}, {0x05, UINT32_MAX, 1}},
       "6:8193+10 ",
       "is outside of partition 2"},
      {"a table in a partition",
       {{0x83, 1, 10}, {0x05, 2100, 1}},
       "6:8193+10 ",
       "partition 5 (sectors 6144 to 7143) holds the table of logical partitions at sector 6196"},
      {"no table",
       {{0x83, 1, 10}, {0x05, 8000, 1}},
       "6:8193+10 ",
       "no 55 AA at the end of sector 12096"},
      {"two that overlap",
       {{0x83, 1, 10}, {0x83, 10, 10}},
       "6:8193+10 ",
       "partition 7 (sectors 8202 to 8211) overlaps partition 6 (sectors 8193 to 8202)"},
      {"anything in the third and fourth",
       {{0x83, 1, 10}, {}, {0x83, 7, UINT32_MAX}, {0x83, 20, 30}},
       "6:8193+10 7:8212+30 ",
       ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    LogicalDisk disk;
    disk.table(kExtended, {{0x83, 2048, 1000}, {0x05, 4096, 1}});
    disk.table(kExtended + 4096, row.second);
    CHECK(disk.logical() == "5:6144+1000 " + std::string(row.logical));
    if (std::string_view(row.warning).empty())
      CHECK(disk.warning().empty());
    else
      CHECK_THAT(disk.warning(), Catch::Contains(row.warning) &&
                                     Catch::Contains("no logical partition is known behind that"));
  }
}

TEST_CASE("an extended partition without a table in it has no logical ones, and says so",
          "[partition]") {
  LogicalDisk disk;
  CHECK(disk.logical().empty());
  CHECK_THAT(disk.warning(), Catch::Contains("no 55 AA at the end of sector 4096"));
  CHECK(disk.read().partitions().size() == 2);
}

TEST_CASE("logical partitions are read up to the last slot", "[partition]") {
  for (const std::uint32_t count : {124U, 125U}) {
    LogicalDisk disk;
    for (std::uint32_t i = 0; i < count; ++i)
      disk.table(kExtended + 4 * i, {{0x83, 1, 3}, {0x05, 4 * (i + 1), i + 1 < count ? 4U : 0U}});
    CHECK(disk.read().partitions().back().slot == kMaxSlot);
    CHECK(disk.warning().empty() == (count == 124));
  }
  LogicalDisk empty;  // tables without partitions
  for (std::uint32_t i = 0; i < 200; ++i) empty.table(kExtended + i, {{0x05, i + 1, 1}});
  CHECK_THAT(empty.warning(), Catch::Contains("more than 128 tables"));
}

TEST_CASE("logical partitions are left as they are by who writes the table", "[partition]") {
  LogicalDisk disk;
  disk.table(kExtended, {{0x83, 2048, 1000}});
  PartitionTable table = disk.read();
  table.set_disk_id(7);
  {
    ImageFile file = disk.open();
    table.write(file);
  }
  CHECK(disk.logical() == "5:6144+1000 ");
  CHECK(disk.read().disk_id() == 7);
  CHECK(disk.read().partitions() == table.partitions());
}
