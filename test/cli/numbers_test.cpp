// SPDX-License-Identifier: MIT
#include "../tools/cli/numbers.h"

#include <catch2/catch.hpp>

#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::cli;
using namespace rawimg::test;

TEST_CASE("sizes are powers of 1024 or sectors, and KB is refused with the right spelling",
          "[cli]") {
  struct Row {
    const char* text;
    std::uint64_t bytes;
  };
  const auto row = GENERATE(values<Row>({{"0", 0},
                                         {"4096", 4096},
                                         {"63s", 32256},
                                         {"1K", 1024},
                                         {"1k", 1024},
                                         {"1M", 1 << 20},
                                         {"4G", 4ull << 30},
                                         {"2TiB", 2ull << 40},
                                         {"18446744073709551615", UINT64_MAX},
                                         {"15E", 15ull << 60},
                                         {"36028797018963967s", 18446744073709551104ull}}));
  CAPTURE(row.text);
  CHECK(parse_size(row.text, "size") == row.bytes);
}

TEST_CASE("what is no size is refused, and the message names it", "[cli]") {
  struct Row {
    const char *text, *reason;
  };
  const auto row = GENERATE(values<Row>({{"", "not a size"},
                                         {"G", "not a size"},
                                         {"-1", "not a size"},
                                         {"+1", "not a size"},
                                         {"4 G", "unit ' G'"},
                                         {"4GB", "write 4G or 4GiB"},
                                         {"4kB", "write 4K or 4KiB"},
                                         {"4X", "unit 'X'"},
                                         {"4Gi", "unit 'Gi'"},
                                         {"4GiBs", "unit 'GiBs'"},
                                         {"1.5G", "unit '.5G'"},
                                         {"16E", "larger than 2^64"},
                                         {"18446744073709551616", "larger than 2^64"},
                                         {"36028797018963968s", "larger than 2^64"}}));
  CAPTURE(row.text);
  REQUIRE_THROWS_MATCHES(parse_size(row.text, "size"), Error, IsError(Errc::Usage, row.reason));
}

TEST_CASE("a start is whole sectors", "[cli]") {
  CHECK(parse_sector("63s", "start") == 63);
  CHECK(parse_sector("1M", "start") == 2048);
  REQUIRE_THROWS_MATCHES(parse_sector("63", "start"), Error,
                         IsError(Errc::Usage, "sectors are written 63s"));
}

TEST_CASE("numbers, percentages and ids have their ranges", "[cli]") {
  CHECK(parse_number("64", "threads", 1, 64) == 64);
  REQUIRE_THROWS_MATCHES(parse_number("65", "threads", 1, 64), Error,
                         IsError(Errc::Usage, "from 1 to 64"));
  REQUIRE_THROWS_MATCHES(parse_number("1x", "threads", 1, 64), Error,
                         IsError(Errc::Usage, "threads '1x'"));
  CHECK(parse_percent("0.5%", "reserve") == 0.5);
  REQUIRE_THROWS_MATCHES(parse_percent("nan", "reserve"), Error,
                         IsError(Errc::Usage, "percentage"));
  REQUIRE_THROWS_MATCHES(parse_percent("100.1", "reserve"), Error,
                         IsError(Errc::Usage, "percentage"));
  CHECK(parse_hex32("0xFFFFFFFF", "id") == UINT32_MAX);
  REQUIRE_THROWS_MATCHES(parse_hex32("100000000", "id"), Error, IsError(Errc::Usage, "32 bits"));
}

TEST_CASE("short sizes round up", "[cli]") {
  CHECK(short_size(1023) == "1023");
  CHECK(short_size(1025) == "1.1K");
  CHECK(short_size(10 << 20) == "10M");
}
