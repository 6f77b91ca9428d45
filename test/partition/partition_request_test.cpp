// SPDX-License-Identifier: MIT
#include <catch2/catch.hpp>

#include <rawimg/error.h>

#include "partition/samples.h"
#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

struct Expected {
  const char* line;
  std::optional<unsigned> slot;
  std::optional<std::uint64_t> first, count;
  std::uint8_t type;
  bool bootable;
};

constexpr auto kNone = std::nullopt;

}  // namespace

TEST_CASE("a request is read as sfdisk reads it", "[partition][G04][G06]") {
  const auto row = GENERATE(values<Expected>({
      {"", kNone, kNone, kNone, 0x83, false},
      {";", kNone, kNone, kNone, 0x83, false},
      {" , , ", kNone, kNone, kNone, 0x83, false},
      {"start=63,type=83", kNone, 63, kNone, 0x83, false},
      {"start=63s", kNone, 63, kNone, 0x83, false},
      {"START=1M, SIZE=+, TYPE=L, BOOTABLE", kNone, 2048, kNone, 0x83, true},
      {"start = 2048 , size = 1GiB", kNone, 2048, 2097152, 0x83, false},
      {"size=2 G", kNone, kNone, 4194304, 0x83, false},
      {"size=1T", kNone, kNone, 2147483648, 0x83, false},
      {"size=1k", kNone, kNone, 2, 0x83, false},
      {",1G,82", kNone, kNone, 2097152, 0x82, false},
      {"63 2000 83 *", kNone, 63, 2000, 0x83, true},
      {"63;2000;L;*", kNone, 63, 2000, 0x83, true},
      {",,,-", kNone, kNone, kNone, 0x83, false},
      {"-,+,c", kNone, kNone, kNone, 0x0C, false},
      {"bootable", kNone, kNone, kNone, 0x83, true},
      {"size=10M,bootable", kNone, kNone, 20480, 0x83, true},
      {"type=\"Linux swap / Solaris\"", kNone, kNone, kNone, 0x82, false},
      {"type=linux lvm", kNone, kNone, kNone, 0x8E, false},
      {"type=swap", kNone, kNone, kNone, 0x82, false},
      {"type=U", kNone, kNone, kNone, 0xEF, false},
      {"type=0xeF", kNone, kNone, kNone, 0xEF, false},
      {"type=e", kNone, kNone, kNone, 0x0E, false},
      {"type=E", kNone, kNone, kNone, 0x05, false},
      {"id=82", kNone, kNone, kNone, 0x82, false},
      {"disk.img3 : start=        2048, size=        4096, type=83, bootable", 3, 2048, 4096, 0x83,
       true},
      {"/dev/sda1 :", 1, kNone, kNone, 0x83, false},
  }));
  CAPTURE(row.line);
  const PartitionRequest request = parse_partition_request(row.line);
  CHECK(request.slot == row.slot);
  CHECK(request.first_sector == row.first);
  CHECK(request.sector_count == row.count);
  CHECK(request.type == row.type);
  CHECK(request.bootable == row.bootable);
}

TEST_CASE("a request that makes no sense is refused with the word that is wrong",
          "[partition][G04][G06]") {
  struct Row {
    const char* line;
    const char* reason;
  };
  const auto row = GENERATE(values<Row>({
      {"start=abc", "'abc' is not a number of sectors or a size"},
      {"start=-1", "'-1' is not a number"},
      {"start=", "'' is not a number"},
      {"start=63,start=64", "start is given twice"},
      {"63,start=64", "start is given twice"},
      {"type=83,id=82", "type is given twice"},
      {"size=10KB", "write 10K or 10KiB"},
      {"size=10mb", "write 10M or 10MiB"},
      {"size=10x", "unit 'x' is not one of s, K, M, G, T"},
      {"size=10MiBs", "unit 'mibs'"},
      {"size=1.5G", "unit '.5g'"},
      {"size=18446744073709551616", "is too large"},
      {"size=16777216T", "is too large"},
      {"type=0", "type '0' is not a hexadecimal number from 1 to ff"},
      {"type=100", "type '100' is not"},
      {"type=linus", "type 'linus' is not"},
      {"type=", "type '' is not"},
      {"colour=red", "'colour' is not one of start, size, type, bootable"},
      {"=1", "'=' is not one of start, size"},
      {"1 2 83 * 5", "'5' is one field too many"},
      {"1 2 83 x", "'x' where '*' for bootable is expected"},
      {"type=\"Linux", "a quote is open at the end"},
      {"/dev/sda5 : start=1", "'/dev/sda5' names no slot from 1 to 4"},
      {"/dev/sda : start=1", "names no slot"},
      {"start=\x01\n", R"('\x01')"},
  }));
  CAPTURE(row.line);
  CHECK_THROWS_MATCHES(parse_partition_request(row.line), Error, IsError(Errc::Usage, row.reason));
}

TEST_CASE("the largest number of bytes and of sectors that fits is accepted", "[partition][G13]") {
  CHECK(parse_partition_request("size=16777215T").sector_count == 16777215ULL << 31);
  CHECK(parse_partition_request("size=18446744073709551615").sector_count == UINT64_MAX);
}
