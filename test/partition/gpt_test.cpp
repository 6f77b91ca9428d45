// SPDX-License-Identifier: MIT
#include <catch2/catch.hpp>

#include <rawimg/error.h>

#include "partition/gpt_image.h"
#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;
using namespace std::literals;

TEST_CASE("a valid GPT gives its exact fields and no warning", "[partition][gpt]") {
  const PartitionTable table = GptImage().read();
  check_default(table);
  CHECK(table.warnings().empty());
  CHECK(to_text(table.disk_guid()) == "00112233-4455-6677-8899-aabbccddeeff");
  CHECK(table.disk_id() == 0);
  CHECK(table.usable() == ByteRange(ByteOffset{34 * 512}, ByteCount{8125 * 512}));
  CHECK_FALSE(table.slot(0));
  CHECK_FALSE(table.slot(3));
  CHECK_FALSE(table.slot(4000000000));
  const Partition root = *table.slot(2);
  CHECK(root.type == 0);
  CHECK_FALSE(root.bootable);
  REQUIRE(root.gpt);
  CHECK(root.gpt->name == "root");
  CHECK(to_text(root.gpt->type) == "0fc63daf-8483-4772-8e79-3d69d8477de4");
  CHECK(partition_type_name(root.gpt->type) == "Linux filesystem");
  CHECK(table.partuuid(root) == "00000002-1000-4000-8000-000000000001");
  CHECK(partition_type_name(table.slot(1)->gpt->type) == "BIOS boot");
  CHECK(partition_type_name(Uuid{}).empty());
}

TEST_CASE("an MBR has slots, PARTUUIDs and no GPT details", "[partition][gpt]") {
  const PartitionTable table = PartitionTable::parse(valid_mbr(), mib(4));
  CHECK(table.kind() == PartitionTable::Kind::Mbr);
  CHECK(table.partuuid(*table.slot(3)) == "12345678-03");
  CHECK_FALSE(table.slot(3)->gpt);
  CHECK(table.disk_guid() == Uuid{});
  CHECK(table.usable() == ByteRange());
}

TEST_CASE("attribute bit 2 of a GPT is its boot flag, and its neighbours are not",
          "[partition][gpt]") {
  const std::uint64_t bit = GENERATE(0ULL, 1ULL, 2ULL, 3ULL, 60ULL, 63ULL);
  CAPTURE(bit);
  const PartitionTable table = GptImage().entry(Copy::Both, 2, kAttributes, 1ULL << bit).read();
  CHECK(table.slot(2)->bootable == (bit == 2));
  CHECK(table.slot(2)->gpt->attributes == 1ULL << bit);
}

TEST_CASE("entries have a power of two bytes, from 128 to 4096", "[partition][gpt]") {
  const std::uint32_t size = GENERATE(128U, 256U, 512U, 1024U, 2048U, 4096U);
  CAPTURE(size);
  GptImage gpt({.entry_size = size});
  CHECK(gpt.read().partitions().size() == 2);
  gpt.add(128, 1500, 1600);
  CHECK(gpt.read().slot(128)->first_sector == 1500);
  CHECK(gpt.read().warnings().empty());
}

TEST_CASE("a GPT has as many slots as it says, and those past 128 must be free",
          "[partition][gpt]") {
  const std::uint32_t count = GENERATE(2U, 3U, 4U, 127U, 128U, 129U, 4096U);
  CAPTURE(count);
  GptImage gpt({.entry_count = count});
  CHECK(gpt.read().partitions().size() == 2);
  gpt.add(count, 1500, 1600);
  if (count > 128)
    CHECK_THROWS_MATCHES(
        gpt.read(), Error,
        IsError(Errc::Unsupported,
                fmt::format("slot {} of the GPT is in use: rawimg reads slots 1 to 128", count)));
  else
    CHECK(gpt.read().slot(count)->sector_count == 101);
}

TEST_CASE("an entry is in use when its type is not zero, whatever else it says",
          "[partition][gpt]") {
  GptImage gpt;
  gpt.entry(Copy::Both, 5, kFirst, 1).entry(Copy::Both, 5, kLast, UINT64_MAX);
  CHECK(gpt.read().partitions().size() == 2);
  gpt.entry(Copy::Both, 5, kTypeEnd, 1ULL << 56);  // the last byte alone
  CHECK_THROWS_MATCHES(gpt.read(), Error, IsError(Errc::Corrupt, "partition 5"));
}

TEST_CASE("partitions lie within the usable sectors", "[partition][gpt]") {
  struct Row {
    const char* name;
    std::uint64_t first, last;
    const char* reason;  // null: good
  };
  const auto row = GENERATE(values<Row>({
      {"the first usable sector", 34, 34, nullptr},
      {"up to the last usable one", 8000, 8158, nullptr},
      {"one sector in front", 33, 40,
       "partition 3 (sectors 33 to 40) is not within the usable sectors 34 to 8158 of the GPT"},
      {"one sector behind", 8000, 8159,
       "partition 3 (sectors 8000 to 8159) is not within the usable"},
      {"sector 0", 0, 100, "partition 3 (sectors 0 to 100) is not within"},
      {"to the end of 64 bits", 8000, UINT64_MAX,
       "(sectors 8000 to 18446744073709551615) is not within"},
      {"at the end of 64 bits", UINT64_MAX, UINT64_MAX, "is not within"},
      {"all of 64 bits", 0, UINT64_MAX,
       "partition 3 (sectors 0 to 18446744073709551615) is not within"},
      {"the wrong way round", 100, 99, "partition 3 begins at sector 100 and ends at sector 99"},
  }));
  CAPTURE(row.name);
  GptImage gpt;
  gpt.entry(Copy::Both, 2, kLast, 5000).add(3, row.first, row.last);
  if (row.reason == nullptr)
    CHECK(gpt.read().slot(3)->sector_count == row.last - row.first + 1);
  else
    CHECK_THROWS_MATCHES(gpt.read(), Error, IsError(Errc::Corrupt, row.reason));
}

TEST_CASE("partitions of a GPT may touch and not overlap", "[partition][gpt]") {
  struct Row {
    const char* name;
    std::uint64_t first, last;
    const char* reason;
  };
  const auto row = GENERATE(values<Row>({
      {"touches from below", 2000, 2047, nullptr},
      {"shares the first sector", 2000, 2048,
       "partition 9 (sectors 2000 to 2048) overlaps partition 1 (sectors 2048 to 4095)"},
      {"shares the last sector", 5000, 5000,
       "partition 9 (sectors 5000 to 5000) overlaps partition 2 (sectors 4096 to 5000)"},
      {"touches from above", 5001, 5001, nullptr},
      {"lies within", 3000, 3001, "overlaps partition 1"},
      {"covers all", 34, 8158, "overlaps partition 1"},
  }));
  CAPTURE(row.name);
  GptImage gpt;
  gpt.entry(Copy::Both, 2, kLast, 5000).add(9, row.first, row.last);
  if (row.reason == nullptr)
    CHECK(gpt.read().partitions().size() == 3);
  else
    CHECK_THROWS_MATCHES(gpt.read(), Error, IsError(Errc::Corrupt, row.reason));
}

TEST_CASE("names are UTF-8, 36 units long at most, and replace what is none", "[partition][gpt]") {
  struct Row {
    const char* name;
    std::u16string units;
    std::string text;
  };
  const auto row = GENERATE(values<Row>({
      {"none", u"", ""},
      {"ends at a zero", u"ab\0cd"s, "ab"},
      {"35 units", std::u16string(35, u'x'), std::string(35, 'x')},
      {"36 units", std::u16string(36, u'x'), std::string(36, 'x')},
      {"beyond ASCII", u"\x00FC\xD83D\xDC27", "\xC3\xBC\xF0\x9F\x90\xA7"},
      {"half of a pair", u"a\xD800z", "a\xEF\xBF\xBDz"},
      {"half of a pair at the end", std::u16string(35, u'x') + u'\xD83D',
       std::string(35, 'x') + "\xEF\xBF\xBD"},
  }));
  CAPTURE(row.name);
  std::string bytes;
  for (const char16_t unit : row.units) bytes += little_endian(unit, 2);
  bytes.resize(72);
  // behind the name of a larger entry lies what is no part of it
  GptImage gpt({.entry_size = 256});
  gpt.entry(Copy::Both, 2, kName.at, bytes + "y\0y\0"s);
  CHECK(gpt.read().slot(2)->gpt->name == row.text);
}

TEST_CASE("a protective MBR does not have to tell the size of the disk", "[partition][gpt]") {
  const std::string size = GENERATE("\0\0\0\0"s, "\x01\0\0\0"s, "\xFF\xFF\xFF\xFF"s, "\0\0\0\x80"s);
  GptImage gpt;
  gpt.put(446 + 12, size);
  check_default(gpt.read());
  CHECK(gpt.read().warnings().empty());
}

TEST_CASE("a hybrid MBR is a GPT, in whichever slot the protective entry is", "[partition][gpt]") {
  const unsigned slot = GENERATE(1U, 3U, 4U);
  GptImage gpt;
  Sector mbr{};
  for (unsigned other = 1; other <= 4; ++other) mbr[446 + 16 * (other - 1) + 4] = std::byte{0x83};
  mbr[446 + 16 * (slot - 1) + 4] = std::byte{0xEE};
  mbr[510] = std::byte{0x55};
  mbr[511] = std::byte{0xAA};
  gpt.put(0, std::string_view(reinterpret_cast<const char*>(mbr.data()), mbr.size()));
  check_default(gpt.read());
  CHECK(gpt.read().warnings().empty());
}

TEST_CASE("a GPT without a protective MBR is read with a warning", "[partition][gpt]") {
  GptImage gpt;
  SECTION("nothing in the first sector") { gpt.put(0, std::string(512, '\0')); }
  SECTION("boot code with 55 AA and no partitions") { gpt.put(446, std::string(64, '\0')); }
  SECTION("code where the table would be") { gpt.put(446, "\x24\x12\x0f\x09\x01"); }
  SECTION("no 55 AA") { gpt.put(510, "\x55\x55"); }
  const PartitionTable table = gpt.read();
  check_default(table);
  CHECK(only_warning(table, "gpt-without-protective-mbr").find("Linux would not see it") !=
        std::string::npos);
}

TEST_CASE("a GPT behind an MBR with partitions of its own is refused", "[partition][gpt]") {
  GptImage gpt;
  gpt.put(446 + 4, "\x83");
  CHECK_THROWS_MATCHES(
      gpt.read(), Error,
      IsError(Errc::Corrupt,
              "there are a GPT and an MBR that has partitions but no protective entry (type ee)"));
}

TEST_CASE("a GPT reaches past what an MBR can name", "[partition][gpt]") {
  GptImage gpt({.sectors = 6ULL << 31});
  gpt.add(7, 2050, 2060);
  gpt.entry(Copy::Both, 2, kFirst, 5ULL << 31).entry(Copy::Both, 1, kFirst, 4095);
  const PartitionTable table = gpt.entry(Copy::Both, 2, kLast, (6ULL << 31) - 34).read();
  CHECK(table.slot(2)->range() ==
        ByteRange(ByteOffset{5ULL << 40}, ByteCount{(1ULL << 40) - 33 * 512}));
  CHECK(table.warnings().empty());
}

TEST_CASE("what writes MBRs refuses a GPT and changes nothing", "[partition][gpt]") {
  const GptImage gpt;
  const std::string before = read_file(gpt.image().path());
  PartitionTable table = gpt.read();
  Sector sector{};
  ImageFile file = gpt.image().open();
  const auto refused =
      IsError(Errc::Unsupported, "the table is a GPT, which rawimg reads and does not change");
  CHECK_THROWS_MATCHES(table.add({}, mib(4)), Error, refused);
  CHECK_THROWS_MATCHES(table.set_disk_id(1), Error, refused);
  CHECK_THROWS_MATCHES(table.encode(sector), Error, refused);
  CHECK_THROWS_MATCHES(table.write(file), Error, refused);
  CHECK(sector == Sector{});
  check_default(table);
  CHECK(read_file(gpt.image().path()) == before);
}

TEST_CASE("a table names the image that it could not be read from", "[partition][gpt]") {
  GptImage gpt;
  gpt.add(3, 1, 1);
  CHECK_THROWS_MATCHES(gpt.read(), Error, IsError(Errc::Corrupt, "sample.img': partition 3"));
}
