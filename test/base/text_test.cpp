// SPDX-License-Identifier: MIT
#include "base/text.h"

#include <catch2/catch.hpp>

using namespace rawimg;

TEST_CASE("escape leaves UTF-8 alone and makes everything else visible", "[base]") {
  struct Row {
    const char* name;
    std::string in, out;
  };
  const auto row = GENERATE(values<Row>({
      {"plain", "usr/bin", "usr/bin"},
      {"umlaut and emoji", "f\xC3\xBCr \xF0\x9F\x90\xA7", "f\xC3\xBCr \xF0\x9F\x90\xA7"},
      {"Latin-1", "f\xFCr", "f\\xfcr"},
      {"terminal escape", "\x1B[2J", "\\x1b[2J"},
      {"C1 control in UTF-8",
       "\xC2\x9B"
       "2J",
       "\\xc2\\x9b2J"},
      {"newline and tab", "a\nb\tc", "a\\nb\\tc"},
      {"quote and backslash", "it's\\", "it\\'s\\\\"},
      {"overlong slash", "\xC0\xAF", "\\xc0\\xaf"},
      {"surrogate", "\xED\xA0\x80", "\\xed\\xa0\\x80"},
      {"cut short", "\xE2\x82", "\\xe2\\x82"},
      {"past U+10FFFF", "\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
      {"NUL", std::string("a\0b", 3), "a\\x00b"},
  }));
  CAPTURE(row.name);
  REQUIRE(escape(row.in) == row.out);
}

TEST_CASE("is_utf8 takes the last code point and refuses the next", "[base]") {
  REQUIRE(is_utf8("\xF4\x8F\xBF\xBF"));
  REQUIRE_FALSE(is_utf8("\xF4\x90\x80\x80"));
  REQUIRE(is_utf8("\xED\x9F\xBF"));
  REQUIRE_FALSE(is_utf8("\xFF"));
}

TEST_CASE("human_size changes its unit at powers of 1024", "[base]") {
  REQUIRE(human_size(1023) == "1023 bytes");
  REQUIRE(human_size(1024) == "1.0 KiB");
  REQUIRE(human_size(4ull << 30) == "4.0 GiB");
}
