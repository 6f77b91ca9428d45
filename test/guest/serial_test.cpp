// SPDX-License-Identifier: MIT
#include <rawimg/serial.h>

#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

#include "guest/guest_tree.h"
#include "guest/stage3_files.h"
#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;
using Catch::Contains;

namespace {

GuestTree with_inittab(const std::string& text) {
  GuestTree tree;
  for (const char* path : {"/etc", "/sbin", "/usr", "/usr/lib"}) tree.add_directory(path);
  tree.add_file("/sbin/agetty", "", 0755);
  tree.add_file("/etc/inittab", text);
  return tree;
}

GuestTree with_systemd() {
  GuestTree tree = with_inittab("");
  tree.nodes.erase("/etc/inittab");
  for (const char* path : {"/usr/lib/systemd", "/usr/lib/systemd/system", "/etc/systemd",
                           "/etc/systemd/system", "/etc/systemd/system/getty.target.wants"})
    tree.add_directory(path);
  tree.add_file("/usr/lib/systemd/systemd", "", 0755);
  tree.add_file("/usr/lib/systemd/system/serial-getty@.service", "[Service]\n");
  return tree;
}

std::vector<InittabEntry> logins_at(const std::string& text, const std::string& tty) {
  std::vector<InittabEntry> entries = Inittab::parse(text).entries();
  std::erase_if(entries, [&](const InittabEntry& entry) {
    return !entry.active || entry.process.find(tty) == std::string::npos;
  });
  return entries;
}

GuestTree with_login(const GuestTree& before, const SerialRequest& request) {
  GuestTree tree = before;
  tree.apply(plan_serial(tree, request).changes);
  CHECK(plan_serial(tree, request).changes.empty());
  GuestTree taken_back = tree;
  taken_back.apply(plan_serial_removal(taken_back, request.tty).changes);
  CHECK(taken_back.nodes == before.nodes);
  CHECK(plan_serial_removal(taken_back, request.tty).changes.empty());
  return tree;
}

}  // namespace

TEST_CASE("every inittab gets one login on the line, with an id of its own", "[guest][serial]") {
  for (const TextFile& file : sysvinit_inittabs())
    for (const SerialRequest& request :
         {SerialRequest{"ttyS0", 115200}, SerialRequest{"ttyAMA0", 38400},
          SerialRequest{"ttyUSB10", 9600}}) {
      CAPTURE(file.name, request.tty);
      const std::string text = with_login(with_inittab(file.text), request).text("/etc/inittab");
      const auto logins = logins_at(text, request.tty);
      REQUIRE(logins.size() == 1);
      CHECK(logins[0].id.size() <= 4);
      CHECK(logins[0].action == "respawn");
      std::set<std::string> ids;
      for (const InittabEntry& entry : Inittab::parse(text).entries())
        if (entry.active) CHECK(ids.insert(entry.id).second);
    }
}

TEST_CASE("a login of that speed is enough, and one of another speed is replaced",
          "[guest][serial]") {
  const std::string text = "id:3:initdefault:\ns0:12345:respawn:/sbin/agetty -L 9600 ttyS0 vt100\n";
  CHECK(plan_serial(with_inittab(text), {"ttyS0", 9600}).changes.empty());
  const std::string faster = with_login(with_inittab(text), {"ttyS0", 115200}).text("/etc/inittab");
  CHECK_THAT(faster, Contains("\ns0:12345:respawn:/sbin/agetty -L 115200 ttyS0 vt100\n") &&
                         Contains("\n#serial ttyS0# s0:12345:respawn:/sbin/agetty -L 9600"));
  // a terminal whose name begins likewise is another one
  CHECK(
      plan_serial(with_inittab("s1:3:respawn:/sbin/agetty -L 9600 ttyS01 vt100\n"), {"ttyS0", 9600})
          .changes.size() == 1);
}

TEST_CASE("busybox gets a line that begins with its terminal", "[guest][serial]") {
  const GuestTree tree = with_login(with_inittab(busybox_inittabs()[0].text), {"ttyS0", 115200});
  CHECK_THAT(tree.text("/etc/inittab"),
             Contains("\nttyS0::respawn:/sbin/agetty -L 115200 ttyS0 vt100\n"));
  CHECK(plan_serial(with_inittab(busybox_inittabs()[1].text), {"ttyS0", 115200}).changes.empty());
}

TEST_CASE("off turns off a login that was there before, and on brings it back", "[guest][serial]") {
  const std::string text = "f0:12345:respawn:/sbin/agetty 9600 ttyAMA0 vt100\n";
  GuestTree tree = with_inittab(text);
  tree.apply(plan_no_serial(tree, "ttyAMA0").changes);
  CHECK(logins_at(tree.text("/etc/inittab"), "ttyAMA0").empty());
  CHECK(plan_no_serial(tree, "ttyAMA0").changes.empty());
  tree.apply(plan_serial(tree, {"ttyAMA0", 9600}).changes);
  CHECK(tree.text("/etc/inittab") == text);
}

TEST_CASE("root may log in on a line only where securetty says so", "[guest][serial]") {
  GuestTree before = with_inittab("");
  before.add_file("/etc/securetty", "tty1\nttyS1");
  const GuestTree tree = with_login(before, {"ttyS0", 115200});
  CHECK(lines_of(tree.text("/etc/securetty"))[1] == "ttyS0\n");
  before.add_file("/etc/securetty", "ttyS0\n");
  CHECK(with_login(before, {"ttyS0", 115200}).text("/etc/securetty") == "ttyS0\n");
}

TEST_CASE("systemd gets its serial-getty, with a drop-in for another speed", "[guest][serial]") {
  const std::string link = "/etc/systemd/system/getty.target.wants/serial-getty@ttyS0.service",
                    drop_in = "/etc/systemd/system/serial-getty@ttyS0.service.d/rawimg.conf";
  const GuestTree usual = with_login(with_systemd(), {"ttyS0", 115200});
  CHECK(usual.text(link) == "/usr/lib/systemd/system/serial-getty@.service");
  CHECK_THAT(usual.text(drop_in), !Contains("[Service]"));
  GuestTree slow = with_login(with_systemd(), {"ttyS0", 9600});
  CHECK_THAT(slow.text(drop_in), Contains("\nExecStart=-/sbin/agetty 9600 %I $TERM\n"));
  slow.apply(plan_serial(slow, {"ttyS0", 115200}).changes);
  CHECK(slow.nodes == usual.nodes);
  GuestTree off = usual;
  off.apply(plan_no_serial(off, "ttyS0").changes);
  CHECK(off.text("/etc/systemd/system/serial-getty@ttyS0.service") == "/dev/null");
  CHECK_FALSE(off.has(link));
  CHECK(plan_no_serial(off, "ttyS0").changes.empty());
  off.apply(plan_serial(off, {"ttyS0", 115200}).changes);
  CHECK(off.nodes == usual.nodes);
}

TEST_CASE("what a systemd guest had before comes back, and nothing else goes", "[guest][serial]") {
  const std::string link = "/etc/systemd/system/getty.target.wants/serial-getty@ttyS0.service",
                    mask = "/etc/systemd/system/serial-getty@ttyS0.service";
  GuestTree masked = with_systemd();
  masked.add_symlink(mask, "/dev/null");
  GuestTree enabled = with_systemd();
  enabled.add_symlink(link, "/lib/systemd/system/serial-getty@.service");
  GuestTree bare = with_systemd();
  bare.nodes.erase("/etc/systemd/system/getty.target.wants");
  for (const GuestTree& before : {with_systemd(), masked, enabled, bare}) {
    CHECK(plan_serial_removal(before, "ttyS0").changes.empty());
    const GuestTree on = with_login(before, {"ttyS0", 115200});
    CHECK_FALSE(on.has(mask));
    CHECK(on.has(link));
    GuestTree tree = before;
    tree.apply(plan_no_serial(tree, "ttyS0").changes);
    CHECK(tree.text(mask) == "/dev/null");
    CHECK(plan_no_serial(tree, "ttyS0").changes.empty());
    tree.apply(plan_serial(tree, {"ttyS0", 9600}).changes);
    CHECK_FALSE(tree.has(mask));
    tree.apply(plan_serial_removal(tree, "ttyS0").changes);
    CHECK(tree.nodes == before.nodes);
  }
  CHECK(plan_serial(enabled, {"ttyS0", 115200}).changes.empty());
}

TEST_CASE("a template that is masked gives no login, and that is said", "[guest][serial]") {
  GuestTree tree = with_systemd();
  tree.add_symlink("/etc/systemd/system/serial-getty@.service", "/dev/null");
  const SerialPlan plan = plan_serial(tree, {"ttyS0", 115200});
  REQUIRE(plan.warnings.size() == 1);
  CHECK(plan.warnings[0].code == "masked");
}

TEST_CASE("terminals are told from other names", "[guest][serial]") {
  for (const char* tty : {"ttyS0", "/dev/ttyAMA0", "hvc0", "console", "ttyUSB10", "sclp_line0"})
    CHECK_NOTHROW(plan_serial(with_inittab(""), {tty, 9600}));
  for (const char* name : {"", "0", ".", "null", "pts/0", "dev/ttyS0", "ttyS", "../ttyS0", "-1"})
    REQUIRE_THROWS_MATCHES(plan_serial(with_inittab(""), {name, 9600}), Error,
                           IsError(Errc::Usage, "no name of a terminal"));
}

TEST_CASE("lines of ours that have lost their end are damage of the file that is named",
          "[guest][serial]") {
  for (const char* path : {"/etc/inittab", "/etc/securetty"}) {
    CAPTURE(path);
    GuestTree tree = with_inittab("id:3:initdefault:\n");
    tree.add_file("/etc/securetty", "tty1\n");
    tree = with_login(tree, {"ttyS0", 9600});
    std::string& text = tree.nodes[path].content;
    const std::size_t end = text.find(": end\n");
    REQUIRE(end != std::string::npos);
    text.erase(text.rfind('\n', end) + 1, end + 6 - text.rfind('\n', end) - 1);
    const auto is_named = IsError(Errc::BadInput, std::string(path) + ": line ");
    REQUIRE_THROWS_MATCHES(plan_serial(tree, {"ttyS0", 19200}), Error, is_named);
    REQUIRE_THROWS_MATCHES(plan_serial_removal(tree, "ttyS0"), Error, is_named);
    REQUIRE_THROWS_MATCHES(plan_no_serial(tree, "ttyS0"), Error, is_named);
  }
}

TEST_CASE("a line that nothing can serve is refused", "[guest][serial]") {
  GuestTree none = with_inittab("");
  none.nodes.erase("/etc/inittab");
  REQUIRE_THROWS_MATCHES(plan_serial(none, {"ttyS0", 9600}), Error,
                         IsError(Errc::NotFound, "neither /etc/inittab nor systemd"));
  GuestTree bare = with_systemd();
  bare.nodes.erase("/usr/lib/systemd/system/serial-getty@.service");
  REQUIRE_THROWS_MATCHES(plan_serial(bare, {"ttyS0", 9600}), Error,
                         IsError(Errc::NotFound, "serial-getty@.service"));
  REQUIRE_THROWS_MATCHES(plan_serial(with_inittab(""), {"tty S0", 9600}), Error,
                         IsError(Errc::Usage, "no name of a terminal"));
}
