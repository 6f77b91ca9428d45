// SPDX-License-Identifier: MIT
#include <catch2/catch.hpp>

#include <rawimg/error.h>

#include "partition/samples.h"
#include "partition/signature.h"
#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view kBootMark = "\x55\xAA"sv;
// Jump, OEM name, 512 bytes a sector, 4 sectors a cluster, 1 reserved, 2 FATs, 512 root entries,
// 8192 sectors, media F8.
constexpr std::string_view kFat =
    "\xEB\x3C\x90mkfs.fat\x00\x02\x04\x01\x00\x02\x00\x02\x00\x20\xF8"sv;
constexpr std::string_view kGrub = "GRUB \0Geom\0Hard Disk\0Read\0 Error"sv;
// What GRUB's boot.img has where the table would be, when it was not made for a disk: code for
// floppies.
constexpr std::string_view kFloppyCode =
    "\x24\x12\x0f\x09\x00\x52\xbe\xbd\x7d\x31\xc0\xcd\x13\x46\x8a\x0c\x84\xc9\x75\x0f\xbe\xda\x7d"sv;

std::string number(std::uint64_t value, std::size_t bytes, bool big_endian) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i)
    text += static_cast<char>(value >> 8 * (big_endian ? bytes - 1 - i : i));
  return text;
}
std::string gpt_header(std::uint64_t own_sector) {
  return "EFI PART" + std::string(16, '\0') + number(own_sector, 8, false);
}
std::string vhd_footer(std::uint64_t disk_size, std::uint32_t type) {
  return "conectix" + std::string(40, '\0') + number(disk_size, 8, true) + std::string(4, '\0') +
         number(type, 4, true);
}

DiskIdentity whole(const SampleImage& image) { return identify_disk(image.open()); }
DiskIdentity part(const SampleImage& image, std::uint64_t start, std::uint64_t size) {
  return identify_range(image.open(), ByteRange{ByteOffset{start}, ByteCount{size}});
}

}  // namespace

TEST_CASE("zeros are empty, whatever their length", "[partition]") {
  const std::uint64_t size = GENERATE(0ULL, 1ULL, 511ULL, 512ULL, 4096ULL, 69632ULL, 131071ULL,
                                      131072ULL, 1ULL << 20, 3ULL << 40);
  CAPTURE(size);
  const SampleImage image(size);
  CHECK(whole(image).kind == DiskKind::Empty);
  CHECK(part(image, 0, size).kind == DiskKind::Empty);
}

TEST_CASE("one byte in the first 128 KiB makes a file unknown, and one behind them does not",
          "[partition]") {
  struct Row {
    std::uint64_t at;
    DiskKind kind;
  };
  const auto row = GENERATE(values<Row>({{0, DiskKind::Unknown},
                                         {511, DiskKind::Unknown},
                                         {69631, DiskKind::Unknown},
                                         {69632, DiskKind::Unknown},
                                         {131071, DiskKind::Unknown},
                                         {131072, DiskKind::Empty}}));
  CAPTURE(row.at);
  SampleImage image(1 << 20);
  image.put(row.at, "x");
  CHECK(whole(image).kind == row.kind);
  CHECK(whole(image).name.empty());
}

TEST_CASE("every signature is found at its place and one byte away it is not",
          "[partition][G09][G10]") {
  for (const Signature& signature : signatures()) {
    CAPTURE(signature.name, signature.at);
    SampleImage image(1 << 20);
    image.put(signature.at, signature.magic);
    const DiskIdentity found = whole(image);
    CHECK(found.kind == signature.kind);
    CHECK((found.name == signature.name || signature.name == "ext filesystem"));
    CHECK(part(image, 0, 1 << 20).kind == signature.kind);
    CHECK_THROWS_MATCHES(PartitionTable::read(image.open()), Error,
                         IsError(Errc::Unsupported, "found " + found.name));

    SampleImage moved(1 << 20);
    moved.put(signature.at + 1, signature.magic);
    CHECK(whole(moved).kind == DiskKind::Unknown);
  }
}

TEST_CASE("a signature that the end of the file cuts off is not found", "[partition]") {
  for (const Signature& signature : signatures()) {
    CAPTURE(signature.name, signature.at);
    SampleImage image(signature.at + signature.magic.size());
    image.put(signature.at, signature.magic);
    CHECK(whole(image).kind == signature.kind);
    SampleImage shorter(signature.at + signature.magic.size() - 1);
    shorter.put(signature.at, signature.magic.substr(0, signature.magic.size() - 1));
    CHECK(whole(shorter).name != signature.name);
  }
}

TEST_CASE("signatures at the end are found in files and in partitions", "[partition]") {
  const std::uint64_t size = GENERATE(1ULL << 20, (1ULL << 20) + 512, (1ULL << 20) + 4096 + 100);
  for (const Signature& signature : end_signatures(ByteCount{size})) {
    CAPTURE(size, signature.name, signature.at);
    SampleImage image(size);
    image.put(signature.at, signature.magic);
    CHECK(whole(image).name == signature.name);
    SampleImage disk(size + 2 * 65536);
    disk.put(65536 + signature.at, signature.magic);
    CHECK(part(disk, 65536, size).name == signature.name);
    CHECK(part(disk, 65536, size + 65536).kind == DiskKind::Empty);
  }
}

TEST_CASE("Linux RAID members are found by the places that mdadm uses", "[partition]") {
  constexpr std::uint64_t kSize = 10ULL << 20;
  // 1.1, 1.2, 1.0, 0.90
  const std::uint64_t at =
      GENERATE_COPY(std::uint64_t{0}, std::uint64_t{4096}, kSize - 8192, kSize - 65536);
  SampleImage image(kSize);
  image.put(at, "\xFC\x4E\x2B\xA9"sv);
  CHECK(whole(image).name == "Linux RAID member");
}

TEST_CASE("ext filesystems are told apart by their features", "[partition]") {
  struct Row {
    const char* name;
    std::uint32_t compat, incompat, ro_compat;
  };
  const auto row = GENERATE(values<Row>({{"ext2 filesystem", 0x38, 0x2, 0x3},
                                         {"ext3 filesystem", 0x3C, 0x2, 0x3},
                                         {"ext4 filesystem", 0x3C, 0x42, 0x3},
                                         {"ext4 filesystem", 0x38, 0x2, 0x403},
                                         {"ext4 filesystem", 0x38, 0x80, 0},
                                         {"ext journal", 0, 0x8, 0}}));
  SampleImage image(1 << 20);
  image.put(1080, "\x53\xEF"sv)
      .put(1024 + 92, number(row.compat, 4, false) + number(row.incompat, 4, false) +
                          number(row.ro_compat, 4, false));
  CHECK(whole(image).name == row.name);
}

TEST_CASE("an MBR is an MBR", "[partition][G01][G10]") {
  SampleImage image(mib(4).value);
  image.put(0, valid_mbr());
  const auto check = [&] {
    CHECK(whole(image).kind == DiskKind::Mbr);
    CHECK(whole(image).name == "MBR");
    CHECK(PartitionTable::read(image.open()).partitions().size() == 2);
  };
  SECTION("with nothing in front of the table") { check(); }
  SECTION("with GRUB") {
    image.put(0, "\xEB\x63\x90"sv).put(0x180, kGrub);
    check();
  }
  SECTION("with GRUB that kept the FAT parameters it found") {
    image.put(0, kFat).put(82, "FAT32   ").put(0x180, kGrub);
    check();
  }
  SECTION("with a filesystem that was there before the table") {
    image.put(1080, "\x53\xEF"sv);
    check();
  }
  SECTION("with what looks like RAID at the end") {
    image.put(mib(4).value - 8192, "\xFC\x4E\x2B\xA9"sv);
    check();
  }
  SECTION("with a GPT header of another disk in its last sector") {
    image.put(mib(4).value - 512, gpt_header(8190));
    check();
  }
  SECTION("with a VHD footer of another disk in its last sector") {
    image.put(mib(4).value - 512, vhd_footer(mib(4).value, 2));
    check();
  }
}

TEST_CASE("an MBR without partitions is an MBR", "[partition][G01]") {
  SampleImage image(mib(4).value);
  Sector sector{};
  PartitionTable().encode(sector);
  image.put(0, sector);
  CHECK(whole(image).kind == DiskKind::Mbr);
  CHECK(PartitionTable::read(image.open()).partitions().empty());
}

TEST_CASE("a damaged table is still called an MBR, and reading it says what is wrong",
          "[partition][G01][G06]") {
  SampleImage image(mib(4).value);
  image.put(0, valid_mbr()).put(446 + 32 + 15, "\x7F");
  CHECK(whole(image).kind == DiskKind::Mbr);
  CHECK_THROWS_MATCHES(PartitionTable::read(image.open()), Error,
                       IsError(Errc::Corrupt, "partition 3 ends at byte"));
  image.put(0, valid_mbr()).put(446, "\x81");
  CHECK_THROWS_MATCHES(
      PartitionTable::read(image.open()), Error,
      IsError(Errc::Unsupported, "a damaged MBR (boot flag of slot 1 is 81, neither 00 nor 80)"));
}

TEST_CASE("GPT is recognised by each of its parts", "[partition][G09]") {
  const std::uint64_t sector = GENERATE(512ULL, 4096ULL);
  // a tail that is no whole sector hides nothing
  const std::uint64_t size = mib(4).value + GENERATE(0ULL, 100ULL);
  CAPTURE(sector, size);
  SampleImage image(size);
  std::string name = "GPT";
  const auto check = [&] {
    CHECK(whole(image).kind == DiskKind::Gpt);
    CHECK(whole(image).name == name);
    CHECK_THROWS_AS(PartitionTable::read(image.open()), Error);  // none of them is whole
  };
  SECTION("its protective entry") {
    image.put(510, kBootMark).put(446 + 4, "\xEE").put(446 + 8, "\x01");
    check();
  }
  SECTION("its header alone") {
    image.put(sector, gpt_header(1));
    check();
  }
  SECTION("its header behind a table that looks like an MBR") {
    image.put(0, valid_mbr()).put(sector, gpt_header(1));
    check();
  }
  SECTION("the copy of its header at the end") {
    image.put((size / sector - 1) * sector, gpt_header(size / sector - 1));
    check();
  }
  SECTION("the copy of its header at the end, behind an MBR") {
    image.put(0, valid_mbr()).put((size / sector - 1) * sector, gpt_header(size / sector - 1));
    check();
  }
  SECTION("a protective entry among others") {
    image.put(0, valid_mbr()).put(446 + 4, "\xEE").put(sector, gpt_header(1));
    name = "GPT with a hybrid MBR";
    check();
  }
}

TEST_CASE("a filesystem over all of a disk outranks the backup of the GPT that was there",
          "[partition][gpt][G09]") {
  SampleImage image(mib(4).value);
  image.put(mib(4).value - 512, gpt_header(8191)).put(1080, "\x53\xEF");
  CHECK(whole(image).name == "ext2 filesystem");
  SECTION("but not a protective MBR") {
    image.put(510, kBootMark).put(446 + 4, "\xEE");
    CHECK(whole(image).name == "GPT");
  }
  SECTION("nor a primary header") {
    image.put(GENERATE(512, 4096), gpt_header(1));
    CHECK(whole(image).name == "GPT");
  }
  SECTION("and with force both go") {
    ImageFile file = image.open();
    erase_signatures(file);
    CHECK(identify_disk(file).kind == DiskKind::Empty);
  }
}

TEST_CASE("a boot sector with 55 AA is not taken for a table", "[partition][G10]") {
  SampleImage image(mib(4).value);
  image.put(510, kBootMark);
  std::string name;
  const auto check = [&] {
    CHECK(whole(image).kind == DiskKind::Filesystem);
    CHECK(whole(image).name == name);
    CHECK_THROWS_MATCHES(PartitionTable::read(image.open()), Error,
                         IsError(Errc::Unsupported, "found " + name));
  };
  SECTION("FAT, as mkfs.fat makes it") {
    image.put(0, kFat).put(54, "FAT16   ");
    name = "FAT16 filesystem";
    check();
  }
  SECTION("FAT without a name") {
    image.put(0, kFat);
    name = "FAT filesystem";
    check();
  }
  SECTION("FAT with a table that looks good") {
    image.put(0, valid_mbr()).put(0, kFat);
    name = "FAT filesystem";
    check();
  }
  SECTION("FAT with GRUB in it and no table") {
    image.put(0, kFat).put(0x180, kGrub);
    name = "FAT filesystem";
    check();
  }
  SECTION("NTFS") {
    image.put(0, valid_mbr()).put(0, "\xEB\x52\x90NTFS    ");
    name = "NTFS filesystem";
    check();
  }
  SECTION("exFAT") {
    image.put(0, valid_mbr())
        .put(0,
             "\xEB\x76\x90"
             "EXFAT   ");
    name = "exFAT filesystem";
    check();
  }
  SECTION("GRUB's boot.img as it comes") {
    image.put(0, "\xEB\x63\x90"sv).put(0x180, kGrub).put(446, kFloppyCode);
    name = "boot sector, or a damaged MBR (boot flag of slot 1 is 24, neither 00 nor 80)";
    check();
  }
  SECTION("an ext filesystem with a boot loader in its boot block") {
    image.put(1080, "\x53\xEF"sv);
    name = "ext2 filesystem";
    check();
  }
}

TEST_CASE("a valid MBR on a disk that is wrapped or labelled otherwise does not hide that",
          "[partition][G09][G10]") {
  SampleImage image(mib(4).value);
  image.put(0, valid_mbr());
  std::string name;
  const auto check = [&] {
    CHECK(whole(image).name == name);
    CHECK_THROWS_MATCHES(PartitionTable::read(image.open()), Error,
                         IsError(Errc::Unsupported, "found " + name));
  };
  SECTION("isohybrid") {
    image.put(0x8001, "CD001");
    name = "ISO 9660 image";
    check();
  }
  SECTION("fixed VHD") {
    image.put(mib(4).value - 512, vhd_footer(mib(4).value - 512, 2));
    name = "VHD image";
    check();
  }
  SECTION("Windows dynamic disk") {
    image.put(3072, "PRIVHEAD");
    name = "Windows dynamic disk";
    check();
  }
  SECTION("BSD label behind it") {
    image.put(512, "\x57\x45\x56\x82"sv);
    name = "BSD disk label";
    check();
  }
}

TEST_CASE("a partition with a label or a table of its own is not empty", "[partition][G09]") {
  constexpr std::uint64_t kStart = 32256;
  SampleImage image(mib(8).value);
  image.put(0, valid_mbr());
  CHECK(part(image, kStart, mib(4).value).kind == DiskKind::Empty);
  SECTION("BSD label") {
    image.put(kStart + 512, "\x57\x45\x56\x82"sv);
    CHECK(part(image, kStart, mib(4).value).name == "BSD disk label");
  }
  SECTION("MBR") {
    image.put(kStart, valid_mbr());
    CHECK(part(image, kStart, mib(4).value).kind == DiskKind::OtherLabel);
  }
  SECTION("GPT") {
    image.put(kStart + 512, gpt_header(1));
    CHECK(part(image, kStart, mib(4).value).kind == DiskKind::Gpt);
  }
}

TEST_CASE("a range past the end of the file is an error", "[partition]") {
  const SampleImage image(4096);
  CHECK_THROWS_MATCHES(part(image, 0, 4097), Error, IsError(Errc::Corrupt, ""));
}

TEST_CASE("a table that is forced over anything else reads back", "[partition][G02][G09][G10]") {
  const auto force = [](SampleImage& image) {
    ImageFile file = image.open();
    erase_signatures(file);
    PartitionTable table;
    table.add({}, file.size());
    table.write(file);
    CHECK(identify_disk(file).kind == DiskKind::Mbr);
    CHECK(PartitionTable::read(file).partitions() == table.partitions());
  };
  for (const Signature& signature : signatures()) {
    CAPTURE(signature.name, signature.at);
    SampleImage image(mib(4).value);
    force(image.put(signature.at, signature.magic));
    SampleImage with_mark(mib(4).value);
    force(with_mark.put(510, kBootMark).put(signature.at, signature.magic));
  }
  SampleImage gpt(mib(4).value);
  force(gpt.put(510, kBootMark)
            .put(450, "\xEE")
            .put(512, gpt_header(1))
            .put(mib(4).value - 512, gpt_header(8191)));
  SampleImage fat(mib(4).value);
  force(fat.put(0, kFat).put(54, "FAT16   ").put(510, kBootMark));
  SampleImage grub(mib(4).value);
  force(grub.put(0x180, kGrub).put(446, kFloppyCode).put(510, kBootMark));
  CHECK(read_file(grub.path()).substr(0x180, kGrub.size()) == kGrub);
  SampleImage vhd(mib(4).value);
  force(vhd.put(0, valid_mbr()).put(mib(4).value - 512, vhd_footer(mib(4).value - 512, 2)));
  SampleImage layers(mib(4).value);
  force(layers.put(0, "QFI\xFB")
            .put(1080, "\x53\xEF"sv)
            .put(0x10040, "_BHRfS_M")
            .put(mib(4).value - 8192, "\xFC\x4E\x2B\xA9"sv));
}

TEST_CASE("erasing touches nothing on a disk that is an MBR, and only the magic elsewhere",
          "[partition][G11]") {
  SampleImage mbr(mib(4).value);
  mbr.put(0, valid_mbr())
      .put(1080, "\x53\xEF"sv)
      .put(0x10040, "_BHRfS_M")
      .put(mib(4).value - 8192, "\xFC\x4E\x2B\xA9"sv);
  const std::string before = read_file(mbr.path());
  ImageFile file = mbr.open();
  erase_signatures(file);
  CHECK((read_file(mbr.path()) == before));  // in brackets: 4 MiB are no message

  SampleImage image(mib(4).value);
  image.put(0, std::string(mib(4).value, 'x'))
      .put(32256 + 1080, "\x53\xEF"sv)
      .put(32256, std::string(512, 'y'));
  std::string expected = read_file(image.path());
  expected.replace(32256 + 1080, 2, 2, '\0');
  ImageFile window = image.open();
  erase_signatures(window, ByteRange{ByteOffset{32256}, ByteCount{mib(3).value}});
  CHECK((read_file(image.path()) == expected));
}
