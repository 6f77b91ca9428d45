// SPDX-License-Identifier: MIT
// A real stage3, or what tools that make one elsewhere produce: rawimg_judge_tests '[stage3]' with
// RAWIMG_STAGE3=FILE.tar.xz in the environment. Takes some minutes.
#include <catch2/catch.hpp>

#include <cstdlib>

#include "boot/guest.h"
#include "judge/judge.h"
#include "judge/kernel_judge.h"
#include "judge/pax_writer.h"
#include "judge/rootfs.h"
#include "support/not_run.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

fs::path stage3() {
  const char* file = std::getenv("RAWIMG_STAGE3");
  if (file == nullptr) throw NotRun("RAWIMG_STAGE3 names no tarball");
  return file;
}

struct Place {
  const char* type;
  const char* start;
};

}  // namespace

TEST_CASE("every inode of a stage3 is what root gets from GNU tar", "[.][stage3][judge]") {
  const TempDir dir;
  Command decompress;
  decompress.argv = {"xz", "-T0", "-dc"};
  decompress.input_file = stage3();
  decompress.output_file = dir / "plain.tar";
  REQUIRE(run(decompress).ok());
  std::vector<Mountable> images;
  for (const Place& place :
       {Place{"ext2", "63s"}, {"ext2", "2048s"}, {"ext4", "63s"}, {"ext4", "2048s"}}) {
    const fs::path image = dir / (std::string(place.type) + place.start);
    require_build(image, stage3(), {"--size", "4G", "-t", place.type, "--start", place.start});
    require_clean(image);
    images.push_back({image, place.type});
  }
  const std::string expected = list_unpacked(dir / "plain.tar");
  for (const Mountable& image : images) {
    CAPTURE(image.image.filename().string());
    CHECK(difference(expected, without_lost_and_found(kernel_listings({image})[0])) == "");
  }
}

TEST_CASE("a kernel boots from a stage3 and getcap shows ping's capability", "[.][stage3][judge]") {
  const TempDir dir;
  std::FILE* out = std::fopen((dir / "init.tar").c_str(), "wb");
  REQUIRE(out != nullptr);
  rawimg::judge::PaxWriter writer(out);
  writer.add({.path = "./init.sh", .mode = 0755},
             "#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nmount -t proc proc /proc\ngrep ' / ' "
             "/proc/mounts\ngetcap /usr/bin/ping\necho INIT-ENDED\necho o "
             ">/proc/sysrq-trigger\nsleep 60\n");
  writer.finish();
  std::fclose(out);
  const Place place = GENERATE(values<Place>({{"ext2", "63s"}, {"ext4", "2048s"}}));
  CAPTURE(place.type);
  require_build(dir / "boot.img", stage3(),
                {"--from", (dir / "init.tar").string(), "--size", "4G", "-t", place.type, "--start",
                 place.start});
  const std::string console = boot_from(dir / "boot.img", "/dev/vda1", "/init.sh");
  CAPTURE(console);
  CHECK_THAT(console, Catch::Contains("/dev/vda1 / ext") &&
                          Catch::Contains("/usr/bin/ping cap_net_raw=ep") &&
                          Catch::Contains("INIT-ENDED"));
}
