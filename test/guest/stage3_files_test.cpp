// SPDX-License-Identifier: MIT
// What gem5's users do to a stage3: a root line that is right, no login on terminals that are not
// there, one on the serial line.
#include "guest/stage3_files.h"

#include <map>

#include <rawimg/fstab.h>
#include <rawimg/inittab.h>
#include <catch2/catch.hpp>

#include "guest/string_makers.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

const FstabRequest kRoot{
    .mount_point = "/", .device = "PARTUUID=0badcafe-01", .type = "ext2", .options = "noatime"};

std::string prepared_fstab(const std::string& text) {
  Fstab fstab = Fstab::parse(text);
  for (const char* placeholder :
       {"/dev/BOOT", "/dev/SWAP", "/dev/cdrom", "/dev/fd*", "LABEL=boot", "LABEL=swap"})
    fstab.comment(placeholder);
  fstab.set(kRoot);
  return fstab.to_text();
}

std::string prepared_inittab(const std::string& text) {
  Inittab inittab = Inittab::parse(text);
  inittab.comment("c[1-6]");
  inittab.set("s0:12345:respawn:/sbin/agetty -L 115200 ttyS0 vt100");
  inittab.set("g5:3:wait:/sbin/run-script");
  return inittab.to_text();
}

}  // namespace

TEST_CASE("every era's fstab ends up with one active root line, and no placeholder is active",
          "[guest]") {
  const TextFile file = GENERATE(from_range(fstabs()));
  CAPTURE(file.name);
  const std::string text = prepared_fstab(file.text);
  CAPTURE(text);
  std::vector<FstabEntry> active;
  for (const FstabEntry& entry : Fstab::parse(text).entries())
    if (entry.active && entry.type != "tmpfs") active.push_back(entry);
  REQUIRE(active.size() == 1);
  CHECK(active[0] ==
        FstabEntry{active[0].line, true, "PARTUUID=0badcafe-01", "/", "ext2", "noatime", 0, 1});
  CHECK(prepared_fstab(text) == text);
}

TEST_CASE("in every era's fstab nothing but the lines asked for changes", "[guest]") {
  const std::vector<TextFile> files = fstabs();
  const std::string root = "PARTUUID=0badcafe-01\t/\t\text2\t\tnoatime\t\t0 1\n";
  CHECK(prepared_fstab(files[0].text) == [&] {
    std::string text = replaced(files[0].text, "/dev/ROOT\t\t/\t\text3\t\tnoatime\t\t0 1\n", root);
    for (const char* device : {"/dev/BOOT", "/dev/SWAP", "/dev/cdrom", "/dev/fd0"})
      text = replaced(text, device, std::string("#") + device);
    return text;
  }());
  CHECK(prepared_fstab(files[1].text) == [&] {
    std::string text = replaced(files[1].text, "LABEL=root\t\t/\t\text4\t\tnoatime\t\t0 1\n", root);
    for (const char* device : {"LABEL=boot", "LABEL=swap", "/dev/cdrom"})
      text = replaced(text, device, std::string("#") + device);
    return text;
  }());
  CHECK(prepared_fstab(files[2].text) == files[2].text + root);
  CHECK(prepared_fstab(files[3].text) == files[3].text + root);
}

TEST_CASE("every stage3's inittab ends up with the serial console and the hook alone", "[guest]") {
  const TextFile file = GENERATE(from_range(sysvinit_inittabs()));
  CAPTURE(file.name);
  REQUIRE(Inittab::parse(file.text).style() == InittabStyle::Sysvinit);
  const std::string text = prepared_inittab(file.text);
  CAPTURE(text);
  std::map<std::string, InittabEntry> active;
  for (const InittabEntry& entry : Inittab::parse(text).entries()) {
    if (!entry.active) continue;
    CHECK(entry.id.size() <= 4);
    CHECK(active.emplace(entry.id, entry).second);
  }
  for (const char* id : {"c1", "c2", "c3", "c4", "c5", "c6"}) CHECK(active.count(id) == 0);
  CHECK(active["s0"].process == "/sbin/agetty -L 115200 ttyS0 vt100");
  CHECK(active["g5"].action == "wait");
  CHECK(active["id"].runlevels == "3");
  CHECK(active.count("s1") == 0);
  CHECK(prepared_inittab(text) == text);
}

TEST_CASE("in every stage3's inittab nothing but the lines asked for changes", "[guest]") {
  const TextFile file = GENERATE(from_range(sysvinit_inittabs()));
  CAPTURE(file.name);
  std::vector<std::string> expected = lines_of(file.text);
  for (std::string& line : expected) {
    if (line.size() > 2 && line[0] == 'c' && line[1] >= '1' && line[1] <= '6') line = "#" + line;
    if (line.rfind("#s0:", 0) == 0 || line.rfind("s0:", 0) == 0)
      line = "s0:12345:respawn:/sbin/agetty -L 115200 ttyS0 vt100\n";
  }
  expected.push_back("g5:3:wait:/sbin/run-script\n");
  CHECK(lines_of(prepared_inittab(file.text)) == expected);
}

TEST_CASE("busybox's inittab is known as such, and keeps its many lines without an id", "[guest]") {
  const TextFile file = GENERATE(from_range(busybox_inittabs()));
  CAPTURE(file.name);
  Inittab inittab = Inittab::parse(file.text);
  REQUIRE(inittab.style() == InittabStyle::Busybox);
  CHECK(inittab.set("::sysinit:/sbin/run-script"));
  CHECK_FALSE(inittab.set("::sysinit:/sbin/run-script"));
  CHECK(inittab.to_text() == file.text + "::sysinit:/sbin/run-script\n");
}
