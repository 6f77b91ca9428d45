// SPDX-License-Identifier: MIT
// Files with holes, in the seven ways that tar programs write them.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "archive/read_tar.h"
#include "support/error_matcher.h"
#include "support/tar_writer.h"

namespace rawimg::test {
namespace {

using namespace std::string_literals;
using Extents = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

std::string content_of(const Extents& extents) {
  std::string bytes;
  for (const auto& [offset, size] : extents)
    bytes += noise(size, static_cast<std::uint32_t>(offset + 1));
  return bytes;
}

std::string spread(const Extents& extents, std::uint64_t size) {
  std::string bytes(size, '\0');
  for (const auto& [offset, length] : extents)
    bytes.replace(offset, length, noise(length, static_cast<std::uint32_t>(offset + 1)));
  return bytes;
}

std::string old_pairs(const Extents& extents, std::size_t from, std::size_t count) {
  std::string field;
  for (std::size_t i = from; i < from + count && i < extents.size(); ++i)
    field += tar_number(static_cast<std::int64_t>(extents[i].first), 12) +
             tar_number(static_cast<std::int64_t>(extents[i].second), 12);
  return field;
}

std::string old_sparse(Extents extents, std::uint64_t size, TarMagic magic) {
  const bool gnu = magic == TarMagic::Gnu;
  const std::string content = content_of(extents);
  extents.emplace_back(size, 0);  // as GNU tar does
  TarHeaderSpec spec{.name = "sparse",
                     .type = 'S',
                     .size = static_cast<std::int64_t>(content.size()),
                     .magic = magic};
  const std::string more(1, extents.size() > 4 ? '1' : '\0');
  spec.raw = {{gnu ? 386 : 356, old_pairs(extents, 0, 4)},
              {gnu ? 482 : 355, more},
              {gnu ? 483 : 452, tar_number(static_cast<std::int64_t>(size), 12)}};
  if (!gnu) spec.raw.push_back({508, "tar\0"s});
  TarWriter writer;
  writer.header(spec);
  for (std::size_t at = 4; at < extents.size(); at += 21) {
    std::string block = old_pairs(extents, at, 21);
    block.resize(512);
    block[504] = at + 21 < extents.size() ? '1' : '\0';
    writer.raw(block);
  }
  return writer.body(content).entry({.name = "next"}, "y").finish();
}

std::string pax_sparse(const std::string& format, const Extents& extents, std::uint64_t size) {
  std::vector<PaxRecordSpec> records;
  std::string content = content_of(extents), map, text = fmt::format("{}\n", extents.size());
  for (const auto& [offset, length] : extents) {
    map += fmt::format("{}{},{}", map.empty() ? "" : ",", offset, length);
    text += fmt::format("{}\n{}\n", offset, length);
  }
  if (format == "0.0") {
    records = {{"GNU.sparse.size", std::to_string(size)},
               {"GNU.sparse.numblocks", std::to_string(extents.size())}};
    for (const auto& [offset, length] : extents)
      records.insert(records.end(), {{"GNU.sparse.offset", std::to_string(offset)},
                                     {"GNU.sparse.numbytes", std::to_string(length)}});
    records.emplace_back("path", "sparse");
  } else if (format == "0.1") {
    records = {{"GNU.sparse.name", "sparse"},
               {"GNU.sparse.size", std::to_string(size)},
               {"GNU.sparse.numblocks", std::to_string(extents.size())},
               {"GNU.sparse.map", map}};
  } else if (format == "1.0") {
    records = {{"GNU.sparse.major", "1"},
               {"GNU.sparse.minor", "0"},
               {"GNU.sparse.name", "sparse"},
               {"GNU.sparse.realsize", std::to_string(size)}};
    text.resize((text.size() + 511) / 512 * 512);
    content = text + content;
  } else {
    std::string holes;
    for (const auto& [offset, length] : extents)
      holes += fmt::format(" {} {}", offset, offset + length);
    records = {{"SUN.holesdata", holes}, {"path", "sparse"}};
    content = spread(extents, size);
  }
  return TarWriter()
      .pax(records)
      .entry({.name = "GNUSparseFile.0/sparse"}, content)
      .entry({.name = "next"}, "y")
      .finish();
}

std::string sparse_archive(const std::string& format, const Extents& extents, std::uint64_t size) {
  if (format == "old GNU") return old_sparse(extents, size, TarMagic::Gnu);
  if (format == "star") return old_sparse(extents, size, TarMagic::Ustar);
  return pax_sparse(format, extents, size);
}

TEST_CASE("every way to write holes gives the same file and the same holes", "[archive][A33]") {
  const std::string format = GENERATE("old GNU"s, "star"s, "0.0"s, "0.1"s, "1.0"s, "Solaris"s);
  struct Row {
    const char* name;
    Extents extents;
    std::uint64_t size;
  };
  Extents many;
  for (std::uint64_t i = 0; i < 60; ++i) many.emplace_back(i * 5000, 512 * (1 + i % 3));
  const auto row = GENERATE_COPY(
      values<Row>({{"hole first and last", {{4096, 1024}, {100'000, 500}}, 200'000},
                   {"data first and last", {{0, 512}, {65536, 4097}}, 65536 + 4097},
                   {"four extents", {{512, 512}, {1536, 512}, {2560, 512}, {4096, 1}}, 5000},
                   {"many extents", many, 60 * 5000},
                   {"only data", {{0, 3000}}, 3000},
                   {"large extents", {{1 << 20, 700'000}}, 3 << 20}}));
  CAPTURE(format, row.name);
  const auto all = read_tar(sparse_archive(format, row.extents, row.size));
  REQUIRE(all.size() == 2);
  CHECK(all[0].entry.path == "sparse");
  CHECK(all[0].entry.type == FileType::Regular);
  CHECK(all[0].entry.size_bytes == row.size);
  CHECK(all[0].data == row.extents);
  CHECK((all[0].content == spread(row.extents, row.size)));
  CHECK(all[1].content == "y");
}

TEST_CASE("a file that is one hole has no content and its size", "[archive][A33][B14]") {
  const std::string format = GENERATE("old GNU"s, "star"s, "0.0"s, "0.1"s, "1.0"s, "Solaris"s);
  // Solaris stores the zeros
  const std::uint64_t size = format == "Solaris" ? 10'000 : 60ULL << 30;
  CAPTURE(format);
  const auto all =
      read_tar(format == "0.1" ? TarWriter()
                                     .pax({{"GNU.sparse.name", "sparse"},
                                           {"GNU.sparse.size", std::to_string(size)},
                                           {"GNU.sparse.map", fmt::format("{},0", size)}})
                                     .entry({.name = "x"})
                                     .entry({.name = "next"}, "y")
                                     .finish()
                               : sparse_archive(format, {}, size));
  REQUIRE(all.size() == 2);
  CHECK(all[0].entry.size_bytes == size);
  CHECK(all[0].data.empty());
  CHECK(all[1].content == "y");
}

TEST_CASE("content of a sparse file that nobody asks for is skipped", "[archive][B14]") {
  const std::string format = GENERATE("old GNU"s, "star"s, "0.0"s, "0.1"s, "1.0"s, "Solaris"s);
  const MemoryFile file(sparse_archive(format, {{4096, 1024}, {100'000, 512}}, 200'000));
  const auto source = open_tar(file.descriptor(), "test.tar", {});
  REQUIRE(source->next() != nullptr);
  const Entry* next = source->next();
  REQUIRE(next != nullptr);
  CHECK(next->path == "next");
}

TEST_CASE("maps of holes that lie are refused with the entry's name", "[archive][B14]") {
  struct Row {
    const char* name;
    std::string bytes, reason;
  };
  const auto sparse_1_0 = [](const std::string& text, const std::string& real_size,
                             const std::string& content = "") {
    std::string map = text;
    map.resize((map.size() + 511) / 512 * 512);
    return TarWriter()
        .pax({{"GNU.sparse.major", "1"},
              {"GNU.sparse.minor", "0"},
              {"GNU.sparse.realsize", real_size}})
        .entry({.name = "s"}, map + content)
        .entry({.name = "n"})
        .finish();
  };
  const auto sparse_0_1 = [](const std::string& map, const std::string& size,
                             const std::string& content) {
    return TarWriter()
        .pax({{"GNU.sparse.size", size}, {"GNU.sparse.map", map}})
        .entry({.name = "s"}, content)
        .finish();
  };
  const auto row = GENERATE_COPY(values<Row>({
      {"out of order", sparse_0_1("1000,1,0,1", "2000", "ab"),
       "goes back from byte 1001 to byte 0"},
      {"overlapping", sparse_0_1("0,2,1,2", "2000", "abcd"), "goes back from byte 2 to byte 1"},
      {"parts that are not whole blocks", sparse_0_1("0,1,1000,512", "2000", std::string(513, 'a')),
       "has a part of 1 bytes, not whole blocks of 512"},
      {"beyond the end", sparse_0_1("1999,2", "2000", "ab"),
       "reaches to byte 2001, but the file has 2000 bytes"},
      {"too little content", sparse_0_1("0,3", "2000", "ab"),
       "is for 3 bytes of content, but 2 are stored"},
      {"too much content", sparse_0_1("0,1", "2000", "ab"),
       "is for 1 bytes of content, but 2 are stored"},
      {"past 2^63", sparse_0_1("9223372036854775807,1", "9223372036854775807", "a"), "past 2^63"},
      {"odd count", sparse_0_1("0,1,5", "2000", "a"), "an offset without its size"},
      {"negative", sparse_0_1("-1,1", "2000", "a"), "'GNU.sparse.map' holds '-1'"},
      {"empty number", sparse_0_1(",1", "2000", "a"), "'GNU.sparse.map' holds ''"},
      {"no size", TarWriter().pax({{"GNU.sparse.map", "0,1"}}).entry({.name = "s"}, "a").finish(),
       "without its size (GNU.sparse.size)"},
      {"orphaned",
       TarWriter().pax({{"GNU.sparse.realsize", "5"}}).entry({.name = "s"}, "a").finish(),
       "records about holes (GNU.sparse) but no map"},
      {"unknown version",
       TarWriter()
           .pax({{"GNU.sparse.major", "2"}, {"GNU.sparse.minor", "0"}})
           .entry({.name = "s"}, "a")
           .finish(),
       "format 2.0, which is not known"},
      {"two offsets",
       TarWriter()
           .pax({{"GNU.sparse.size", "9"},
                 {"GNU.sparse.numblocks", "1"},
                 {"GNU.sparse.offset", "0"},
                 {"GNU.sparse.offset", "1"}})
           .entry({.name = "s"}, "a")
           .finish(),
       "two offsets in a row"},
      {"count wrong",
       TarWriter()
           .pax({{"GNU.sparse.size", "9"},
                 {"GNU.sparse.numblocks", "2"},
                 {"GNU.sparse.offset", "0"},
                 {"GNU.sparse.numbytes", "1"}})
           .entry({.name = "s"}, "a")
           .finish(),
       "has 1 parts, but announces 2"},
      {"1.0 without end", sparse_1_0("2\n0\n1\n", "2000"), "no decimal number"},
      {"1.0 huge count", sparse_1_0("9999999999999\n" + std::string(498, '1'), "2000"),
       "does not fit 63 bits"},
      {"1.0 map as long as its content", sparse_1_0(std::string(1024, '0'), "2000"),
       "does not end within the 1024 bytes"},
      {"1.0 text", sparse_1_0("one\n", "2000"), "no decimal number"},
      {"1.0 empty line", sparse_1_0("\n", "2000"), "an empty line"},
      {"1.0 number too large", sparse_1_0("1\n99999999999999999999\n1\n", "2000"),
       "does not fit 63 bits"},
      {"1.0 on content too short", sparse_1_0("1\n0\n700\n", "2000", "ab"),
       "is for 700 bytes of content, but 2 are stored"},
      {"S in v7", TarWriter().entry({.name = "s", .type = 'S', .magic = TarMagic::V7}).finish(),
       "in a tar dialect that has none"},
      {"old negative",
       TarWriter()
           .header({.name = "s",
                    .type = 'S',
                    .magic = TarMagic::Gnu,
                    .raw = {{386, tar_number(-5, 12)}}})
           .finish(),
       "the negative number -5"},
      {"old not octal",
       TarWriter()
           .header({.name = "s", .type = 'S', .magic = TarMagic::Gnu, .raw = {{386, "9"}}})
           .finish(),
       "the sparse map field holds '9"},
      {"Solaris with content in a hole",
       TarWriter().pax({{"SUN.holesdata", " 4 8"}}).entry({.name = "s"}, "\0x\0\0abcd"s).finish(),
       "a hole at byte 0 where there is content"},
      {"Solaris going back",
       TarWriter()
           .pax({{"SUN.holesdata", " 8 4"}})
           .entry({.name = "s"}, std::string(8, '\0'))
           .finish(),
       "goes back from byte 8 to byte 4"},
      {"Solaris beyond the end",
       TarWriter()
           .pax({{"SUN.holesdata", " 0 9"}})
           .entry({.name = "s"}, std::string(8, '\0'))
           .finish(),
       "reaches to byte 9"},
      {"Solaris without blank",
       TarWriter()
           .pax({{"SUN.holesdata", "0 8"}})
           .entry({.name = "s"}, std::string(8, '\0'))
           .finish(),
       "a blank in front of each"},
  }));
  CAPTURE(row.name);
  REQUIRE_THROWS_MATCHES(read_tar(row.bytes), Error, IsError(Errc::BadInput, row.reason));
  REQUIRE_THROWS_MATCHES(read_tar(row.bytes), Error, IsError(Errc::BadInput, "'s': "));
}

TEST_CASE("a map with more than four million parts is refused before it fills the memory",
          "[archive][B14][slow]") {
  // In 1.0 the map is content, so nothing else bounds it.
  std::string text = "5000000\n";
  for (std::uint64_t i = 0; i < 5'000'000; ++i) text += fmt::format("{}\n1\n", 2 * i);
  text.resize((text.size() + 511) / 512 * 512);
  const std::string bytes = TarWriter()
                                .pax({{"GNU.sparse.major", "1"},
                                      {"GNU.sparse.minor", "0"},
                                      {"GNU.sparse.realsize", "99999999"}})
                                .entry({.name = "s"}, text)
                                .finish();
  REQUIRE_THROWS_MATCHES(
      read_tar(bytes), Error,
      IsError(Errc::BadInput, "'s': its map of holes has more than 4194304 parts"));
}

}  // namespace
}  // namespace rawimg::test
