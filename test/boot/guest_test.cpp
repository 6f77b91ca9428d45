// SPDX-License-Identifier: MIT
#include <catch2/catch.hpp>

#include "boot/guest.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace rawimg::test;

TEST_CASE("a guest runs a script, reads a disk and hands files back", "[boot][judge]") {
  const TempDir dir;
  write_file(dir / "disk.raw", "first bytes of the disk" + std::string(1 << 20, '\0'));
  GuestJob job;
  job.disks = {{dir / "disk.raw"}};
  job.script =
      "head -c 11 /dev/vda >/out/read; echo changed | dd of=/dev/vda conv=notrunc 2>/dev/null; "
      "uname -s >/out/kernel";
  const GuestResult result = run_in_guest(job);
  INFO(result.console);
  CHECK(result.ended);
  CHECK(result.files.at("read") == "first bytes");
  CHECK(result.files.at("kernel") == "Linux\n");
  CHECK(read_file(dir / "disk.raw").substr(0, 5) == "first");
}

TEST_CASE("a guest keeps what it writes when asked, and says when its script fails",
          "[boot][judge]") {
  const TempDir dir;
  write_file(dir / "disk,with comma.raw", std::string(1 << 20, '\0'));
  GuestJob job;
  job.disks = {{dir / "disk,with comma.raw", GuestDisk::Writes::Kept}};
  job.script = "echo changed | dd of=/dev/vda conv=notrunc 2>/dev/null; sync; exit 3";
  const GuestResult result = run_in_guest(job);
  CHECK_FALSE(result.ended);
  CHECK(read_file(dir / "disk,with comma.raw").substr(0, 7) == "changed");
}
