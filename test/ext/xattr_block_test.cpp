// SPDX-License-Identifier: MIT
#include "ext/xattr_block.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>

#include "ext/xattr_reader.h"
#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

std::vector<Xattr> decode(const EncodedXattrs& encoded) {
  std::vector<Xattr> out;
  const ValueReader none = [](std::uint32_t, std::uint32_t) -> std::string {
    throw Error(Errc::Corrupt, "no value inode expected");
  };
  if (!encoded.in_inode.empty())
    read_inode_xattrs(std::as_bytes(std::span(encoded.in_inode)), none, out);
  if (!encoded.block.empty()) read_block_xattrs(std::as_bytes(std::span(encoded.block)), none, out);
  std::sort(out.begin(), out.end());
  return out;
}

std::string acl(std::initializer_list<std::array<std::uint32_t, 3>> entries) {
  std::string value("\2\0\0\0", 4);
  const auto put = [&value](std::uint32_t number, int bytes) {
    for (int i = 0; i < bytes; ++i) value += static_cast<char>(number >> 8 * i);
  };
  for (const auto& [tag, permissions, id] : entries) {
    put(tag, 2);
    put(permissions, 2);
    put(id, 4);
  }
  return value;
}

constexpr std::uint32_t kNoId = UINT32_MAX;

}  // namespace

TEST_CASE("attributes go into the inode while they fit, then into the block, then into both",
          "[ext][A25]") {
  const XattrRoom room{4096, 96};
  const auto encode = [&](std::size_t value) {
    return encode_xattrs(std::vector<Xattr>{{"user.a", std::string(value, 'v')}}, room);
  };
  // 96 bytes less magic and terminator: an entry of 20 bytes leaves 68.
  CHECK(encode(68).block.empty());
  CHECK_FALSE(encode(69).block.empty());
  CHECK(encode(69).in_inode.empty());
  const std::vector<Xattr> both{{"user.big", std::string(4000, 'b')},
                                {"user.small", std::string(40, 's')}};
  const EncodedXattrs split = encode_xattrs(both, room);
  CHECK_FALSE(split.in_inode.empty());
  CHECK_FALSE(split.block.empty());
  CHECK(decode(split) == both);
}

TEST_CASE("a value too large for a block is refused with the numbers", "[ext][A25]") {
  const XattrRoom room{1024, 0};
  const auto encode = [&](std::size_t value) {
    return encode_xattrs(std::vector<Xattr>{{"user.a", std::string(value, 'v')}}, room);
  };
  REQUIRE_NOTHROW(encode(1024 - 32 - 4 - 20));
  REQUIRE_THROWS_MATCHES(
      encode(1024 - 32 - 4 - 20 + 1), Error,
      IsError(Errc::Unsupported, "but 0 fit into the inode and 988 into a block of 1024"));
}

TEST_CASE("what was encoded reads back: every namespace, empty and binary values, odd names",
          "[ext][A25]") {
  const std::vector<Xattr> xattrs{
      {"security.capability", std::string("\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)},
      {"system.data", "x"},
      {"trusted.overlay.opaque", "y"},
      {"user.", ""},
      {"user.\xFF\n", std::string("\0\0", 2)},
      {"user.empty", ""}};
  std::vector<Xattr> valid = xattrs;
  valid.erase(valid.begin() + 3);
  std::sort(valid.begin(), valid.end());
  CHECK(decode(encode_xattrs(valid, {4096, 96})) == valid);
  CHECK(decode(encode_xattrs(valid, {1024, 0})) == valid);
  REQUIRE_THROWS_MATCHES(encode_xattrs(xattrs, {4096, 96}), Error,
                         IsError(Errc::Unsupported, "'user.'"));
}

TEST_CASE("namespaces and names that ext does not have are refused", "[ext][A25]") {
  const auto encode = [](const std::string& name) {
    return encode_xattrs(std::vector<Xattr>{{name, "v"}}, {4096, 96});
  };
  REQUIRE_THROWS_MATCHES(encode("btrfs.compression"), Error,
                         IsError(Errc::Unsupported, "'btrfs.compression'"));
  REQUIRE_THROWS_MATCHES(encode("noprefix"), Error, IsError(Errc::Unsupported, "'noprefix'"));
  REQUIRE_NOTHROW(encode("user." + std::string(255, 'n')));
  REQUIRE_THROWS_MATCHES(encode("user." + std::string(256, 'n')), Error,
                         IsError(Errc::Unsupported, "256 bytes"));
}

TEST_CASE("an ACL goes to disk without the ids that mean nothing, and comes back with them",
          "[ext][A24]") {
  const std::string value = acl({{1, 6, kNoId},
                                 {2, 4, 1000},
                                 {2, 5, 70000},
                                 {4, 4, kNoId},
                                 {8, 7, 50},
                                 {16, 7, kNoId},
                                 {32, 0, kNoId}});
  const std::string disk = acl_to_disk("system.posix_acl_access", value);
  CHECK(disk.size() == 4 + 4 * 4 + 3 * 8);
  CHECK(disk[0] == 1);
  CHECK(acl_from_disk(disk) == value);
}

TEST_CASE("a malformed ACL is refused, and says why", "[ext][A24]") {
  struct Row {
    const char* name;
    std::string value, reason;
  };
  const auto row = GENERATE(values<Row>({
      {"empty", "", "not a version 2"},
      {"version 3", std::string("\3\0\0\0", 4), "not a version 2"},
      {"cut", acl({{1, 6, kNoId}}).substr(0, 10), "not a version 2"},
      {"no other", acl({{1, 6, kNoId}, {4, 4, kNoId}}), "missing"},
      {"order", acl({{4, 6, kNoId}, {1, 6, kNoId}, {32, 0, kNoId}}), "out of order"},
      {"twice",
       acl({{1, 6, kNoId}, {2, 4, 7}, {2, 4, 7}, {4, 4, kNoId}, {16, 4, kNoId}, {32, 0, kNoId}}),
       "out of order or repeated"},
      {"no mask", acl({{1, 6, kNoId}, {2, 4, 7}, {4, 4, kNoId}, {32, 0, kNoId}}), "no mask"},
      {"unknown tag", acl({{3, 6, kNoId}}), "unknown tag 3"},
      {"permissions", acl({{1, 8, kNoId}, {4, 4, kNoId}, {32, 0, kNoId}}), "permissions 10"},
  }));
  CAPTURE(row.name);
  REQUIRE_THROWS_MATCHES(acl_to_disk("system.posix_acl_access", row.value), Error,
                         IsError(Errc::Unsupported, row.reason));
}
