// SPDX-License-Identifier: MIT
#include <rawimg/fstab.h>

#include <algorithm>

#include <rawimg/error.h>
#include <catch2/catch.hpp>

#include "guest/stage3_files.h"
#include "guest/string_makers.h"
#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

std::string with(const std::string& text, const FstabRequest& request) {
  Fstab fstab = Fstab::parse(text);
  const bool changed = fstab.set(request);
  CHECK(changed == (fstab.to_text() != text));
  const std::string once = fstab.to_text();
  CHECK_FALSE(fstab.set(request));
  CHECK(fstab.to_text() == once);
  return once;
}

FstabRequest root_on(std::string device) {
  return {.mount_point = "/", .device = std::move(device), .type = "ext4"};
}

}  // namespace

TEST_CASE("set replaces a line within its columns and leaves the rest of the text alone",
          "[guest]") {
  struct Row {
    const char* name;
    FstabRequest request;
    std::string before, after;
  };
  const auto row = GENERATE(values<Row>({
      {"tabs, a longer device", root_on("PARTUUID=0badcafe-01"),
       "/dev/sda1\t\t/\t\text4\tnoatime\t0 1\n", "PARTUUID=0badcafe-01\t/\t\text4\tnoatime\t0 1\n"},
      {"tabs, a device that fills its column", root_on("UUID=12345678-123456789"),
       "/dev/sda1\t\t/\t\text4\n", "UUID=12345678-123456789\t/\t\text4\n"},
      {"tabs, a device that needs its column", root_on("UUID=12345678-1234567890"),
       "/dev/sda1\t\t/\t\text4\n", "UUID=12345678-1234567890\t/\text4\n"},
      {"spaces, a longer device", root_on("PARTUUID=0badcafe-01"),
       "/dev/sda1             /     ext4  noatime  0  1\n",
       "PARTUUID=0badcafe-01  /     ext4  noatime  0  1\n"},
      {"single blanks, a shorter device", root_on("/dev/a"), "/dev/sda1 / ext4 noatime 0 1\n",
       "/dev/a    / ext4 noatime 0 1\n"},
      {"no room at all", root_on("PARTUUID=0badcafe-01"), "/dev/sda1 / ext4 noatime 0 1\n",
       "PARTUUID=0badcafe-01 / ext4 noatime 0 1\n"},
      {"a device of the same length", root_on("/dev/vda1"),
       "/dev/sda1 \t / \text4\t noatime 0 1 \n", "/dev/vda1 \t / \text4\t noatime 0 1 \n"},
      {"indented, and a comment behind", root_on("/dev/vda1"),
       "  /dev/sda1 / ext4 noatime 0 1  # mine\n", "  /dev/vda1 / ext4 noatime 0 1  # mine\n"},
      {"more fields than there are", root_on("/dev/vda1"), "/dev/sda1 / ext4 noatime 0 1 7 8\n",
       "/dev/vda1 / ext4 noatime 0 1 7 8\n"},
      {"CRLF", root_on("/dev/vda1"), "# x\r\n/dev/sda1 / ext4 noatime 0 1\r\n\r\n",
       "# x\r\n/dev/vda1 / ext4 noatime 0 1\r\n\r\n"},
      {"no newline at the end", root_on("/dev/vda1"), "x y\n/dev/sda1 / ext4 noatime 0 1",
       "x y\n/dev/vda1 / ext4 noatime 0 1"},
      {"a carriage return at the end", root_on("/dev/vda1"), "/dev/sda1 / ext4 noatime 0 1\r",
       "/dev/vda1 / ext4 noatime 0 1\r"},
      {"nothing to do", root_on("/dev/sda1"), "/dev/sda1\t /  ext4 noatime 0 1",
       "/dev/sda1\t /  ext4 noatime 0 1"},
      {"nothing to do, another spelling", root_on("/dev/sda1"), "/dev/sda\\061 // ext4",
       "/dev/sda\\061 // ext4"},
      {"several lines of one place", root_on("/dev/vda1"),
       "/dev/a / ext4\nproc /proc proc\n/dev/b / ext3\n#/dev/c / ext4 x\n/dev/d // ext4\n",
       "/dev/vda1 / ext4\nproc /proc proc\n/dev/b / ext3\n#/dev/c / ext4 x\n/dev/d // ext4\n"},
      {"several lines, the first is right", root_on("/dev/a"), "/dev/a / ext4\n/dev/b / ext4\n",
       "/dev/a / ext4\n/dev/b / ext4\n"},
      {"several lines, the second has the device", root_on("/dev/b"),
       "/dev/a / ext4\n/dev/b / ext3\n/dev/b / ext2\n",
       "/dev/a / ext4\n/dev/b / ext4 defaults 0 1\n/dev/b / ext2\n"},
  }));
  CAPTURE(row.name);
  CHECK(with(row.before, row.request) == row.after);
}

TEST_CASE("same_place lists the active entries of a mount point, or of swap's device", "[guest]") {
  const Fstab fstab = Fstab::parse(
      "/dev/a / ext4\n#/dev/b / ext4 x\noverlay // overlay\n/dev/c none swap\n/dev/c swap swap\n"
      "/dev/d none swap\n");
  const auto lines = [&](const FstabRequest& request) {
    std::vector<std::size_t> found;
    for (const FstabEntry& entry : fstab.same_place(request)) found.push_back(entry.line);
    return found;
  };
  CHECK(lines(root_on("/dev/x")) == std::vector<std::size_t>{1, 3});
  CHECK(lines({"none", "/dev/c", "swap"}) == std::vector<std::size_t>{4, 5});
  CHECK(lines({"/home", "/dev/a", "ext4"}).empty());
}

TEST_CASE("set appends a line where none is active", "[guest]") {
  struct Row {
    const char* name;
    std::string before, after;
  };
  const auto row = GENERATE(values<Row>({
      {"empty", "", "/dev/vda1\t/\text4\tdefaults\t0 1\n"},
      {"in the columns of the last entry", "/dev/sda1   /boot   ext2   noatime   1 2\n",
       "/dev/sda1   /boot   ext2   noatime   1 2\n/dev/vda1   /       ext4   defaults  0 1\n"},
      {"in the columns of a commented-out entry", "#LABEL=swap\t\tnone\tswap\tsw\t0 0\n\n",
       "#LABEL=swap\t\tnone\tswap\tsw\t0 0\n\n/dev/vda1\t\t/\text4\tdefaults\t0 1\n"},
      {"columns that are not there", "proc /proc proc\n",
       "proc /proc proc\n/dev/vda1 / ext4 defaults 0 1\n"},
      {"behind a last line without a newline", "# x", "# x\n/dev/vda1\t/\text4\tdefaults\t0 1\n"},
      {"behind a carriage return", "# x\r", "# x\r\n/dev/vda1\t/\text4\tdefaults\t0 1\n"},
      {"behind a carriage return in CRLF", "# x\r\n/dev/a /a ext4 ro 0 1\r",
       "# x\r\n/dev/a /a ext4 ro 0 1\r\n/dev/vda1 / ext4 defaults 0 1\r\n"},
      {"CRLF", "# x\r\n# y", "# x\r\n# y\r\n/dev/vda1\t/\text4\tdefaults\t0 1\r\n"},
      {"a root line that no reader takes", "/dev/x / ext4 a b c\n/dev/x /\n",
       "/dev/x / ext4 a b c\n/dev/x /\n/dev/vda1\t/\text4\tdefaults\t0 1\n"},
  }));
  CAPTURE(row.name);
  CHECK(with(row.before, root_on("/dev/vda1")) == row.after);
}

TEST_CASE("set keeps what the request leaves open while the type stays", "[guest]") {
  struct Row {
    const char* name;
    FstabRequest request;
    std::string before, after;
  };
  const auto row = GENERATE(values<Row>({
      {"same type",
       {.mount_point = "/boot", .device = "/dev/b", .type = "ext2"},
       "/dev/a /boot ext2 noauto 1 2\n",
       "/dev/b /boot ext2 noauto 1 2\n"},
      {"another type",
       {.mount_point = "/boot", .device = "/dev/b", .type = "ext4"},
       "/dev/a /boot ext2 noauto   1 2\n",
       "/dev/b /boot ext4 defaults 0 0\n"},
      {"another type, root",
       {.mount_point = "/", .device = "/dev/b", .type = "ext4"},
       "/dev/a / xfs inode64  0 0\n",
       "/dev/b / ext4 defaults 0 1\n"},
      {"no fsck of root, same type",
       {.mount_point = "/", .device = "/dev/b", .type = "ext4"},
       "/dev/a / ext4 noatime 0 0\n",
       "/dev/b / ext4 noatime 0 0\n"},
      {"numbers given",
       {.mount_point = "/", .device = "/dev/a", .type = "ext4", .dump = 3, .pass = 0},
       "/dev/a / ext4 noatime 0 1\n",
       "/dev/a / ext4 noatime 3 0\n"},
      {"options given",
       {.mount_point = "/", .device = "/dev/a", .type = "ext4", .options = "ro"},
       "/dev/a / ext4 rw 0 1\n",
       "/dev/a / ext4 ro 0 1\n"},
      {"missing columns stay missing",
       {.mount_point = "/x", .device = "/dev/b", .type = "ext4"},
       "/dev/a /x ext4\n",
       "/dev/b /x ext4\n"},
      {"a missing column is made for its value",
       {.mount_point = "/x", .device = "/dev/a", .type = "ext4", .options = "ro"},
       "/dev/a /x ext4 # y\n",
       "/dev/a /x ext4 ro # y\n"},
      {"and those before it",
       {.mount_point = "/x", .device = "/dev/a", .type = "ext4", .pass = 2},
       "/dev/a\t/x\text4\n",
       "/dev/a\t/x\text4\tdefaults\t0 2\n"},
      {"a new line that is not root",
       {.mount_point = "/tmp", .device = "tmpfs", .type = "tmpfs"},
       "",
       "tmpfs\t/tmp\ttmpfs\tdefaults\t0 0\n"},
  }));
  CAPTURE(row.name);
  CHECK(with(row.before, row.request) == row.after);
}

TEST_CASE("swap is known by its device, so that there can be two", "[guest]") {
  const std::string two = "/dev/a none swap sw 0 0\n/dev/b swap swap sw 0 0\n";
  CHECK(with(two,
             {.mount_point = "none", .device = "/dev/b", .type = "swap", .options = "sw,pri=1"}) ==
        "/dev/a none swap sw 0 0\n/dev/b none swap sw,pri=1 0 0\n");
  CHECK(with(two, {.mount_point = "none", .device = "/dev/c", .type = "swap", .options = "sw"}) ==
        two + "/dev/c none swap sw 0 0\n");
  // The same device with a mount point is another entry.
  CHECK(with("/dev/a /a ext4\n",
             {.mount_point = "none", .device = "/dev/a", .type = "swap", .options = "sw"}) ==
        "/dev/a /a ext4\n/dev/a none swap sw 0 0\n");
}

TEST_CASE("add appends as set does, and nothing where the entry is there already", "[guest]") {
  const std::string text =
      "/dev/a / ext4 noatime 0 1\n#/dev/b /boot ext2 ro 0 0\n/dev/s none swap sw 0 0\n";
  struct Row {
    const char* name;
    FstabRequest request;
    std::string line;  ///< that is added
  };
  const auto row = GENERATE(values<Row>({
      {"new", {.mount_point = "/x", .device = "/dev/x", .type = "ext4"}, "/dev/x /x   ext4"},
      {"commented out",
       {.mount_point = "/boot", .device = "/dev/b", .type = "ext2", .options = "ro"},
       "/dev/b /boot ext2 ro"},
      {"another swap",
       {.mount_point = "none", .device = "/dev/t", .type = "swap", .options = "sw"},
       "/dev/t none swap sw"},
      {"there", {.mount_point = "/", .device = "/dev/a", .type = "ext4"}, ""},
      {"there, another spelling",
       {.mount_point = "//", .device = "/dev/a", .type = "ext4", .options = "noatime", .pass = 1},
       ""},
      {"swap that is there", {.mount_point = "swap", .device = "/dev/s", .type = "swap"}, ""},
  }));
  CAPTURE(row.name);
  Fstab fstab = Fstab::parse(text);
  CHECK(fstab.add(row.request) == !row.line.empty());
  CHECK(fstab.to_text().starts_with(text));
  CHECK(fstab.to_text().substr(text.size()).starts_with(row.line));
  CHECK((fstab.to_text() == text) == row.line.empty());
  const std::string once = fstab.to_text();
  CHECK_FALSE(fstab.add(row.request));
  CHECK(fstab.to_text() == once);
}

TEST_CASE("add refuses what is there in another way, and shows it", "[guest]") {
  const std::string text = "# x\n/dev/a\t/\text4\tnoatime\t0 1\n/dev/s none swap sw,pri=1\n";
  struct Row {
    const char* name;
    FstabRequest request;
    const char* reason;
  };
  const auto row = GENERATE(values<Row>({
      {"another device",
       {.mount_point = "/", .device = "/dev/b", .type = "ext4"},
       "line 2 of fstab has an entry for '/' already: '/dev/a / ext4 noatime 0 1'"},
      {"other options",
       {.mount_point = "/", .device = "/dev/a", .type = "ext4", .options = "ro"},
       "line 2 of fstab has an entry for '/' already"},
      {"another number",
       {.mount_point = "/", .device = "/dev/a", .type = "ext4", .pass = 2},
       "line 2 of fstab has an entry for '/' already"},
      {"swap",
       {.mount_point = "none", .device = "/dev/s", .type = "swap", .options = "sw"},
       "line 3 of fstab has an entry for '/dev/s' already: '/dev/s none swap sw,pri=1'"},
  }));
  CAPTURE(row.name);
  Fstab fstab = Fstab::parse(text);
  CHECK_THROWS_MATCHES(fstab.add(row.request), Error, IsError(Errc::Exists, row.reason));
  CHECK(fstab.to_text() == text);
}

TEST_CASE("two spellings of a directory are one mount point", "[guest]") {
  CHECK(
      with("/dev/a //boot/ ext4\n", {.mount_point = "/boot", .device = "/dev/b", .type = "ext4"}) ==
      "/dev/b //boot/ ext4\n");
  CHECK(
      with("/dev/a /boot ext4\n", {.mount_point = "/boot/", .device = "/dev/b", .type = "ext4"}) ==
      "/dev/b /boot ext4\n");
  CHECK(Fstab::parse("/dev/a /boot/ ext4\n").rm("/boot").changed == 1);
  CHECK(Fstab::parse("/dev/a /boot/x ext4\n").rm("/boot").matched == 0);
}

TEST_CASE("entries decodes octal escapes and nothing else", "[guest]") {
  struct Row {
    const char *text, *device;
  };
  const auto row = GENERATE(values<Row>({{"a\\040b", "a b"},
                                         {"a\\011b", "a\tb"},
                                         {"a\\134b", "a\\b"},
                                         {"a\\012b", "a\nb"},
                                         {"\\043a", "#a"},
                                         {"a\\303\\274", "a\xC3\xBC"},
                                         {"a\\377", "a\xFF"},
                                         {"a\\400", "a\\400"},
                                         {"a\\000", "a\\000"},
                                         {"a\\04", "a\\04"},
                                         {"a\\048", "a\\048"},
                                         {"a\\\\", "a\\\\"},
                                         {"a\\", "a\\"}}));
  CAPTURE(row.text);
  const auto entries = Fstab::parse(std::string(row.text) + " /x ext4\n").entries();
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].device == row.device);
}

TEST_CASE("set writes any byte but zero so that it reads back", "[guest]") {
  for (int byte = 1; byte < 256; ++byte) {
    CAPTURE(byte);
    const std::string name(1, static_cast<char>(byte));
    for (const std::string& device : {name, "a" + name + "b", name + name}) {
      Fstab fstab = Fstab::parse("# first\n");
      fstab.set(
          {.mount_point = "/m" + device, .device = device, .type = device, .options = device});
      const auto entries = fstab.entries();
      REQUIRE(entries.size() == 1);
      CHECK(entries[0] == FstabEntry{2, true, device, "/m" + device, device, device, 0, 0});
      CHECK(std::count(fstab.to_text().begin(), fstab.to_text().end(), '\n') == 2);
    }
  }
}

TEST_CASE("set writes as escapes what would be taken for something else", "[guest]") {
  CHECK(with("", {.mount_point = "/a b", .device = "#\x7F\\040", .type = "x"}) ==
        "\\043\\177\\134040\t/a\\040b\tx\tdefaults\t0 0\n");
}

TEST_CASE("entries takes what libmount takes, and of comments what looks like an entry",
          "[guest]") {
  struct Row {
    const char* name;
    std::string line;
    std::vector<FstabEntry> entries;
  };
  const auto row = GENERATE(values<Row>({
      {"three fields", "/dev/a / ext4", {{1, true, "/dev/a", "/", "ext4", "defaults", 0, 0}}},
      {"two fields", "/dev/a /", {}},
      {"five fields", "/dev/a / ext4 ro 1", {{1, true, "/dev/a", "/", "ext4", "ro", 1, 0}}},
      {"a comment behind three fields",
       "/dev/a / ext4 # ro 1 2",
       {{1, true, "/dev/a", "/", "ext4", "defaults", 0, 0}}},
      {"a comment behind five",
       "/dev/a / ext4 ro 1 #2",
       {{1, true, "/dev/a", "/", "ext4", "ro", 1, 0}}},
      {"a number sign in a name",
       "a#b /#c ext4",
       {{1, true, "a#b", "/#c", "ext4", "defaults", 0, 0}}},
      {"a blank that was not escaped", "/dev/a /my disk ext4 defaults 0 1", {}},
      {"a negative number", "/dev/a / ext4 ro -1 0", {}},
      {"the largest number",
       "/dev/a / ext4 ro 0 4294967295",
       {{1, true, "/dev/a", "/", "ext4", "ro", 0, 4294967295}}},
      {"one more", "/dev/a / ext4 ro 0 4294967296", {}},
      {"a zero byte", std::string("/dev/a / ext4 ro 0 0 \0", 22), {}},
      {"commented out", "#/dev/a / ext4 ro 0 1", {{1, false, "/dev/a", "/", "ext4", "ro", 0, 1}}},
      {"commented out twice, with blanks",
       " ## \t/dev/a none swap sw",
       {{1, false, "/dev/a", "none", "swap", "sw", 0, 0}}},
      {"a comment of three fields",
       "# /dev/a / ext4",
       {{1, false, "/dev/a", "/", "ext4", "defaults", 0, 0}}},
      {"a comment of three fields, with a tag",
       "#LABEL=a / ext4",
       {{1, false, "LABEL=a", "/", "ext4", "defaults", 0, 0}}},
      {"prose of three words", "# see /proc/mounts too", {}},
      {"prose", "# put the root filesystem here", {}},
      {"the names of the columns", "# <fs>\t<mountpoint>\t<type>\t<opts>\t<dump> <pass>", {}},
      {"Debian's names of the columns",
       "# <file system> <mount point>   <type>  <options>       <dump>  <pass>",
       {}},
      {"a comment with words for numbers", "# see /etc for more words here", {}},
      {"blanks", " \t ", {}},
      {"number signs", "####", {}},
  }));
  CAPTURE(row.name);
  CHECK(Fstab::parse(row.line).entries() == row.entries);
  CHECK(Fstab::parse("\n" + row.line + "\r\n").entries().size() == row.entries.size());
}

TEST_CASE("rm and comment say how many lines they met and how many they changed", "[guest]") {
  const std::string text =
      "/dev/BOOT /boot ext2\n#/dev/SWAP none swap sw\n/dev/SWAP none swap sw\n/dev/sda1 /a "
      "ext4\n/dev/sda2 /b ext4\n/dev/sda1\n";
  struct Row {
    const char* pattern;
    EditCount comment, rm;
  };
  const auto row = GENERATE(values<Row>({{"/dev/BOOT", {1, 1}, {1, 1}},
                                         {"/boot", {1, 1}, {1, 1}},
                                         {"/boot/", {1, 1}, {1, 1}},
                                         {"/dev/SWAP", {2, 1}, {1, 1}},
                                         {"none", {2, 1}, {1, 1}},
                                         {"/dev/sda?", {2, 2}, {2, 2}},
                                         {"/[ab]", {2, 2}, {2, 2}},
                                         {"*", {5, 4}, {4, 4}},
                                         {"/dev/sd", {0, 0}, {0, 0}},
                                         {"ext4", {0, 0}, {0, 0}}}));
  CAPTURE(row.pattern);
  Fstab commented = Fstab::parse(text);
  CHECK(commented.comment(row.pattern) == row.comment);
  CHECK(commented.comment(row.pattern) == EditCount{row.comment.matched, 0});
  CHECK(commented.to_text().size() == text.size() + row.comment.changed);
  Fstab removed = Fstab::parse(text);
  CHECK(removed.rm(row.pattern) == row.rm);
  CHECK(lines_of(removed.to_text()).size() == 6 - row.rm.changed);
  CHECK(removed.rm(row.pattern) == EditCount{0, 0});
}

TEST_CASE("a device with glob characters is found by its own name", "[guest]") {
  CHECK(Fstab::parse("a[1] /x ext4\n").rm("a[1]").changed == 1);
  CHECK(Fstab::parse("a1 /x ext4\n").rm("a[1]").changed == 1);
}

TEST_CASE("comment puts a number sign at the start of the line and keeps the line", "[guest]") {
  Fstab fstab = Fstab::parse("\t/dev/a / ext4\r\n/dev/b /b ext4 # x");
  fstab.comment("*");
  CHECK(fstab.to_text() == "#\t/dev/a / ext4\r\n#/dev/b /b ext4 # x");
}

TEST_CASE("an entry that is added and removed leaves the text as it was", "[guest]") {
  for (const TextFile& file : fstabs()) {
    CAPTURE(file.name);
    Fstab fstab = Fstab::parse(file.text);
    fstab.set({.mount_point = "/tmp", .device = "tmpfs", .type = "tmpfs"});
    REQUIRE(fstab.to_text() != file.text);
    fstab.rm("/tmp");
    CHECK(fstab.to_text() == file.text);
  }
}

TEST_CASE("a request that fstab cannot hold is refused, and the text stays", "[guest]") {
  struct Row {
    const char* name;
    FstabRequest request;
    const char* reason;
  };
  const auto row = GENERATE(values<Row>({
      {"no mount point",
       {.mount_point = "", .device = "/dev/a", .type = "ext4"},
       "the mount point of an fstab entry is empty"},
      {"no device",
       {.mount_point = "/", .device = "", .type = "ext4"},
       "the device of an fstab entry is empty"},
      {"no type",
       {.mount_point = "/", .device = "/dev/a", .type = ""},
       "the type of an fstab entry is empty"},
      {"no options",
       {.mount_point = "/", .device = "/dev/a", .type = "ext4", .options = ""},
       "the options of an fstab entry is empty"},
      {"relative",
       {.mount_point = "boot", .device = "/dev/a", .type = "ext4"},
       "the mount point 'boot' of an fstab entry is neither absolute nor 'none' nor 'swap'"},
      {"a device and a directory",
       {.mount_point = "/dev/sda1", .device = "/data", .type = "ext4"},
       "the mount point '/dev/sda1' and the device '/data' of an fstab entry seem to be swapped"},
      {"a tag and a directory",
       {.mount_point = "UUID=1", .device = "/", .type = "ext4"},
       "the mount point 'UUID=1' and the device '/' of an fstab entry seem to be swapped"},
      {"a name and a directory",
       {.mount_point = "tmpfs", .device = "/tmp", .type = "tmpfs"},
       "seem to be swapped"},
      {"swap and its place",
       {.mount_point = "/dev/sda2", .device = "none", .type = "swap"},
       "seem to be swapped"},
      {"swap in a directory",
       {.mount_point = "/swap", .device = "/dev/sda2", .type = "swap"},
       "the mount point '/swap' of swap space is neither 'none' nor 'swap'"},
      {"two devices",
       {.mount_point = "/dev/sda1", .device = "/dev/sda2", .type = "ext4"},
       "the mount point '/dev/sda1' of an fstab entry is among the devices"},
      {"a tag and a device",
       {.mount_point = "//dev/sda1", .device = "LABEL=x", .type = "ext4"},
       "the mount point '//dev/sda1' of an fstab entry is among the devices"},
      {"zero byte in the mount point",
       {.mount_point = std::string("/a\0", 3), .device = "/dev/a", .type = "ext4"},
       "the mount point '/a\\x00' of an fstab entry holds a zero byte"},
      {"zero byte in the device",
       {.mount_point = "/", .device = std::string("\0", 1), .type = "ext4"},
       "the device '\\x00' of an fstab entry holds a zero byte"},
  }));
  CAPTURE(row.name);
  Fstab fstab = Fstab::parse("/dev/x / ext4\n");
  REQUIRE_THROWS_MATCHES(fstab.set(row.request), Error, IsError(Errc::Usage, row.reason));
  REQUIRE_THROWS_MATCHES(fstab.add(row.request), Error, IsError(Errc::Usage, row.reason));
  CHECK(fstab.to_text() == "/dev/x / ext4\n");
}

TEST_CASE("what has no device is mounted below /dev, too", "[guest]") {
  for (const FstabRequest& request :
       {FstabRequest{.mount_point = "/dev/shm", .device = "tmpfs", .type = "tmpfs"},
        FstabRequest{.mount_point = "/dev/shm", .device = "none", .type = "tmpfs"},
        FstabRequest{.mount_point = "/dev/pts", .device = "devpts", .type = "devpts"},
        FstabRequest{.mount_point = "/dev", .device = "udev", .type = "devtmpfs"},
        FstabRequest{
            .mount_point = "/dev/shm", .device = "/run/shm", .type = "none", .options = "bind"}}) {
    CAPTURE(request.mount_point, request.device);
    CHECK(Fstab::parse("").set(request));
    CHECK(Fstab::parse("").add(request));
  }
}

TEST_CASE("an empty pattern is refused", "[guest]") {
  Fstab fstab = Fstab::parse("/dev/x / ext4\n");
  REQUIRE_THROWS_MATCHES(
      fstab.rm(""), Error,
      IsError(Errc::Usage, "the mount point or device to look for in fstab is empty"));
  REQUIRE_THROWS_MATCHES(fstab.comment(""), Error,
                         IsError(Errc::Usage, "to look for in fstab is empty"));
  CHECK(fstab.to_text() == "/dev/x / ext4\n");
}

TEST_CASE("a huge fstab takes a moment, and its lines stay", "[guest]") {
  const std::string million = [] {
    std::string text;
    for (int i = 0; i < 1'000'000; ++i)
      text += i % 3 == 0 ? "#\n" : i % 3 == 1 ? "/dev/a /a ext4\n" : "/dev/a /\n";
    return text;
  }();
  CHECK(with(million, {.mount_point = "/b", .device = "/dev/b", .type = "ext4"}) ==
        million + "/dev/b /b ext4 defaults 0 0\n");
  Fstab fstab = Fstab::parse(million);
  CHECK(fstab.rm("/a").changed == 333'333);

  const std::string long_field = std::string(1'000'000, 'x') + "\t/\text4\n", many_fields = [] {
    std::string text = "/dev/a /a ext4 ro 0 0";
    for (int i = 0; i < 500'000; ++i) text += " x";
    return text + "\n";
  }();
  CHECK(with(long_field, root_on("/dev/b")) == "/dev/b\t/\text4\n");
  CHECK(with(many_fields, {.mount_point = "/a", .device = "/dev/b", .type = "ext4"}) ==
        replaced(many_fields, "/dev/a", "/dev/b"));
}

TEST_CASE("bytes that are no text pass through an edit", "[guest]") {
  std::string junk;
  for (int i = 0; i < 70'000; ++i) junk += static_cast<char>((i * 7919 + i / 256) % 256);
  junk += "\n/dev/x / ext4\n";
  CHECK(with(junk, root_on("/dev/y")) == replaced(junk, "/dev/x / ext4", "/dev/y / ext4"));
}
