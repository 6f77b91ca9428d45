// SPDX-License-Identifier: MIT
// gem5, build --gem5, serial and info --boot.
#include <filesystem>

#include <rawimg/gem5.h>
#include <catch2/catch.hpp>

#include "cli/cli.h"
#include "guest/guest_tree.h"
#include "guest/stage3_files.h"
#include "support/process.h"
#include "support/tar_writer.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;
using Catch::Contains;
using Catch::StartsWith;
namespace fs = std::filesystem;

namespace {

constexpr unsigned kX8664 = 62, kAarch64 = 183;

struct Extra {
  TarHeaderSpec entry;
  std::string content = "";
};

/// A tarball as a stage3 is one: a merged /usr, sysvinit.
std::string guest_tar(const std::vector<Extra>& extras = {}, unsigned machine = kX8664) {
  TarWriter tar;
  for (const char* name : {"./", "./usr/", "./usr/bin/", "./usr/sbin/", "./etc/", "./boot/"})
    tar.entry({.name = name, .type = '5', .mode = 0755, .mtime = 1'600'000'000});
  tar.entry({.name = "./bin", .type = '2', .link = "usr/bin"});
  tar.entry({.name = "./sbin", .type = '2', .link = "usr/sbin"});
  tar.entry({.name = "./usr/bin/busybox", .mode = 0755}, elf_head(machine) + "busybox");
  tar.entry({.name = "./usr/bin/sh", .type = '1', .link = "./usr/bin/busybox"});
  tar.entry({.name = "./usr/sbin/agetty", .mode = 0755}, "x");
  tar.entry({.name = "./etc/inittab", .mode = 0600, .uid = 7}, sysvinit_inittabs()[0].text);
  tar.entry({.name = "./etc/fstab", .mode = 0644, .mtime = 1'600'000'001}, fstabs()[0].text);
  tar.entry({.name = "./boot/vmlinux-6.1", .mode = 0644}, elf_head(machine));
  for (const Extra& extra : extras) tar.entry(extra.entry, extra.content);
  return tar.finish();
}

/// A directory of the host with a tarball, an m5 and images; e2fsck looks at "a.img" at the end.
class Bench {
 public:
  explicit Bench(const std::vector<Extra>& extras = {}) {
    write_file(dir / "a.tar", guest_tar(extras));
    write_file(dir / "m5", elf_head(kX8664) + "the program");
  }
  ~Bench() {
    if (!fs::exists(image)) return;
    const Outcome judged = run({"e2fsck", "-fn", image + "?offset=1048576"});
    CAPTURE(judged.text());
    CHECK(judged.exit_code == 0);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  std::string at(const std::string& name) const { return (dir / name).string(); }
  CliResult build(std::vector<std::string> words) const {
    words.insert(words.begin(), {"build", image, "--from", at("a.tar"), "--no-sync", "-q"});
    return run_rawimg(words);
  }
  CliResult plan(std::vector<std::string> words) const {
    words.insert(words.begin(), {"plan", "--from", at("a.tar")});
    return run_rawimg(words);
  }
  void require_built(const std::vector<std::string>& words) const {
    const CliResult result = build(words);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
  }
  CliResult gem5(std::vector<std::string> words) const {
    words.insert(words.begin(), {"gem5", image, "--no-sync"});
    return run_rawimg(words);
  }
  std::string require_gem5(const std::vector<std::string>& words) const {
    const CliResult result = gem5(words);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    return result.err;
  }
  std::string cat(const std::string& path) const {
    return run_rawimg({"cat", image + ":" + path}).out;
  }
  std::string listing() const {
    const CliResult found = run_rawimg({"find", image + ":/", "-printf", "%p %y %m %U:%G %l %n\n"});
    REQUIRE(found.code == 0);
    return found.out;
  }

  TempDir dir;
  std::string image = (dir / "a.img").string();
};

}  // namespace

TEST_CASE("build --gem5 makes an image that needs no further preparation", "[cli][gem5]") {
  const std::string size = GENERATE("64M", "auto", "auto+8M");
  CAPTURE(size);
  const Bench bench;
  bench.require_built({"--size", size, "--gem5", "--m5", bench.at("m5")});
  CHECK(bench.cat("/usr/sbin/m5") == elf_head(kX8664) + "the program");
  CHECK(bench.cat("/etc/inittab") ==
        gem5_inittab(sysvinit_inittabs()[0].text, InittabStyle::Sysvinit));
  CHECK_THAT(bench.listing(),
             Contains("/usr/sbin/m5 f 755 0:0") && Contains("/usr/sbin/gem5 l 777 0:0 m5") &&
                 Contains("/usr/sbin/gem5-start f 755 0:0") && Contains("/etc/inittab f 600 7:0"));
  CHECK_THAT(bench.require_gem5({"--m5", bench.at("m5")}), Contains("nothing to change"));
}

TEST_CASE("a plan with --gem5 says of each type what build makes of it", "[cli][gem5][plan]") {
  const Bench bench;
  const std::vector<std::string> words = {"--gem5", "--m5", bench.at("m5"),
                                          "--size", "auto", "--json"};
  const CliResult planned = bench.plan(words);
  CAPTURE(planned.err);
  REQUIRE(planned.code == 0);
  const auto plan = planned.json().at("result");
  CHECK_THAT(plan.at("gem5").dump(), Contains("/sbin/gem5-start"));
  for (const auto& type : plan.at("types")) {
    CAPTURE(type.dump());
    std::vector<std::string> with_type = words;
    with_type.insert(with_type.end(), {"-t", type.at("type").get<std::string>(), "--force"});
    const CliResult built = bench.build(with_type);
    CAPTURE(built.err);
    REQUIRE(built.code == 0);
    const auto made = built.json().at("result");
    CHECK(type.at("size") == made.at("size"));
    CHECK(type.at("content") == made.at("content"));
    CHECK(type.at("filesystem").at("free_inodes") == made.at("filesystem").at("free_inodes"));
    CHECK(plan.at("gem5") == made.at("gem5"));
  }
  CHECK_THAT(bench.plan({"--m5", bench.at("m5")}).err,
             Contains("--m5 is of --gem5, which is missing"));
}

TEST_CASE("a build and a later preparation come to the same tree", "[cli][gem5]") {
  const Bench one, two;
  one.require_built(
      {"--size", "64M", "--gem5", "--m5", one.at("m5"), "--root-device", "/dev/hda1"});
  two.require_built({"--size", "64M"});
  two.require_gem5({"--m5", two.at("m5"), "--root-device", "/dev/hda1"});
  CHECK(one.listing() == two.listing());
  for (const char* path : {"/etc/fstab", "/etc/inittab", "/sbin/gem5-start"})
    CHECK(one.cat(path) == two.cat(path));
}

TEST_CASE("a build that cannot prepare the guest makes no image", "[cli][gem5]") {
  const Bench bench({{{.name = "./usr/sbin/m5", .type = '6'}}});
  write_file(bench.dir / "arm", elf_head(kAarch64));
  struct Row {
    std::vector<std::string> words;
    int code;
    const char* text;
  };
  // {directory} stands for the test's own, which is another one in each run
  const auto row = GENERATE(
      values<Row>({{{"--m5", "{directory}/arm"}, 1, "is for 64-bit ARM, the guest for x86-64"},
                   {{"--m5", "{directory}/m5"}, 1, "/sbin/m5 is a FIFO"},
                   {{"--m5", "{directory}/nothing"}, 1, "cannot open"},
                   {{"--arch", "amr"}, 2, "did you mean 'arm'?"},
                   {{"--root-device", "PARTUUID=auto"}, 2, "known when the image is there"}}));
  CAPTURE(row.text);
  for (const std::vector<std::string>& how : {std::vector<std::string>{}, {"--dry-run"}}) {
    std::vector<std::string> words{"--size", "64M", "--gem5"};
    for (const std::string& word : row.words)
      words.push_back(word.starts_with("{directory}/") ? bench.at(word.substr(12)) : word);
    words.insert(words.end(), how.begin(), how.end());
    const CliResult result = bench.build(words), plan = bench.plan(words);
    CHECK(result.code == row.code);
    CHECK_THAT(result.err, Contains(row.text));
    CHECK(plan.code == row.code);
    CHECK_THAT(plan.err, Contains(row.text));
  }
  CHECK_FALSE(fs::exists(bench.image));
  CHECK_FALSE(fs::exists(bench.image + ".part"));
}

TEST_CASE("build --force is about the image, and not about a guest that is prepared already",
          "[cli][gem5]") {
  const Bench bench({{{.name = "./usr/local/bin/gem5-bridge"}, "bridge"}});
  bench.require_built({"--size", "64M"});
  const CliResult result =
      bench.build({"--size", "64M", "--gem5", "--m5", bench.at("m5"), "--force"});
  CHECK(result.code == 1);
  CHECK_THAT(result.err, Contains("it has /usr/local/bin/gem5-bridge") &&
                             Contains("'rawimg gem5 --force' prepares it anyway"));
  CHECK(bench.cat("/sbin/m5").empty());
  bench.require_gem5({"--m5", bench.at("m5"), "--force"});
}

TEST_CASE("build's gem5 options want --gem5", "[cli][gem5]") {
  const Bench bench;
  const CliResult result = bench.build({"--size", "64M", "--m5", bench.at("m5")});
  CHECK(result.code == 2);
  CHECK_THAT(result.err, Contains("--m5 is of --gem5, which is missing"));
}

TEST_CASE("the same build with --gem5 makes the same bytes, whatever m5 is called", "[cli][gem5]") {
  const Bench bench;
  fs::copy_file(bench.dir / "m5", bench.dir / "other");
  bench.require_built({"--size", "64M", "--gem5", "--m5", bench.at("m5")});
  const std::string bytes = read_file(bench.image);
  bench.require_built({"--size", "64M", "--gem5", "--m5", bench.at("other"), "--force"});
  CHECK(read_file(bench.image) == bytes);
  bench.require_built({"--size", "64M", "--force"});
  const std::string plain = read_file(bench.image);
  CHECK(plain.substr(440, 4) != bytes.substr(440, 4));  // another tree has another disk id
}

TEST_CASE("gem5 --remove brings back every file, and a dry run changes none", "[cli][gem5]") {
  const Bench bench({{{.name = "./usr/sbin/gem5", .mode = 0755}, "somebody's"}});
  bench.require_built({"--size", "64M"});
  const std::string before = bench.listing(), bytes = read_file(bench.image);
  const CliResult dry = bench.gem5({"--m5", bench.at("m5"), "--dry-run"});
  CHECK(dry.code == 0);
  CHECK_THAT(dry.out, Contains("\n-c1:12345:respawn:") && Contains("+#gem5# c1:12345:respawn:") &&
                          Contains("make /sbin/m5 (0755, ") &&
                          Contains("rename /sbin/gem5 to /sbin/gem5.before-gem5\n") &&
                          Contains("make /sbin/gem5 -> m5\n") && Contains("b/sbin/gem5-start"));
  CHECK(read_file(bench.image) == bytes);
  bench.require_gem5({"--m5", bench.at("m5"), "--tty", "ttyS1"});
  CHECK(bench.listing() != before);
  CHECK_THAT(bench.require_gem5({"--m5", bench.at("m5"), "--tty", "ttyS1"}),
             Contains("nothing to change"));
  bench.require_gem5({"--remove"});
  CHECK(bench.listing() == before);
  CHECK(bench.cat("/etc/inittab") == sysvinit_inittabs()[0].text);
  CHECK(bench.cat("/etc/fstab") == fstabs()[0].text);
  CHECK(bench.cat("/sbin/gem5") == "somebody's");
  CHECK_THAT(bench.require_gem5({"--remove"}), Contains("nothing to change"));
  CHECK(bench.gem5({"--remove", "--m5", bench.at("m5")}).code == 2);
}

TEST_CASE("an m5 that is another name of busybox does not change busybox", "[cli][gem5]") {
  const Bench bench({{{.name = "./usr/sbin/m5", .type = '1', .link = "./usr/bin/busybox"}}});
  const bool at_once = GENERATE(true, false);
  if (at_once) {
    bench.require_built({"--size", "64M", "--gem5", "--m5", bench.at("m5")});
  } else {
    bench.require_built({"--size", "64M"});
    bench.require_gem5({"--m5", bench.at("m5")});
  }
  CHECK(bench.cat("/bin/busybox") == elf_head(kX8664) + "busybox");
  CHECK(bench.cat("/sbin/m5") == elf_head(kX8664) + "the program");
  CHECK(bench.cat("/sbin/m5.before-gem5") == elf_head(kX8664) + "busybox");
  bench.require_gem5({"--remove"});
  CHECK(bench.cat("/sbin/m5") == elf_head(kX8664) + "busybox");
}

TEST_CASE("an inittab behind a symlink is edited where it is", "[cli][gem5]") {
  TarWriter tar;
  const Bench bench({{{.name = "./usr/share/inittab"}, "si::sysinit:/rc\nid:3:initdefault:\n"},
                     {{.name = "./etc/inittab", .type = '2', .link = "../usr/share/inittab"}}});
  const bool at_once = GENERATE(true, false);
  bench.require_built({"--size", "64M"});
  if (at_once)
    bench.require_built({"--size", "64M", "--gem5", "--force"});
  else
    bench.require_gem5({});
  CHECK_THAT(bench.cat("/usr/share/inittab"), Contains("#gem5# si::sysinit:/rc\n"));
  CHECK_THAT(bench.listing(), Contains("/etc/inittab l"));
}

TEST_CASE("build --gem5 edits an inittab behind a symlink, too", "[cli][gem5]") {
  const Bench bench({{{.name = "./etc/inittab", .type = '2', .link = "inittab.sysvinit"}},
                     {{.name = "./etc/inittab.sysvinit"}, "id:3:initdefault:\n"}});
  bench.require_built({"--size", "64M", "--gem5", "--m5", bench.at("m5")});
  CHECK_THAT(bench.cat("/etc/inittab.sysvinit"), Contains(":wait:/sbin/gem5-start\n"));
  CHECK_THAT(bench.cat("/etc/inittab"), Contains("id:3:initdefault:\n"));
}

TEST_CASE("a symlink loop at /sbin is an error, and nothing is made", "[cli][gem5]") {
  const Bench bench;
  bench.require_built({"--size", "64M"});
  REQUIRE(run_rawimg({"batch", bench.image, "-e", "mv :/sbin :/old", "-e", "ln -s sbin :/sbin",
                      "--no-sync"})
              .code == 0);
  const std::string before = bench.listing();
  const CliResult result = bench.gem5({"--m5", bench.at("m5")});
  CHECK(result.code != 0);
  CHECK_THAT(result.err, Contains("/sbin"));
  CHECK(bench.listing() == before);
}

TEST_CASE("gem5 is a verb of a batch, and has its figures in JSON", "[cli][gem5]") {
  const Bench bench;
  bench.require_built({"--size", "64M"});
  const CliResult batch =
      run_rawimg({"batch", bench.image, "--no-sync", "-e", "touch :/x", "-e",
                  "gem5 --m5 '" + bench.at("m5") + "'", "-e", "serial ttyS1,9600"});
  CAPTURE(batch.err);
  REQUIRE(batch.code == 0);
  CHECK_THAT(bench.cat("/etc/inittab"),
             Contains("\ns1:12345:respawn:/sbin/agetty -L 9600 ttyS1 vt100\n"));
  bench.require_gem5({"--remove"});
  const CliResult json = bench.gem5({"--json"});
  REQUIRE(json.code == 0);
  const auto result = json.json().at("result");
  CHECK(result.at("architecture") == "x86");
  CHECK(result.at("init") == "sysvinit");
  CHECK(result.at("tty") == "ttyS0");
  CHECK(result.at("m5") == false);
  CHECK(result.at("files").at(0).at("change") == "symlink");
  CHECK(json.json().at("warnings").at(0).at("code") == "no-m5");
}

TEST_CASE("serial gives a login and takes it back", "[cli][serial]") {
  const Bench bench;
  bench.require_built({"--size", "64M"});
  const auto serial = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"serial", bench.image, "--no-sync"});
    return run_rawimg(words);
  };
  REQUIRE(serial({"ttyS0"}).code == 0);
  CHECK_THAT(bench.cat("/etc/inittab"),
             Contains("\ns0:12345:respawn:/sbin/agetty -L 115200 ttyS0 vt100\n"));
  CHECK_THAT(serial({"ttyS0,115200"}).err, Contains("nothing to change"));
  REQUIRE(serial({"ttyS0", "--remove"}).code == 0);
  CHECK(bench.cat("/etc/inittab") == sysvinit_inittabs()[0].text);
  REQUIRE(serial({"tty1", "off"}).code == 0);
  CHECK_THAT(bench.cat("/etc/inittab"), Contains("\n#serial tty1# c1:12345:respawn:"));
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{},
                                                {"ttyS0,12"},
                                                {"ttyS0,115201"},
                                                {"ttyS0", "on"},
                                                {"../x"},
                                                {"ttyS0", "off", "--remove"}})
    CHECK(serial(wrong).code == 2);
}

TEST_CASE("info --boot prints lines to paste, and the kernels of the image", "[cli][info]") {
  const Bench bench;
  bench.require_built({"--size", "64M", "--disk-id", "0badcafe"});
  const auto boot = [&](const std::string& target) {
    const CliResult result = run_rawimg({"info", "--boot", target, bench.image});
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    return result.out;
  };
  CHECK_THAT(boot("qemu"), Contains("qemu-system-x86_64 ") &&
                               Contains("-append 'root=PARTUUID=0badcafe-01 rw console=ttyS0'\n") &&
                               Contains("file=" + bench.image + ",format=raw") &&
                               Contains(":1/boot/vmlinux-6.1 KERNEL  # x86-64\n"));
  CHECK_THAT(boot("gem5"), Contains("DiskImageResource(local_path=\"" + bench.image +
                                    "\", root_partition=\"1\")") &&
                               Contains("\"root=PARTUUID=0badcafe-01\", \"rw\"]") &&
                               Contains("# /dev/hda1 is what X86Board calls"));
  const auto json = nlohmann::json::parse(boot("firecracker"));
  CHECK(json.at("drives").at(0).at("partuuid") == "0badcafe-01");
  CHECK(json.at("drives").at(0).at("path_on_host") == bench.image);
  const CliResult wrong = run_rawimg({"info", "--boot", "gem", bench.image});
  CHECK(wrong.code == 2);
  CHECK_THAT(wrong.err, Contains("did you mean 'gem5'?"));
  const auto figures = run_rawimg({"info", "--json", "--boot", "qemu", bench.image}).json();
  CHECK(figures.at("result").at("kernels").at(0).at("machine") == "x86-64");
  CHECK(figures.at("result").at("root") == "PARTUUID=0badcafe-01");
}

TEST_CASE("info --boot knows the console of a preparation, and initial RAM disks", "[cli][info]") {
  const Bench bench({{{.name = "./boot/initrd.img-6.1"}, "cpio"}});
  bench.require_built({"--size", "64M"});
  bench.require_gem5({"--tty", "ttyS1"});
  const std::string lines = run_rawimg({"info", "--boot", "qemu", bench.image}).out;
  CHECK_THAT(lines, Contains(" -kernel KERNEL -initrd INITRD -append ") &&
                        Contains(":1/boot/initrd.img-6.1 INITRD\n") &&
                        Contains(" rw console=ttyS1'\n"));
}

TEST_CASE("info --boot of an ARM guest without a table has another console and root",
          "[cli][info]") {
  const Bench bench;
  write_file(bench.dir / "a.tar", guest_tar({}, kAarch64));
  const std::string image = bench.at("bare.img");
  REQUIRE(run_rawimg({"build", image, "--from", bench.at("a.tar"), "--size", "64M", "--table",
                      "none", "--no-sync", "-q"})
              .code == 0);
  CHECK_THAT(run_rawimg({"info", "--boot", "qemu", image}).out,
             Contains("qemu-system-aarch64 -M virt") &&
                 Contains("-append 'root=/dev/vda rw console=ttyAMA0'"));
  CHECK_THAT(run_rawimg({"info", "--boot", "gem5", image}).out,
             Contains("bare.img\"),") && Contains("\"root={root_value}\", \"rw\"]"));
}
