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

TEST_CASE("utf16_to_utf8 keeps every code point and replaces halves of one", "[base]") {
  struct Row {
    const char* name;
    std::u16string in;
    std::string out;
  };
  const auto row = GENERATE(values<Row>({
      {"nothing", u"", ""},
      {"ASCII", u"root", "root"},
      {"the last of one byte, the first and last of two", u"\x7F\x80\x7FF", "\x7F\xC2\x80\xDF\xBF"},
      {"the first and last of three", u"\x800\xFFFF", "\xE0\xA0\x80\xEF\xBF\xBF"},
      {"beside the surrogates", u"\xD7FF\xE000", "\xED\x9F\xBF\xEE\x80\x80"},
      {"the first pair", u"\xD800\xDC00", "\xF0\x90\x80\x80"},
      {"the last pair", u"\xDBFF\xDFFF", "\xF4\x8F\xBF\xBF"},
      {"a high half at the end", u"a\xD800", "a\xEF\xBF\xBD"},
      {"a high half before a letter", u"\xDBFFz", "\xEF\xBF\xBDz"},
      {"a low half alone", u"\xDC00z", "\xEF\xBF\xBDz"},
      {"two high halves, and a low one", u"\xD83D\xD83D\xDC27", "\xEF\xBF\xBD\xF0\x9F\x90\xA7"},
      {"halves the wrong way round", u"\xDC27\xD83D", "\xEF\xBF\xBD\xEF\xBF\xBD"},
  }));
  CAPTURE(row.name);
  CHECK(utf16_to_utf8(row.in) == row.out);
  CHECK(is_utf8(utf16_to_utf8(row.in)));
}
