// SPDX-License-Identifier: MIT
// Filesystems made by mke2fs and debugfs, read by us.
#include <rawimg/ext_fs.h>

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "ext/made_image.h"
#include "ext/small_tree.h"
#include "support/error_matcher.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

void fill_with_everything(const fs::path& root) {
  write_file(root / "empty", "");
  write_file(root / "small", "hello\n");
  write_file(root / "large", noise(3'000'001));
  std::string sparse(5 << 20, '\0');
  for (std::size_t at = 0; at < sparse.size(); at += 8192) sparse[at] = 'x';
  write_file(root / "sparse", sparse);
  fs::create_directories(root / "a/b/c");
  write_file(root / "a/b/c/deep", "deep");
  fs::create_symlink("a/b", root / "link");
  fs::create_symlink("/a/b/c/deep", root / "absolute");
  fs::create_symlink("../../../../../small", root / "a/b/up");
  fs::create_symlink("loop2", root / "loop1");
  fs::create_symlink("loop1", root / "loop2");
  fs::create_symlink(std::string(200, 'x'), root / "long");
  fs::create_hard_link(root / "small", root / "second");
  mkfifo((root / "fifo").c_str(), 0640);
  for (int i = 0; i < 3000; ++i) write_file(root / "a" / ("name_" + std::to_string(i)), "");
}

}  // namespace

TEST_CASE("what mke2fs -d stored is what we read, with and without index",
          "[judge][D02][D03][D04][D05][D06]") {
  const std::string type = GENERATE("ext2", "ext3", "ext4");
  const std::string block = GENERATE("1024", "4096");
  const bool indexed = GENERATE(false, true);
  CAPTURE(type, block, indexed);
  Made made({"-t", type, "-b", block}, fill_with_everything);
  if (indexed)
    REQUIRE(run({"e2fsck", "-fyD", (made.dir / "a").string() + "?offset=" + std::to_string(kStart)})
                .exit_code <= 1);
  const ExtFs fs = made.open();
  CHECK(read(fs, "/empty") == "");
  CHECK(read(fs, "small") == "hello\n");
  CHECK(read(fs, "/large") == noise(3'000'001));
  CHECK(read(fs, "/sparse") == read_file(made.dir / "root/sparse"));
  CHECK(read(fs, "/link/c/deep") == "deep");
  CHECK(read(fs, "//absolute") == "deep");
  CHECK(read(fs, "/a/b/up") == "hello\n");
  CHECK(read(fs, "/a/./b/../b/c/deep") == "deep");
  CHECK(read(fs, "/../../small") == "hello\n");
  CHECK(fs.resolve("/second") == fs.resolve("/small"));
  CHECK(fs.inode(fs.resolve("/second")).links == 2);
  CHECK(fs.inode(fs.resolve("/long", ExtFs::Follow::AllButLast)).symlink_target ==
        std::string(200, 'x'));
  CHECK(fs.inode(fs.resolve("/fifo")).type == FileType::Fifo);
  CHECK(fs.inode(fs.resolve("/fifo")).permissions == 0640);
  CHECK(fs.read_directory(fs.resolve("/a")).size() == 3001);
  for (int i = 0; i < 3000; i += 97) CHECK_NOTHROW(fs.resolve("/a/name_" + std::to_string(i)));
  CHECK(fs.resolve("/") == 2);
  REQUIRE_THROWS_MATCHES(fs.resolve("/a/name_3000"), Error,
                         IsError(Errc::NotFound, "'/a/name_3000' does not exist"));
  REQUIRE_THROWS_MATCHES(fs.resolve("/small/x"), Error,
                         IsError(Errc::NotFound, "'/small' is not a directory"));
  REQUIRE_THROWS_MATCHES(fs.resolve("/small/"), Error, IsError(Errc::NotFound, "not a directory"));
  REQUIRE_THROWS_MATCHES(fs.resolve("/loop1"), Error, IsError(Errc::NotFound, "too many levels"));
  REQUIRE_THROWS_MATCHES(fs.resolve("/" + std::string(256, 'n')), Error,
                         IsError(Errc::NotFound, "256 bytes"));
  REQUIRE_THROWS_MATCHES(read(fs, "/a"), Error, IsError(Errc::Exists, "directory"));
  REQUIRE_THROWS_MATCHES(read(fs, "/fifo"), Error, IsError(Errc::Exists, "not a regular file"));
}

TEST_CASE("attributes set by debugfs, in the inode and in a block, come back", "[judge][D09]") {
  const std::string size = GENERATE("128", "256");
  Made made({"-t", "ext4", "-I", size}, [](const fs::path& root) { write_file(root / "f", "x"); });
  write_file(made.dir / "value", std::string(600, 'v'));
  const std::string image = (made.dir / "a").string() + "?offset=" + std::to_string(kStart);
  REQUIRE(run({"debugfs", "-w", "-R", "ea_set /f user.small abc", image}).ok());
  REQUIRE(run({"debugfs", "-w", "-R",
               "ea_set -f " + (made.dir / "value").string() + " /f user.large", image})
              .ok());
  const ExtFs fs = made.open();
  const auto xattrs = fs.inode(fs.resolve("/f")).xattrs;
  CHECK(xattrs == std::vector<Xattr>{{"user.large", std::string(600, 'v')}, {"user.small", "abc"}});
}

TEST_CASE("probe says what dumpe2fs says", "[judge][D02]") {
  Made made({"-t", "ext4", "-L", "root of all", "-U", "0fc63daf-8483-4772-8e79-3d69d8477de4"});
  const auto info = probe_ext(made.window());
  REQUIRE(info);
  CHECK(info->summary.type == ExtType::Ext4);
  CHECK(info->summary.label == "root of all");
  CHECK(to_text(info->summary.uuid) == "0fc63daf-8483-4772-8e79-3d69d8477de4");
  const std::string dump =
      run({"dumpe2fs", "-h", (made.dir / "a").string() + "?offset=" + std::to_string(kStart)}).out;
  for (const std::string& feature : info->features)
    CHECK(dump.find(" " + feature) != std::string::npos);
  CHECK(dump.find("Free blocks:              " + std::to_string(info->summary.free_blocks) +
                  "\n") != std::string::npos);
  CHECK(dump.find("Free inodes:              " + std::to_string(info->summary.free_inodes) +
                  "\n") != std::string::npos);
}

TEST_CASE("what is no filesystem, or one that does not fit, is said to be so", "[judge][D01]") {
  Made made({"-t", "ext2"});
  CHECK_FALSE(probe_ext(Window(*made.file, ByteRange{ByteOffset{0}, ByteCount{32256}})));
  CHECK_FALSE(probe_ext(Window(*made.file, ByteRange{ByteOffset{kStart}, ByteCount{1000}})));
  REQUIRE_THROWS_MATCHES(
      probe_ext(Window(*made.file, ByteRange{ByteOffset{kStart}, ByteCount{32 << 20}})), Error,
      IsError(Errc::Corrupt, "but there is room for"));
  REQUIRE_THROWS_MATCHES(
      ExtFs::open(Window(*made.file, ByteRange{ByteOffset{0}, ByteCount{32256}})), Error,
      IsError(Errc::Unsupported, "no ext2"));
}

TEST_CASE("a journal that must be replayed is refused unless it is to be ignored", "[judge][D08]") {
  Made made({"-t", "ext4"}, [](const fs::path& root) { write_file(root / "f", "x"); });
  REQUIRE(run({"debugfs", "-w", "-R", "feature needs_recovery",
               (made.dir / "a").string() + "?offset=" + std::to_string(kStart)})
              .ok());
  REQUIRE_THROWS_MATCHES(made.open(), Error, IsError(Errc::Dirty, "journal must be replayed"));
  const ExtFs fs = ExtFs::open(made.window(), DirtyJournal::Ignore);
  CHECK(read(fs, "/f") == "x");
}

TEST_CASE(
    "a filesystem that rawimg marked as unusable is dirty, one with unknown features unsupported",
    "[judge][D07]") {
  Made made({"-t", "ext2"});
  const auto set_incompat = [&](std::uint32_t bits) {
    made.file->write_at(ByteOffset{kStart + 1024 + 0x60}, std::as_bytes(std::span(&bits, 1)));
  };
  set_incompat(0x40000002);
  REQUIRE_THROWS_MATCHES(made.open(), Error, IsError(Errc::Dirty, "interrupted"));
  set_incompat(0x20000002);
  REQUIRE_THROWS_MATCHES(made.open(), Error, IsError(Errc::Unsupported, "FEATURE_I29"));
}
