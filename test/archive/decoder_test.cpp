// SPDX-License-Identifier: MIT
// Every compression: whole, in several streams, with something behind it, cut off, damaged.
#include <catch2/catch.hpp>

#include "archive/read_tar.h"
#include "support/error_matcher.h"
#include "support/tar_writer.h"

namespace rawimg::test {
namespace {

using namespace std::string_literals;

/// Several buffers long; noise and repetition in turn, so that compressors have something to do.
const std::string& big_tar() {
  static const std::string bytes = [] {
    TarWriter writer;
    for (std::uint32_t i = 0; i < 40; ++i)
      writer.entry({.name = "f" + std::to_string(i)},
                   noise(20'000 + i, i) + std::string(30'000, static_cast<char>('a' + i % 26)));
    return writer.finish();
  }();
  return bytes;
}

void check_big(const std::vector<ReadEntry>& all) {
  REQUIRE(all.size() == 40);
  for (std::uint32_t i = 0; i < 40; ++i) {
    if (all[i].content !=
        noise(20'000 + i, i) + std::string(30'000, static_cast<char>('a' + i % 26)))
      FAIL("content of entry " << i);
  }
}

TEST_CASE("every compression is recognised by its content", "[archive][A38]") {
  const std::string filter =
      GENERATE("gzip"s, "bzip2"s, "xz"s, "lzma"s, "lzip"s, "zstd"s, "lz4"s, "compress"s);
  const unsigned threads = GENERATE(1U, 4U);
  CAPTURE(filter, threads);
  const std::string stored = compress(big_tar(), filter);
  REQUIRE(stored.size() < big_tar().size());
  check_big(read_tar(stored, {.threads = threads}));
}

TEST_CASE("an archive cut in two and compressed in two streams is read as one", "[archive][A38]") {
  const std::string filter = GENERATE("gzip"s, "bzip2"s, "xz"s, "lzip"s, "zstd"s, "lz4"s);
  CAPTURE(filter);
  const std::size_t half = GENERATE(1u, 512u, 777'777u);
  check_big(read_tar(compress(big_tar().substr(0, half), filter) +
                     compress(big_tar().substr(half), filter)));
}

TEST_CASE("zeros behind compressed data are padding", "[archive][A38]") {
  // zstd(1) takes none
  const std::string filter = GENERATE("gzip"s, "bzip2"s, "xz"s, "lzma"s, "lzip"s, "lz4"s);
  CAPTURE(filter);
  check_big(read_tar(compress(big_tar(), filter) + std::string(4096, '\0')));
}

TEST_CASE("something else behind a gzip member is let pass where the archive has its end mark",
          "[archive][A38]") {
  check_big(read_tar(compress(big_tar(), "gzip") + "something else"));
  // A second member whose first byte is damaged is in the way of the end mark.
  std::string two = compress(big_tar().substr(0, 512 * 99), "gzip");
  const std::size_t border = two.size();
  two += compress(big_tar().substr(512 * 99), "gzip");
  check_big(read_tar(two));
  two[border] ^= 1;
  REQUIRE_THROWS_MATCHES(read_tar(two), Error, IsError(Errc::BadInput, "truncated"));
}

TEST_CASE("something else behind xz data is refused", "[archive][A38]") {
  REQUIRE_THROWS_MATCHES(read_tar(compress(big_tar(), "xz") + "something else"), Error,
                         IsError(Errc::BadInput, "the xz data is damaged"));
}

TEST_CASE("compressed data cut off anywhere is an error", "[archive][B11]") {
  const std::string filter =
      GENERATE("gzip"s, "bzip2"s, "xz"s, "lzma"s, "lzip"s, "zstd"s, "lz4"s, "compress"s);
  CAPTURE(filter);
  const std::string stored = compress(big_tar(), filter);
  // What is missing behind the archive's end mark is missed only by formats that say where they
  // end; compress and lzma-with-a-marker may lose padding.
  for (const std::size_t missing : {std::size_t{1}, std::size_t{4}, std::size_t{9},
                                    stored.size() / 2, stored.size() - 3, stored.size() - 20}) {
    const bool lost_only_padding = filter == "compress" && missing < 100;
    if (lost_only_padding) continue;
    CAPTURE(missing);
    CHECK_THROWS_MATCHES(read_tar(std::string_view(stored).substr(0, stored.size() - missing)),
                         Error, IsError(Errc::BadInput, ""));
  }
}

TEST_CASE("truncation of compressed data says so", "[archive][B11]") {
  const std::string filter = GENERATE("gzip"s, "bzip2"s, "xz"s, "lzma"s, "lzip"s, "zstd"s, "lz4"s);
  CAPTURE(filter);
  const std::string stored = compress(big_tar(), filter);
  REQUIRE_THROWS_MATCHES(
      read_tar(std::string_view(stored).substr(0, stored.size() / 2)), Error,
      IsError(Errc::BadInput, "the " + filter + " data is truncated: it stops at byte " +
                                  std::to_string(stored.size() / 2)));
}

TEST_CASE("a changed byte is found by the formats that have checksums", "[archive][B10]") {
  const std::string filter = GENERATE("gzip"s, "bzip2"s, "xz"s, "lzip"s);
  CAPTURE(filter);
  std::string stored = compress(big_tar(), filter);
  for (const std::size_t at : {stored.size() / 3, stored.size() / 2, stored.size() - 6}) {
    CAPTURE(at);
    stored[at] ^= 0x10;
    CHECK_THROWS_MATCHES(read_tar(stored), Error, IsError(Errc::BadInput, ""));
    stored[at] ^= 0x10;
  }
  check_big(read_tar(stored));
}

TEST_CASE("gzip's checksum and length are both checked", "[archive][B10]") {
  std::string stored = compress(big_tar(), "gzip");
  const std::size_t from_end = GENERATE(8u, 4u);
  stored[stored.size() - from_end] ^= 1;
  REQUIRE_THROWS_MATCHES(read_tar(stored), Error,
                         IsError(Errc::BadInput, "a checksum or length is wrong"));
}

TEST_CASE("gzip headers with every optional part are read", "[archive][A38]") {
  const std::string plain = compress(big_tar(), "gzip");
  REQUIRE((plain[3] & 0x1F) == 0);
  // extra, name, comment
  const std::string header = "\x1F\x8B\x08\x1C\0\0\0\0\0\3\5\0extranam\xE9\0com\nment\0"s;
  check_big(read_tar(header + plain.substr(10)));
}

TEST_CASE("zstd frames may be skipped over, and may come first", "[archive][A38]") {
  const std::string skippable = "\x5A\x2A\x4D\x18\4\0\0\0abcd"s;
  const std::string stored = compress(big_tar(), "zstd");
  check_big(read_tar(skippable + stored + skippable));
}

TEST_CASE("a decoder that needs more memory than allowed says how much", "[archive][B16]") {
  std::string lzma = compress(big_tar(), "lzma");
  lzma.replace(1, 4, "\0\0\0\x40"s);  // claims a dictionary of 1 GiB
  REQUIRE_THROWS_MATCHES(read_tar(lzma, {.memory_bytes = 64u << 20}), Error,
                         IsError(Errc::BadInput, "MiB of memory, but 32 MiB are allowed"));
  check_big(read_tar(lzma, {.memory_bytes = 2ULL << 30}));
  // Frame header: single segment off, window descriptor 2^(10 + 21) bytes.
  REQUIRE_THROWS_MATCHES(read_tar("\x28\xB5\x2F\xFD\0\xA8"s + noise(600)), Error,
                         IsError(Errc::BadInput, "larger than the 224 MiB of memory allowed"));
}

TEST_CASE("a bomb costs time in proportion to what it holds, and no memory",
          "[archive][B16][slow]") {
  // 1 GiB of zeros in one file, about 1 MB of gzip or less of the others.
  const std::string filter = GENERATE("gzip"s, "zstd"s);
  CAPTURE(filter);
  const std::string header = TarWriter().header({.name = "zeros", .size = 1 << 28}).finish(0);
  const std::string stored = compress(header + std::string((1u << 28) + 1024, '\0'), filter);
  REQUIRE(stored.size() < 1u << 20);
  const MemoryFile file(stored);
  const auto source = open_tar(file.descriptor(), "bomb", {});
  REQUIRE(source->next() != nullptr);
  std::uint64_t size = 0;
  while (const auto chunk = source->next_chunk()) size += chunk->bytes.size();
  CHECK(size == 1u << 28);
  CHECK(source->next() == nullptr);
}

TEST_CASE("a member whose name looks like a compression's magic is still a tar archive",
          "[archive][A38]") {
  const std::string name = GENERATE("LZIP"s, "BZh91AY&SY"s, "PK\x03\x04"s, "\x1F\x8B\x08"s,
                                    "\xFD"
                                    "7zXZ"s,
                                    "]"s);
  CHECK(read_one(TarWriter().entry({.name = name}, "x").finish()).entry.path == name);
}

}  // namespace
}  // namespace rawimg::test
