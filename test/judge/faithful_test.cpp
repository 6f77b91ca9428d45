// SPDX-License-Identifier: MIT
// What GNU tar, as root, unpacks is what a kernel finds in the image: in every kind of filesystem
// that rawimg makes.
#include <catch2/catch.hpp>

#include "boot/guest.h"
#include "judge/judge.h"
#include "judge/kernel_judge.h"
#include "judge/pax_writer.h"
#include "judge/rootfs.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

struct Shape {
  std::string type, start, block_size, inode_size;
  bool rich() const { return block_size == "4K" && inode_size == "256"; }
  std::string name() const {
    return type + "-" + start + "-" + block_size + "-" + inode_size + ".img";
  }
};

// Half of the eight shapes show every pair of values (start with block size, and so on); the other
// half is for those who have more time.
enum class Half { Even, Odd };

std::vector<Shape> shapes_of(const std::string& type, Half half) {
  std::vector<Shape> shapes;
  for (const int start : {0, 1}) {
    for (const int block : {0, 1}) {
      const int inode = (start + block + (half == Half::Odd ? 1 : 0)) % 2;
      shapes.push_back({type, start == 0 ? "63s" : "2048s", block == 0 ? "1K" : "4K",
                        inode == 0 ? "256" : "128"});
    }
  }
  return shapes;
}

// Builds shapes of one type, and compares what a kernel lists in each with what GNU tar unpacked.
void require_faithful(const std::string& type, Half half) {
  const TempDir dir;
  const auto shapes = shapes_of(type, half);
  std::vector<Mountable> images;
  for (const Shape& shape : shapes) {
    CAPTURE(shape.name());
    const fs::path image = dir / shape.name();
    require_build(image, rootfs_tar(shape.rich() ? Rootfs::Rich : Rootfs::Narrow),
                  {"--size", "600M", "-t", type, "--start", shape.start, "--block-size",
                   shape.block_size, "--inode-size", shape.inode_size});
    require_clean(image);
    CHECK(sfdisk_partitions(image).at(1).start == (shape.start == "63s" ? 32256u : 1048576u));
    images.push_back({image, type});
  }
  const auto listings = kernel_listings(images);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    CAPTURE(shapes[i].name());
    std::string expected = reference_listing(shapes[i].rich() ? Rootfs::Rich : Rootfs::Narrow);
    if (shapes[i].inode_size == "128") expected = without_fractions(expected);
    CHECK(difference(expected, without_lost_and_found(listings[i])) == "");
  }
}

}  // namespace

// Each type is a test of its own, so that they can run side by side. ext2 with 4 KiB, 256 and start
// 63 and ext4 with 4 KiB, 256 and start 2048 are in the first halves.
TEST_CASE("every inode of an ext2 image is what root gets from GNU tar",
          "[judge][boot][A04][A18][A19][A21][A22][A23][A24][A25][A26][A27][A28][A29][A31][A33][A34]"
          "[A44]") {
  require_faithful("ext2", Half::Odd);
}
TEST_CASE("every inode of an ext3 image is what root gets from GNU tar",
          "[judge][boot][A04][A18][A19][A21][A22][A23][A24][A25][A26][A27][A28][A29][A31][A33][A34]"
          "[A44]") {
  require_faithful("ext3", Half::Odd);
}
TEST_CASE("every inode of an ext4 image is what root gets from GNU tar",
          "[judge][boot][A04][A18][A19][A21][A22][A23][A24][A25][A26][A27][A28][A29][A31][A33][A34]"
          "[A44]") {
  require_faithful("ext4", Half::Even);
}
TEST_CASE("every inode is what root gets from GNU tar, in the other shapes",
          "[.][slow][judge][boot]") {
  const auto [type, half] = GENERATE(
      table<std::string, Half>({{"ext2", Half::Even}, {"ext3", Half::Even}, {"ext4", Half::Odd}}));
  require_faithful(type, half);
}

TEST_CASE("a whole-file filesystem is as faithful as one in a partition", "[judge][boot]") {
  const TempDir dir;
  require_build(dir / "whole.img", rootfs_tar(Rootfs::Rich),
                {"--size", "400M", "-t", "ext4", "--table", "none"});
  require_clean(dir / "whole.img", 0);
  const auto listings = kernel_listings({{dir / "whole.img", "ext4", 0}});
  CHECK(difference(reference_listing(Rootfs::Rich), without_lost_and_found(listings[0])) == "");
}

TEST_CASE("200 MiB of data pass the third indirection and many extents", "[judge][boot][A19]") {
  const TempDir dir;
  for (const char* type : {"ext2", "ext4"}) {
    require_build(dir / type, rootfs_tar(Rootfs::Big),
                  {"--size", "600M", "-t", type, "--block-size", "1K"});
    require_clean(dir / type);
  }
  const auto listings = kernel_listings({{dir / "ext2", "ext2"}, {dir / "ext4", "ext4"}});
  const auto expected = reference_listing(Rootfs::Big);
  REQUIRE(expected.find("./sizes/noise-200M f ") != std::string::npos);
  CHECK(difference(expected, without_lost_and_found(listings[0])) == "");
  CHECK(difference(expected, without_lost_and_found(listings[1])) == "");
}

// e2fsck takes times beyond 2310 for mistakes of old kernels, so they are judged by a kernel alone.
TEST_CASE("times reach from 1901 to 2446", "[judge][boot][A26]") {
  const TempDir dir;
  std::vector<std::pair<rawimg::judge::Member, std::string>> members;
  const std::vector<std::string> times{"-2147483648", "-2147483647.999999999",
                                       "-1.5",        "-0.000000001",
                                       "4294967296",  "8589934592",
                                       "10737418240", "12884901888.000000007",
                                       "15032385535"};
  for (std::size_t i = 0; i < times.size(); ++i)
    members.push_back({{.path = "./" + std::to_string(i), .mtime = times[i]}, "x"});
  require_build(dir / "times.img", rawimg::judge::write_members(dir / "members.tar", members),
                {"--size", "16M", "-t", "ext4"});
  const std::string listing = kernel_listings({{dir / "times.img", "ext4"}})[0];
  const std::vector<std::string> expected{
      "-2147483648.000000000", "-2147483648.000000001", "-2.500000000",
      "-1.999999999",          "4294967296.000000000",  "8589934592.000000000",
      "10737418240.000000000", "12884901888.000000007", "15032385535.000000000"};
  for (std::size_t i = 0; i < times.size(); ++i)
    CHECK_THAT(listing, Catch::Contains("./" + std::to_string(i) + " f 0644 0:0 " + expected[i]));
}

TEST_CASE("a time that the inode cannot hold is an error that names the entry", "[judge][A26]") {
  struct Row {
    const char* time;
    const char* inode_size;
  };
  const auto row = GENERATE(values<Row>({{"-2147483649", "256"},
                                         {"15032385536", "256"},
                                         {"2147483648", "128"},
                                         {"-2147483649", "128"}}));
  CAPTURE(row.time, row.inode_size);
  const TempDir dir;
  const auto tarball = rawimg::judge::write_members(
      dir / "members.tar",
      {{{.path = "./fine"}, "x"}, {{.path = "./far-away", .mtime = row.time}, "x"}});
  const Outcome outcome =
      run_rawimg({"build", (dir / "t.img").string(), "--from", tarball.string(), "--size", "16M",
                  "-t", "ext4", "--inode-size", row.inode_size});
  INFO(outcome.text());
  CHECK(outcome.exit_code == 3);
  CHECK_THAT(outcome.err, Catch::Contains("far-away"));
  CHECK_FALSE(fs::exists(dir / "t.img"));
}

TEST_CASE("holes take no blocks and zeros become holes", "[judge][boot][A33][A34]") {
  const TempDir dir;
  require_build(dir / "holes.img", rootfs_tar(Rootfs::Rich), {"--size", "400M", "-t", "ext4"});
  for (const char* file : {"/sizes/only-a-hole", "/sizes/zeros"}) {
    CAPTURE(file);
    CHECK_THAT(debugfs(dir / "holes.img", 1 << 20, std::string("stat ") + file),
               Catch::Contains("Blockcount: 0\n"));
  }
  // 5000 bytes of data on either side of a million zeros: 2 and, as the second piece begins within
  // a block, 2 blocks.
  CHECK_THAT(debugfs(dir / "holes.img", 1 << 20, "stat /sizes/zeros-in-noise"),
             Catch::Contains("Blockcount: 32\n"));
}

TEST_CASE("ext2 keeps extended attributes where the ext2 driver reads them", "[judge][A25]") {
  const TempDir dir;
  const auto tarball = rawimg::judge::write_members(
      dir / "members.tar", {{{.path = "./small", .xattrs = {{"user.a", "b"}}}, "x"}});
  require_build(dir / "two.img", tarball, {"--size", "16M", "-t", "ext2", "--inode-size", "256"});
  CHECK_THAT(debugfs(dir / "two.img", 1 << 20, "stat /small"), !Catch::Contains("File ACL: 0\n"));
  require_build(dir / "four.img", tarball, {"--size", "16M", "-t", "ext4", "--inode-size", "256"});
  CHECK_THAT(debugfs(dir / "four.img", 1 << 20, "stat /small"), Catch::Contains("File ACL: 0\n"));
}
