// SPDX-License-Identifier: MIT
// What the map says of each block, against what debugfs says of it.
#include <rawimg/ext_map.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include <rawimg/error.h>
#include <catch2/catch.hpp>

#include "support/error_matcher.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

struct Row {
  const char* name;
  std::vector<std::string> options;
  std::string size;
};

const std::vector<Row> kFilesystems{
    {"ext2", {"-t", "ext2"}, "64M"},
    {"ext2, blocks of 1K", {"-t", "ext2", "-b", "1024"}, "20M"},
    {"ext2, a copy in every group",
     {"-t", "ext2", "-b", "1024", "-O", "^sparse_super,^resize_inode"},
     "40M"},
    {"ext3", {"-t", "ext3"}, "64M"},
    {"ext4", {"-t", "ext4"}, "300M"},
    {"ext4, small groups", {"-t", "ext4", "-b", "1024", "-g", "1024"}, "30M"},
    {"ext4, meta_bg", {"-t", "ext4", "-O", "meta_bg,^resize_inode", "-b", "1024"}, "80M"},
    {"ext4, sparse_super2", {"-t", "ext4", "-O", "sparse_super2"}, "300M"},
    {"ext4, old checksums", {"-t", "ext4", "-O", "^metadata_csum,uninit_bg"}, "300M"},
    {"ext4, 32 bits", {"-t", "ext4", "-O", "^64bit"}, "100M"}};

std::filesystem::path make_tree(const TempDir& dir) {
  const auto tree = dir / "tree";
  std::filesystem::create_directories(tree / "a/b");
  write_file(tree / "a/file", std::string(200'000, 'x'));
  for (int i = 0; i < 300; ++i)  // a directory of several blocks
    write_file(tree / "a/b" / ("a long name of a file that is empty " + std::to_string(i)), "");
  return tree;
}

std::string output(const std::vector<std::string>& words) {
  const Outcome outcome = run(words);
  CAPTURE(outcome.text());
  REQUIRE(outcome.ok());
  return outcome.out;
}

std::set<std::uint64_t> numbers(const std::string& text) {
  std::set<std::uint64_t> found;
  std::istringstream in(text);
  for (std::string word; in >> word;)
    if (!word.empty() && word.find_first_not_of("0123456789") == std::string::npos)
      found.insert(std::stoull(word));
  return found;
}

/// Every block's use; REQUIREs that each comes once and in order.
std::vector<AreaUse> uses_of(const ExtMap& map, ExtMap::Doubts* doubts = nullptr) {
  std::vector<AreaUse> uses;
  std::optional<AreaUse> last;
  const auto found = map.walk([&](AreaUse use, std::uint64_t first, std::uint64_t count) {
    REQUIRE(first == uses.size());
    REQUIRE(count > 0);
    REQUIRE(last != use);
    last = use;
    uses.insert(uses.end(), count, use);
  });
  if (doubts != nullptr) *doubts = found;
  REQUIRE(uses.size() == map.blocks());
  return uses;
}

std::set<std::uint64_t> with_use(const std::vector<AreaUse>& uses, AreaUse use) {
  std::set<std::uint64_t> blocks;
  for (std::uint64_t i = 0; i < uses.size(); ++i)
    if (uses[i] == use) blocks.insert(i);
  return blocks;
}

/// The first block that is in one of them only: sets of a hundred thousand tell nobody anything.
std::optional<std::uint64_t> first_difference(const std::set<std::uint64_t>& a,
                                              const std::set<std::uint64_t>& b) {
  std::vector<std::uint64_t> all;
  std::ranges::set_symmetric_difference(a, b, std::back_inserter(all));
  if (all.empty()) return std::nullopt;
  return all.front();
}

}  // namespace

TEST_CASE("first_difference notices one block more, and one less", "[support]") {
  CHECK_FALSE(first_difference({1, 2}, {2, 1}));
  CHECK(first_difference({1, 2}, {1, 2, 3}) == 3);
  CHECK(first_difference({1, 2}, {2}) == 1);
}

TEST_CASE("free blocks, directories and files lie where debugfs and dumpe2fs find them",
          "[ext][judge]") {
  const Row row = GENERATE(from_range(kFilesystems));
  CAPTURE(row.name);
  const TempDir dir;
  const auto file = (dir / "fs.img").string();
  std::vector<std::string> words{"mke2fs", "-q", "-F", "-d", make_tree(dir).string()};
  words.insert(words.end(), row.options.begin(), row.options.end());
  words.insert(words.end(), {file, row.size});
  (void)output(words);
  ImageFile image = ImageFile::open(file, Access::ReadOnly);
  const ExtMap map = ExtMap::open(Window(image));
  ExtMap::Doubts doubts;
  const auto uses = uses_of(map, &doubts);
  CHECK(doubts.groups == 0);
  CHECK(doubts.directories == 0);

  // testb says of each block whether the bitmap has it
  std::set<std::uint64_t> taken;
  std::string commands;
  for (std::uint64_t block = map.first_block(); block < map.blocks(); block += 1)
    commands += "testb " + std::to_string(block) + "\n";
  write_file(dir / "commands", commands);
  std::istringstream said(output({"debugfs", "-f", (dir / "commands").string(), file}));
  for (std::string line; std::getline(said, line);)
    if (line.starts_with("Block ") && line.find("marked in use") != std::string::npos)
      taken.insert(std::stoull(line.substr(6)));
  std::set<std::uint64_t> ours;
  for (std::uint64_t i = map.first_block(); i < uses.size(); ++i)
    if (uses[i] != AreaUse::Free) ours.insert(i);
  CHECK(first_difference(ours, taken) == std::nullopt);

  std::set<std::uint64_t> directories;
  for (const char* path : {"/", "/a", "/a/b", "/lost+found"})
    directories.merge(numbers(output({"debugfs", "-R", std::string("blocks ") + path, file})));
  CHECK(directories.size() > 8);
  const auto drawn = with_use(uses, AreaUse::Directories);
  CHECK(first_difference(drawn, directories) == std::nullopt);
  const auto files = with_use(uses, AreaUse::Files);
  for (const std::uint64_t block : numbers(output({"debugfs", "-R", "blocks /a/file", file})))
    CHECK(files.contains(block));
}

TEST_CASE("tables, bitmaps, superblocks, descriptors and the journal are as dumpe2fs says",
          "[ext][judge]") {
  const Row row = GENERATE(from_range(kFilesystems));
  CAPTURE(row.name);
  const TempDir dir;
  const auto file = (dir / "fs.img").string();
  std::vector<std::string> words{"mke2fs", "-q", "-F"};
  words.insert(words.end(), row.options.begin(), row.options.end());
  words.insert(words.end(), {file, row.size});
  (void)output(words);
  ImageFile image = ImageFile::open(file, Access::ReadOnly);
  const auto uses = uses_of(ExtMap::open(Window(image)));

  std::map<std::string, std::set<std::uint64_t>> said;
  std::istringstream in(output({"dumpe2fs", file}));
  const auto add = [&](const std::string& line, const std::string& name, const std::string& kind) {
    for (std::size_t at = 0; (at = line.find(name, at)) != std::string::npos;) {
      at += name.size();
      char* rest = nullptr;
      const std::uint64_t first = std::strtoull(line.c_str() + at, &rest, 10);
      const std::uint64_t last = *rest == '-' ? std::strtoull(rest + 1, nullptr, 10) : first;
      for (std::uint64_t block = first; block <= last; ++block) said[kind].insert(block);
    }
  };
  for (std::string line; std::getline(in, line);) {
    add(line, "superblock at ", "super");
    add(line, "Group descriptors at ", "descriptors");
    add(line, "Group descriptor at ", "descriptors");
    add(line, "Reserved GDT blocks at ", "growth");
    add(line, "Block bitmap at ", "bitmaps");
    add(line, "Inode bitmap at ", "bitmaps");
    add(line, "Inode table at ", "tables");
  }
  auto superblocks = with_use(uses, AreaUse::Superblock);
  if (!said["super"].contains(0)) superblocks.erase(0);  // boot code's
  CHECK(first_difference(superblocks, said["super"]) == std::nullopt);
  CHECK(first_difference(with_use(uses, AreaUse::Descriptors), said["descriptors"]) ==
        std::nullopt);
  CHECK(first_difference(with_use(uses, AreaUse::Bitmaps), said["bitmaps"]) == std::nullopt);
  CHECK(first_difference(with_use(uses, AreaUse::InodeTable), said["tables"]) == std::nullopt);
  auto growth = with_use(uses, AreaUse::GrowthRoom);
  for (const std::uint64_t block : said["growth"]) CHECK(growth.erase(block) == 1);
  CHECK(growth.size() == (said["growth"].empty() ? 0 : 1));  // the block that maps them
  auto journal = numbers(output({"debugfs", "-R", "blocks <8>", file}));
  journal.erase(0);
  CHECK(first_difference(with_use(uses, AreaUse::Journal), journal) == std::nullopt);
}

TEST_CASE("a descriptor that contradicts its bitmap is a doubt, not a failure", "[ext]") {
  const TempDir dir;
  const auto file = (dir / "fs.img").string();
  (void)output({"mke2fs", "-q", "-F", "-t", "ext2", "-b", "1024", file, "20M"});
  (void)output({"debugfs", "-w", "-R", "set_bg 1 free_blocks_count 7", file});
  ImageFile image = ImageFile::open(file, Access::ReadOnly);
  ExtMap::Doubts doubts;
  (void)uses_of(ExtMap::open(Window(image)), &doubts);
  CHECK(doubts.groups == 1);
}

TEST_CASE("a directory with a damaged map is drawn as a file; a table outside is Corrupt",
          "[ext]") {
  const TempDir dir;
  const auto file = (dir / "fs.img").string();
  (void)output({"mke2fs", "-q", "-F", "-t", "ext2", "-b", "1024", "-d", make_tree(dir).string(),
                file, "20M"});
  (void)output({"debugfs", "-w", "-R", "sif /a/b block[0] 99999999", file});
  {
    ImageFile image = ImageFile::open(file, Access::ReadOnly);
    ExtMap::Doubts doubts;
    (void)uses_of(ExtMap::open(Window(image)), &doubts);
    CHECK(doubts.directories == 1);
  }
  (void)output({"debugfs", "-w", "-R", "set_bg 1 inode_table 20470", file});
  ImageFile image = ImageFile::open(file, Access::ReadOnly);
  const ExtMap map = ExtMap::open(Window(image));
  REQUIRE_THROWS_MATCHES(map.walk([](AreaUse, std::uint64_t, std::uint64_t) {}), Error,
                         IsError(Errc::Corrupt, "the inode table of group 1 lies at block 20470"));
}

TEST_CASE("directories that claim each other's blocks end the walk", "[ext]") {
  const TempDir dir;
  const auto file = (dir / "fs.img").string();
  const auto tree = dir / "tree";
  for (int i = 0; i < 400; ++i) std::filesystem::create_directories(tree / std::to_string(i));
  (void)output({"mke2fs", "-q", "-F", "-t", "ext4", "-O", "^metadata_csum", "-N", "600", "-b",
                "1024", "-d", tree.string(), file, "2M"});
  std::string commands;
  for (int i = 0; i < 400; ++i) {  // one extent over a large part of the filesystem
    const std::string name = "sif /" + std::to_string(i);
    commands += name + " size 1024000\n" + name + " block[4] 1000\n" + name + " block[5] 10\n";
  }
  write_file(dir / "commands", commands);
  (void)output({"debugfs", "-w", "-f", (dir / "commands").string(), file});
  ImageFile image = ImageFile::open(file, Access::ReadOnly);
  const ExtMap map = ExtMap::open(Window(image));
  REQUIRE_THROWS_MATCHES(map.walk([](AreaUse, std::uint64_t, std::uint64_t) {}), Error,
                         IsError(Errc::Corrupt, "claim more blocks"));
}
