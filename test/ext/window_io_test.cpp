// SPDX-License-Identifier: MIT
#include "ext/window_io.h"

#include <catch2/catch.hpp>

#include "ext/small_tree.h"
#include "support/error_matcher.h"
#include "support/fault_seam.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

constexpr std::uint64_t kStart = 32256, kSize = 1 << 20;

/// A channel as libext2fs opens it, on a window with a fence of AA on both sides.
struct Bench {
  explicit Bench(WindowIo::Content content) : io(window(), content) {
    REQUIRE(WindowIo::manager()->open(io.name().c_str(), IO_FLAG_RW, &channel) == 0);
    REQUIRE(io_channel_set_blksize(channel, 1024) == 0);
  }
  ~Bench() { io_channel_close(channel); }
  Window window() {
    const std::string fence(kStart, '\xAA');
    file.write_at(ByteOffset{0}, std::as_bytes(std::span(fence)));
    file.write_at(ByteOffset{kStart + kSize}, std::as_bytes(std::span(fence)));
    return Window(file, ByteRange{ByteOffset{kStart}, ByteCount{kSize}});
  }
  errcode_t write(std::uint64_t block, int count, char fill) {
    const std::string bytes(static_cast<std::size_t>(count < 0 ? -count : count * 1024), fill);
    return io_channel_write_blk64(channel, block, count, bytes.data());
  }
  std::string content() { return read_file(dir / "a").substr(kStart, kSize); }
  void require_fences() {
    const std::string all = read_file(dir / "a");
    CHECK(all.substr(0, kStart) == std::string(kStart, '\xAA'));
    CHECK(all.substr(kStart + kSize) == std::string(kStart, '\xAA'));
  }

  TempDir dir;
  ImageFile file = make_image(dir / "a", kStart + kSize + kStart);
  WindowIo io;
  io_channel channel = nullptr;
};

}  // namespace

TEST_CASE("nothing reaches the file before commit, and all of it then", "[ext]") {
  Bench bench(WindowIo::Content::Zeros);
  REQUIRE(bench.write(5, 3, 'x') == 0);
  REQUIRE(bench.write(100, -100, 'y') == 0);
  CHECK(bench.content() == std::string(kSize, '\0'));
  bench.io.commit();
  std::string expected(kSize, '\0');
  expected.replace(5 * 1024, 3 * 1024, std::string(3 * 1024, 'x'));
  expected.replace(100 * 1024, 100, std::string(100, 'y'));
  CHECK(bench.content() == expected);
  bench.require_fences();
}

TEST_CASE("no access leaves the window", "[ext][A49]") {
  Bench bench(WindowIo::Content::Zeros);
  std::string buffer(4096, '\0');
  CHECK(bench.write(kSize / 1024 - 1, 1, 'x') == 0);
  CHECK(bench.write(kSize / 1024 - 1, 2, 'x') == ERANGE);
  CHECK(bench.write(kSize / 1024, 1, 'x') == ERANGE);
  CHECK(bench.write(UINT64_MAX / 2, 1, 'x') == ERANGE);
  CHECK(io_channel_read_blk64(bench.channel, kSize / 1024, 1, buffer.data()) == EXT2_ET_SHORT_READ);
  CHECK(io_channel_zeroout(bench.channel, kSize / 1024 - 1, 2) == ERANGE);
  bench.io.commit();
  bench.require_fences();
}

TEST_CASE("zeros over known zeros are not written", "[ext]") {
  Bench bench(WindowIo::Content::Zeros);
  REQUIRE(bench.write(10, 200, '\0') == 0);
  bench.io.commit();
  CHECK(bench.io.counters().lower_writes == 0);
  CHECK(bench.io.counters().lower_reads == 0);
}

TEST_CASE("a unit that is written in part keeps the rest of what the file has", "[ext]") {
  Bench bench(WindowIo::Content::Unknown);
  const std::string old(1024, 'o');
  bench.file.write_at(ByteOffset{kStart + 7 * 1024}, std::as_bytes(std::span(old)));
  REQUIRE(bench.write(7, -10, 'n') == 0);
  bench.io.commit();
  CHECK(bench.content().substr(7 * 1024, 1024) == std::string(10, 'n') + std::string(1014, 'o'));
}

TEST_CASE("what was forgotten is neither written nor served", "[ext]") {
  Bench bench(WindowIo::Content::Zeros);
  REQUIRE(bench.write(20, 4, 'm') == 0);
  bench.io.forget(21 * 1024, 2 * 1024);
  const std::string data(2048, 'd');
  bench.file.write_at(ByteOffset{kStart + 21 * 1024}, std::as_bytes(std::span(data)));
  std::string read(4096, '\0');
  REQUIRE(io_channel_read_blk64(bench.channel, 20, 4, read.data()) == 0);
  const std::string expected = std::string(1024, 'm') + data + std::string(1024, 'm');
  CHECK(read == expected);
  bench.io.commit();
  CHECK(bench.content().substr(20 * 1024, 4096) == expected);
}

TEST_CASE(
    "commit writes in ascending order, bridges small gaps of zeros, and the superblock comes last",
    "[ext]") {
  Bench bench(WindowIo::Content::Zeros);
  REQUIRE(bench.write(1, 1, 's') == 0);
  REQUIRE(bench.write(0, 1, 'b') == 0);
  REQUIRE(bench.write(300, 1, 'c') == 0);
  REQUIRE(bench.write(310, 1, 'd') == 0);
  REQUIRE(bench.write(2, 1, 'g') == 0);
  FaultSeam seam;
  bench.file.set_seam(&seam);
  bench.io.commit(Durability::Sync);
  std::vector<std::string> order;
  for (const auto& event : seam.events())
    order.push_back(event.what == "sync" ? "sync"
                                         : std::to_string((event.at - kStart) / 1024) + "+" +
                                               std::to_string(event.size / 1024));
  CHECK(order == std::vector<std::string>{"0+1", "2+1", "300+11", "sync", "1+1", "sync"});
}

TEST_CASE("a discarded range reads as zeros at once and is punched at commit", "[ext]") {
  Bench bench(WindowIo::Content::Unknown);
  const std::string old(16 * 1024, 'o');
  bench.file.write_at(ByteOffset{kStart + 64 * 1024}, std::as_bytes(std::span(old)));
  REQUIRE(bench.write(70, 1, 'x') == 0);
  REQUIRE(io_channel_discard(bench.channel, 64, 16) == 0);
  std::string read(16 * 1024, '?');
  REQUIRE(io_channel_read_blk64(bench.channel, 64, 16, read.data()) == 0);
  CHECK(read == std::string(16 * 1024, '\0'));
  bench.io.commit();
  CHECK(bench.content().substr(64 * 1024, 16 * 1024) == std::string(16 * 1024, '\0'));
}

TEST_CASE("a commit that fails anywhere can be repeated", "[ext]") {
  for (std::size_t fail_at = 0; fail_at < 4; ++fail_at) {
    CAPTURE(fail_at);
    Bench bench(WindowIo::Content::Zeros);
    for (const std::uint64_t block : {1, 50, 200, 400}) REQUIRE(bench.write(block, 1, 'x') == 0);
    FaultSeam seam(fail_at);
    bench.file.set_seam(&seam);
    REQUIRE_THROWS_MATCHES(bench.io.commit(), Error, IsError(Errc::Io, "injected fault"));
    bench.file.set_seam(nullptr);
    bench.io.commit();
    const std::string content = bench.content();
    for (const std::size_t block : {1, 50, 200, 400})
      CHECK(content.substr(block * 1024, 1024) == std::string(1024, 'x'));
  }
}

TEST_CASE("ranges merge, split and answer", "[ext]") {
  RangeSet set;
  set.add(10, 20);
  set.add(20, 30);
  set.add(40, 50);
  CHECK(set.ranges().size() == 2);
  CHECK(set.contains(10, 30));
  CHECK_FALSE(set.contains(10, 31));
  set.remove(15, 45);
  CHECK(set.contains(10, 15));
  CHECK(set.contains(45, 50));
  CHECK_FALSE(set.contains(15, 16));
  set.add(5, 5);
  CHECK(set.ranges().size() == 2);
}
