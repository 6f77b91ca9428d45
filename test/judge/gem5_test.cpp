// SPDX-License-Identifier: MIT
// Guests that were prepared for gem5 boot straight to the host's script and power off, in QEMU: a
// stub stands for gem5's m5.
#include <fstream>
#include <string_view>

#include <catch2/catch.hpp>

#include "boot/guest.h"
#include "judge/judge.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kHostScript = R"(#!/bin/sh
WHOSE=HOST-SCRIPT
read -r init </proc/1/comm
while read -r device directory type options rest; do
  [ "$directory" = / ] && echo "$WHOSE pid-1=$init root=$type,${options%%,*}"
done </proc/mounts
touch /written-by-the-script && echo "WRITTEN in $PATH"
[ -c /dev/null ] && [ -d /proc/self ] && [ -d /sys/kernel ] && echo MOUNTED
)";

/// The same for --script.
std::string fixed_script() {
  std::string text(kHostScript);
  return text.replace(text.find("HOST-SCRIPT"), 4, "FIXED");
}

fs::path disk_of_host(const TempDir& dir, std::string_view script) {
  fs::path disk = dir / "host.raw";
  write_file(disk, script);
  fs::resize_file(disk, 64 * 1024);
  return disk;
}

/// Boots from a partition and looks for what the script says, and for nothing else that a guest
/// may say about logins and what it starts again and again.
void require_script_runs(const fs::path& image, const std::string& device, const std::string& init,
                         const std::string& expected, std::string_view host_script = kHostScript) {
  const TempDir dir;
  const std::string console = boot_from(image, device, init, {{disk_of_host(dir, host_script)}});
  CAPTURE(console);
  CHECK_THAT(console, Contains(expected) && Contains("\nWRITTEN in /") && Contains("MOUNTED"));
  // powered off by m5 as soon as the script had ended
  CHECK_THAT(console, Contains("Power down") && !Contains("Kernel panic"));
  for (const char* noise : {"login:", "respawn", "INIT: Id", "cannot open", "can't open",
                            "gem5-start:", "Enter runlevel", "root shell", "cannot boot"}) {
    CAPTURE(noise);
    CHECK_THAT(console, !Contains(noise));
  }
}

}  // namespace

TEST_CASE("a guest with sysvinit boots from sector 63 straight to the host's script",
          "[judge][boot][gem5]") {
  const TempDir dir;
  write_file(dir / "script", fixed_script());
  require_build(dir / "x.img", guest_tree("sysvinit"),
                {"--start", "63s", "-t", "ext2", "--gem5", "--m5", RAWIMG_M5_STUB, "--script",
                 (dir / "script").string()});
  require_clean(dir / "x.img");
  require_script_runs(dir / "x.img", "/dev/vda1", "/sbin/init",
                      "HOST-SCRIPT pid-1=init root=ext2,rw");
  // any guest can be given init=; where the host has no script, that of --script runs
  require_script_runs(dir / "x.img", "/dev/vda1", "/sbin/gem5-start",
                      "FIXED-SCRIPT pid-1=gem5-start root=ext2,rw", "");
}

TEST_CASE("a guest with systemd boots from sector 2048 straight to the host's script",
          "[judge][boot][gem5]") {
  const TempDir dir;
  require_build(dir / "x.img", guest_tree("systemd"),
                {"--start", "2048s", "-t", "ext4", "--gem5", "--m5", RAWIMG_M5_STUB});
  require_clean(dir / "x.img");
  require_script_runs(dir / "x.img", "/dev/vda1", "/sbin/init",
                      "HOST-SCRIPT pid-1=systemd root=ext4,rw");
}

TEST_CASE("a guest with systemd boots from a GPT slot straight to the host's script",
          "[judge][boot][gem5]") {
  const TempDir dir;
  const fs::path image = dir / "gpt.img";
  std::ofstream(image).close();
  fs::resize_file(image, 300u << 20);
  Command sfdisk;
  sfdisk.argv = {"sfdisk", "-q", image.string()};
  sfdisk.input = "label: gpt\nsize=1M,type=21686148-6449-6E6F-744E-656564454649\ntype=L\n";
  REQUIRE(run(std::move(sfdisk)).ok());
  const Extent slot = sfdisk_partitions(image).at(2);
  const Outcome made = run({"mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-E",
                            "offset=" + std::to_string(slot.start), image.string(),
                            std::to_string(slot.size / 4096)});
  INFO(made.text());
  REQUIRE(made.ok());
  const std::string address = image.string() + ":2";
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"populate", address, guest_tree("systemd").string(), "--no-sync"},
        {"gem5", address, "--m5", RAWIMG_M5_STUB, "--root-device", "PARTUUID=auto", "--no-sync"}}) {
    const Outcome outcome = run_rawimg(words);
    INFO(outcome.text());
    REQUIRE(outcome.ok());
  }
  require_clean(image, 2);
  require_script_runs(image, "/dev/vda2", "/sbin/init", "HOST-SCRIPT pid-1=systemd root=ext4,rw");
}

TEST_CASE("a build with the preparation makes the same bytes, and a later one changes none",
          "[judge][gem5]") {
  const TempDir dir;
  const fs::path tree = guest_tree("sysvinit");
  const std::vector<std::string> words{"--size", "128M", "-t",          "ext4",
                                       "--gem5", "--m5", RAWIMG_M5_STUB};
  require_build(dir / "a.img", tree, words);
  require_build(dir / "b.img", tree, words);
  CHECK(same_bytes(dir / "a.img", dir / "b.img"));
  const Outcome again = run_rawimg({"gem5", (dir / "a.img").string(), "--m5", RAWIMG_M5_STUB});
  INFO(again.text());
  CHECK(again.ok());
  CHECK_THAT(again.err, Contains("nothing to change"));
  CHECK(same_bytes(dir / "a.img", dir / "b.img"));
}
