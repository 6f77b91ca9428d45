// SPDX-License-Identifier: MIT
// The judges are judged: each must say no to what is wrong.
#include <catch2/catch.hpp>

#include <fstream>

#include "judge/judge.h"
#include "judge/kernel_judge.h"
#include "judge/rootfs.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kOffset = 63 * 512, kSize = 256 << 20;  // two groups and more

// An MBR by sfdisk and a filesystem by mke2fs: neither is ours.
fs::path foreign_image(const TempDir& dir, const std::string& type, const fs::path& content = {}) {
  const fs::path image = dir / (type + ".img");
  write_file(image, "");
  fs::resize_file(image, kSize);
  Command sfdisk;
  sfdisk.argv = {"sfdisk", "-q", image.string()};
  sfdisk.input = "start=63,type=83\n";
  REQUIRE(run(sfdisk).ok());
  std::vector<std::string> mke2fs{"mke2fs",
                                  "-q",
                                  "-F",
                                  "-t",
                                  type,
                                  "-b",
                                  "4096",
                                  "-E",
                                  "offset=" + std::to_string(kOffset),
                                  image.string(),
                                  std::to_string((kSize - kOffset) / 4096)};
  if (!content.empty()) mke2fs.insert(mke2fs.begin() + 1, {"-d", content.string()});
  mke2fs.erase(std::remove(mke2fs.begin(), mke2fs.end(), ""), mke2fs.end());
  const Outcome outcome = run(mke2fs);
  INFO(outcome.text());
  REQUIRE(outcome.ok());
  return image;
}

void patch(const fs::path& file, std::uint64_t offset, const std::string& bytes) {
  std::fstream io(file, std::ios::in | std::ios::out | std::ios::binary);
  io.seekp(static_cast<std::streamoff>(offset));
  io << bytes;
  REQUIRE(io.flush());
}

}  // namespace

TEST_CASE("complaints finds nothing wrong with what mke2fs makes", "[judge]") {
  const TempDir dir;
  const auto image = foreign_image(dir, GENERATE(as<std::string>{}, "ext2", "ext3", "ext4"));
  require_clean(image);
}

TEST_CASE("complaints says no to sabotage", "[judge]") {
  const TempDir dir;
  const auto image = foreign_image(dir, "ext2");
  REQUIRE(complaints(image, kOffset, kSize - kOffset).empty());
  SECTION("a wrong free count, which e2fsck -fn counts as an error") {
    patch(image, kOffset + 1024 + 12, std::string("\x01\0\0\0", 4));
    CHECK_FALSE(complaints(image, kOffset, kSize - kOffset).empty());
  }
  SECTION("a table outside its group, about which e2fsck -fn may exit with 0") {
    patch(image, kOffset + 4096 + 32, std::string("\x00\x3F\0\0", 4));
    CHECK_FALSE(complaints(image, kOffset, kSize - kOffset).empty());
  }
  SECTION("a window that is one byte too small") {
    CHECK_FALSE(complaints(image, kOffset, 4096 * ((kSize - kOffset) / 4096) - 1).empty());
  }
  SECTION("a filesystem that is not at this offset") {
    CHECK_FALSE(complaints(image, kOffset + 512, kSize).empty());
  }
  SECTION("an image that was cut") {
    fs::resize_file(image, kSize - (1 << 20));
    CHECK_FALSE(complaints(image, kOffset, kSize - kOffset).empty());
  }
}

TEST_CASE("the kernel judge sees what mke2fs put in, and what is different", "[judge][boot]") {
  const TempDir dir;
  fs::create_directory(dir / "tree");
  write_file(dir / "tree" / "file", "content\n");
  fs::create_symlink("file", dir / "tree" / "link");
  const auto first = foreign_image(dir, "ext4", dir / "tree");
  fs::rename(first, dir / "first.img");
  write_file(dir / "tree" / "file", "kontent\n");
  const auto second = foreign_image(dir, "ext4", dir / "tree");
  const auto listings = kernel_listings({{dir / "first.img", "ext4"}, {second, "ext4"}});
  CHECK_THAT(listings[0], Catch::Contains("./file f 0") &&
                              Catch::Contains("size=8 links=1 hash=") &&
                              Catch::Contains("./link l 0777") && Catch::Contains("target=file"));
  CHECK_THAT(without_lost_and_found(listings[0]),
             Catch::Contains("# 3 names\n") && !Catch::Contains("lost+found"));
  CHECK(difference(listings[0], listings[0]).empty());
  CHECK_THAT(difference(listings[0], listings[1]),
             Catch::Contains("- ./file f 0") && Catch::Contains("+ ./file f 0"));
}

TEST_CASE("the kernel judge refuses what the kernel refuses", "[judge][boot]") {
  const TempDir dir;
  const auto image = foreign_image(dir, "ext2");
  patch(image, kOffset + 4096 + 32, std::string("\x00\x3F\0\0", 4));
  CHECK_THROWS_WITH(kernel_listings({{image, "ext2"}}), Catch::Contains("mount"));
}

TEST_CASE("listings that differ are told apart", "[judge]") {
  const std::string listing =
      "./a f 0644 0:0 -5.250000000 size=1\n./lost+found d 0700 0:0 1.000000000\n# 2 names\n";
  CHECK(without_lost_and_found(listing) == "./a f 0644 0:0 -5.250000000 size=1\n# 1 names\n");
  CHECK(without_fractions("./a.5 f 0644 0:0 -5.250000000 size=1\n") ==
        "./a.5 f 0644 0:0 -5.000000000 size=1\n");
  CHECK_THROWS(without_lost_and_found("./lost+found d 0755 0:0 1.000000000\n# 1 names\n"));
  CHECK_THAT(difference("a\nb\n", "a\nc\n"), Catch::Contains("- b\n+ c\n"));
  CHECK_FALSE(difference("a\n", "a\na\n").empty());
  CHECK_FALSE(difference("a\nb\n", "b\na\n").empty());
}

TEST_CASE("same_bytes notices one flipped byte in a full block", "[judge]") {
  const TempDir dir;
  std::string bytes(3'000'000, 'x');
  write_file(dir / "a", bytes);
  write_file(dir / "b", bytes);
  CHECK(same_bytes(dir / "a", dir / "b"));
  bytes[2'999'999] ^= 1;
  write_file(dir / "b", bytes);
  CHECK_FALSE(same_bytes(dir / "a", dir / "b"));
  write_file(dir / "b", std::string(2'999'999, 'x'));
  CHECK_FALSE(same_bytes(dir / "a", dir / "b"));
}

TEST_CASE("the reference holds what the test tree is for", "[judge][boot]") {
  const std::string listing = reference_listing(Rootfs::Rich);
  for (const char* line :
       {"./usr/bin/ping.hardlink f 0755 0:0 1700000000.123456789 size=",
        "xattr:security.capability=0100000200200000000000000000000000000000", "./tmp d 1777 ",
        "./usr/bin/setuid f 4755 ", "./times/-2147483648 f 0644 0:0 -2147483648.000000000",
        "./times/10737418239 f 0644 0:0 10737418239.000000000", "4294967294:1 ",
        "system.posix_acl_default", "./names/latin1-\\xe4\\xf6\\xfc f", "./names/new\\x0aline f",
        "dev=4095:1048575", "./zz-third-name f 0644 7:0", "same-as=./links/first",
        "./links/symlink-60-hard l", "./many/an-entry-with-a-name-of-some-length-19999 ",
        "size=209715200", "./times/directory d 0755 0:0 -3600.000000000"}) {
    CAPTURE(line);
    CHECK(listing.find(line) != std::string::npos);
  }
}
