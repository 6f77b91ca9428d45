// SPDX-License-Identifier: MIT
#include <rawimg/gem5.h>

#include <set>

#include <catch2/catch.hpp>

#include "guest/guest_tree.h"
#include "guest/stage3_files.h"
#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;
using Catch::Contains;

namespace {

constexpr unsigned kX8664 = 62, kAarch64 = 183, kRiscv = 243;

/// A merged /usr with sysvinit, as a stage3 has it.
GuestTree stage3(unsigned machine = kX8664) {
  GuestTree tree;
  for (const char* path : {"/usr", "/usr/bin", "/usr/sbin", "/etc"}) tree.add_directory(path);
  tree.add_symlink("/bin", "usr/bin");
  tree.add_symlink("/sbin", "usr/sbin");
  tree.add_file("/usr/bin/dash", elf_head(machine), 0755);
  tree.add_symlink("/usr/bin/sh", "dash");
  tree.add_file("/usr/sbin/init", elf_head(machine), 0755);
  tree.add_file("/etc/inittab", sysvinit_inittabs()[0].text);
  tree.add_file("/etc/fstab", fstabs()[0].text);
  return tree;
}

GuestTree with_systemd() {
  GuestTree tree = stage3();
  for (const char* path : {"/usr/lib", "/usr/lib/systemd", "/etc/systemd", "/etc/systemd/system"})
    tree.add_directory(path);
  tree.add_file("/usr/lib/systemd/systemd", elf_head(kX8664), 0755);
  tree.nodes.erase("/usr/sbin/init");
  tree.add_symlink("/usr/sbin/init", "../lib/systemd/systemd");
  tree.nodes.erase("/etc/inittab");
  return tree;
}

Gem5Request with_m5(unsigned machine = kX8664) {
  Gem5Request request;
  request.m5 = elf_head(machine) + "the program";
  request.m5_name = "./m5";
  return request;
}

std::set<std::string> codes(const Gem5Plan& plan) {
  std::set<std::string> codes;
  for (const Warning& warning : plan.warnings) codes.insert(warning.code);
  return codes;
}

/// Prepares, and checks that the same again changes nothing and that taking back brings back all.
GuestTree prepared(const GuestTree& before, const Gem5Request& request) {
  GuestTree tree = before;
  tree.apply(plan_gem5(tree, request).changes);
  CHECK(plan_gem5(tree, request).changes.empty());
  GuestTree taken_back = tree;
  taken_back.apply(plan_gem5_removal(taken_back).changes);
  CHECK(taken_back.nodes == before.nodes);
  CHECK(plan_gem5_removal(taken_back).changes.empty());
  return tree;
}

}  // namespace

TEST_CASE("a stage3 is prepared through its symlinks, and taken back to the byte",
          "[guest][gem5]") {
  const GuestTree tree = prepared(stage3(), with_m5());
  CHECK(tree.nodes.at("/usr/sbin/m5") == TreeNode{FileType::Regular, *with_m5().m5, 0755, 0});
  CHECK(tree.nodes.at("/usr/sbin/gem5").content == "m5");
  CHECK(tree.nodes.at("/usr/sbin/gem5-start").permissions == 0755);
  CHECK_THAT(tree.text("/usr/sbin/gem5-start"), Contains("\ntty=ttyS0\n"));
  CHECK_THAT(tree.text("/etc/inittab"), Contains("/sbin/gem5-start"));
  CHECK_THAT(tree.text("/etc/fstab"), Contains("/dev/root\t/"));
}

TEST_CASE("systemd boots to the script in place of its default target", "[guest][gem5]") {
  GuestTree before = with_systemd();
  before.add_symlink("/etc/systemd/system/default.target",
                     "/usr/lib/systemd/system/graphical.target");
  const GuestTree tree = prepared(before, with_m5());
  CHECK(tree.text("/etc/systemd/system/default.target") == "gem5.target");
  CHECK_THAT(tree.text("/etc/systemd/system/gem5-start.service"),
             Contains("ExecStart=/sbin/gem5-start\n"));
  CHECK(plan_gem5(before, with_m5()).init == GuestInit::Systemd);
  CHECK(tree.text("/etc/machine-id").empty());
  before.add_file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  CHECK(prepared(before, with_m5()).text("/etc/machine-id").size() == 33);
  GuestTree bare = with_systemd();
  bare.nodes.erase("/etc/systemd/system");
  bare.nodes.erase("/etc/systemd");
  CHECK(prepared(bare, with_m5()).has("/etc/systemd/system/gem5.target"));
}

TEST_CASE("which init starts the guest is told by what /sbin/init leads to", "[guest][gem5]") {
  GuestTree both = with_systemd();
  both.add_file("/etc/inittab", sysvinit_inittabs()[0].text);
  CHECK(init_of(both) == GuestInit::Systemd);
  both.nodes.erase("/usr/sbin/init");
  both.add_file("/usr/sbin/init", elf_head(kX8664), 0755);
  CHECK(init_of(both) == GuestInit::Sysvinit);
  GuestTree busybox = stage3();
  busybox.nodes.erase("/usr/sbin/init");
  busybox.add_symlink("/usr/sbin/init", "/bin/busybox");
  // ids that look like sysvinit's are terminals to busybox
  CHECK(init_of(busybox) == GuestInit::Busybox);
  GuestTree none = stage3();
  none.nodes.erase("/etc/inittab");
  CHECK(init_of(none) == GuestInit::None);
  CHECK(codes(plan_gem5(none, with_m5())) == std::set<std::string>{"no-init"});
  CHECK(prepared(none, with_m5()).has("/usr/sbin/gem5-start"));
  none.add_symlink("/etc/inittab", "inittab.d/gone");
  REQUIRE_THROWS_MATCHES(
      init_of(none), Error,
      IsError(Errc::NotFound,
              "/etc/inittab is a symlink to 'inittab.d/gone', which leads nowhere"));
}

TEST_CASE("the architecture is that of the guest's shell, and decides on the console",
          "[guest][gem5]") {
  CHECK(plan_gem5(stage3(kX8664), with_m5(kX8664)).tty == "ttyS0");
  CHECK(plan_gem5(stage3(kRiscv), with_m5(kRiscv)).tty == "ttyS0");
  const Gem5Plan arm = plan_gem5(stage3(kAarch64), with_m5(kAarch64));
  CHECK(arm.tty == "ttyAMA0");
  CHECK(arm.architecture == Architecture::Arm);
  GuestTree odd = stage3();
  odd.nodes.erase("/usr/bin/sh");
  odd.nodes.erase("/usr/sbin/init");
  Gem5Request request;
  REQUIRE_THROWS_MATCHES(plan_gem5(odd, request), Error, IsError(Errc::NotFound, "/bin/sh"));
  CHECK(plan_gem5(odd, with_m5(kRiscv)).architecture == Architecture::Riscv);
  request.architecture = Architecture::Arm;
  CHECK(plan_gem5(odd, request).tty == "ttyAMA0");
}

TEST_CASE("an m5 for another processor is refused, and so is what is no program", "[guest][gem5]") {
  struct Row {
    std::string m5;
    const char* text;
  };
  const auto row = GENERATE(
      values<Row>({{elf_head(kAarch64), "'./m5' is for 64-bit ARM, the guest for x86-64"},
                   {elf_head(kX8664, 64, 1), "neither a program (ELF) nor a script"},
                   {elf_head(kX8664).substr(0, 19), "neither a program (ELF) nor a script"},
                   {"", "neither a program"},
                   {"!<arch>\nlibm5.a", "neither a program"}}));
  CAPTURE(row.text);
  Gem5Request request = with_m5();
  request.m5 = row.m5;
  REQUIRE_THROWS_MATCHES(plan_gem5(stage3(), request), Error, IsError(Errc::BadInput, row.text));
}

TEST_CASE("an m5 of another byte order, or one that is cut short, is refused", "[guest][gem5]") {
  Gem5Request request = with_m5();
  (*request.m5)[5] = 2;
  (*request.m5)[16] = 0, (*request.m5)[17] = 2;
  (*request.m5)[18] = 0, (*request.m5)[19] = kX8664;
  REQUIRE_THROWS_MATCHES(plan_gem5(stage3(), request), Error,
                         IsError(Errc::BadInput, "'./m5' is for x86-64, big-endian"));
  request.m5 = elf_head(kX8664).substr(0, 63);
  REQUIRE_THROWS_MATCHES(plan_gem5(stage3(), request), Error,
                         IsError(Errc::BadInput, "'./m5' is cut short"));
}

TEST_CASE("an m5 must be of the architecture that was asked for", "[guest][gem5]") {
  Gem5Request request = with_m5(kX8664);
  request.architecture = Architecture::Arm;
  REQUIRE_THROWS_MATCHES(plan_gem5(stage3(), request), Error,
                         IsError(Errc::BadInput, "is for x86-64, the guest for arm"));
  REQUIRE_THROWS_MATCHES(plan_gem5(stage3(40), with_m5(kAarch64)), Error,
                         IsError(Errc::BadInput, "64-bit ARM, the guest for 32-bit ARM"));
  CHECK(plan_gem5(stage3(3), with_m5(kX8664)).has_m5);
}

TEST_CASE("an m5 that is there already is checked, too", "[guest][gem5]") {
  GuestTree tree = stage3();
  tree.add_file("/usr/sbin/m5", elf_head(kAarch64), 0755);
  REQUIRE_THROWS_MATCHES(plan_gem5(tree, {}), Error, IsError(Errc::BadInput, "'/sbin/m5' is for"));
  tree.add_file("/usr/sbin/m5", elf_head(kX8664), 0755);
  CHECK(plan_gem5(tree, {}).warnings.empty());
  // it is nobody's to remove
  CHECK(prepared(tree, {}).has("/usr/sbin/m5"));
}

TEST_CASE("without m5 everything else is done, and it is said", "[guest][gem5]") {
  const GuestTree tree = prepared(stage3(), {});
  CHECK(tree.has("/usr/sbin/gem5-start"));
  CHECK_FALSE(tree.has("/usr/sbin/m5"));
  CHECK(codes(plan_gem5(stage3(), {})) == std::set<std::string>{"no-m5"});
  Gem5Request script;
  script.m5 = "#!/bin/sh\n";
  CHECK(codes(plan_gem5(stage3(), script)) == std::set<std::string>{"m5-is-script"});
}

TEST_CASE("what has a name of the preparation and is no file is not touched", "[guest][gem5]") {
  struct Row {
    TreeNode node;
    const char* text;
  };
  const auto row =
      GENERATE(values<Row>({{{FileType::Directory, "", 0755, 0}, "/sbin/m5 is a directory"},
                            {{FileType::CharDevice, "", 0600, 0}, "/sbin/m5 is a device"}}));
  CAPTURE(row.text);
  GuestTree tree = stage3();
  tree.add_file("/usr/bin/busybox", "precious", 0755);
  tree.nodes["/usr/sbin/m5"] = row.node;
  REQUIRE_THROWS_MATCHES(plan_gem5(tree, with_m5()), Error, IsError(Errc::Exists, row.text));
  Gem5Request request = with_m5();
  request.force = true;
  const GuestTree after = prepared(tree, request);
  CHECK(after.nodes.at("/usr/sbin/m5.before-gem5") == row.node);
  CHECK(after.text("/usr/bin/busybox") == "precious");
}

TEST_CASE("what is no file at the name of the script goes aside with force", "[guest][gem5]") {
  const TreeNode node = GENERATE(values<TreeNode>({{FileType::Directory, "", 0755, 0},
                                                   {FileType::Fifo, "", 0600, 0},
                                                   {FileType::Symlink, "m5", 0777, 0}}));
  GuestTree tree = stage3();
  tree.nodes["/usr/sbin/gem5-start"] = node;
  REQUIRE_THROWS_MATCHES(plan_gem5(tree, with_m5()), Error,
                         IsError(Errc::Exists, "/sbin/gem5-start is a"));
  CHECK(plan_gem5_removal(tree).changes.empty());
  Gem5Request request = with_m5();
  request.force = true;
  CHECK(prepared(tree, request).nodes.at("/usr/sbin/gem5-start.before-gem5") == node);
}

TEST_CASE("another m5 goes aside and comes back, and one of ours is replaced", "[guest][gem5]") {
  GuestTree before = stage3();
  before.add_file("/usr/sbin/m5", "an older one", 0700);
  GuestTree tree = prepared(before, with_m5());
  CHECK(tree.text("/usr/sbin/m5.before-gem5") == "an older one");
  Gem5Request newer = with_m5();
  *newer.m5 += "; a newer one";
  tree.apply(plan_gem5(tree, newer).changes);
  CHECK(tree.text("/usr/sbin/m5") == *newer.m5);
  CHECK(tree.text("/usr/sbin/m5.before-gem5") == "an older one");
  tree.apply(plan_gem5_removal(tree).changes);
  CHECK(tree.nodes == before.nodes);
}

TEST_CASE("what was asked for before stays where nothing else is said", "[guest][gem5]") {
  Gem5Request request = with_m5();
  request.tty = "/dev/ttyS1";
  request.root_device = "/dev/hda1";
  request.script = "#!/bin/sh\necho fixed\n";
  GuestTree tree = prepared(stage3(), request);
  CHECK(tree.text("/usr/sbin/gem5-script") == *request.script);
  CHECK(plan_gem5(tree, {}).changes.empty());
  Gem5Request other;
  other.tty = "ttyS0";
  tree.apply(plan_gem5(tree, other).changes);
  CHECK_THAT(tree.text("/usr/sbin/gem5-start"), Contains("\ntty=ttyS0\n"));
  CHECK_THAT(tree.text("/etc/fstab"), Contains("/dev/hda1\t/"));
}

TEST_CASE("a guest that has gem5-bridge is left alone unless it is forced", "[guest][gem5]") {
  for (const std::string path : {"/usr/local/bin/gem5-bridge", "/usr/sbin/gem5_init.sh"}) {
    GuestTree tree = stage3();
    tree.add_directory("/usr/local");
    tree.add_directory("/usr/local/bin");
    tree.add_file(path, "x", 0755);
    REQUIRE_THROWS_MATCHES(plan_gem5(tree, with_m5()), Error,
                           IsError(Errc::Exists, "prepared for gem5 already"));
    Gem5Request request = with_m5();
    request.force = true;
    GuestTree forced = prepared(tree, request);
    CHECK(forced.has(path));
    request.force = false;
    request.tty = "ttyS1";
    CHECK_FALSE(plan_gem5(forced, request).changes.empty());
  }
}

TEST_CASE("what the user has changed since stays, and it is said", "[guest][gem5]") {
  const auto taken_back = [](GuestTree& tree) {
    const Gem5Removal removal = plan_gem5_removal(tree);
    tree.apply(removal.changes);
    std::set<std::string> paths;
    for (const Warning& warning : removal.warnings) paths.insert(warning.path);
    return paths;
  };
  SECTION("lines beside ours in an fstab that we have made") {
    GuestTree before = stage3();
    before.nodes.erase("/etc/fstab");
    Gem5Request request = with_m5();
    request.root_device = "/dev/hda1";
    GuestTree tree = prepared(before, request);
    tree.nodes["/etc/fstab"].content += "LABEL=data /data ext4 defaults 0 2\n";
    CHECK(plan_gem5(tree, with_m5()).changes.empty());
    CHECK(taken_back(tree).empty());
    CHECK(tree.text("/etc/fstab") == "LABEL=data /data ext4 defaults 0 2\n");
  }
  SECTION("our line for the root") {
    GuestTree tree = prepared(stage3(), with_m5());
    std::string& fstab = tree.nodes["/etc/fstab"].content;
    const std::size_t at = fstab.find("/dev/root\t");
    REQUIRE(at != std::string::npos);
    fstab.replace(at, 9, "/dev/sda1");
    const Gem5Plan again = plan_gem5(tree, with_m5());
    CHECK(again.changes.empty());
    CHECK(codes(again) == std::set<std::string>{"changed-since"});
    const std::string changed = fstab;
    GuestTree other = tree;
    Gem5Request request;
    request.root_device = "/dev/vda1";
    other.apply(plan_gem5(other, request).changes);
    CHECK_THAT(other.text("/etc/fstab"), Contains("/dev/vda1\t/\t") && !Contains("/dev/sda1"));
    CHECK(taken_back(tree) == std::set<std::string>{"/etc/fstab"});
    CHECK(tree.text("/etc/fstab") == changed);
  }
  SECTION("files and links") {
    GuestTree tree = prepared(with_systemd(), with_m5());
    tree.add_file("/usr/sbin/m5", elf_head(kX8664) + "mine", 0755);
    tree.add_file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n", 0444);
    tree.add_symlink("/etc/systemd/system/default.target", "multi-user.target");
    CHECK(taken_back(tree) == std::set<std::string>{"/sbin/m5", "/etc/machine-id",
                                                    "/etc/systemd/system/default.target"});
    CHECK(tree.text("/usr/sbin/m5") == elf_head(kX8664) + "mine");
    CHECK(tree.has("/etc/machine-id"));
    CHECK(tree.text("/etc/systemd/system/default.target") == "multi-user.target");
    CHECK_FALSE(tree.has("/etc/systemd/system/gem5.target"));
  }
  SECTION("the start script, which lists the rest") {
    GuestTree tree = prepared(with_systemd(), with_m5());
    tree.nodes.erase("/usr/sbin/gem5-start");
    CHECK(taken_back(tree) == std::set<std::string>{"/sbin/gem5-start"});
    CHECK_FALSE(tree.has("/etc/systemd/system/gem5.target"));
    CHECK_FALSE(tree.has("/etc/systemd/system/gem5-start.service"));
    CHECK_FALSE(tree.has("/etc/systemd/system/default.target"));
    CHECK(taken_back(tree).empty());
  }
}

TEST_CASE("lines of ours that have lost their end are damage, and nothing is taken back",
          "[guest][gem5]") {
  GuestTree tree = prepared(stage3(), with_m5());
  std::string& inittab = tree.nodes["/etc/inittab"].content;
  const std::size_t end = inittab.find("# rawimg gem5: end\n");
  REQUIRE(end != std::string::npos);
  inittab.erase(end, 19);
  REQUIRE_THROWS_MATCHES(plan_gem5_removal(tree), Error,
                         IsError(Errc::BadInput, "/etc/inittab: line 1 begins what"));
  REQUIRE_THROWS_MATCHES(plan_gem5(tree, with_m5()), Error,
                         IsError(Errc::BadInput, "no line ends it"));
}

TEST_CASE("links of older guests to m5 are what they are to be", "[guest][gem5]") {
  GuestTree tree = stage3();
  tree.add_file("/usr/sbin/m5", elf_head(kX8664), 0755);
  tree.add_symlink("/usr/sbin/gem5", "/sbin/m5");
  GuestTree after = prepared(tree, Gem5Request{});
  CHECK(after.text("/usr/sbin/gem5") == "/sbin/m5");
}

TEST_CASE("a symlink at the name of m5 goes aside, and what it leads to stays as it is",
          "[guest][gem5]") {
  const std::string target = GENERATE("/opt/m5", "/bin/busybox", "../../../../etc/passwd", "m5");
  CAPTURE(target);
  GuestTree before = stage3();
  before.add_file("/usr/bin/busybox", "precious", 0755);
  before.add_symlink("/usr/sbin/m5", target);
  const GuestTree after = prepared(before, with_m5());
  CHECK(after.text("/usr/sbin/m5") == *with_m5().m5);
  CHECK(after.text("/usr/sbin/m5.before-gem5") == target);
  CHECK(after.text("/usr/bin/busybox") == "precious");
}

TEST_CASE("a list of what was made cannot have anything else taken away", "[guest][gem5]") {
  GuestTree tree = stage3();
  tree.apply(plan_gem5(tree, with_m5()).changes);
  std::string& script = tree.nodes.at("/usr/sbin/gem5-start").content;
  const std::size_t at = script.find("#made ");
  REQUIRE(at != std::string::npos);
  script.insert(at, "#made /etc/inittab\n#made /usr/bin/dash\n#made ../../etc/passwd\n#made /\n");
  for (const GuestChange& change : plan_gem5_removal(tree).changes) {
    CAPTURE(change.path);
    CHECK(change.path != "/usr/bin/dash");
    CHECK((change.path != "/etc/inittab" || change.kind == GuestChange::Kind::Edit));
    CHECK(change.path != "/");
  }
}

TEST_CASE("a /sbin that leads nowhere is refused", "[guest][gem5]") {
  for (const char* target : {"sbin", "/nowhere", "usr/bin/dash"}) {
    CAPTURE(target);
    GuestTree tree = stage3();
    tree.nodes["/sbin"].content = target;
    tree.nodes.erase("/usr/sbin");
    REQUIRE_THROWS_MATCHES(plan_gem5(tree, with_m5()), Error,
                           IsError(Errc::Exists, "which leads to no directory"));
  }
  GuestTree none = stage3();
  none.nodes.erase("/sbin");
  CHECK(prepared(none, with_m5()).has("/sbin/m5"));
}

TEST_CASE("a terminal or device that would break a line is refused", "[guest][gem5]") {
  for (const std::string tty : {"/dev/", "ttyS0\nrm -rf /", "../console", "a b", "$(reboot)",
                                "ttyS0123456789012345678901234567"}) {
    CAPTURE(tty);
    Gem5Request request = with_m5();
    request.tty = tty;
    REQUIRE_THROWS_MATCHES(plan_gem5(stage3(), request), Error,
                           IsError(Errc::Usage, "no name of a terminal"));
  }
  Gem5Request request = with_m5();
  request.root_device = "/dev/a\n#made /etc/passwd";
  REQUIRE_THROWS_MATCHES(plan_gem5(stage3(), request), Error, IsError(Errc::Usage, "control byte"));
}

TEST_CASE("a script says what it was made with, and nothing else is one", "[guest][gem5]") {
  const Gem5Start start{"ttyAMA0", "PARTUUID=1-01", {{"/sbin/m5", "0a"}, {"/sbin/gem5", ""}}};
  const auto parsed = parse_gem5_start(gem5_start_script(start));
  REQUIRE(parsed);
  CHECK(parsed->tty == start.tty);
  CHECK(parsed->root_device == start.root_device);
  CHECK(parsed->made == start.made);
  CHECK_FALSE(parse_gem5_start(""));
  CHECK_FALSE(parse_gem5_start("#!/bin/sh\necho tty=x\n"));
  CHECK_FALSE(parse_gem5_start("#!/bin/sh\n# rawimg gem5: start\n"));
}
