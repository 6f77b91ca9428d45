// SPDX-License-Identifier: MIT
#include "ext/block_map.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <map>

using namespace rawimg;

namespace {

constexpr std::uint32_t kBlock = 1024;
constexpr std::uint64_t kPer = kBlock / 4;

/// Blocks of a map as they were written.
struct Written {
  std::map<std::uint64_t, std::vector<std::byte>> blocks;
  MapSink sink() {
    return [this](std::uint64_t block, std::span<std::byte> bytes) {
      REQUIRE(blocks.emplace(block, std::vector<std::byte>(bytes.begin(), bytes.end())).second);
    };
  }
  std::uint32_t pointer(std::uint64_t block, std::uint64_t index) const {
    std::uint32_t value = 0;
    std::memcpy(&value, blocks.at(block).data() + 4 * index, 4);
    return value;
  }
};

}  // namespace

TEST_CASE("a file needs its next indirect block exactly at each boundary", "[ext][A19]") {
  struct Row {
    std::uint64_t blocks, maps;
  };
  const auto row = GENERATE(values<Row>({{0, 0},
                                         {12, 0},
                                         {13, 1},
                                         {12 + kPer, 1},
                                         {12 + kPer + 1, 3},
                                         {12 + 2 * kPer, 3},
                                         {12 + 2 * kPer + 1, 4},
                                         {12 + kPer + kPer * kPer, 1 + 1 + kPer},
                                         {12 + kPer + kPer * kPer + 1, 1 + 1 + kPer + 3}}));
  CAPTURE(row.blocks);
  REQUIRE(indirect_blocks_for(row.blocks, kBlock) == row.maps);
}

TEST_CASE("the indirect tree points where the extents say, through all three levels", "[ext]") {
  const std::vector<std::uint64_t> logical{0,
                                           11,
                                           12,
                                           12 + kPer - 1,
                                           12 + kPer,
                                           12 + kPer + kPer * kPer - 1,
                                           12 + kPer + kPer * kPer,
                                           12 + kPer + kPer * kPer + kPer * kPer + 3};
  std::vector<Extent> extents;
  IndirectCursor cursor(kBlock);
  std::vector<std::uint64_t> maps;
  std::uint64_t next = 5000;
  for (const std::uint64_t at : logical) {
    for (unsigned n = cursor.needed_at(at); n != 0; --n) maps.push_back(next++);
    extents.push_back({1000 + at % 900, static_cast<std::uint32_t>(at), 1});
  }
  Written written;
  const MapRoot root = write_indirect_map(extents, maps, kBlock, written.sink());
  REQUIRE(written.blocks.size() == maps.size());
  const auto find = [&](std::uint64_t at) -> std::uint32_t {
    if (at < 12) return root.words[at];
    at -= 12;
    if (at < kPer) return written.pointer(root.words[12], at);
    at -= kPer;
    if (at < kPer * kPer)
      return written.pointer(written.pointer(root.words[13], at / kPer), at % kPer);
    at -= kPer * kPer;
    return written.pointer(
        written.pointer(written.pointer(root.words[14], at / kPer / kPer), at / kPer % kPer),
        at % kPer);
  };
  for (const std::uint64_t at : logical) {
    CAPTURE(at);
    CHECK(find(at) == 1000 + at % 900);
  }
  CHECK(root.words[1] == 0);
  CHECK(written.pointer(root.words[12], 1) == 0);
}

TEST_CASE("four extents live in the inode, five need a block, and long ones are split", "[ext]") {
  const auto extents_of = [](std::uint32_t count, std::uint32_t length) {
    std::vector<Extent> extents;
    for (std::uint32_t i = 0; i < count; ++i)
      extents.push_back({100 + std::uint64_t{i} * 2 * length, i * 2 * length, length});
    return extents;
  };
  CHECK(extent_tree_blocks(extents_of(4, 1), kBlock) == 0);
  CHECK(extent_tree_blocks(extents_of(5, 1), kBlock) == 1);
  CHECK(extent_tree_blocks(extents_of(1, 32768), kBlock) == 0);
  CHECK(extent_tree_blocks(extents_of(4, 32769), kBlock) == 1);
  CHECK(extent_tree_blocks(extents_of(84 * 4, 1), kBlock) == 4);
  // five leaves, one index above them
  CHECK(extent_tree_blocks(extents_of(84 * 4 + 1, 1), kBlock) == 6);
}

TEST_CASE("a file's length has a limit that depends on the form of its map", "[ext]") {
  REQUIRE(max_file_blocks(false, 1024) == 12 + kPer + kPer * kPer + kPer * kPer * kPer);
  REQUIRE(max_file_blocks(true, 1024) == UINT32_MAX);
}
