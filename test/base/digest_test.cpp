// SPDX-License-Identifier: MIT
#include "base/digest.h"

#include <rawimg/ext_options.h>
#include <catch2/catch.hpp>

#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;

TEST_CASE("SHA-256 of FIPS 180-4's example, in one piece and in two", "[base]") {
  Sha256 hash;
  hash.add("abc");
  REQUIRE(to_hex(hash.finish()) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  hash.add("a");
  hash.add("bc");
  REQUIRE(to_hex(hash.finish()) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("UUIDs read and print, and nothing else is one", "[base]") {
  const Uuid uuid = parse_uuid("0FC63daf-8483-4772-8e79-3d69d8477de4");
  REQUIRE(uuid[0] == 0x0F);
  REQUIRE(uuid[15] == 0xE4);
  REQUIRE(to_text(uuid) == "0fc63daf-8483-4772-8e79-3d69d8477de4");
  for (const char* text :
       {"", "0fc63daf-8483-4772-8e79-3d69d8477de", "0fc63daf-8483-4772-8e79-3d69d8477de4x",
        "0fc63daf084834772-8e79-3d69d8477de44", "gfc63daf-8483-4772-8e79-3d69d8477de4"}) {
    CAPTURE(text);
    REQUIRE_THROWS_MATCHES(parse_uuid(text), Error, IsError(Errc::Usage, "is not a UUID"));
  }
}

TEST_CASE("a derived UUID is of version 8 and depends on nothing but the text", "[base]") {
  const std::string text = to_text(derive_uuid("x"));
  REQUIRE(text[14] == '8');
  REQUIRE(std::string("89ab").find(text[19]) != std::string::npos);
  REQUIRE(text == to_text(derive_uuid("x")));
  REQUIRE(text != to_text(derive_uuid("y")));
}

TEST_CASE("CRC-32 has its check value, in one piece and in two", "[base]") {
  const auto bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };
  CHECK(crc32({}) == 0);
  CHECK(crc32(bytes("123456789")) == 0xCBF43926);
  CHECK(crc32(bytes("6789"), crc32(bytes("12345"))) == 0xCBF43926);
  CHECK(crc32(bytes("123456780")) != 0xCBF43926);
}
