// SPDX-License-Identifier: MIT
#include <rawimg/inittab.h>

#include <rawimg/error.h>
#include <catch2/catch.hpp>

#include "guest/stage3_files.h"
#include "guest/string_makers.h"
#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

const std::string kShort =
    "id:3:initdefault:\nsi::sysinit:/sbin/openrc sysinit\nc1:12345:respawn:/sbin/agetty 38400 tty1 "
    "linux\n";

std::string with(const std::string& text, const std::string& line) {
  Inittab inittab = Inittab::parse(text);
  const bool changed = inittab.set(line);
  CHECK(changed == (inittab.to_text() != text));
  const std::string once = inittab.to_text();
  CHECK_FALSE(inittab.set(line));
  CHECK(inittab.to_text() == once);
  return once;
}

}  // namespace

TEST_CASE("set puts a line where its id is, or at the end", "[guest]") {
  struct Row {
    const char* name;
    std::string before, line, after;
  };
  const auto row = GENERATE(values<Row>({
      {"new", "a:3:wait:/a\n", "b:3:wait:/b", "a:3:wait:/a\nb:3:wait:/b\n"},
      {"into an empty file", "", "b:3:wait:/b", "b:3:wait:/b\n"},
      {"behind a last line without a newline", "a:3:wait:/a", "b:3:wait:/b",
       "a:3:wait:/a\nb:3:wait:/b\n"},
      {"in place", "a:3:wait:/a\nb:3:wait:/b\n", "a:5:once:/c", "a:5:once:/c\nb:3:wait:/b\n"},
      {"in place, with another end of line", "a:3:wait:/a\r\nb:3:wait:/b", "b:5:once:/c",
       "a:3:wait:/a\r\nb:5:once:/c"},
      {"appended, behind a carriage return", "a:3:wait:/a\r\nc:3:wait:/c\r", "b:5:once:/c",
       "a:3:wait:/a\r\nc:3:wait:/c\r\nb:5:once:/c\r\n"},
      {"appended, with CRLF", "a:3:wait:/a\r\n", "b:5:once:/c", "a:3:wait:/a\r\nb:5:once:/c\r\n"},
      {"there already", "a:3:wait:/a\n", "a:3:wait:/a", "a:3:wait:/a\n"},
      {"commented out", "# s0 is off\n#s0:12345:respawn:/old\na:3:wait:/a\n", "s0:3:respawn:/new",
       "# s0 is off\ns0:3:respawn:/new\na:3:wait:/a\n"},
      {"commented out twice", "# s0:3:respawn:/x\n#s0:3:respawn:/y\n", "s0:3:respawn:/new",
       "s0:3:respawn:/new\n#s0:3:respawn:/y\n"},
      {"commented out and active", "#s0:3:respawn:/x\ns0:3:respawn:/y\n", "s0:3:respawn:/new",
       "#s0:3:respawn:/x\ns0:3:respawn:/new\n"},
      {"several active ones", "a:3:wait:/a\nb:3:wait:/b\na:4:wait:/c\n", "a:3:wait:/d",
       "a:3:wait:/d\nb:3:wait:/b\n"},
      {"several active ones, the first is right", "a:3:wait:/a\nb:3:wait:/b\na:4:wait:/c\n",
       "a:3:wait:/a", "a:3:wait:/a\nb:3:wait:/b\n"},
      {"prose that starts with the id", "# s0: the line for serial: respawn: it\n",
       "s0:3:respawn:/new", "# s0: the line for serial: respawn: it\ns0:3:respawn:/new\n"},
      {"a comment without an action", "#x1:\n", "x1:3:respawn:/new", "#x1:\nx1:3:respawn:/new\n"},
      {"a line that init skips", "a:3:wiat:/a\n", "a:3:wait:/a", "a:3:wiat:/a\na:3:wait:/a\n"},
      {"an id is not a prefix", "s00:3:wait:/a\n", "s0:3:wait:/a", "s00:3:wait:/a\ns0:3:wait:/a\n"},
      {"ids have their case", "A:3:wait:/a\n", "a:3:wait:/a", "A:3:wait:/a\na:3:wait:/a\n"},
      {"colons in the process", "a:3:wait:/a b:c\n", "a:3:wait:/a b:d:", "a:3:wait:/a b:d:\n"},
      {"the default runlevel", kShort, "id:5:initdefault:", replaced(kShort, "id:3:", "id:5:")},
      {"beside a default runlevel that is commented out", "#dl:5:initdefault:\na:3:wait:/a\n",
       "id:3:initdefault:", "#dl:5:initdefault:\na:3:wait:/a\nid:3:initdefault:\n"},
      {"a tab in the process", "a:3:wait:/a\n", "a:3:wait:/b\tc", "a:3:wait:/b\tc\n"},
      {"no runlevels", "a:3:wait:/a\n", "b::bootwait:/b", "a:3:wait:/a\nb::bootwait:/b\n"},
      {"off, without a process", "a:3:wait:/a\n", "b:3:off:", "a:3:wait:/a\nb:3:off:\n"},
      {"busybox, a terminal and an action", "::sysinit:/a\ntty1::respawn:/b\ntty1::wait:/c\n",
       "tty1::respawn:/d", "::sysinit:/a\ntty1::respawn:/d\ntty1::wait:/c\n"},
      {"busybox, the same terminal by another name", "::sysinit:/a\n/dev/tty1::respawn:/b\n",
       "tty1::respawn:/d", "::sysinit:/a\ntty1::respawn:/d\n"},
      {"busybox, commented out", "::sysinit:/a\n#tty2::askfirst:-/bin/sh\n", "tty2::askfirst:/b",
       "::sysinit:/a\ntty2::askfirst:/b\n"},
      {"busybox, without an id", "::sysinit:/a\n", "::sysinit:/b", "::sysinit:/a\n::sysinit:/b\n"},
      {"busybox, without an id, commented out", "::sysinit:/a\n#::respawn:/b\n", "::respawn:/b",
       "::sysinit:/a\n::respawn:/b\n"},
      {"busybox, a long id", "::sysinit:/a\n", "ttyAMA0::respawn:/b",
       "::sysinit:/a\nttyAMA0::respawn:/b\n"},
      {"busybox, a file of comments", "# none yet\n", "::sysinit:/b", "# none yet\n::sysinit:/b\n"},
  }));
  CAPTURE(row.name);
  CHECK(with(row.before, row.line) == row.after);
}

TEST_CASE("add appends a line, and nothing where it is there already", "[guest]") {
  struct Row {
    const char* name;
    std::string before, line, after;
  };
  const auto row = GENERATE(values<Row>({
      {"new", "a:3:wait:/a", "b:3:wait:/b", "a:3:wait:/a\nb:3:wait:/b\n"},
      {"there", "a:3:WAIT:/a\n", "a:3:wait:/a", "a:3:WAIT:/a\n"},
      {"commented out", "#a:3:wait:/a\n", "a:3:wait:/a", "#a:3:wait:/a\na:3:wait:/a\n"},
      {"the default runlevel", "id:3:initdefault:\n", "id:3:initdefault:", "id:3:initdefault:\n"},
      {"busybox, the same terminal with another action", "tty1::askfirst:/a\n", "tty1::wait:/b",
       "tty1::askfirst:/a\ntty1::wait:/b\n"},
      {"busybox, without an id", "::sysinit:/a\n", "::sysinit:/b", "::sysinit:/a\n::sysinit:/b\n"},
  }));
  CAPTURE(row.name);
  Inittab inittab = Inittab::parse(row.before);
  CHECK(inittab.add(row.line) == (row.after != row.before));
  CHECK(inittab.to_text() == row.after);
  CHECK_FALSE(inittab.add(row.line));
  CHECK(inittab.to_text() == row.after);
}

TEST_CASE("inittab's add refuses an id that is there in another way, and shows its line",
          "[guest]") {
  struct Row {
    const char* name;
    std::string text, line;
    Errc code;
    const char* reason;
  };
  const auto row = GENERATE_COPY(values<Row>({
      {"another process", "#x\na:3:wait:/a\n", "a:3:wait:/b", Errc::Exists,
       "line 2 of inittab has the id 'a' already: 'a:3:wait:/a'"},
      {"other runlevels", "a:3:wait:/a\n", "a:5:wait:/a", Errc::Exists, "'a:3:wait:/a'"},
      {"another action", "a:3:wait:/a\n", "a:3:once:/a", Errc::Exists, "'a:3:wait:/a'"},
      {"busybox", "tty1::askfirst:/a\n", "/dev/tty1::askfirst:/b", Errc::Exists,
       "line 1 of inittab has the id 'tty1' already"},
      {"the default runlevel", "id:3:initdefault:\n", "id:5:initdefault:", Errc::Exists,
       "'id:3:initdefault:'"},
      {"a second default runlevel", "id:3:initdefault:\n", "dl:3:initdefault:", Errc::Usage,
       "line 1 has the default runlevel already"},
      {"a line that init would skip", "", "a:3:wiat:/a", Errc::Usage, "does not know the action"},
  }));
  CAPTURE(row.name);
  Inittab inittab = Inittab::parse(row.text);
  CHECK_THROWS_MATCHES(inittab.add(row.line), Error, IsError(row.code, row.reason));
  CHECK(inittab.to_text() == row.text);
}

TEST_CASE("a line that init would skip or that breaks the file is refused, and the text stays",
          "[guest]") {
  struct Row {
    const char* name;
    std::string text, line, reason;
  };
  const std::string busybox = "::sysinit:/a\n";
  const auto row = GENERATE_COPY(values<Row>({
      {"empty", kShort, "", "inittab line '': 1 of the 4 fields id:runlevels:action:process"},
      {"two fields", kShort, "g5:3", "inittab line 'g5:3': 2 of the 4 fields"},
      {"three fields", kShort, "g5:3:wait", "3 of the 4 fields"},
      {"a newline", kShort, "g5:3:wait:/a\nb",
       "inittab line 'g5:3:wait:/a\\nb': a control byte would break the line"},
      {"a carriage return", kShort, "g5:3:wait:/a\r", "a control byte would break the line"},
      {"a zero byte", kShort, std::string("g5:3:wait:/a\0", 13),
       "a control byte would break the line"},
      {"a comment", kShort, "#g5:3:wait:/a", "the id '#g5' holds a blank or a number sign"},
      {"a blank in the id", kShort, " g5:3:wait:/a", "the id ' g5' holds a blank"},
      {"no id", kShort, ":3:wait:/a", "the id '' has 0 bytes; sysvinit's have 1 to 4"},
      {"a long id", kShort, "ttyS0:3:wait:/a",
       "the id 'ttyS0' has 5 bytes; sysvinit's have 1 to 4"},
      {"a long id in a file without entries", "", "ttyS0:3:wait:/a", "the id 'ttyS0' has 5 bytes"},
      {"a typo", kShort, "g5:3:wiat:/a",
       "sysvinit does not know the action 'wiat'; it has respawn, wait, once,"},
      {"busybox's action", kShort, "g5:3:askfirst:/a",
       "sysvinit does not know the action 'askfirst'"},
      {"sysvinit's action", busybox, "g5:3:bootwait:/a",
       "busybox does not know the action 'bootwait'; it has sysinit, wait, once, respawn, "
       "askfirst,"},
      {"no action", kShort, "g5:3::/a", "sysvinit does not know the action ''"},
      {"no process", kShort, "g5:3:wait:", "inittab line 'g5:3:wait:': no process"},
      {"busybox, no process", busybox, "::wait:", "no process"},
      {"a runlevel that is none", kShort, "g5:3x:wait:/a",
       "the runlevel 'x' is none of 0-9, S and A-C"},
      {"12 runlevels", kShort, "g5:0123456789SA:wait:/a",
       "12 runlevels; sysvinit takes at most 11"},
      {"128 bytes", kShort, "g5:3:wait:" + std::string(128, 'x'),
       "the process has 128 bytes; sysvinit takes at most 127"},
      {"two default runlevels", kShort,
       "dl:5:initdefault:", "line 1 has the default runlevel already, with the id 'id'"},
      {"no default runlevel", kShort, "id::initdefault:", "initdefault takes exactly one runlevel"},
      {"default runlevels", kShort, "id:35:initdefault:", "initdefault takes exactly one runlevel"},
  }));
  CAPTURE(row.name);
  Inittab inittab = Inittab::parse(row.text);
  REQUIRE_THROWS_MATCHES(inittab.set(row.line), Error, IsError(Errc::Usage, row.reason));
  CHECK(inittab.to_text() == row.text);
}

TEST_CASE("set takes what sysvinit's buffers just hold", "[guest]") {
  for (const std::string& line :
       {std::string("abcd:3:wait:/a"), std::string("a:0123456789S:wait:/a"),
        "a:3:wait:" + std::string(127, 'x')}) {
    CAPTURE(line);
    CHECK(with(kShort, line) == kShort + line + "\n");
  }
}

TEST_CASE("every action of sysvinit is known, and every one of busybox", "[guest]") {
  for (const char* action :
       {"respawn", "wait", "once", "boot", "bootwait", "off", "ondemand", "sysinit", "powerwait",
        "powerfail", "powerokwait", "powerfailnow", "ctrlaltdel", "kbrequest"})
    CHECK_NOTHROW(Inittab::parse(kShort).set("zz:3:" + std::string(action) + ":/a"));
  for (const char* action :
       {"sysinit", "wait", "once", "respawn", "askfirst", "ctrlaltdel", "shutdown", "restart"})
    CHECK_NOTHROW(Inittab::parse("::sysinit:/a\n").set("::" + std::string(action) + ":/b"));
}

TEST_CASE("entries tells active lines, commented-out ones and the rest apart", "[guest]") {
  struct Row {
    const char* name;
    std::string line;
    std::vector<InittabEntry> entries;
  };
  const auto row = GENERATE(values<Row>({
      {"plain",
       "c1:2345:respawn:/sbin/agetty 38400 tty1 linux",
       {{1, true, "c1", "2345", "respawn", "/sbin/agetty 38400 tty1 linux"}}},
      {"indented", " \tc1:2:wait:/a ", {{1, true, "c1", "2", "wait", "/a "}}},
      {"the case of an action", "c1:2:WAIT:/a", {{1, true, "c1", "2", "wait", "/a"}}},
      {"commented out", "  # #c1:2:wait:/a", {{1, false, "c1", "2", "wait", "/a"}}},
      {"no id", "::askfirst:-/bin/sh", {{1, true, "", "", "askfirst", "-/bin/sh"}}},
      {"three fields", "c1:2:wait", {}},
      {"an unknown action", "c1:2:wiat:/a", {}},
      {"a zero byte", std::string("c1:2:wait:/a\0", 13), {}},
      {"prose", "# Format: id:runlevels:action:process", {}},
      {"prose with an action", "# two words:2:wait:/a", {}},
      {"prose with runlevels", "# id:level:wait:/a", {}},
      {"only colons", ":::", {}},
      {"nothing", "", {}},
  }));
  CAPTURE(row.name);
  CHECK(Inittab::parse(row.line).entries() == row.entries);
  CHECK(Inittab::parse("\n" + row.line + "\r\n").entries().size() == row.entries.size());
}

TEST_CASE("a commented-out line does not make a file busybox's", "[guest]") {
  CHECK(Inittab::parse(kShort + "#::askfirst:/a\n").style() == InittabStyle::Sysvinit);
  CHECK(Inittab::parse(kShort + "::respawn:/a\n").style() == InittabStyle::Busybox);
  CHECK(Inittab::parse(kShort + "tty1::askfirst:/a\n").style() == InittabStyle::Busybox);
  CHECK(Inittab::parse("").style() == InittabStyle::Sysvinit);
}

TEST_CASE("inittab's rm and comment say how many lines they met and how many they changed",
          "[guest]") {
  const std::string text =
      "c1:2:wait:/a\nc2:2:wait:/b\n#c3:2:wait:/c\nca:2:wait:/d\nc1:2:wiat:/e\n# c1\n";
  struct Row {
    const char* pattern;
    EditCount comment, rm;
  };
  const auto row = GENERATE(values<Row>({{"c1", {1, 1}, {1, 1}},
                                         {"c[1-6]", {3, 2}, {2, 2}},
                                         {"c3", {1, 0}, {0, 0}},
                                         {"c*", {4, 3}, {3, 3}},
                                         {"c", {0, 0}, {0, 0}},
                                         {"x?", {0, 0}, {0, 0}}}));
  CAPTURE(row.pattern);
  Inittab commented = Inittab::parse(text);
  CHECK(commented.comment(row.pattern) == row.comment);
  CHECK(commented.comment(row.pattern) == EditCount{row.comment.matched, 0});
  CHECK(commented.to_text().size() == text.size() + row.comment.changed);
  Inittab removed = Inittab::parse(text);
  CHECK(removed.rm(row.pattern) == row.rm);
  CHECK(lines_of(removed.to_text()).size() == 6 - row.rm.changed);
}

TEST_CASE("an id with glob characters is found by its own name", "[guest]") {
  CHECK(Inittab::parse("a[b]:3:wait:/a\n").rm("a[b]").changed == 1);
  CHECK(Inittab::parse("ab:3:wait:/a\n").rm("a[b]").changed == 1);
}

TEST_CASE("inittab's comment puts a number sign at the start of the line and keeps the line",
          "[guest]") {
  Inittab inittab = Inittab::parse(" c1:2:wait:/a\r\nc2:2:wait:/b");
  inittab.comment("c*");
  CHECK(inittab.to_text() == "# c1:2:wait:/a\r\n#c2:2:wait:/b");
}

TEST_CASE("an empty id to look for is refused", "[guest]") {
  Inittab inittab = Inittab::parse("::sysinit:/a\n");
  REQUIRE_THROWS_MATCHES(inittab.rm(""), Error,
                         IsError(Errc::Usage, "the id to look for in inittab is empty"));
  REQUIRE_THROWS_MATCHES(inittab.comment(""), Error,
                         IsError(Errc::Usage, "the id to look for in inittab is empty"));
  CHECK(inittab.to_text() == "::sysinit:/a\n");
}

TEST_CASE("a huge inittab takes a moment, and its lines stay", "[guest]") {
  std::string million;
  for (int i = 0; i < 1'000'000; ++i) million += i % 2 == 0 ? "a:3:wait:/a\n" : "#b:3:wait:/b\n";
  Inittab inittab = Inittab::parse(million);
  CHECK(inittab.comment("a").changed == 500'000);
  CHECK(inittab.set("b:3:wait:/c"));
  CHECK(inittab.to_text().size() == million.size() + 500'000 - 1);

  const std::string long_line = "a:3:wait:" + std::string(1'000'000, ':') + "\n";
  CHECK(with(long_line, "b:3:wait:/b") == long_line + "b:3:wait:/b\n");
}

TEST_CASE("bytes that are no text pass through an edit of inittab", "[guest]") {
  std::string junk;
  for (int i = 0; i < 70'000; ++i) junk += static_cast<char>((i * 7919 + i / 256) % 256);
  junk += "\na:3:wait:/a\n";
  CHECK(with(junk, "a:3:wait:/b") == replaced(junk, "a:3:wait:/a", "a:3:wait:/b"));
}
