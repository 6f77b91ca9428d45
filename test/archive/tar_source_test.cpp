// SPDX-License-Identifier: MIT
// What entries are: types, names, owners, times, links, devices; and in which dialects.
#include <clocale>
#include <cstdlib>

#include <catch2/catch.hpp>

#include "archive/read_tar.h"
#include "support/error_matcher.h"
#include "support/tar_writer.h"

namespace rawimg::test {
namespace {

using namespace std::string_literals;

TEST_CASE("a file of every dialect comes through whole", "[archive]") {
  const TarMagic magic = GENERATE(TarMagic::V7, TarMagic::Ustar, TarMagic::Gnu);
  const auto read = read_one(TarWriter()
                                 .entry({.name = "./etc/motd",
                                         .mode = 0640,
                                         .uid = 7,
                                         .gid = 8,
                                         .mtime = 1'600'000'000,
                                         .magic = magic},
                                        "hello\n")
                                 .finish());
  CHECK(read.entry.path == "./etc/motd");
  CHECK(read.entry.type == FileType::Regular);
  CHECK_FALSE(read.entry.is_hard_link);
  CHECK(read.entry.permissions == 0640);
  CHECK(read.entry.uid == 7);
  CHECK(read.entry.gid == 8);
  CHECK(read.entry.mtime == Timestamp{1'600'000'000, 0});
  CHECK_FALSE(read.entry.atime);
  CHECK_FALSE(read.entry.ctime);
  CHECK_FALSE(read.entry.birthtime);
  CHECK(read.entry.xattrs.empty());
  CHECK(read.content == "hello\n");
}

TEST_CASE("a tar type becomes a file type", "[archive][A21][B15]") {
  struct Row {
    char type;
    FileType expected;
  };
  const auto row = GENERATE(values<Row>({{'0', FileType::Regular},
                                         {'\0', FileType::Regular},
                                         {'7', FileType::Regular},
                                         {'2', FileType::Symlink},
                                         {'3', FileType::CharDevice},
                                         {'4', FileType::BlockDevice},
                                         {'5', FileType::Directory},
                                         {'D', FileType::Directory},
                                         {'6', FileType::Fifo}}));
  CAPTURE(row.type);
  CHECK(
      read_one(TarWriter()
                   .header({.name = "x", .type = row.type, .link = row.type == '2' ? "target" : ""})
                   .finish())
          .entry.type == row.expected);
}

TEST_CASE("a v7 file whose name ends with a slash is a directory, and its body is passed over",
          "[archive][B15]") {
  const auto all =
      read_tar(TarWriter()
                   .entry({.name = "dir/", .type = '\0', .magic = TarMagic::V7}, "listing")
                   .entry({.name = "next"}, "x")
                   .finish());
  REQUIRE(all.size() == 2);
  CHECK(all[0].entry.type == FileType::Directory);
  CHECK(all[0].entry.path == "dir/");
  CHECK(all[0].entry.size_bytes == 0);
  CHECK(all[0].content.empty());
  CHECK(all[1].content == "x");
}

TEST_CASE("types without content have none, whatever their size says", "[archive][B15]") {
  const char type = GENERATE('2', '3', '4', '5', '6');
  CAPTURE(type);
  const auto all = read_tar(TarWriter()
                                .header({.name = "x", .type = type, .size = 1000, .link = "target"})
                                .entry({.name = "next"}, "y")
                                .finish());
  REQUIRE(all.size() == 2);
  CHECK(all[0].entry.size_bytes == 0);
  CHECK(all[1].entry.path == "next");
}

TEST_CASE("types that cannot be stored are named, and the next entry follows", "[archive][B15]") {
  const char type = GENERATE('M', 'N', 'Z', 'E', '8', '\x7F');
  CAPTURE(type);
  const MemoryFile file(TarWriter()
                            .entry({.name = "odd", .type = type}, std::string(700, 'x'))
                            .entry({.name = "next"}, "y")
                            .finish());
  const auto source = open_tar(file.descriptor(), "test.tar", {});
  REQUIRE_THROWS_MATCHES(source->next(), Error, IsError(Errc::Unsupported, "'odd'"));
  const Entry* next = source->next();
  REQUIRE(next != nullptr);
  CHECK(next->path == "next");
  CHECK(source->next() == nullptr);
  CHECK(source->next() == nullptr);
}

TEST_CASE("a volume label is passed over", "[archive][B15]") {
  CHECK(read_one(TarWriter()
                     .header({.name = "my backup", .type = 'V', .magic = TarMagic::Gnu})
                     .entry({.name = "a"})
                     .finish())
            .entry.path == "a");
}

TEST_CASE("names and targets are bytes, in every dialect and locale", "[archive][A31]") {
  struct Row {
    const char* name;
    std::string bytes;
  };
  const auto row = GENERATE(values<Row>({{"UTF-8",
                                          "gr\xC3\xBC\xC3\x9F"
                                          "e\xF0\x9F\x98\x80"},
                                         {"decomposed", "u\xCC\x88"},
                                         {"Latin-1",
                                          "gr\xFC\xDF"
                                          "e"},
                                         {"control",
                                          "a\x01\x1B\x7F"
                                          "b"},
                                         {"newline", "a\nb"},
                                         {"broken UTF-8", "\xC3(\xED\xA0\x80\xFF"},
                                         {"backslash", "a\\b\\"},
                                         {"blank", "  a "},
                                         {"equals", "a=b"}}));
  CAPTURE(row.name);
  const char* locale = GENERATE("C", "C.UTF-8");
  CAPTURE(locale);
  REQUIRE(std::setlocale(LC_ALL, locale) != nullptr);
  const auto all =
      read_tar(TarWriter()
                   .entry({.name = row.bytes, .magic = TarMagic::V7})
                   .header({.name = row.bytes, .type = '2', .link = row.bytes, .prefix = row.bytes})
                   .pax({{"path", row.bytes},
                         {"linkpath", row.bytes},
                         {"SCHILY.xattr.user." + std::string(row.name), row.bytes}})
                   .header({.name = "x", .type = '2', .link = "y"})
                   .pax({{"hdrcharset", "BINARY"}, {"path", row.bytes}})
                   .entry({.name = "x"})
                   .gnu_long('L', row.bytes)
                   .gnu_long('K', row.bytes)
                   .header({.name = "x", .type = '1', .link = "y", .magic = TarMagic::Gnu})
                   .finish());
  std::setlocale(LC_ALL, "C");
  REQUIRE(all.size() == 5);
  CHECK(all[0].entry.path == row.bytes);
  CHECK(all[1].entry.path == row.bytes + "/" + row.bytes);
  CHECK(all[1].entry.link_target == row.bytes);
  CHECK(all[2].entry.path == row.bytes);
  CHECK(all[2].entry.link_target == row.bytes);
  CHECK(xattr_of(all[2].entry, "user." + std::string(row.name)) == row.bytes);
  CHECK(all[3].entry.path == row.bytes);
  CHECK(all[4].entry.path == row.bytes);
  CHECK(all[4].entry.link_target == row.bytes);
  CHECK(all[4].entry.is_hard_link);
}

TEST_CASE("names fill their fields to the last byte", "[archive][B08]") {
  const std::string hundred(100, 'n'), prefix(155, 'p');
  CHECK(read_one(TarWriter().entry({.name = hundred, .magic = TarMagic::V7}).finish()).entry.path ==
        hundred);
  CHECK(read_one(TarWriter().entry({.name = hundred, .prefix = prefix}).finish()).entry.path ==
        prefix + "/" + hundred);
  CHECK(read_one(TarWriter().entry({.name = "n", .prefix = "p/"}).finish()).entry.path == "p/n");
  CHECK(read_one(TarWriter().header({.name = "l", .type = '2', .link = hundred}).finish())
            .entry.link_target == hundred);
  CHECK(read_one(TarWriter().gnu_long('L', std::string(5000, 'n')).entry({.name = "x"}).finish())
            .entry.path == std::string(5000, 'n'));
}

TEST_CASE("star's prefix is shorter, and its header has two more times", "[archive]") {
  const std::string prefix(130, 'p');
  const auto read = read_one(
      TarWriter()
          .entry({.name = "n",
                  .prefix = prefix,
                  .raw = {{476, tar_number(11, 12)}, {488, tar_number(22, 12)}, {508, "tar\0"s}}})
          .finish());
  CHECK(read.entry.path == prefix + "/n");
  CHECK(read.entry.atime == Timestamp{11, 0});
  CHECK(read.entry.ctime == Timestamp{22, 0});
}

TEST_CASE("GNU's header has two more times; 0 means none", "[archive][A26]") {
  const auto read =
      read_one(TarWriter()
                   .entry({.name = "n",
                           .magic = TarMagic::Gnu,
                           .raw = {{345, tar_number(-5, 12)}, {357, tar_number(0, 12)}}})
                   .finish());
  CHECK(read.entry.atime == Timestamp{-5, 0});
  CHECK_FALSE(read.entry.ctime);
}

TEST_CASE("owners of 32 bits come through from octal, base-256 and pax", "[archive][A28]") {
  const std::int64_t id = GENERATE(values<std::int64_t>(
      {0, 65535, 65536, 2097151, 2097152, 2147483647, 2147483648, 4294967294, 4294967295}));
  CAPTURE(id);
  const auto header =
      read_one(TarWriter().entry({.name = "a", .uid = id, .gid = id}).finish()).entry;
  CHECK(header.uid == id);
  CHECK(header.gid == id);
  const auto pax = read_one(TarWriter()
                                .pax({{"uid", std::to_string(id)}, {"gid", std::to_string(id)}})
                                .entry({.name = "a", .uid = 1, .gid = 1})
                                .finish())
                       .entry;
  CHECK(pax.uid == id);
  CHECK(pax.gid == id);
}

TEST_CASE("owners beyond 32 bits are refused, not cut off", "[archive][A28][B09]") {
  struct Row {
    const char* name;
    std::string bytes, reason;
  };
  const auto row = GENERATE(values<Row>(
      {{"2^32 in the header", TarWriter().entry({.name = "a", .uid = 4294967296LL}).finish(),
        "its uid is 4294967296"},
       {"-2 in the header", TarWriter().entry({.name = "a", .gid = -2}).finish(), "its gid is -2"},
       {"2^32 in pax", TarWriter().pax({{"gid", "4294967296"}}).entry({.name = "a"}).finish(),
        "its gid is 4294967296"}}));
  CAPTURE(row.name);
  REQUIRE_THROWS_MATCHES(read_tar(row.bytes), Error, IsError(Errc::Unsupported, row.reason));
  REQUIRE_THROWS_MATCHES(read_tar(row.bytes), Error, IsError(Errc::Unsupported, "'a'"));
}

TEST_CASE("twelve bits of the mode come through, file type bits of old archives do not",
          "[archive][A27]") {
  const int mode = GENERATE(0, 0777, 04755, 02755, 01777, 07777);
  CHECK(read_one(TarWriter().entry({.name = "a", .mode = mode}).finish()).entry.permissions ==
        mode);
  CHECK(read_one(TarWriter().entry({.name = "a", .mode = 0100000 | mode}).finish())
            .entry.permissions == mode);
}

TEST_CASE("times come through to the nanosecond, before 1970 and far ahead", "[archive][A26]") {
  struct Row {
    const char* text;
    Timestamp expected;
  };
  const auto row = GENERATE(values<Row>({{"0", {0, 0}},
                                         {"1.5", {1, 500'000'000}},
                                         {"1.000000001", {1, 1}},
                                         {"1.9999999999", {1, 999'999'999}},
                                         {"-1", {-1, 0}},
                                         {"-1.5", {-2, 500'000'000}},
                                         {"-0.5", {-1, 500'000'000}},
                                         {"-0.0", {0, 0}},
                                         {"-1.000000000", {-1, 0}},
                                         {"-0.0000000001", {-1, 999'999'999}},
                                         {"-14182940.25", {-14182941, 750'000'000}},
                                         {"4102444800.123456789", {4102444800, 123'456'789}},
                                         {"15032385535", {15032385535, 0}},
                                         {"-2147483649.75", {-2147483650, 250'000'000}},
                                         {"9223372036854775806.1", {INT64_MAX - 1, 100'000'000}},
                                         {"12.", {12, 0}}}));
  CAPTURE(row.text);
  const auto entry = read_one(TarWriter()
                                  .pax({{"mtime", row.text},
                                        {"atime", row.text},
                                        {"ctime", row.text},
                                        {"LIBARCHIVE.creationtime", row.text}})
                                  .entry({.name = "a", .mtime = 77})
                                  .finish())
                         .entry;
  CHECK(entry.mtime == row.expected);
  CHECK(entry.atime == row.expected);
  CHECK(entry.ctime == row.expected);
  CHECK(entry.birthtime == row.expected);
}

TEST_CASE("times in headers may be negative or need more than eleven digits", "[archive][A26]") {
  const std::int64_t seconds =
      GENERATE(values<std::int64_t>({-1, -14182940, 8589934591, 8589934592, 1LL << 40}));
  CHECK(read_one(TarWriter().entry({.name = "a", .mtime = seconds}).finish()).entry.mtime ==
        Timestamp{seconds, 0});
}

TEST_CASE("a time that is none is refused", "[archive][A26][B09]") {
  const char* text = GENERATE("x", "1.5s", "--1", "+1", ".5", "1e3", "9223372036854775808",
                              "-9223372036854775809", " 1", "1,5");
  CAPTURE(text);
  REQUIRE_THROWS_MATCHES(read_tar(TarWriter().pax({{"mtime", text}}).entry({.name = "a"}).finish()),
                         Error, IsError(Errc::BadInput, "'mtime' holds '"s + text + "'"));
}

TEST_CASE("device numbers of 32 bits come through", "[archive][A21]") {
  const std::int64_t major = GENERATE(values<std::int64_t>({0, 5, 255, 256, 0x5678, 4294967295})),
                     minor = GENERATE(values<std::int64_t>({0, 1, 0x1234, 1048576, 4294967295}));
  const char type = GENERATE('3', '4');
  const auto header =
      read_one(
          TarWriter()
              .header({.name = "d", .type = type, .device_major = major, .device_minor = minor})
              .finish())
          .entry;
  CHECK(header.device_major == major);
  CHECK(header.device_minor == minor);
  const auto pax = read_one(TarWriter()
                                .pax({{"SCHILY.devmajor", std::to_string(major)},
                                      {"SCHILY.devminor", std::to_string(minor)}})
                                .header({.name = "d", .type = type, .device_major = 1})
                                .finish())
                       .entry;
  CHECK(pax.device_major == major);
  CHECK(pax.device_minor == minor);
}

TEST_CASE("devices without usable numbers are refused", "[archive][A21]") {
  REQUIRE_THROWS_MATCHES(
      read_tar(TarWriter().header({.name = "d", .type = '3', .magic = TarMagic::V7}).finish()),
      Error, IsError(Errc::Unsupported, "no device numbers"));
  REQUIRE_THROWS_MATCHES(
      read_tar(
          TarWriter().header({.name = "d", .type = '3', .device_major = 4294967296LL}).finish()),
      Error, IsError(Errc::Unsupported, "device major number is 4294967296"));
  REQUIRE_THROWS_MATCHES(read_tar(TarWriter()
                                      .pax({{"SCHILY.devminor", "4294967296"}})
                                      .header({.name = "d", .type = '4'})
                                      .finish()),
                         Error, IsError(Errc::Unsupported, "device minor number is 4294967296"));
}

TEST_CASE("an empty file is an entry like any other, at every place", "[archive][A41]") {
  const auto all = read_tar(
      TarWriter().entry({.name = "a"}).entry({.name = "b"}, "x").entry({.name = "c"}).finish());
  REQUIRE(all.size() == 3);
  CHECK(all[0].entry.size_bytes == 0);
  CHECK(all[0].data.empty());
  CHECK(all[1].content == "x");
  CHECK(all[2].content.empty());
}

TEST_CASE("content is delivered whole around the sizes of blocks and buffers", "[archive][A19]") {
  const std::size_t size = GENERATE(1u, 511u, 512u, 513u, 32767u, 32768u, 32769u, 262143u, 262144u,
                                    262145u, 1048576u, 3000001u);
  const std::string content = noise(size);
  const auto all = read_tar(TarWriter()
                                .entry({.name = "a"}, "1")
                                .entry({.name = "b"}, content)
                                .entry({.name = "c"}, "2")
                                .finish());
  REQUIRE(all.size() == 3);
  CHECK(all[1].entry.size_bytes == size);
  CHECK((all[1].content == content));
  CHECK(all[2].content == "2");
}

TEST_CASE("content that nobody asks for is skipped", "[archive]") {
  const MemoryFile file(
      TarWriter().entry({.name = "a"}, noise(700'000)).entry({.name = "b"}, "content").finish());
  const auto source = open_tar(file.descriptor(), "test.tar", {});
  CHECK_FALSE(source->next_chunk());
  REQUIRE(source->next() != nullptr);
  REQUIRE(source->next_chunk());
  const Entry* b = source->next();
  REQUIRE(b != nullptr);
  CHECK(b->path == "b");
  REQUIRE(source->next_chunk());
  CHECK_FALSE(source->next_chunk());
  CHECK_FALSE(source->next_chunk());
  CHECK(source->next() == nullptr);
}

TEST_CASE(
    "global pax records hold for all entries behind them, an entry's own records win, an empty one "
    "takes away",
    "[archive][B12]") {
  const auto all = read_tar(TarWriter()
                                .entry({.name = "before", .uid = 1, .mtime = 1})
                                .pax({{"comment", "0123456789abcdef"},
                                      {"mtime", "5.25"},
                                      {"uid", "42"},
                                      {"VENDOR.key", "x"}},
                                     'g')
                                .entry({.name = "a", .uid = 1, .mtime = 1})
                                .pax({{"uid", "43"}, {"mtime", ""}})
                                .entry({.name = "b", .uid = 1, .mtime = 1})
                                .pax({{"uid", ""}}, 'g')
                                .entry({.name = "c", .uid = 1, .mtime = 1})
                                .finish());
  REQUIRE(all.size() == 4);
  CHECK(all[0].entry.mtime == Timestamp{1, 0});
  CHECK(all[1].entry.mtime == Timestamp{5, 250'000'000});
  CHECK(all[1].entry.uid == 42);
  CHECK(all[2].entry.uid == 43);
  CHECK(all[2].entry.mtime == Timestamp{1, 0});
  CHECK(all[3].entry.uid == 1);
  CHECK(all[3].entry.mtime == Timestamp{5, 250'000'000});
}

TEST_CASE("global records that would change every entry's identity are refused", "[archive][B12]") {
  const char* key = GENERATE("path", "linkpath", "size", "SCHILY.xattr.user.a",
                             "LIBARCHIVE.xattr.user.a", "SCHILY.acl.access", "GNU.sparse.map",
                             "RHT.security.selinux", "GNU.volume.filename");
  REQUIRE_THROWS_MATCHES(read_tar(TarWriter().pax({{key, "1"}}, 'g').entry({.name = "a"}).finish()),
                         Error, IsError(Errc::BadInput, "'"s + key + "' for every entry"));
}

}  // namespace
}  // namespace rawimg::test
