// SPDX-License-Identifier: MIT
// Empty filesystems: every shape that can be asked for is clean, has what was asked, stays in its
// window, and takes little of the host's disk.
#include <catch2/catch.hpp>

#include <fstream>
#include <regex>

#include "judge/judge.h"
#include "judge/rootfs.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMiB = 1 << 20;

Outcome require_init(const fs::path& image, const std::vector<std::string>& words) {
  std::vector<std::string> all{"init", image.string(), "--no-sync", "-q"};
  all.insert(all.end(), words.begin(), words.end());
  const Outcome outcome = run_rawimg(all);
  INFO(outcome.text());
  REQUIRE(outcome.ok());
  return outcome;
}

}  // namespace

TEST_CASE("every type, block size and inode size makes a clean filesystem of that kind",
          "[judge][F01][F03]") {
  const std::string type = GENERATE(as<std::string>{}, "ext2", "ext3", "ext4");
  const std::string block = GENERATE(as<std::string>{}, "1K", "2K", "4K");
  const std::string inode = GENERATE(as<std::string>{}, "128", "256");
  const std::string start = GENERATE(as<std::string>{}, "63s", "1M");
  CAPTURE(type, block, inode, start);
  const TempDir dir;
  require_init(dir / "x.img", {"--size", "100M", "-t", type, "--block-size", block, "--inode-size",
                               inode, "--start", start});
  require_clean(dir / "x.img");
  auto fields = superblock_fields(dir / "x.img", start == "63s" ? 32256 : kMiB);
  CHECK(fields["Block size"] == std::to_string(std::stoi(block) * 1024));
  CHECK(fields["Inode size"] == inode);
  const std::string features = " " + fields["Filesystem features"] + " ";
  CHECK((features.find(" has_journal ") != std::string::npos) == (type != "ext2"));
  CHECK((features.find(" extent ") != std::string::npos) == (type == "ext4"));
  CHECK((features.find(" metadata_csum ") != std::string::npos) == (type == "ext4"));
}

TEST_CASE("sizes around what a filesystem needs end in a clean one or an error", "[judge][F02]") {
  struct Row {
    const char* name;
    const char* size;
    const char* block;
  };
  // 8193 blocks of 1 KiB are the first block and one full group; one more makes a group of one
  // block, which cannot hold its own tables.
  const auto row = GENERATE(values<Row>({{"200 KiB", "200K", "1K"},
                                         {"one group", "8193K", "1K"},
                                         {"one group and a block", "8194K", "1K"},
                                         {"one group and 60 blocks", "8253K", "1K"},
                                         {"4500 blocks", "4500K", "1K"},
                                         {"9000 blocks", "9000K", "1K"},
                                         {"20000 blocks", "20000K", "1K"},
                                         {"not a whole block", "131077s", "4K"},
                                         {"below 16 MiB", "32767s", ""},
                                         {"16 MiB", "32768s", ""},
                                         {"one group of 4K", "128M", "4K"},
                                         {"and a block", "131076K", "4K"},
                                         {"several GiB", "5G", ""}}));
  const std::string type = GENERATE(as<std::string>{}, "ext2", "ext3", "ext4");
  CAPTURE(row.name, type);
  const TempDir dir;
  std::vector<std::string> words{"init",      (dir / "x.img").string(),
                                 "--size",    row.size,
                                 "-t",        type,
                                 "--table",   "none",
                                 "--no-sync", "-q"};
  if (*row.block != '\0') words.insert(words.end(), {"--block-size", row.block});
  const Outcome outcome = run_rawimg(words);
  CAPTURE(outcome.text());
  if (outcome.ok()) {
    require_clean(dir / "x.img", 0);
  } else {
    // 200 KiB cannot hold a journal of 1024 blocks; everything else can be made.
    CHECK(std::string(row.name) == "200 KiB");
    CHECK(type != "ext2");
    CHECK((outcome.exit_code == 5 || outcome.exit_code == 2));
    CHECK_FALSE(fs::exists(dir / "x.img"));
  }
}

TEST_CASE("blocks are 4 KiB from 16 MiB up", "[judge][F01]") {
  struct Row {
    const char* size;
    const char* block;
  };
  const auto row = GENERATE(
      values<Row>({{"32767s", "1024"}, {"16M", "4096"}, {"200M", "4096"}, {"1G", "4096"}}));
  CAPTURE(row.size);
  const TempDir dir;
  require_init(dir / "x.img", {"--size", row.size, "--table", "none"});
  CHECK(superblock_fields(dir / "x.img", 0)["Block size"] == row.block);
}

TEST_CASE("numbers and names that were asked for are in the superblock", "[judge][F03]") {
  const TempDir dir;
  require_init(dir / "x.img",
               {"--size", "64M", "-t", "ext4", "--label", "sixteen-bytes-xx", "--uuid",
                "0123abcd-4567-89ef-0123-456789abcdef", "--reserved", "1", "--inodes", "5000"});
  require_clean(dir / "x.img");
  auto fields = superblock_fields(dir / "x.img", kMiB);
  CHECK(fields["Filesystem volume name"] == "sixteen-bytes-xx");
  CHECK(fields["Filesystem UUID"] == "0123abcd-4567-89ef-0123-456789abcdef");
  CHECK(std::stoull(fields["Inode count"]) >= 5000);
  CHECK(std::stoull(fields["Inode count"]) < 6000);
  CHECK(std::stoull(fields["Reserved block count"]) == std::stoull(fields["Block count"]) / 100);
  require_init(dir / "ratio.img", {"--size", "64M", "--inode-ratio", "65536", "--table", "none"});
  CHECK(std::stoull(superblock_fields(dir / "ratio.img", 0)["Inode count"]) == 1024);
}

TEST_CASE("numbers that make no filesystem are refused by name", "[judge][F01][F03]") {
  struct Row {
    const char* option;
    const char* value;
  };
  const auto row = GENERATE(values<Row>({{"--block-size", "1"},
                                         {"--block-size", "3K"},
                                         {"--block-size", "512"},
                                         {"--inode-size", "100"},
                                         {"--inode-size", "127"},
                                         {"--label", "seventeen bytes!!"},
                                         {"--uuid", "0123"},
                                         {"--reserved", "101"},
                                         {"--inodes", "-1"},
                                         {"--features", "no_such_feature"},
                                         {"-t", "ext5"},
                                         {"--start", "0s"},
                                         {"--disk-id", "123456789"}}));
  CAPTURE(row.option, row.value);
  const TempDir dir;
  const Outcome outcome = run_rawimg(
      {"init", (dir / "x.img").string(), "--size", "64M", std::string(row.option), row.value});
  INFO(outcome.text());
  CHECK((outcome.exit_code == 2 || outcome.exit_code == 3));
  CHECK_FALSE(outcome.err.empty());
  CHECK(fs::is_empty(dir.path()));
}

TEST_CASE("an ext4 for an old kernel leaves out what that cannot mount", "[judge][F03]") {
  const TempDir dir;
  require_init(dir / "x.img",
               {"--size", "64M", "-t", "ext4", "--features", "^metadata_csum,^64bit"});
  require_clean(dir / "x.img");
  const std::string features =
      " " + superblock_fields(dir / "x.img", kMiB)["Filesystem features"] + " ";
  CHECK_THAT(features, !Catch::Contains("metadata_csum") && !Catch::Contains("64bit") &&
                           Catch::Contains(" extent "));
}

TEST_CASE("superblock backups can be read where they belong", "[judge][F05]") {
  struct Row {
    const char* type;
    const char* block;
    std::uint64_t block_bytes, group_blocks, first;
  };
  const auto row = GENERATE(values<Row>({{"ext2", "1K", 1024, 8192, 1},
                                         {"ext4", "1K", 1024, 8192, 1},
                                         {"ext2", "4K", 4096, 32768, 0},
                                         {"ext4", "4K", 4096, 32768, 0}}));
  CAPTURE(row.type, row.block);
  const TempDir dir;
  const std::string size = row.block_bytes == 1024 ? "300M" : "7G";
  require_init(dir / "x.img",
               {"--size", size, "-t", row.type, "--block-size", row.block, "--start", "63s"});
  const std::string uuid = superblock_fields(dir / "x.img", 32256)["Filesystem UUID"];
  REQUIRE(uuid.size() == 36);
  for (const std::uint64_t group : {1, 3, 5, 7, 9, 25, 27}) {
    CAPTURE(group);
    const Outcome outcome =
        run({"dumpe2fs", "-h", "-o",
             "superblock=" + std::to_string(group * row.group_blocks + row.first), "-o",
             "blocksize=" + std::to_string(row.block_bytes), at_offset(dir / "x.img", 32256)});
    INFO(outcome.text());
    CHECK(outcome.ok());
    CHECK_THAT(outcome.out, Catch::Contains(uuid));
  }
}

TEST_CASE("lost+found is inode 11 with 16 KiB", "[judge][F06]") {
  const std::string type = GENERATE(as<std::string>{}, "ext2", "ext4");
  const TempDir dir;
  require_init(dir / "x.img", {"--size", "64M", "-t", type});
  const std::string status = debugfs(dir / "x.img", kMiB, "stat /lost+found");
  CHECK_THAT(status, Catch::Contains("Inode: 11 ") && Catch::Contains("Type: directory") &&
                         Catch::Contains("Mode:  0700") && Catch::Contains("Size: 16384"));
}

TEST_CASE("a journal is there when asked for, in inode 8", "[judge][A48]") {
  const TempDir dir;
  for (const char* type : {"ext3", "ext4"}) {
    require_init(dir / type, {"--size", "200M", "-t", type});
    auto fields = superblock_fields(dir / type, kMiB);
    CHECK(fields["Journal inode"] == "8");
    CHECK_THAT(debugfs(dir / type, kMiB, "stat <8>"),
               Catch::Contains("Type: regular") && Catch::Contains("Links: 1"));
    CHECK_THAT(fields["Filesystem features"], !Catch::Contains("needs_recovery"));
  }
  require_init(dir / "none", {"--size", "200M", "-t", "ext2"});
  CHECK(superblock_fields(dir / "none", kMiB).count("Journal inode") == 0);
}

TEST_CASE("a fresh 1 TiB takes little of the host's disk", "[judge]") {
  const TempDir dir;
  require_init(dir / "four.img", {"--size", "1T", "-t", "ext4"});
  CHECK(allocated_bytes(dir / "four.img") <= 17'000'000);
  require_init(dir / "two.img", {"--size", "1T", "-t", "ext2"});
  CHECK(allocated_bytes(dir / "two.img") <= 77'000'000);
  require_clean(dir / "four.img");
  CHECK_FALSE(superblock_fields(dir / "two.img", kMiB)["Block count"].empty());
}

TEST_CASE("format and populate touch nothing outside their window", "[judge][A49][G11]") {
  const std::string type = GENERATE(as<std::string>{}, "ext2", "ext4");
  CAPTURE(type);
  constexpr std::uint64_t kSize = 64 * kMiB, kStart = 63 * 512, kLength = 80'000 * 512;
  const TempDir dir;
  const fs::path image = dir / "fence.img";
  write_file(image, std::string(kSize, '\xAA'));
  fs::create_directory(dir / "tree");
  write_file(dir / "tree" / "file", std::string(1'000'000, 'f'));
  REQUIRE(
      run({"tar", "-cf", (dir / "tree.tar").string(), "-C", (dir / "tree").string(), "."}).ok());

  const Outcome partition = run_rawimg(
      {"partition", image.string(), "--force", "--no-sync", "start=63,size=80000,type=83"});
  INFO(partition.text());
  REQUIRE(partition.ok());
  const std::string before = read_file(image);
  const Outcome format =
      run_rawimg({"format", image.string() + ":1", "-t", type, "--force", "--no-sync", "-q"});
  INFO(format.text());
  REQUIRE(format.ok());
  require_clean(image);
  const Outcome populate = run_rawimg(
      {"populate", image.string() + ":1", (dir / "tree.tar").string(), "--no-sync", "-q"});
  INFO(populate.text());
  REQUIRE(populate.ok());
  require_clean(image);
  const std::string after = read_file(image);
  REQUIRE(after.size() == before.size());
  CHECK(after.compare(0, kStart, before, 0, kStart) == 0);
  CHECK(after.compare(kStart + kLength, std::string::npos, before, kStart + kLength,
                      std::string::npos) == 0);
  CHECK(debugfs(image, kStart, "cat /file") == std::string(1'000'000, 'f'));
}

TEST_CASE("what is overwritten by force leaves no signature behind", "[judge]") {
  const TempDir dir;
  const fs::path image = dir / "x.img";
  const auto signatures = [&] {
    return run({"wipefs", "--noheadings", "--output", "TYPE", image.string()}).out;
  };
  const auto make_gpt = [&] {
    fs::remove(image);
    REQUIRE(run_rawimg({"create", image.string(), "--size", "64M"}).ok());
    REQUIRE(
        run({.argv = {"sfdisk", "-q", image.string()}, .input = "label: gpt\nstart=2048\n"}).ok());
    REQUIRE_THAT(signatures(), Catch::Contains("gpt"));
  };

  make_gpt();
  const Outcome refused = run_rawimg({"partition", image.string()});
  CHECK(refused.exit_code == 1);
  CHECK_THAT(refused.err, Catch::Contains("is in use: GPT") && Catch::Contains("--force"));
  REQUIRE(run_rawimg({"partition", image.string(), "--force"}).ok());
  CHECK(signatures() == "dos\n");
  CHECK(sfdisk_partitions(image).size() == 1);

  make_gpt();
  CHECK(run_rawimg({"format", image.string() + ":0"}).exit_code == 1);
  fs::copy_file(image, dir / "before.img");
  CHECK(run_rawimg({"format", image.string() + ":0", "--force", "--block-size", "3K"}).exit_code ==
        2);
  CHECK(same_bytes(image, dir / "before.img"));
  REQUIRE(run_rawimg({"format", image.string() + ":0", "--force"}).ok());
  CHECK(signatures() == "ext2\n");
  require_clean(image, 0);
}

TEST_CASE("a name without a directory is in the working directory, synced as well", "[judge]") {
  const TempDir dir;
  Command command = rawimg_command({"init", "x.img", "--size", "16M"});
  command.directory = dir.path();
  const Outcome outcome = run(command);
  INFO(outcome.text());
  CHECK(outcome.ok());
  require_clean(dir / "x.img");
}

TEST_CASE("a creation time has to fit the inodes", "[judge][F07]") {
  struct Row {
    const char* epoch;
    const char* inode_size;
    int exit_code;
  };
  const auto row = GENERATE(values<Row>({{"2147483647", "128", 0},
                                         {"2147483648", "128", 2},
                                         {"2147483648", "256", 0},
                                         {"4294967295", "256", 0},
                                         {"4294967296", "256", 2}}));
  CAPTURE(row.epoch, row.inode_size);
  const TempDir dir;
  Command command = rawimg_command({"init", (dir / "x.img").string(), "--size", "16M",
                                    "--inode-size", row.inode_size, "--no-sync"});
  command.environment = {std::string("SOURCE_DATE_EPOCH=") + row.epoch};
  const Outcome outcome = run(command);
  CAPTURE(outcome.text());
  CHECK(outcome.exit_code == row.exit_code);
  CHECK(fs::exists(dir / "x.img") == (row.exit_code == 0));
}

TEST_CASE("a size that is said to do does", "[judge][A35]") {
  const std::string type = GENERATE(as<std::string>{}, "ext2", "ext4");
  const std::string size = GENERATE(as<std::string>{}, "3M", "12M", "40M");
  CAPTURE(type, size);
  const TempDir dir;
  const auto build = [&](const std::string& bytes) {
    return run_rawimg({"build", (dir / "x.img").string(), "--from",
                       rootfs_tar(Rootfs::Narrow).string(), "--size", bytes, "-t", type,
                       "--no-sync", "-q"});
  };
  const Outcome refused = build(size);
  CAPTURE(refused.text());
  REQUIRE(refused.exit_code == 5);
  std::smatch said;
  REQUIRE(std::regex_search(refused.err, said, std::regex("--size ([0-9]+M) would do")));
  const Outcome done = build(said[1]);
  CAPTURE(done.text());
  CHECK(done.ok());
}

TEST_CASE("any number of inodes that fits can be asked for", "[judge][F03]") {
  const std::string type = GENERATE(as<std::string>{}, "ext2", "ext3", "ext4");
  const TempDir dir;
  for (unsigned inodes = 100; inodes < 8000; inodes = inodes * 9 / 7 + 13) {
    CAPTURE(type, inodes);
    require_init(dir / (std::to_string(inodes) + ".img"),
                 {"--size", "12M", "-t", type, "--inodes", std::to_string(inodes)});
    require_clean(dir / (std::to_string(inodes) + ".img"));
  }
}
