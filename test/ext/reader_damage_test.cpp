// SPDX-License-Identifier: MIT
// One field of a small filesystem is changed, and the reader says which damage that is, or reads on
// where a kernel would.
#include <rawimg/ext_fs.h>

#include <ext2fs/ext2fs.h>

// It takes types from ext2_fs.h without including it.
#include <ext2fs/ext2_ext_attr.h>

#include <rawimg/error.h>
#include <catch2/catch.hpp>

#include <cstddef>
#include <cstring>

#include "ext/sample.h"
#include "ext/xattr_reader.h"
#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

/// Reads a file, but no more than anything here can rightly have.
std::uint64_t read_some(const ExtFs& fs, std::uint32_t number) {
  std::uint64_t bytes = 0;
  fs.read_file(number, [&](std::span<const std::byte> piece) {
    bytes += piece.size();
    if (bytes > kSampleBytes) throw std::runtime_error("the reader does not stop");
  });
  return bytes;
}

}  // namespace

TEST_CASE("a file longer than its map can reach is damaged, not endless", "[ext][D10]") {
  const bool extents = GENERATE(false, true);
  CAPTURE(extents);
  Sample sample = extents ? ext4_sample() : ext2_sample();
  const std::uint32_t number = sample.number("/empty");
  const std::uint64_t inode = sample.inode_at(number);
  REQUIRE(read_some(sample.open(), number) == 0);
  // 2^64 - 1 bytes rounded up to blocks is 0 in 64 bits.
  for (const std::uint32_t high : {0xFFFFFFFFU, 0x80000000U}) {
    sample.set(inode + offsetof(ext2_inode_large, i_size), 0xFFFFFFFFU);
    sample.set(inode + offsetof(ext2_inode_large, i_size_high), high);
    REQUIRE_THROWS_MATCHES(read_some(sample.open(), number), Error,
                           IsError(Errc::Corrupt, "but a file has at most"));
  }
}

TEST_CASE("the longest file is not refused, and one byte more is", "[ext][D10]") {
  Sample sample = ext2_sample();
  const std::uint32_t number = sample.number("/empty");
  const std::uint64_t most = (12 + 256 + 256 * 256 + 256ULL * 256 * 256) * kSampleBlock;
  const auto set_size = [&](std::uint64_t bytes) {
    sample.set(sample.inode_at(number) + offsetof(ext2_inode_large, i_size),
               static_cast<std::uint32_t>(bytes));
    sample.set(sample.inode_at(number) + offsetof(ext2_inode_large, i_size_high),
               static_cast<std::uint32_t>(bytes >> 32));
  };
  const auto bytes_of = [&] {
    std::uint64_t bytes = 0;
    sample.open().read_file(number,
                            [&](std::span<const std::byte> piece) { bytes += piece.size(); });
    return bytes;
  };
  set_size(most - 1);
  CHECK(bytes_of() == most - 1);
  set_size(most);
  CHECK(bytes_of() == most);
  set_size(most + 1);
  REQUIRE_THROWS_MATCHES(bytes_of(), Error,
                         IsError(Errc::Corrupt, "but a file has at most 16843020 blocks"));
}

TEST_CASE("a directory that has a block twice is damaged: its names must not multiply",
          "[ext][D14]") {
  Sample sample = ext2_sample();
  const std::uint32_t number = sample.number("/directory");
  REQUIRE(sample.open().read_directory(number).size() == 60);
  sample.set(sample.pointer_at("/directory", 2),
             sample.get<std::uint32_t>(sample.pointer_at("/directory", 1)));
  REQUIRE_THROWS_MATCHES(sample.open().read_directory(number), Error,
                         IsError(Errc::Corrupt, "more than once"));
  REQUIRE_THROWS_MATCHES(sample.open().resolve("/directory/x"), Error,
                         IsError(Errc::Corrupt, "more than once"));
}

TEST_CASE("a directory with a hole or an unwritten block is damaged: names are missing",
          "[ext][D14]") {
  Sample holed = ext2_sample();
  const std::uint32_t number = holed.number("/directory");
  holed.set(holed.pointer_at("/directory", 1), std::uint32_t{0});
  REQUIRE_THROWS_MATCHES(holed.open().read_directory(number), Error,
                         IsError(Errc::Corrupt, "block 1 is missing"));

  Sample cut = ext2_sample();
  const std::uint64_t size_at = cut.inode_at(number) + offsetof(ext2_inode_large, i_size);
  cut.set(size_at, cut.get<std::uint32_t>(size_at) + kSampleBlock);
  REQUIRE_THROWS_MATCHES(cut.open().read_directory(number), Error,
                         IsError(Errc::Corrupt, "is missing"));

  Sample unwritten = ext4_sample();
  const std::uint64_t length_at =
      unwritten.pointer_at("/directory", 3) + offsetof(ext3_extent, ee_len);
  unwritten.set(length_at,
                static_cast<std::uint16_t>(unwritten.get<std::uint16_t>(length_at) + 32768));
  REQUIRE_THROWS_MATCHES(unwritten.open().read_directory(unwritten.number("/directory")), Error,
                         IsError(Errc::Corrupt, "unwritten"));
}

TEST_CASE("a symlink without a target, or with a zero byte in it, is damaged", "[ext][D05]") {
  Sample empty = ext2_sample();
  const std::uint32_t number = empty.number("/short");
  empty.set(empty.inode_at(number) + offsetof(ext2_inode_large, i_size), std::uint32_t{0});
  REQUIRE_THROWS_MATCHES(empty.open().inode(number), Error,
                         IsError(Errc::Corrupt, "a target of 0 bytes"));
  REQUIRE_THROWS_MATCHES(empty.open().resolve("/short/"), Error,
                         IsError(Errc::Corrupt, "a target of 0 bytes"));

  Sample cut = ext2_sample();
  cut.set(cut.pointer_at("/short", 0) + 3, '\0');
  REQUIRE_THROWS_MATCHES(cut.open().inode(number), Error, IsError(Errc::Corrupt, "a zero byte"));
  REQUIRE_THROWS_MATCHES(cut.open().resolve("/short"), Error,
                         IsError(Errc::Corrupt, "a zero byte"));
}

TEST_CASE("upper halves that mean something else without their feature are not read",
          "[ext][D07]") {
  Sample sample = ext2_sample();
  const std::uint32_t directory = sample.number("/directory"), file = sample.number("/file");
  // i_dir_acl of ext2
  sample.set(sample.inode_at(directory) + offsetof(ext2_inode_large, i_size_high),
             std::uint32_t{7});
  sample.set(sample.inode_at(file) + offsetof(ext2_inode_large, osd2.linux2.l_i_file_acl_high),
             std::uint16_t{7});
  CHECK(sample.open().read_directory(directory).size() == 60);
  CHECK(sample.open().inode(file).xattrs ==
        std::vector<Xattr>{{"user.large", std::string(300, 'v')}});
}

TEST_CASE("times before 1970 and after 2038 are read with their nanoseconds", "[ext][A17]") {
  Sample sample = ext4_sample();
  const std::uint32_t number = sample.number("/file");
  const std::uint64_t inode = sample.inode_at(number);
  const auto put = [&](std::uint32_t seconds, std::uint32_t extra) {
    sample.set(inode + offsetof(ext2_inode_large, i_mtime), seconds);
    sample.set(inode + offsetof(ext2_inode_large, i_mtime_extra), extra);
    return sample.open().inode(number).mtime;
  };
  CHECK(put(0xFFFFFFFF, 0) == Timestamp{-1, 0});
  CHECK(put(0x80000000, 999'999'999U << 2) == Timestamp{-2147483648, 999'999'999});
  CHECK(put(0x7FFFFFFF, 0) == Timestamp{2147483647, 0});
  CHECK(put(0x80000000, 1) == Timestamp{2147483648, 0});
  CHECK(put(0x7FFFFFFF, 3 | 5U << 2) == Timestamp{(std::int64_t{3} << 32) + 2147483647, 5});
  // Extra fields end before the time's: it has none.
  sample.set(inode + offsetof(ext2_inode_large, i_extra_isize), std::uint16_t{8});
  CHECK(sample.open().inode(number).mtime == Timestamp{2147483647, 0});
}

TEST_CASE("a group descriptor with a wrong checksum is damaged", "[ext][D01]") {
  const std::string kind = GENERATE("metadata_csum", "uninit_bg");
  const std::string width = GENERATE("64bit", "^64bit");
  CAPTURE(kind, width);
  Sample sample(ExtType::Ext4, {kind, width});
  const ExtFs fs = sample.open();
  REQUIRE_NOTHROW(fs.inode(2));
  const std::uint64_t free_blocks_at =
      2 * kSampleBlock + offsetof(ext2_group_desc, bg_free_blocks_count);
  sample.set(free_blocks_at,
             static_cast<std::uint16_t>(sample.get<std::uint16_t>(free_blocks_at) ^ 1));
  REQUIRE_THROWS_MATCHES(fs.inode(2), Error, IsError(Errc::Corrupt, "the descriptor of group 0"));
}

namespace {

/// An attribute block with `count` entries whose values are all the same `size` bytes at its end.
std::vector<std::byte> block_of_entries(unsigned count, std::uint32_t size) {
  std::vector<std::byte> block(kSampleBlock);
  const std::uint32_t magic = EXT2_EXT_ATTR_MAGIC, one = 1;
  std::memcpy(block.data(), &magic, 4);
  std::memcpy(block.data() + 8, &one, 4);
  for (unsigned i = 0; i < count; ++i) {
    std::byte* at = block.data() + 32 + 20 * i;
    at[0] = std::byte{1};
    at[1] = std::byte{1};
    const auto offset = static_cast<std::uint16_t>(kSampleBlock - size);
    std::memcpy(at + 2, &offset, 2);
    std::memcpy(at + 8, &size, 4);
    at[16] = static_cast<std::byte>('a' + i);
  }
  return block;
}

}  // namespace

TEST_CASE("attributes whose values overlap cannot be more than the block", "[ext][D09]") {
  const ValueReader no_inode = [](std::uint32_t, std::uint32_t) -> std::string {
    throw std::logic_error("not asked for");
  };
  std::vector<Xattr> xattrs;
  REQUIRE_NOTHROW(read_block_xattrs(block_of_entries(4, 256), no_inode, xattrs));
  CHECK(xattrs.size() == 4);
  REQUIRE_THROWS_MATCHES(read_block_xattrs(block_of_entries(5, 256), no_inode, xattrs), Error,
                         IsError(Errc::Corrupt, "values of more than 1024 bytes"));
}

TEST_CASE("values in inodes of their own are read up to a bound", "[ext][D09]") {
  const ValueReader megabyte = [](std::uint32_t, std::uint32_t size) {
    return std::string(size, 'v');
  };
  const auto read = [&](unsigned count) {
    auto block = block_of_entries(count, 1 << 20);
    const std::uint32_t inode = 12;
    for (unsigned i = 0; i < count; ++i) std::memcpy(block.data() + 32 + 20 * i + 4, &inode, 4);
    std::vector<Xattr> xattrs;
    read_block_xattrs(block, megabyte, xattrs);
    return xattrs.size();
  };
  CHECK(read(16) == 16);
  REQUIRE_THROWS_MATCHES(read(17), Error, IsError(Errc::Unsupported, "16777216"));
}

TEST_CASE("an attribute block says that it is one block", "[ext][D09]") {
  auto block = block_of_entries(1, 8);
  block[8] = std::byte{2};
  std::vector<Xattr> xattrs;
  REQUIRE_THROWS_MATCHES(read_block_xattrs(block, {}, xattrs), Error,
                         IsError(Errc::Corrupt, "2 blocks"));
}

TEST_CASE("an ACL on disk is of version 1", "[ext][D09]") {
  CHECK(acl_from_disk(std::string("\1\0\0\0\1\0\6\0", 8)) ==
        std::string("\2\0\0\0\1\0\6\0\xFF\xFF\xFF\xFF", 12));
  REQUIRE_THROWS_MATCHES(acl_from_disk(std::string("\2\0\0\0\1\0\6\0", 8)), Error,
                         IsError(Errc::Corrupt, "version 2"));
  REQUIRE_THROWS_MATCHES(acl_from_disk(std::string("\1\0\0\0\3\0\6\0", 8)), Error,
                         IsError(Errc::Corrupt, "tag 3"));
  REQUIRE_THROWS_MATCHES(acl_from_disk(std::string("\1\0\0\0\2\0\6\0\1\0\0", 11)), Error,
                         IsError(Errc::Corrupt, "passes the end"));
}
