// SPDX-License-Identifier: MIT
// A stock Debian kernel boots from the image, and works in it as in any other.
#include <catch2/catch.hpp>

#include <cstdio>

#include "boot/guest.h"
#include "judge/judge.h"
#include "judge/kernel_judge.h"
#include "judge/pax_writer.h"
#include "judge/rootfs.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

TEST_CASE("a kernel boots from the MBR partition and ping has its capability",
          "[judge][boot][A23][A27]") {
  struct Row {
    const char* type;
    const char* start;
  };
  const auto row = GENERATE(values<Row>({{"ext2", "63s"}, {"ext4", "1M"}}));
  CAPTURE(row.type, row.start);
  const TempDir dir;
  require_build(dir / "boot.img", rootfs_tar(Rootfs::Narrow),
                {"--size", "400M", "-t", row.type, "--start", row.start});
  const std::string console = boot_from(dir / "boot.img", "/dev/vda1", "/init.sh");
  CAPTURE(console);
  CHECK_THAT(console, Catch::Contains("BOOTED-FROM /dev/vda1 ext"));
  CHECK_THAT(console, Catch::Contains("6 Feb 13  2009 /etc/hostname"));
  CHECK_THAT(console, Catch::Contains("/usr/bin/ping cap_net_raw=ep"));
  CHECK_THAT(console, Catch::Contains("65534\r\nPING-BY-CAPABILITY\r\nNO-PING-WITHOUT"));
  CHECK_THAT(console, Catch::Contains("INIT-ENDED"));
}

namespace {

// A plain ustar member has one header and no pax record: 100 MB for 200 000 of them, not 300.
fs::path crowded_tar(const TempDir& dir, int entries) {
  const fs::path file = dir / "crowded.tar";
  std::FILE* out = std::fopen(file.c_str(), "wb");
  REQUIRE(out != nullptr);
  rawimg::judge::PaxWriter writer(out);
  writer.add_plain({.path = "./crowded/", .type = '5', .mode = 0755, .mtime = "1700000000"});
  for (int i = 0; i < entries; ++i)
    writer.add_plain({.path = "./crowded/entry-" + std::to_string(i), .mtime = "1700000000"});
  writer.finish();
  std::fclose(out);
  return file;
}

// Looks up, creates, removes and renames in a directory that rawimg indexed. Absent names must be
// absent, too: an index that is wrong finds too little. (Through a pipe, because busybox's xargs
// loses its place in a file when it starts a second program. Counted by the shell, which reads
// names only: busybox's ls takes two minutes for a million.)
constexpr auto kUseDirectory = R"(
set -e
mount -t $TYPE -o rw /dev/vda1 /mnt
cd /mnt/crowded
set -- *
[ $# -eq $ENTRIES ]
seq 0 97 $((ENTRIES - 1)) | sed 's/^/entry-/' >/tmp/some
cat /tmp/some | xargs stat -c %n >/tmp/found
cmp /tmp/some /tmp/found
[ ! -e entry-$ENTRIES ]; [ ! -e entry- ]
seq 1 3000 | sed 's/^/new-name-of-the-guest-/' | xargs touch
seq 1 100 | sed 's/^/sub-/' | xargs mkdir
cat /tmp/some | xargs rm
mv entry-1 entry-renamed
[ ! -e entry-97 ]; [ -e entry-renamed ]; [ -e new-name-of-the-guest-3000 ]
set -- *
[ $# -eq $((ENTRIES + 3100 - $(wc -l </tmp/some))) ]
dd if=/dev/zero of=/mnt/large bs=1M count=20 2>/dev/null
cd /; umount /mnt
dmesg | grep -E 'EXT[234]-fs.*(error|warning)' && exit 1; true
)";

void use_in_guest(const fs::path& image, const std::string& type, int entries) {
  GuestJob job;
  job.disks = {{image, GuestDisk::Writes::Kept}};
  job.script = "TYPE=" + type + "; ENTRIES=" + std::to_string(entries) + kUseDirectory;
  const GuestResult result = run_in_guest(job);
  INFO(result.console);
  REQUIRE(result.ended);
  require_clean(image);
}

}  // namespace

TEST_CASE("a kernel works in a directory of 200 000 entries and leaves it clean",
          "[judge][boot][A29]") {
  const std::string type = GENERATE(as<std::string>{}, "ext2", "ext4");
  CAPTURE(type);
  constexpr int kEntries = 200'000;
  const TempDir dir;
  require_build(dir / "crowded.img", crowded_tar(dir, kEntries), {"--size", "1G", "-t", type});
  require_clean(dir / "crowded.img");
  use_in_guest(dir / "crowded.img", type, kEntries);
}

TEST_CASE("a kernel works in a directory of 20 000 entries at 1 KiB a block",
          "[judge][boot][A29]") {
  const TempDir dir;
  require_build(dir / "small-blocks.img", crowded_tar(dir, 20'000),
                {"--size", "100M", "-t", "ext3", "--block-size", "1K", "--start", "63s"});
  use_in_guest(dir / "small-blocks.img", "ext3", 20'000);
}

TEST_CASE("a kernel works in a directory of a million entries and leaves it clean",
          "[judge][boot][slow][A29]") {
  const std::string type = GENERATE(as<std::string>{}, "ext2", "ext4");
  CAPTURE(type);
  constexpr int kEntries = 1'000'000;
  const TempDir dir;
  require_build(dir / "million.img", crowded_tar(dir, kEntries), {"-t", type});
  require_clean(dir / "million.img");
  use_in_guest(dir / "million.img", type, kEntries);
}
