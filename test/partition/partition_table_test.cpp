// SPDX-License-Identifier: MIT
#include <catch2/catch.hpp>

#include <algorithm>

#include <rawimg/error.h>

#include "partition/samples.h"
#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

std::string hex(const Sector& sector, std::size_t at, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i)
    text += fmt::format("{}{:02x}", i == 0 ? "" : " ", static_cast<unsigned>(sector.at(at + i)));
  return text;
}

Sector encoded(const PartitionTable& table) {
  Sector sector{};
  table.encode(sector);
  return sector;
}

}  // namespace

TEST_CASE("a valid MBR gives its exact fields", "[partition][G01]") {
  const PartitionTable table = PartitionTable::parse(valid_mbr(), mib(4));
  CHECK(table.disk_id() == 0x12345678);
  CHECK(table.partitions() ==
        std::vector<Partition>{{1, 0x83, true, 63, 2000}, {3, 0x82, false, 4096, 4096}});
  CHECK(table.slot(1)->range() == ByteRange(ByteOffset{32256}, ByteCount{1024000}));
  CHECK_FALSE(table.slot(2));
}

TEST_CASE("parse says which fault it refuses", "[partition][G01][G06][G09]") {
  struct Row {
    const char* name;
    std::size_t byte;
    std::uint8_t value;
    Errc code;
    const char* reason;
  };
  const auto row = GENERATE(values<Row>({
      {"no signature", 510, 0x00, Errc::Corrupt, "no MBR signature 55 AA at byte 510"},
      {"half a signature", 511, 0x55, Errc::Corrupt, "no MBR signature 55 AA at byte 510"},
      {"boot flag 81", 446, 0x81, Errc::Corrupt,
       "partition 1 has boot flag 81: it can be 00 or 80"},
      {"boot flag 01", 446 + 32, 0x01, Errc::Corrupt, "partition 3 has boot flag 01"},
      {"starts at sector 0", 446 + 8, 0, Errc::Corrupt,
       "partition 1 starts at sector 0, where the table is"},
      {"no sectors", 446 + 32 + 13, 0, Errc::Corrupt, "partition 3 has no sectors"},
      {"ends a sector past the image", 446 + 32 + 12, 1, Errc::Corrupt,
       "partition 3 ends at byte 4194816 but the image has 4194304"},
      {"ends past the image", 446 + 32 + 15, 0xFF, Errc::Corrupt,
       "partition 3 ends at byte 2190437"},
      {"overlaps", 446 + 32 + 9, 8, Errc::Corrupt,
       "partition 3 (sectors 2048 to 6143) overlaps partition 1 (sectors 63 to 2062)"},
      {"protective entry", 446 + 32 + 4, 0xEE, Errc::Unsupported,
       "partition 3 is the protective entry of a GPT"},
  }));
  CAPTURE(row.name);
  Sector sector = valid_mbr();
  REQUIRE_NOTHROW(PartitionTable::parse(sector, mib(4)));
  sector[row.byte] = std::byte{row.value};
  CHECK_THROWS_MATCHES(PartitionTable::parse(sector, mib(4)), Error, IsError(row.code, row.reason));
}

TEST_CASE("parse refuses the boot sector of a filesystem, however good the table in it looks",
          "[partition][G10]") {
  const char* const head = GENERATE("\xEB\x52\x90NTFS    ",
                                    "\xEB\x76\x90"
                                    "EXFAT   ");
  Sector sector = valid_mbr();
  put(sector, 0, head);
  CHECK_THROWS_MATCHES(PartitionTable::parse(sector, mib(4)), Error,
                       IsError(Errc::Unsupported, "the boot sector of a filesystem, not an MBR"));
}

TEST_CASE("partitions that touch do not overlap, and those that share one sector do",
          "[partition][G06]") {
  PartitionTable table;
  table.add({.first_sector = 2048, .sector_count = 1000}, mib(4));
  CHECK_THROWS_MATCHES(
      table.add({.first_sector = 3047}, mib(4)), Error,
      IsError(
          Errc::NoSpace,
          "partition 2 (sectors 3047 to 8191) would overlap partition 1 (sectors 2048 to 3047)"));
  CHECK_THROWS_MATCHES(table.add({.first_sector = 1048, .sector_count = 1001}, mib(4)), Error,
                       IsError(Errc::NoSpace, "would overlap partition 1"));
  CHECK_THROWS_MATCHES(table.add({.first_sector = 1, .sector_count = 8000}, mib(4)), Error,
                       IsError(Errc::NoSpace, "would overlap partition 1"));
  CHECK(table.partitions().size() == 1);  // a refused request leaves the table as it was
  CHECK_NOTHROW(table.add({.first_sector = 3048}, mib(4)));
  CHECK_NOTHROW(table.add({.first_sector = 1048, .sector_count = 1000}, mib(4)));
  CHECK_NOTHROW(PartitionTable::parse(encoded(table), mib(4)));
}

TEST_CASE("the last sector of the image is the last that a partition can have",
          "[partition][G06][G11]") {
  PartitionTable table;
  const PartitionRequest fits{.first_sector = 2048, .sector_count = 6144};
  PartitionRequest over = fits;
  ++*over.sector_count;
  CHECK_THROWS_MATCHES(
      PartitionTable(table).add(over, mib(4)), Error,
      IsError(Errc::NoSpace,
              "partition 1 would end at byte 4194816 but the image has 4194304 bytes"));
  CHECK_THROWS_MATCHES(
      PartitionTable(table).add(fits, ByteCount{mib(4).value - 1}), Error,
      IsError(Errc::NoSpace, "would end at byte 4194304 but the image has 4194303 bytes"));
  CHECK_THROWS_MATCHES(
      PartitionTable(table).add({.first_sector = 8192}, mib(4)), Error,
      IsError(Errc::NoSpace,
              "partition 1 would start at sector 8192 but the image has 8192 sectors"));
  CHECK(PartitionTable(table).add({.first_sector = 8191}, mib(4)).sector_count == 1);
  CHECK(table.add(fits, mib(4)).range().end() == mib(4).value);
}

TEST_CASE("what a request cannot have is a usage error", "[partition][G04][G06]") {
  PartitionTable table;
  table.add({.slot = 2, .sector_count = 100}, mib(4));
  struct Row {
    PartitionRequest request;
    const char* reason;
  };
  const auto row = GENERATE(values<Row>({
      {{.slot = 0}, "slot 0: an MBR has slots 1 to 4"},
      {{.slot = 5}, "slot 5: an MBR has slots 1 to 4"},
      {{.slot = 2}, "slot 2 is in use"},
      {{.first_sector = 0}, "cannot start at sector 0"},
      {{.sector_count = 0}, "partition 1 would have no sectors"},
      {{.type = 0x00}, "type 0 marks an unused slot"},
      {{.type = 0xEE}, "type ee belongs to a GPT"},
      {{.type = 0x05}, "partition type 05: rawimg makes no extended partitions"},
      {{.type = 0x0F}, "no extended partitions"},
      {{.type = 0x85}, "no extended partitions"},
  }));
  CAPTURE(row.reason);
  CHECK_THROWS_MATCHES(table.add(row.request, mib(4)), Error, IsError(Errc::Usage, row.reason));
}

TEST_CASE("a fifth partition is refused", "[partition][G04]") {
  PartitionTable table;
  for (unsigned slot = 1; slot <= 4; ++slot)
    CHECK(table.add({.sector_count = 2048}, mib(8)).slot == slot);
  CHECK_THROWS_MATCHES(table.add({.sector_count = 1}, mib(8)), Error,
                       IsError(Errc::Usage, "all 4 slots of the partition table are in use"));
}

TEST_CASE("defaults: the first free slot, the first free MiB, up to what comes next",
          "[partition][G04][G06]") {
  PartitionTable table;
  CHECK(table.add({.slot = 2, .first_sector = 8192, .sector_count = 100}, mib(16)) ==
        Partition{2, 0x83, false, 8192, 100});
  // in front of slot 2, up to it
  CHECK(table.add({}, mib(16)) == Partition{1, 0x83, false, 2048, 6144});
  // behind it, on the grid, to the end
  CHECK(table.add({}, mib(16)) == Partition{3, 0x83, false, 10240, 22528});
  CHECK_THROWS_MATCHES(
      table.add({}, mib(16)), Error,
      IsError(Errc::NoSpace,
              "partition 4 would start at sector 32768 but the image has 32768 sectors"));
}

TEST_CASE("a size without a start goes where it fits", "[partition][G06]") {
  PartitionTable table;
  table.add({.first_sector = 4096, .sector_count = 2048}, mib(16));
  CHECK(table.add({.sector_count = 2048}, mib(16)).first_sector == 2048);
  CHECK(table.add({.sector_count = 2049}, mib(16)).first_sector == 6144);
}

TEST_CASE("a disk of one MiB has no room for the default, and one sector more is enough",
          "[partition][G06]") {
  CHECK_THROWS_MATCHES(
      PartitionTable().add({}, mib(1)), Error,
      IsError(Errc::NoSpace, "would start at sector 2048 but the image has 2048 sectors"));
  CHECK(PartitionTable().add({}, ByteCount{mib(1).value + 512}).sector_count == 1);
  CHECK(PartitionTable().add({.first_sector = 63}, mib(1)).sector_count == 1985);
  CHECK_THROWS_MATCHES(PartitionTable().add({}, ByteCount{0}), Error,
                       IsError(Errc::NoSpace, "the image has 0 sectors"));
}

TEST_CASE("an MBR reaches two TiB and no further", "[partition][G13]") {
  constexpr std::uint64_t kEnd = 1ULL << 32;
  constexpr ByteCount at{kEnd * 512}, above{at.value + 512}, huge{4 * at.value};
  CHECK(PartitionTable().add({}, ByteCount{at.value - 512}).sector_count == kEnd - 1 - 2048);
  CHECK(PartitionTable().add({}, at).sector_count == kEnd - 2048);
  CHECK_THROWS_MATCHES(
      PartitionTable().add({}, above), Error,
      IsError(Errc::NoSpace,
              "the image has 4294967297 sectors and an MBR reaches 4294967296 of them (2 TiB)"));
  CHECK(PartitionTable().add({.sector_count = kEnd - 2048}, huge).range().end() == at.value);
  CHECK_THROWS_MATCHES(
      PartitionTable().add({.first_sector = 2048, .sector_count = kEnd - 2047}, huge), Error,
      IsError(Errc::NoSpace, "an MBR reaches 4294967296 sectors (2 TiB)"));
  CHECK(PartitionTable().add({.first_sector = 1, .sector_count = kEnd - 1}, huge).sector_count ==
        UINT32_MAX);
  CHECK_THROWS_MATCHES(PartitionTable().add({.first_sector = 1, .sector_count = kEnd}, huge), Error,
                       IsError(Errc::NoSpace, "2 TiB"));
  CHECK(PartitionTable().add({.first_sector = kEnd - 1, .sector_count = 1}, huge).first_sector ==
        UINT32_MAX);
  CHECK_THROWS_MATCHES(PartitionTable().add({.first_sector = kEnd, .sector_count = 1}, huge), Error,
                       IsError(Errc::NoSpace, "2 TiB"));
  CHECK_THROWS_MATCHES(PartitionTable().add({.first_sector = kEnd}, huge), Error,
                       IsError(Errc::NoSpace, "2 TiB"));
  CHECK_THROWS_MATCHES(
      PartitionTable().add({.first_sector = 2048, .sector_count = UINT64_MAX}, huge), Error,
      IsError(Errc::NoSpace, "2 TiB"));
}

TEST_CASE("a table at both ends of 32 bits reads back as it was written", "[partition][G02][G13]") {
  constexpr ByteCount huge{ByteCount{4ULL << 40}};
  PartitionTable table;
  table.add({.first_sector = 1, .sector_count = 1}, huge);
  table.add({.slot = 4, .first_sector = UINT32_MAX, .sector_count = 1}, huge);
  CHECK(PartitionTable::parse(encoded(table), huge).partitions() == table.partitions());
}

TEST_CASE("CHS addresses have 16 heads of 63 sectors and stop where 10 bits of cylinder end",
          "[partition][G03]") {
  struct Row {
    std::uint64_t first, count;
    const char* entry;
  };
  const auto row = GENERATE(values<Row>({
      // as gem5's blank images begin: 0/1/1
      {63, 2000, "00 01 01 00 83 00 2f 02 3f 00 00 00 d0 07 00 00"},
      {1, 61, "00 00 02 00 83 00 3e 00 01 00 00 00 3d 00 00 00"},  // sectors count from 1
      {1, 62, "00 00 02 00 83 00 3f 00 01 00 00 00 3e 00 00 00"},
      {1, 63, "00 00 02 00 83 01 01 00 01 00 00 00 3f 00 00 00"},
      {1007, 1, "00 0f 3f 00 83 0f 3f 00 ef 03 00 00 01 00 00 00"},
      {1008, 1, "00 00 01 01 83 00 01 01 f0 03 00 00 01 00 00 00"},
      {2048, 202752, "00 00 21 02 83 02 32 cb 00 08 00 00 00 18 03 00"},
      {258048, 1,
       "00 00 41 00 83 00 41 00 00 f0 03 00 01 00 00 00"},  // cylinder 256: its upper bits are in
                                                            // the sector's byte
      // the last one: 1023/15/63
      {1032191, 1, "00 0f ff ff 83 0f ff ff ff bf 0f 00 01 00 00 00"},
      {1032192, 1, "00 fe ff ff 83 fe ff ff 00 c0 0f 00 01 00 00 00"},
      {1032191, 2, "00 0f ff ff 83 fe ff ff ff bf 0f 00 02 00 00 00"},
  }));
  PartitionTable table;
  table.add({.first_sector = row.first, .sector_count = row.count}, mib(1024));
  CHECK(hex(encoded(table), 446, 16) == row.entry);
}

TEST_CASE("writing a table leaves the other bytes of its sector and the rest of the file alone",
          "[partition][G02][G11]") {
  const SampleImage image(mib(4).value);
  std::string before(mib(4).value, '\0');
  for (std::size_t i = 0; i < before.size(); ++i) before[i] = static_cast<char>(i * 7 + i / 512);
  write_file(image.path(), before);

  PartitionTable table = PartitionTable::parse(valid_mbr(), mib(4));
  ImageFile file = image.open();
  table.write(file);
  const std::string after = read_file(image.path());
  REQUIRE(after.size() == before.size());
  std::vector<std::size_t> changed;
  for (std::size_t i = 0; i < after.size(); ++i)
    if (after[i] != before[i]) changed.push_back(i);
  REQUIRE_FALSE(changed.empty());
  CHECK(std::all_of(changed.begin(), changed.end(), [](std::size_t at) {
    return (at >= 440 && at < 444) || (at >= 446 && at < 512);
  }));
  Sector sector;
  std::memcpy(sector.data(), after.data(), sector.size());
  CHECK(PartitionTable::parse(sector, mib(4)).partitions() == table.partitions());
}

TEST_CASE("a slot that is no longer used is zeroed", "[partition][G02][G04]") {
  Sector sector = valid_mbr();
  PartitionTable table;
  table.add({.slot = 2, .first_sector = 100, .sector_count = 1}, mib(4));
  table.encode(sector);
  CHECK(PartitionTable::parse(sector, mib(4)).partitions() ==
        std::vector<Partition>{{2, 0x83, false, 100, 1}});
  CHECK(hex(sector, 446, 16) == "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00");
}

TEST_CASE("the disk id is kept, changed, and written least significant byte first",
          "[partition][G14]") {
  const std::uint32_t id = GENERATE(0x0U, 0x1U, 0x2U, 0x12345678U, 0xffffffffU);
  const SampleImage image(mib(4).value);
  image.open().write_at(ByteOffset{0}, valid_mbr());
  ImageFile file = image.open();
  PartitionTable table = PartitionTable::read(file);
  CHECK(table.disk_id() == 0x12345678);
  table.set_disk_id(id);
  table.write(file);
  CHECK(PartitionTable::read(file).disk_id() == id);
  CHECK(PartitionTable::read(file).partitions() == table.partitions());
  const std::string sector = read_file(image.path());
  CHECK(static_cast<std::uint8_t>(sector[440]) == (id & 0xFF));
  CHECK(static_cast<std::uint8_t>(sector[443]) == id >> 24);
}

TEST_CASE("PARTUUID is the disk id and the slot in hexadecimal", "[partition][G14]") {
  CHECK(partuuid(0x1, 1) == "00000001-01");
  CHECK(partuuid(0xDEADBEEF, 4) == "deadbeef-04");
}

TEST_CASE("types have the names that sfdisk gives them", "[partition][G04]") {
  CHECK(partition_type_name(0x83) == "Linux");
  CHECK(partition_type_name(0x0C) == "W95 FAT32 (LBA)");
  CHECK(partition_type_name(0x84).empty());
}

TEST_CASE("an image too small for a sector is not written", "[partition][G01]") {
  const SampleImage image(511);
  ImageFile file = image.open();
  CHECK_THROWS_AS(PartitionTable().write(file), Error);
  CHECK(read_file(image.path()) == std::string(511, '\0'));
}
