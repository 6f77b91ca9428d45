// SPDX-License-Identifier: MIT
#include "ext/directory_blocks.h"

#include <catch2/catch.hpp>

#include <string>

#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

struct Names {
  explicit Names(std::size_t count, std::size_t length = 16) {
    for (std::size_t i = 0; i < count; ++i) {
      std::string name = std::to_string(i);
      texts.push_back(std::string(length - name.size(), 'n') + name);
    }
    for (std::size_t i = 0; i < count; ++i)
      entries.push_back({texts[i], static_cast<std::uint32_t>(100 + i), EXT2_FT_REG_FILE});
  }
  std::vector<std::string> texts;
  std::vector<DirName> entries;
};

}  // namespace

TEST_CASE("a directory is indexed when it needs a second block", "[ext][A29]") {
  DirectoryFormat format;
  format.block_size = 1024;
  // 24 bytes for '.' and '..', 24 for each name of 16 bytes: 41 names leave 16 bytes.
  Names fits(41), over(42);
  CHECK(build_directory(format, 2, 2, fits.entries).bytes.size() == 1024);
  CHECK_FALSE(build_directory(format, 2, 2, fits.entries).indexed);
  const DirectoryBlocks indexed = build_directory(format, 2, 2, over.entries);
  CHECK(indexed.indexed);
  CHECK(indexed.bytes.size() == 1024 * 3);
  format.checksums = true;  // 12 bytes for the checksum: 41 names fit still, with 4 bytes to spare
  CHECK_FALSE(build_directory(format, 2, 2, fits.entries).indexed);
  format.indexes = false;
  CHECK_FALSE(build_directory(format, 2, 2, over.entries).indexed);
}

TEST_CASE("a directory that must stay linear does, and is as long as asked", "[ext][F06]") {
  DirectoryFormat format;
  Names none(0), many(1000);
  CHECK(build_directory(format, 11, 2, none.entries, DirectoryShape::Linear, 4).bytes.size() ==
        4 * 4096);
  CHECK_FALSE(build_directory(format, 11, 2, many.entries, DirectoryShape::Linear, 4).indexed);
}

TEST_CASE("an index that would pass its depth is refused", "[ext]") {
  DirectoryFormat format;
  format.block_size = 1024;
  // Names of 250 bytes, three to a leaf: 124 root entries times 127 of a node are 15 748 leaves.
  Names names(47'500, 250);
  REQUIRE_THROWS_MATCHES(build_directory(format, 2, 2, names.entries), Error,
                         IsError(Errc::Unsupported, "47500 names are too many"));
  format.large = true;
  REQUIRE_NOTHROW(build_directory(format, 2, 2, names.entries));
}
