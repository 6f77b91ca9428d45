// SPDX-License-Identifier: MIT
// What gem5 makes of the texts of an inittab and of an fstab.
#include <rawimg/fstab.h>
#include <rawimg/gem5.h>

#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

#include "guest/stage3_files.h"
#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;
using Catch::Contains;

namespace {

std::vector<InittabEntry> active(const std::string& text) {
  std::vector<InittabEntry> entries = Inittab::parse(text).entries();
  std::erase_if(entries, [](const InittabEntry& entry) { return !entry.active; });
  return entries;
}

}  // namespace

TEST_CASE("an inittab of sysvinit runs the script and no login in its runlevels", "[guest][gem5]") {
  for (const TextFile& file : sysvinit_inittabs()) {
    CAPTURE(file.name);
    const std::string text = gem5_inittab(file.text, InittabStyle::Sysvinit);
    std::vector<std::string> started;
    std::set<std::string> ids;
    for (const InittabEntry& entry : active(text)) {
      CHECK(entry.id.size() <= 4);
      CHECK(ids.insert(entry.id).second);
      CHECK(entry.process.find("getty") == std::string::npos);
      CHECK(entry.action != "sysinit");
      CHECK(entry.action != "bootwait");
      if (entry.runlevels.find('3') != std::string::npos && entry.action != "initdefault" &&
          entry.action != "ctrlaltdel")
        started.push_back(entry.process);
    }
    CHECK(started == std::vector<std::string>{"/sbin/gem5-start"});
    CHECK(ids.contains("id"));
    CHECK(ids.contains("l0"));
    CHECK(ids.contains("su0"));
    CHECK(gem5_inittab(text, InittabStyle::Sysvinit) == text);
    CHECK(without_gem5_inittab(text) == file.text);
  }
}

TEST_CASE("an inittab of busybox keeps what makes it usable and loses its shells",
          "[guest][gem5]") {
  const std::string by_hand = gem5_inittab(busybox_inittabs()[0].text, InittabStyle::Busybox);
  CHECK_THAT(by_hand, Contains("\n::sysinit:/bin/busybox --install -s\n") &&
                          Contains("\n#gem5# /dev/console::sysinit:-/bin/ash\n") &&
                          Contains("\n::wait:/sbin/gem5-start\n"));
  const std::string buildroot = gem5_inittab(busybox_inittabs()[1].text, InittabStyle::Busybox);
  CHECK_THAT(buildroot, Contains("\n#gem5# ::sysinit:/etc/init.d/rcS\n") &&
                            Contains("\n#gem5# ttyS0::respawn:/sbin/getty") &&
                            Contains("\n::shutdown:/etc/init.d/rcK\n") &&
                            Contains("\nnull::sysinit:/bin/ln"));
  for (const TextFile& file : busybox_inittabs())
    CHECK(without_gem5_inittab(gem5_inittab(file.text, InittabStyle::Busybox)) == file.text);
  const std::string alpine =
      "::sysinit:/sbin/openrc sysinit\n::wait:/sbin/openrc default\ntty1::respawn:/sbin/getty "
      "38400 tty1\n::shutdown:/sbin/openrc shutdown\n";
  const std::vector<InittabEntry> left = active(gem5_inittab(alpine, InittabStyle::Busybox));
  REQUIRE(left.size() == 2);
  CHECK(left[0].process == "/sbin/gem5-start");
  CHECK(left[1].action == "shutdown");
}

TEST_CASE("taking back an inittab brings back every byte of it", "[guest][gem5]") {
  const std::string text = GENERATE(
      as<std::string>{}, "", "\n\n", "id:3:initdefault:\r\nc1:2:respawn:/getty\r\n",
      "c1:2345:respawn:/sbin/getty without an end", "si::sysinit:/rc\n#gem5 is a simulator\n",
      std::string("a\0b\nc1:2:respawn:/x\n", 17), "\xFF\xFE\n  si::sysinit:/rc\n",
      "# rawimg gem5: begin (without an end)\nsi::sysinit:/rc\n");
  CAPTURE(text);
  const std::string changed = gem5_inittab(text, InittabStyle::Sysvinit);
  CHECK(changed != text);
  CHECK(without_gem5_inittab(changed) == text);
  CHECK(gem5_inittab(changed, InittabStyle::Sysvinit) == changed);
}

TEST_CASE("a guest boots to a runlevel of the script, whatever its inittab says", "[guest][gem5]") {
  struct Row {
    const char *line, *expected;
  };
  const auto row = GENERATE(values<Row>({{"id:3:initdefault:\n", ":12345:wait:"},
                                         {"id:S:initdefault:\n", ":12345S:wait:"},
                                         {"id:7:initdefault:\n", ":123457:wait:"},
                                         {"id:6:initdefault:\n", "gd:3:initdefault:\n"},
                                         {"", "gd:3:initdefault:\n"}}));
  CAPTURE(row.line);
  const std::string text = gem5_inittab(row.line, InittabStyle::Sysvinit);
  CHECK_THAT(text, Contains(row.expected));
  std::size_t defaults = 0;
  for (const InittabEntry& entry : active(text)) defaults += entry.action == "initdefault";
  CHECK(defaults == 1);
}

TEST_CASE("the line of the script has an id that no other line has", "[guest][gem5]") {
  const std::string text = gem5_inittab("g5:0:wait:/mine\ng500:6:wait:/mine\nid:3:initdefault:\n",
                                        InittabStyle::Sysvinit);
  CHECK_THAT(text, Contains("\ng501:12345:wait:/sbin/gem5-start\n"));
}

TEST_CASE("an inittab of a hundred thousand lines takes no time", "[guest][gem5]") {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "c1:2345:respawn:/sbin/getty 38400 tty1\n";
  const std::string changed = gem5_inittab(text, InittabStyle::Sysvinit);
  CHECK(active(changed).size() == 2);
  CHECK(without_gem5_inittab(changed) == text);
}

TEST_CASE("fstabs of all eras get one line for the root and none of absent devices",
          "[guest][gem5]") {
  for (const TextFile& file : fstabs())
    for (const std::string device : {"", "/dev/hda1", "PARTUUID=0badcafe-01", "/dev/a b"}) {
      CAPTURE(file.name, device);
      const std::string text = gem5_fstab(file.text, device);
      std::vector<std::string> roots;
      for (const FstabEntry& entry : Fstab::parse(text).entries()) {
        if (!entry.active) continue;
        CHECK(entry.device.find("LABEL=") == std::string::npos);
        for (const char* absent : {"/dev/BOOT", "/dev/ROOT", "/dev/SWAP", "/dev/cdrom", "/dev/fd0"})
          CHECK(entry.device != absent);
        if (entry.mount_point == "/") roots.push_back(entry.device);
      }
      CHECK(roots == std::vector<std::string>{device.empty() ? "/dev/root" : device});
      CHECK(gem5_fstab(text, device) == text);
      CHECK(without_gem5_fstab(text) == file.text);
    }
}

TEST_CASE("a root line that means something stays unless another device is asked for",
          "[guest][gem5]") {
  const std::string text = "UUID=1234 / ext4 defaults 0 1\nLABEL=boot /srv ext4 defaults 0 2";
  CHECK(gem5_fstab(text, "") == text);
  const std::string other = gem5_fstab(text, "/dev/vda1");
  CHECK_THAT(other, Contains("\n/dev/vda1\t/\tauto\tnoatime\t0 0\n") &&
                        Contains("\n#gem5# UUID=1234 / ext4 defaults 0 1\n"));
  CHECK(without_gem5_fstab(other) == text);
}
