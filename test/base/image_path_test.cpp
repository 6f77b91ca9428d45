// SPDX-License-Identifier: MIT
#include <rawimg/image_path.h>

#include <catch2/catch.hpp>

#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;

TEST_CASE("an image path is normalised", "[base][H01]") {
  struct Row {
    std::string in, out;
  };
  const auto row = GENERATE(values<Row>({{"", "/"},
                                         {"/", "/"},
                                         {"///", "/"},
                                         {"./foo/././bar/./.", "/foo/bar"},
                                         {"foo/.../bar", "/foo/.../bar"},
                                         {"foo/.test", "/foo/.test"},
                                         {"a\\b", "/a\\b"},
                                         {"//x//y/", "/x/y"}}));
  CAPTURE(row.in);
  REQUIRE(ImagePath::parse(row.in).to_text() == row.out);
}

TEST_CASE("an image path cannot leave the image", "[base][H01][H02]") {
  for (const char* text : {"..", "../x", "a/..", "a/../b", "/..", "//../x"}) {
    CAPTURE(text);
    REQUIRE_THROWS_MATCHES(ImagePath::parse(text), Error, IsError(Errc::BadInput, "'..'"));
  }
  REQUIRE_THROWS_MATCHES(ImagePath::parse(std::string_view("a\0b", 3)), Error,
                         IsError(Errc::BadInput, "NUL"));
}

TEST_CASE("a name has at most 255 bytes", "[base]") {
  REQUIRE_NOTHROW(ImagePath::parse(std::string(255, 'n')));
  REQUIRE_THROWS_MATCHES(ImagePath::parse(std::string(256, 'n')), Error,
                         IsError(Errc::BadInput, "256 bytes is over the limit of 255"));
}

TEST_CASE("one component at a time: no dot, no slash, not nothing", "[base][H02]") {
  REQUIRE((ImagePath::parse("/a") / "b").to_text() == "/a/b");
  for (const char* text : {"", ".", "a/b"}) {
    CAPTURE(text);
    REQUIRE_THROWS_MATCHES(ImagePath() / text, Error, IsError(Errc::BadInput, "not a file name"));
  }
  REQUIRE_THROWS_MATCHES(ImagePath() / "..", Error, IsError(Errc::BadInput, "'..'"));
}
