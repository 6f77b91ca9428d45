// SPDX-License-Identifier: MIT
// Archives that are damaged, cut off, or made to confuse: an error that says what and where, or
// entries, and nothing in between.
#include <sys/resource.h>

#include <catch2/catch.hpp>

#include "archive/read_tar.h"
#include "support/error_matcher.h"
#include "support/tar_writer.h"

namespace rawimg::test {
namespace {

using namespace std::string_literals;

constexpr std::size_t kBlock = 512;

TEST_CASE("an archive of zeros only is empty; a file without bytes is none", "[archive][A39]") {
  CHECK(read_tar(std::string(512, '\0')).empty());
  CHECK(read_tar(std::string(1024, '\0')).empty());
  CHECK(read_tar(std::string(10240, '\0')).empty());
  REQUIRE_THROWS_MATCHES(read_tar(""), Error,
                         IsError(Errc::BadInput, "it is not a tar archive but empty"));
  REQUIRE_THROWS_MATCHES(read_tar(compress("", "gzip")), Error,
                         IsError(Errc::BadInput, "it is not a tar archive but empty"));
  REQUIRE_THROWS_MATCHES(read_tar(std::string(511, '\0')), Error,
                         IsError(Errc::BadInput, "it is not a tar archive"));
}

TEST_CASE("what is no tar archive is said to look like what it is", "[archive][A38]") {
  struct Row {
    const char* name;
    std::string bytes, reason;
  };
  const auto row = GENERATE(values<Row>(
      {{"zip", "PK\x03\x04" + noise(1000), "looks like a zip archive"},
       {"cpio", "070701" + noise(1000), "looks like a cpio archive"},
       {"deb", "!<arch>\ndebian-binary" + noise(1000),
        "looks like an ar archive or a Debian package"},
       {"page", "\n <!DOCTYPE html><html>404" + std::string(600, ' '), "looks like a web page"},
       {"text", std::string(800, 'a'), "looks like text"},
       {"noise", "\x80" + noise(1000), "it is not a tar archive"},
       {"lzop", "\x89LZO\0\r\n\x1A\n"s + noise(600), "compressed with lzop"},
       {"lrzip", "LRZI" + noise(600), "compressed with lrzip"},
       {"short text", "Not Found", "looks like text"}}));
  CAPTURE(row.name);
  REQUIRE_THROWS_MATCHES(read_tar(row.bytes), Error, IsError(Errc::BadInput, row.reason));
}

TEST_CASE("a hard link's header wins over its body", "[archive][B07]") {
  SECTION("a body in a ustar archive is passed over") {
    const auto all = read_tar(TarWriter()
                                  .entry({.name = "a"}, "x")
                                  .entry({.name = "b", .type = '1', .link = "a"}, noise(700))
                                  .entry({.name = "c"}, "y")
                                  .finish());
    REQUIRE(all.size() == 3);
    CHECK(all[1].entry.is_hard_link);
    CHECK(all[1].entry.link_target == "a");
    CHECK(all[1].content.empty());
    CHECK(all[2].content == "y");
  }
  SECTION("a body in a pax archive is passed over") {
    const auto all = read_tar(TarWriter()
                                  .entry({.name = "a"}, "x")
                                  .pax({{"mtime", "1"}, {"size", "700"}})
                                  .entry({.name = "b", .type = '1', .link = "a"}, noise(700))
                                  .entry({.name = "c"}, "y")
                                  .finish());
    REQUIRE(all.size() == 3);
    CHECK(all[2].content == "y");
  }
  SECTION("a size without a body, in the middle and at the end") {
    const auto all = read_tar(TarWriter()
                                  .header({.name = "b", .type = '1', .size = 700, .link = "a"})
                                  .entry({.name = "c"}, "y")
                                  .header({.name = "d", .type = '1', .size = 700, .link = "a"})
                                  .finish());
    REQUIRE(all.size() == 3);
    CHECK(all[1].content == "y");
  }
  SECTION(
      "in a pax archive, a body that looks like a header is refused: readers disagree about it") {
    const std::string hidden = TarWriter().entry({.name = "hidden"}, "!").finish(0);
    REQUIRE_THROWS_MATCHES(read_tar(TarWriter()
                                        .pax({{"mtime", "1"}})
                                        .entry({.name = "b", .type = '1', .link = "a"}, hidden)
                                        .finish()),
                           Error,
                           IsError(Errc::BadInput, "'b': it is a hard link with 1024 bytes"));
  }
}

TEST_CASE("names that are empty or hold a NUL are refused with their place", "[archive][B08]") {
  struct Row {
    const char* name;
    std::string bytes, reason;
  };
  const auto row = GENERATE(values<Row>(
      {{"empty", TarWriter().entry({.name = ""}).finish(), "byte 0: an entry has an empty name"},
       {"behind another", TarWriter().entry({.name = "a"}, "x").entry({.name = ""}).finish(),
        "byte 1024 (behind 'a'): an entry has an empty name"},
       {"NUL in pax", TarWriter().pax({{"path", "a\0b"s}}).entry({.name = "x"}).finish(),
        "the name 'a\\x00b' holds a NUL byte"},
       {"NUL in GNU's", TarWriter().gnu_long('L', "a\0b"s).entry({.name = "x"}).finish(),
        "holds a NUL byte"},
       {"link in pax",
        TarWriter()
            .pax({{"linkpath", "a\0b"s}})
            .header({.name = "x", .type = '2', .link = "y"})
            .finish(),
        "'x': the link target 'a\\x00b' holds a NUL byte"},
       {"symlink to nothing", TarWriter().header({.name = "x", .type = '2'}).finish(),
        "'x': it is a link without a target"},
       {"hard link to nothing", TarWriter().header({.name = "x", .type = '1'}).finish(),
        "'x': it is a link without a target"},
       {"empty long link",
        TarWriter().gnu_long('K', "").header({.name = "x", .type = '2', .link = "y"}).finish(),
        "'x': it is a link without a target"}}));
  CAPTURE(row.name);
  REQUIRE_THROWS_MATCHES(read_tar(row.bytes), Error, IsError(Errc::BadInput, row.reason));
}

TEST_CASE("an empty pax name takes none away, and GNU's trailing NULs are no part of a name",
          "[archive][B08][B12]") {
  CHECK(read_one(TarWriter().pax({{"path", ""}}).entry({.name = "x"}).finish()).entry.path == "x");
  CHECK(read_one(TarWriter().gnu_long('L', "name\0\0"s).entry({.name = "x"}).finish()).entry.path ==
        "name");
  // the header's name ends at its NUL, as in every reader
  CHECK(read_one(TarWriter().entry({.name = "a\0b"s}).finish()).entry.path == "a");
}

TEST_CASE("odd but unambiguous numbers are read", "[archive][B09]") {
  struct Row {
    const char* name;
    std::string size_field;
  };
  const auto row = GENERATE(values<Row>({{"blanks in front", "         3 \0"s},
                                         {"no end", "000000000003"},
                                         {"ended by a blank", "00000000003 "},
                                         {"base-256", "\x80\0\0\0\0\0\0\0\0\0\0\3"s},
                                         {"short", "3\0junkjunk!!"s}}));
  CAPTURE(row.name);
  const auto all = read_tar(TarWriter()
                                .header({.name = "a", .raw = {{124, row.size_field}}})
                                .body("abc")
                                .entry({.name = "b"})
                                .finish());
  REQUIRE(all.size() == 2);
  CHECK(all[0].content == "abc");
}

TEST_CASE("numbers that are none, negative or too large are refused with the entry's name",
          "[archive][B09]") {
  struct Row {
    const char* name;
    std::size_t offset;
    std::string field, reason;
  };
  const auto row = GENERATE(values<Row>(
      {{"size not octal", 124, "0000000008\0\0"s,
        "the size field holds '0000000008\\x00\\x00', which is no octal number"},
       {"size with a letter", 124, "12x\0"s, "the size field"},
       {"size negative", 124, tar_number(-1, 12), "its size is -1"},
       {"size of 2^63", 124, "\x80\0\0\0\x80\0\0\0\0\0\0\0"s, "does not fit 63 bits"},
       {"size of 2^64", 124, "\x80\0\0\1\0\0\0\0\0\0\0\0"s, "does not fit 63 bits"},
       {"mode with a sign", 100, "-000644\0"s, "the mode field"},
       {"uid decimal", 108, "000009\0\0"s, "the uid field"},
       {"mtime text", 136, "yesterday\0\0\0"s, "the mtime field"},
       {"mtime below -2^63", 136, "\xFF\xFF\xFF\xFE\0\0\0\0\0\0\0\0"s, "does not fit 63 bits"}}));
  CAPTURE(row.name);
  const std::string bytes =
      TarWriter().header({.name = "a", .raw = {{row.offset, row.field}}}).finish();
  REQUIRE_THROWS_MATCHES(read_tar(bytes), Error, IsError(Errc::BadInput, row.reason));
  REQUIRE_THROWS_MATCHES(read_tar(bytes), Error, IsError(Errc::BadInput, "'a': "));
}

TEST_CASE("a size of 2^63 - 1 is no more than truncated", "[archive][B09]") {
  REQUIRE_THROWS_MATCHES(
      read_tar(TarWriter().header({.name = "a", .size = INT64_MAX}).finish()), Error,
      IsError(Errc::BadInput, "'a': the archive is truncated: it ends at byte 1536"));
  REQUIRE_THROWS_MATCHES(
      read_tar(TarWriter().pax({{"size", "9223372036854775807"}}).header({.name = "a"}).finish()),
      Error, IsError(Errc::BadInput, "'a': the archive is truncated"));
  REQUIRE_THROWS_MATCHES(
      read_tar(TarWriter().pax({{"size", "9223372036854775808"}}).header({.name = "a"}).finish()),
      Error, IsError(Errc::BadInput, "does not fit 63 bits"));
}

TEST_CASE("a wrong checksum ends the reading with its place; a signed one is right, too",
          "[archive][B10]") {
  std::string bytes = TarWriter().entry({.name = "a"}, "x").entry({.name = "b\xFF\xFE"}).finish();
  REQUIRE(read_tar(bytes).size() == 2);
  SECTION("in the middle") {
    bytes[1024 + 3] ^= 1;
    REQUIRE_THROWS_MATCHES(
        read_tar(bytes), Error,
        IsError(Errc::BadInput,
                "damaged at byte 1024 (behind 'a'): what should be a header has a wrong checksum"));
  }
  SECTION("in the first header") {
    bytes[3] ^= 1;
    REQUIRE_THROWS_MATCHES(read_tar(bytes), Error,
                           IsError(Errc::BadInput, "it is not a tar archive"));
  }
  SECTION("signed") {
    int sum = 0;
    bytes.replace(1024 + 148, 8, 8, ' ');
    for (std::size_t i = 0; i < kBlock; ++i) sum += static_cast<signed char>(bytes[1024 + i]);
    bytes.replace(1024 + 148, 8, tar_number(sum, 7) + " ");
    CHECK(read_tar(bytes).size() == 2);
  }
  SECTION("garbage between members") {
    const std::string garbled =
        TarWriter().entry({.name = "a"}, "x").raw(noise(512)).entry({.name = "b"}).finish();
    REQUIRE_THROWS_MATCHES(read_tar(garbled), Error,
                           IsError(Errc::BadInput, "damaged at byte 1024"));
  }
}

TEST_CASE("after damage there is no way on", "[archive][B10]") {
  const MemoryFile file(
      TarWriter().entry({.name = "a"}, "x").raw(noise(512)).entry({.name = "b"}).finish());
  const auto source = open_tar(file.descriptor(), "test.tar", {});
  REQUIRE(source->next() != nullptr);
  REQUIRE_THROWS_MATCHES(source->next(), Error, IsError(Errc::BadInput, "wrong checksum"));
  REQUIRE_THROWS_MATCHES(source->next(), Error, IsError(Errc::BadInput, "wrong checksum"));
  REQUIRE_THROWS_MATCHES(source->next_chunk(), Error, IsError(Errc::BadInput, "wrong checksum"));
}

std::string many_kinds() {
  return TarWriter()
      .pax({{"comment", "g"}}, 'g')
      .header({.name = "dir/", .type = '5'})
      .pax({{"path", "dir/long"},
            {"mtime", "1.5"},
            {"SCHILY.xattr.user.a", "b"},
            {"SCHILY.acl.access", "user::rw-,user:x:r--:5,group::r--,mask::r--,other::---"}})
      .entry({.name = "dir/file"}, noise(1500))
      .gnu_long('L', std::string(120, 'n'))
      .gnu_long('K', std::string(120, 'l'))
      .header({.name = "x", .type = '2', .link = "y", .magic = TarMagic::Gnu})
      .pax({{"GNU.sparse.major", "1"},
            {"GNU.sparse.minor", "0"},
            {"GNU.sparse.name", "sparse"},
            {"GNU.sparse.realsize", "10000"}})
      .entry({.name = "s"}, "2\n0\n512\n5000\n4\n" + std::string(497, '\0') + noise(516))
      .header({.name = "dev", .type = '3', .device_major = 1})
      .header({.name = "hard", .type = '1', .link = "dir/long"})
      .finish();
}

TEST_CASE("an archive that is cut off anywhere is an error, and a whole one is not",
          "[archive][B11]") {
  const std::string whole = many_kinds();
  REQUIRE(read_tar(whole).size() == 6);
  REQUIRE(read_tar(whole.substr(0, whole.size() - kBlock)).size() == 6);  // one block of zeros
  const std::size_t end = whole.size() - 2 * kBlock;
  std::size_t silent = 0;
  for (std::size_t size = 0; size < end + kBlock;
       size += size % kBlock < 3 || size % kBlock > 508 ? 1 : 41) {
    try {
      read_tar(std::string_view(whole).substr(0, size));
      ++silent;
      UNSCOPED_INFO("cut to " << size << " bytes, and nothing was said");
    } catch (const Error& error) {
      if (error.code() != Errc::BadInput) FAIL("cut to " << size << " bytes: " << error.what());
    }
  }
  CHECK(silent == 0);
}

TEST_CASE("truncation is described by entry and place", "[archive][B11]") {
  const std::string whole = TarWriter()
                                .entry({.name = "a"}, std::string(2000, 'x'))
                                .pax({{"mtime", "1"}})
                                .entry({.name = "b"})
                                .finish(0);
  REQUIRE_THROWS_MATCHES(read_tar(whole.substr(0, 1000)), Error,
                         IsError(Errc::BadInput,
                                 "'a': the archive is truncated: it ends at byte 1000, 1560 bytes "
                                 "before this entry does"));
  REQUIRE_THROWS_MATCHES(
      read_tar(whole.substr(0, 2530)), Error,
      IsError(Errc::BadInput, "'a': the archive is truncated: it ends at byte 2530, 30 bytes"));
  REQUIRE_THROWS_MATCHES(
      read_tar(whole.substr(0, 2600)), Error,
      IsError(Errc::BadInput, "byte 2560 (behind 'a'): it is truncated: 40 bytes are left"));
  REQUIRE_THROWS_MATCHES(read_tar(whole.substr(0, 3075)), Error,
                         IsError(Errc::BadInput, "byte 2560 (behind 'a'): extension header 'x'"));
  REQUIRE_THROWS_MATCHES(
      read_tar(whole.substr(0, 3584)), Error,
      IsError(Errc::BadInput,
              "byte 2560 (behind 'a'): an extension header is followed by no entry"));
  REQUIRE_THROWS_MATCHES(
      read_tar(whole), Error,
      IsError(Errc::BadInput, "byte 4096 (behind 'b'): it ends without its end mark"));
}

TEST_CASE("an archive without end mark is fine where compression vouches for its end",
          "[archive][B11]") {
  const std::string bytes = TarWriter().entry({.name = "a"}, "x").finish(0);
  CHECK(read_tar(compress(bytes, "gzip")).size() == 1);
  CHECK(read_tar(compress(bytes, "xz")).size() == 1);
  CHECK(read_tar(compress(bytes, "zstd")).size() == 1);
  REQUIRE_THROWS_MATCHES(read_tar(compress(bytes, "compress")), Error,
                         IsError(Errc::BadInput, "without its end mark"));
  REQUIRE_THROWS_MATCHES(read_tar(compress(bytes, "gzip") + "garbage"), Error,
                         IsError(Errc::BadInput, "without its end mark"));
}

TEST_CASE("a single block of zeros ends an archive, but not in front of an entry",
          "[archive][B11][B17]") {
  CHECK(read_tar(TarWriter().entry({.name = "a"}).zero_blocks(1).raw(noise(512)).finish()).size() ==
        1);
  REQUIRE_THROWS_MATCHES(
      read_tar(TarWriter().entry({.name = "a"}).zero_blocks(1).entry({.name = "b"}).finish()),
      Error, IsError(Errc::BadInput, "byte 512 (behind 'a'): a single block of zeros"));
}

TEST_CASE("an archive ends at its end mark, whatever is behind", "[archive][B15][B17]") {
  const std::string one = TarWriter().entry({.name = "a"}).finish();
  CHECK(read_tar(one + TarWriter().entry({.name = "b"}).finish()).size() == 1);
  CHECK(read_tar(one + noise(3000)).size() == 1);
  CHECK(read_tar(one + std::string(100'000, '\0')).size() == 1);
  CHECK(read_tar(one + "x").size() == 1);
}

TEST_CASE("malformed pax records are refused with their place", "[archive][B12]") {
  struct Row {
    const char* name;
    std::string body, reason;
  };
  const auto row = GENERATE(values<Row>(
      {{"no length", "path=x\n", "at byte 0 of its header does not begin with its length"},
       {"length 0", "0 path=x\n", "claims a length of 0 bytes"},
       {"length too short", "3 path=x\n", "does not end with a newline"},
       {"only the length", "2 ", "claims a length of 2 bytes"},
       {"length beyond the body", "99 path=x\n", "claims a length of 99 bytes where 10 are left"},
       {"length beyond 64 bits", "99999999999999999999999 path=x\n",
        "does not begin with its length"},
       {"negative length", "-9 path=x\n", "does not begin with its length"},
       {"no newline", "9 path=xy", "does not end with a newline"},
       {"no equals", "9 pathxxx\n"s.substr(0, 8) + "\n", "has no '='"},
       {"no key", "5 =x\n", "has no key"},
       {"second record", "10 uid=42\n0 a=b\n",
        "at byte 10 of its header claims a length of 0 bytes"}}));
  CAPTURE(row.name);
  const std::string bytes = TarWriter().pax_raw(row.body).entry({.name = "a"}).finish();
  REQUIRE_THROWS_MATCHES(read_tar(bytes), Error, IsError(Errc::BadInput, row.reason));
  REQUIRE_THROWS_MATCHES(read_tar(bytes), Error,
                         IsError(Errc::BadInput, "byte 0: extension header 'x'"));
}

TEST_CASE(
    "pax records may repeat, be unknown, hold newlines or be padded; headers may follow each other",
    "[archive][B12]") {
  CHECK(read_one(TarWriter().pax({{"path", "a"}, {"path", "b"}}).entry({.name = "x"}).finish())
            .entry.path == "b");
  CHECK(read_one(TarWriter()
                     .pax({{"path", "a\n20 uid=4\n"}, {"FOO.bar", "1"}})
                     .entry({.name = "x"})
                     .finish())
            .entry.path == "a\n20 uid=4\n");
  CHECK(
      read_one(TarWriter().pax_raw("10 uid=42\n\0\0\0"s).entry({.name = "x"}).finish()).entry.uid ==
      42);
  const auto read = read_one(TarWriter()
                                 .pax({{"uid", "5"}, {"path", "a"}})
                                 .pax({{"gid", "6"}, {"path", "b"}})
                                 .entry({.name = "x"})
                                 .finish());
  CHECK(read.entry.uid == 5);
  CHECK(read.entry.gid == 6);
  CHECK(read.entry.path == "b");
  CHECK(read_one(TarWriter().pax({{"path", "a"}}, 'X').entry({.name = "x"}).finish()).entry.path ==
        "a");
}

TEST_CASE("pax numbers that are none are refused", "[archive][B12][B09]") {
  CHECK(
      read_one(TarWriter().pax({{"uid", ""}}).entry({.name = "a", .uid = 9}).finish()).entry.uid ==
      9);
  const char* value = GENERATE("-1", "+1", "1 ", " 1", "0x1", "1.0", "99999999999999999999");
  CAPTURE(value);
  REQUIRE_THROWS_MATCHES(
      read_tar(TarWriter().pax({{"uid", value}}).entry({.name = "a"}).finish()), Error,
      IsError(Errc::BadInput, "'a': the pax record 'uid' holds '"s + value + "'"));
  REQUIRE_THROWS_MATCHES(
      read_tar(TarWriter().pax({{"size", value}}).entry({.name = "a"}).finish()), Error,
      IsError(Errc::BadInput, "'a': the pax record 'size' holds '"s + value + "'"));
}

TEST_CASE("extension headers that no entry follows are an error", "[archive][B12]") {
  CHECK_THROWS_MATCHES(
      read_tar(TarWriter().pax({{"uid", "1"}}).finish()), Error,
      IsError(Errc::BadInput, "byte 0: an extension header is followed by no entry"));
  CHECK_THROWS_MATCHES(read_tar(TarWriter().gnu_long('L', "a").finish()), Error,
                       IsError(Errc::BadInput, "followed by no entry"));
  CHECK_THROWS_MATCHES(read_tar(TarWriter().gnu_long('K', "a").finish()), Error,
                       IsError(Errc::BadInput, "followed by no entry"));
  CHECK(read_tar(TarWriter().pax({{"comment", "x"}}, 'g').finish()).empty());
}

TEST_CASE("an attribute of 8 MB is read; extension headers have a limit of 16 MiB together",
          "[archive][B12]") {
  const std::string large(8'000'000, 'v');
  CHECK(
      (xattr_of(
           read_one(TarWriter().pax({{"SCHILY.xattr.user.a", large}}).entry({.name = "a"}).finish())
               .entry,
           "user.a") == large));
  const std::size_t limit = 16u << 20;
  const auto of_size = [](std::size_t size) {
    // the length's digits included
    const std::size_t overhead =
        pax_record("comment", std::string(size - 100, 'c')).size() - (size - 100);
    return TarWriter()
        .pax({{"comment", std::string(size - overhead, 'c')}})
        .entry({.name = "a"})
        .finish();
  };
  CHECK(read_tar(of_size(limit - 1)).size() == 1);
  CHECK(read_tar(of_size(limit)).size() == 1);
  REQUIRE_THROWS_MATCHES(read_tar(of_size(limit + 1)), Error,
                         IsError(Errc::BadInput, "longer than 16777216 bytes"));
  const std::string half(9'000'000, 'c');
  REQUIRE_THROWS_MATCHES(read_tar(TarWriter()
                                      .pax({{"comment", half}})
                                      .pax({{"comment", half}})
                                      .entry({.name = "a"})
                                      .finish()),
                         Error, IsError(Errc::BadInput, "longer than 16777216 bytes"));
}

TEST_CASE("headers that claim gigabytes make nobody allocate them", "[archive][B12]") {
  const char type = GENERATE('x', 'g', 'L', 'K');
  const std::int64_t claim = GENERATE(16'777'216LL, 2LL << 30, 4LL << 30, INT64_MAX);
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  REQUIRE_THROWS_MATCHES(read_tar(TarWriter()
                                      .header({.name = "x", .type = type, .size = claim})
                                      .body("10 uid=42\n")
                                      .finish()),
                         Error, IsError(Errc::BadInput, "extension header '"s + type + "'"));
  getrusage(RUSAGE_SELF, &after);
  CHECK(after.ru_maxrss - before.ru_maxrss < 200'000);
}

TEST_CASE("thousands of extension headers for one entry need no stack", "[archive][B12]") {
  TarWriter pax, gnu;
  for (int i = 0; i < 20'000; ++i) {
    pax.pax({{"uid", "7"}});
    gnu.gnu_long('L', "name");
  }
  CHECK(read_one(pax.entry({.name = "a"}).finish()).entry.uid == 7);
  CHECK(read_one(gnu.entry({.name = "a"}).finish()).entry.path == "name");
}

TEST_CASE("pax's size counts for the entry alone, and more than the header's", "[archive][B13]") {
  const std::string inner = TarWriter().entry({.name = "hidden"}, "!").finish(0);
  const auto all = read_tar(TarWriter()
                                .pax({{"size", std::to_string(inner.size())}})
                                .header({.name = "a", .size = 0})
                                .body(inner)
                                .entry({.name = "b"}, "y")
                                .finish());
  REQUIRE(all.size() == 2);
  CHECK(all[0].content == inner);
  CHECK(all[1].entry.path == "b");
  const auto long_name = read_tar(TarWriter()
                                      .pax({{"size", "3"}})
                                      .gnu_long('L', "a long name")
                                      .header({.name = "x", .size = 0})
                                      .body("abc")
                                      .finish());
  REQUIRE(long_name.size() == 1);
  CHECK(long_name[0].entry.path == "a long name");
  CHECK(long_name[0].content == "abc");
}

TEST_CASE("compressed data inside of compressed data is refused, plain or bomb", "[archive][B16]") {
  const std::string tar = TarWriter().entry({.name = "a"}, std::string(100'000, 'x')).finish();
  CHECK(read_tar(compress(tar, "gzip")).size() == 1);
  REQUIRE_THROWS_MATCHES(read_tar(compress(compress(tar, "gzip"), "gzip")), Error,
                         IsError(Errc::BadInput, "it is gzip data inside of compressed data"));
  REQUIRE_THROWS_MATCHES(read_tar(compress(compress(tar, "bzip2"), "bzip2")), Error,
                         IsError(Errc::BadInput, "it is bzip2 data inside of bzip2 data"));
  REQUIRE_THROWS_MATCHES(read_tar(compress(compress(tar, "xz"), "zstd")), Error,
                         IsError(Errc::BadInput, "it is xz data inside of compressed data"));
}

TEST_CASE("a Solaris ACL makes its entry Unsupported, and the next one follows",
          "[archive][A24][B15]") {
  const MemoryFile file(TarWriter()
                            .entry({.name = "acl", .type = 'A'}, "1000007\0user::rwx"s)
                            .entry({.name = "a"}, "x")
                            .entry({.name = "b"}, "y")
                            .finish());
  const auto source = open_tar(file.descriptor(), "test.tar", {});
  REQUIRE_THROWS_MATCHES(source->next(), Error,
                         IsError(Errc::Unsupported, "'a': it has an NFSv4 or Solaris ACL"));
  CHECK(read_all(*source).size() == 1);
}

TEST_CASE("one changed byte anywhere gives entries or an error, never anything else",
          "[archive][B10][B12][fuzz]") {
  const std::string whole = many_kinds();
  std::string bytes = whole;
  std::size_t read = 0, refused = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 1 + i % 3) {
    for (const char value :
         {static_cast<char>(bytes[i] ^ 1), static_cast<char>(bytes[i] ^ 0x80), '9', '\0'}) {
      bytes[i] = value;
      // else hardly anything comes through the checksum
      if (i % 2 == 0) fix_tar_checksum(bytes, i / kBlock * kBlock);
      try {
        read_tar(bytes);
        ++read;
      } catch (const Error&) {
        ++refused;
      }
      bytes.replace(i / kBlock * kBlock, kBlock, whole, i / kBlock * kBlock, kBlock);
    }
  }
  CHECK(read > 1000);
  CHECK(refused > 1000);
}

}  // namespace
}  // namespace rawimg::test
