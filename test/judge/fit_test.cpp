// SPDX-License-Identifier: MIT
// --size auto: as large as the content, in one pass, whatever the content is.
#include <sys/statvfs.h>

#include <catch2/catch.hpp>

#include "judge/judge.h"
#include "judge/loop_mount.h"
#include "support/tar_writer.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMiB = 1u << 20;

struct Fitted {
  std::uint64_t blocks, free, block_size, inodes, free_inodes;
  std::uint64_t growth;      ///< descriptor blocks that resize2fs may use, in all copies
  std::uint64_t last_group;  ///< blocks of the smallest that e2fsprogs keeps: its tables, and 50
  std::uint64_t unused() const { return (free + growth) * block_size; }
  std::uint64_t size() const { return blocks * block_size; }
};

/// sparse_super: in groups 0 and 1, and those that are powers of 3, 5 and 7.
std::uint64_t superblock_copies(std::uint64_t groups) {
  std::uint64_t copies = std::min<std::uint64_t>(groups, 2);
  for (const std::uint64_t base : {3, 5, 7})
    for (std::uint64_t group = base; group < groups; group *= base) ++copies;
  return copies;
}

/// The filesystem is clean, and the file ends where it ends.
Fitted require_fitted(const fs::path& image, std::uint64_t start) {
  require_clean(image, start == 0 ? 0 : 1);
  auto fields = superblock_fields(image, start);
  const auto number = [&](const char* name) { return std::stoull(fields.at(name)); };
  const std::uint64_t per_group = number("Blocks per group"),
                      groups = (number("Block count") + per_group - 1) / per_group,
                      reserved = fields.count("Reserved GDT blocks") != 0
                                     ? number("Reserved GDT blocks")
                                     : 0;
  const Fitted fitted{number("Block count"),
                      number("Free blocks"),
                      number("Block size"),
                      number("Inode count"),
                      number("Free inodes"),
                      reserved * superblock_copies(groups),
                      1 + 1 + reserved + 2 + number("Inode blocks per group") + 50};
  CHECK(fs::file_size(image) == start + fitted.size());
  return fitted;
}

std::string file_tar(std::uint64_t size) {
  return TarWriter().entry({.name = "file"}, std::string(size, 'x')).finish();
}

}  // namespace

TEST_CASE("an image that fits has next to nothing free, at any size of its content",
          "[judge][fit]") {
  struct Row {
    std::vector<std::string> words;
    std::uint64_t start, from, to, step;
  };
  // Groups have 8 MiB at 1 KiB and 128 MiB at 4 KiB: sizes around their ends, and small ones.
  const auto row = GENERATE(from_range(std::vector<Row>{
      {{"-t", "ext2", "--block-size", "1024"}, kMiB, 7 * kMiB, 9 * kMiB, 61'003},
      {{"-t", "ext3", "--block-size", "1024", "--start", "63s"}, 32256, 2 * kMiB, 4 * kMiB, 61'003},
      {{"-t", "ext4", "--block-size", "1024"}, kMiB, 3 * kMiB, 5 * kMiB, 61'003},
      {{"-t", "ext4", "--table", "none"}, 0, 0, 5 * kMiB, 199'999},
      {{"-t", "ext2"}, kMiB, 0, 5 * kMiB, 199'999},
      {{"-t", "ext2"}, kMiB, 118 * kMiB, 130 * kMiB, 997'003},
      {{"-t", "ext4", "--inode-size", "128"}, kMiB, 118 * kMiB, 130 * kMiB, 1'997'003}}));
  CAPTURE(row.words);
  const TempDir dir;
  const fs::path image = dir / "x.img", tar = dir / "x.tar";
  for (std::uint64_t size = row.from; size < row.to; size += row.step) {
    CAPTURE(size);
    write_file(tar, file_tar(size));
    std::vector<std::string> words{"--size", "auto", "--force", "-q"};
    words.insert(words.end(), row.words.begin(), row.words.end());
    require_build(image, tar, words);
    const Fitted fitted = require_fitted(image, row.start);
    CHECK(fitted.unused() <=
          std::max({fitted.size() / 100, 4 * kMiB, fitted.last_group * fitted.block_size}));
    CHECK(fitted.size() <= size + size / 50 + 20 * kMiB);  // a journal may have 16 MiB
  }
  write_file(dir / "want", std::string(row.to - 1 - (row.to - 1 - row.from) % row.step, 'x'));
  const Outcome found = run_rawimg({"cp", image.string() + ":/file", (dir / "have").string()});
  REQUIRE(found.ok());
  CHECK(same_bytes(dir / "want", dir / "have"));
}

TEST_CASE("what is behind the + is available in the guest", "[judge][fit]") {
  const std::string type = GENERATE("ext2", "ext3", "ext4");
  const auto [size, least] = GENERATE(table<const char*, std::uint64_t>({{"auto+1M", kMiB},
                                                                         {"auto+100M", 100 * kMiB},
                                                                         {"auto+300M", 300 * kMiB},
                                                                         {"auto+50%", 20 * kMiB}}));
  CAPTURE(type, size);
  const TempDir dir;
  const fs::path image = dir / "x.img", tar = dir / "x.tar", at = dir / "mounted";
  write_file(tar, file_tar(40 * kMiB));
  require_build(image, tar, {"--size", size, "-t", type, "--table", "none"});
  (void)require_fitted(image, 0);
  const LoopMount mounted(image, at, "", "what a guest has left");
  struct statvfs room {};
  REQUIRE(statvfs(at.c_str(), &room) == 0);
  const std::uint64_t available = room.f_bavail * room.f_frsize;
  CHECK(available >= least);
  CHECK(available <= least + least / 100 + 9 * kMiB);
  CHECK(room.f_favail >= least / 16384);
  // and it can be used, all of it but for the map of the file that uses it
  const std::uint64_t use = (available - available / 500) / 65536;
  const Outcome used = run({"dd", "if=/dev/zero", "of=" + (at / "new").string(), "bs=64K",
                            "count=" + std::to_string(use)});
  INFO(used.text());
  CHECK(used.ok());
}

TEST_CASE("any kind of content fits without further options", "[judge][fit]") {
  const std::string type = GENERATE("ext2", "ext4");
  CAPTURE(type);
  const TempDir dir;
  const fs::path image = dir / "x.img", tar = dir / "x.tar";
  const auto build = [&](const std::string& bytes) {
    write_file(tar, bytes);
    require_build(image, tar, {"--size", "auto", "-t", type, "--force"});
    return require_fitted(image, kMiB);
  };
  SECTION("nothing") {
    const Fitted fitted = build(TarWriter().finish());
    CHECK(fitted.size() < (type == "ext2" ? 1 : 6) * kMiB);
  }
  SECTION("a hundred thousand empty files") {
    TarWriter writer;
    for (int i = 0; i < 100'000; ++i)
      writer.entry({.name = "d" + std::to_string(i % 100) + "/f" + std::to_string(i)});
    const Fitted fitted = build(writer.finish());
    CHECK(fitted.inodes - fitted.free_inodes > 100'000);
    // a group has as many inodes as bits in a block
    CHECK(fitted.size() <= 4 * 128 * kMiB + 20 * kMiB);
    CHECK(allocated_bytes(image) < 60 * kMiB);
  }
  SECTION("large files first, small ones behind them") {
    TarWriter writer;
    writer.entry({.name = "big"}, std::string(140 * kMiB, 'x'));
    for (int i = 0; i < 30'000; ++i) writer.entry({.name = "f" + std::to_string(i)}, "small");
    const Fitted fitted = build(writer.finish());
    CHECK(fitted.inodes - fitted.free_inodes > 30'000);
    CHECK(fitted.size() <= 520 * kMiB);
  }
  SECTION("a file of 20 GiB of holes") {
    REQUIRE(run({"truncate", "-s", "20G", (dir / "sparse").string()}).ok());
    REQUIRE(run({"tar", "-S", "-cf", tar.string(), "-C", dir.path().string(), "sparse"}).ok());
    const Fitted fitted = build(read_file(tar));
    CHECK(fitted.size() < (type == "ext2" ? 1 : 6) * kMiB);
  }
}

TEST_CASE("an image that fits is the same from a pipe, and a dry run knows its size",
          "[judge][fit]") {
  const TempDir dir;
  const fs::path image = dir / "x.img", piped = dir / "y.img", tar = dir / "x.tar";
  write_file(tar, file_tar(5 * kMiB));
  require_build(image, tar, {"-t", "ext4"});  // without --size
  Command command = rawimg_command(
      {"build", piped.string(), "--from", "-", "-t", "ext4", "--size", "auto+256M", "--no-sync"});
  command.input_file = tar;
  const Outcome outcome = run(command);
  INFO(outcome.text());
  REQUIRE(outcome.ok());
  CHECK(same_bytes(image, piped));
  const Outcome dry = run_rawimg({"build", (dir / "z.img").string(), "--from", tar.string(), "-t",
                                  "ext4", "--dry-run", "--json"});
  CHECK_THAT(dry.out, Catch::Contains("\"size\":" + std::to_string(fs::file_size(image)) + ","));
  CHECK_FALSE(fs::exists(dir / "z.img"));
}

TEST_CASE("a size that is neither a number nor auto is refused", "[judge][fit]") {
  const TempDir dir;
  const fs::path image = dir / "x.img", tar = dir / "x.tar";
  write_file(tar, file_tar(5));
  for (const char* size :
       {"auto+", "auto-1M", "automatic", "auto+x", "auto+5", "auto+-1%", "+1M", "auto+200%"}) {
    CAPTURE(size);
    const Outcome outcome =
        run_rawimg({"build", image.string(), "--from", tar.string(), "--size", size, "--no-sync"});
    const bool is_good = std::string(size) == "auto+5";
    CHECK(outcome.exit_code == (is_good ? 0 : 2));
    CHECK(fs::exists(image) == is_good);
    fs::remove(image);
  }
  CHECK(run_rawimg({"init", image.string(), "--size", "auto"}).exit_code == 2);
  CHECK(run_rawimg({"init", image.string()}).exit_code == 2);
}
