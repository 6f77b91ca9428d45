// SPDX-License-Identifier: MIT
// cow: gem5's layers over images, and whose sectors they have. debugfs judges.
#include <filesystem>
#include <map>
#include <sstream>

#include <catch2/catch.hpp>

#include "cli/edit_disk.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

std::string le64(std::uint64_t value) {
  std::string text;
  for (int i = 0; i < 8; ++i) text += static_cast<char>(value >> 8 * i & 0xFF);
  return text;
}

/// A layer as gem5 writes it, its sectors in descending order.
std::string layer_of(const std::map<std::uint64_t, std::string>& sectors) {
  std::string text = "COWDISK!" + std::string("\1\0\0\0\0\0\0\0", 8) + le64(sectors.size());
  for (auto it = sectors.rbegin(); it != sectors.rend(); ++it) text += le64(it->first) + it->second;
  return text;
}

/// All sectors of an image as they are.
std::string layer_of_all(const std::string& image) {
  const std::string bytes = read_file(image);
  std::map<std::uint64_t, std::string> sectors;
  for (std::uint64_t i = 0; i < bytes.size() / 512; ++i) sectors[i] = bytes.substr(512 * i, 512);
  return layer_of(sectors);
}

CliResult cow(std::vector<std::string> words) {
  words.insert(words.begin(), "cow");
  return run_rawimg(words);
}

/// Sector to "slot what path".
std::map<std::uint64_t, std::string> owners_in(const CliResult& listed) {
  CAPTURE(listed.err);
  REQUIRE(listed.code == 0);
  std::map<std::uint64_t, std::string> owners;
  const auto json = listed.json();
  for (const auto& run : json.at("result").at("entries"))
    for (std::uint64_t i = 0; i < run.at("sectors"); ++i) {
      std::string text = run.contains("slot") ? std::to_string(run.at("slot").get<int>()) : "-";
      text += ' ' + run.at("what").get<std::string>();
      if (run.contains("path")) text += ' ' + run.at("path").get<std::string>();
      if (run.contains("removed")) text += " (removed)";
      CHECK(owners.emplace(run.at("sector").get<std::uint64_t>() + i, text).second);
    }
  return owners;
}

std::string debugfs(const std::string& device, const std::string& requests, const TempDir& dir) {
  write_file(dir / "requests", requests);
  const Outcome outcome = run({"debugfs", "-f", (dir / "requests").string(), device});
  CAPTURE(outcome.err);
  REQUIRE(outcome.ok());
  return outcome.out;
}

/// What debugfs says of blocks 0 to `count`: "free", "own" (the filesystem's), or the inode.
std::vector<std::string> judged_blocks(const std::string& device, std::uint64_t count,
                                       const TempDir& dir) {
  std::string numbers, tests;
  for (std::uint64_t i = 1; i < count; ++i) {
    // its lines are of 8 KiB at most
    numbers += (i % 500 == 1 ? "\nicheck " : " ") + std::to_string(i);
    tests += "testb " + std::to_string(i) + "\n";
  }
  std::vector<std::string> blocks(count, "own");
  std::istringstream inodes(debugfs(device, numbers + "\n", dir));
  for (std::string row; std::getline(inodes, row);) {
    const std::size_t tab = row.find('\t');
    if (tab == std::string::npos || row.find_first_not_of("0123456789") != tab) continue;
    if (const std::string inode = row.substr(tab + 1); inode[0] != '<')
      blocks.at(std::stoull(row)) = inode;
  }
  std::istringstream free(debugfs(device, tests, dir));
  for (std::string row; std::getline(free, row);)
    if (row.starts_with("Block ") && row.ends_with(" not in use"))
      blocks.at(std::stoull(row.substr(6))) = "free";
  return blocks;
}

std::map<std::string, std::string> names_of_inodes(const std::string& image) {
  std::map<std::string, std::string> names;
  const CliResult found = run_rawimg({"find", image + ":/", "-printf", "%i %p\\n"});
  REQUIRE(found.code == 0);
  std::istringstream rows(found.out);
  for (std::string row; std::getline(rows, row);)
    names.emplace(row.substr(0, row.find(' ')), row.substr(row.find(' ') + 1));
  return names;
}

/// Files of all kinds that have blocks.
void fill(const std::string& image, const TempDir& dir) {
  const fs::path tree = dir / "tree";
  fs::create_directories(tree / "d/e");
  write_file(tree / "small", "x");
  write_file(tree / "d/large", std::string(700'000, 'l'));
  write_file(tree / "d/hole", std::string(1000, 'h'));
  fs::resize_file(tree / "d/hole", 600'000);
  fs::create_symlink(std::string(200, 's'), tree / "d/e/long");
  fs::create_symlink("short", tree / "d/e/short");
  for (int i = 0; i < 300; ++i) write_file(tree / "d/e" / std::to_string(i), "");
  REQUIRE(run_rawimg({"cp", "-r", tree.string() + "/.", image + ":/", "--no-sync", "-q"}).code ==
          0);
  REQUIRE(run_rawimg({"xattr", "--set", "user.long=" + std::string(300, 'a'), image + ":/small",
                      "--no-sync"})
              .code == 0);
  REQUIRE(run_rawimg({"ln", image + ":/d/large", image + ":/zz", "--no-sync"}).code == 0);
}

}  // namespace

TEST_CASE("cow ls names every sector as debugfs has it", "[cli][cow]") {
  const std::string type = GENERATE("ext2", "ext3", "ext4"), block = GENERATE("1K", "4K");
  CAPTURE(type, block);
  const TempDir dir;
  const std::string image = (dir / "a.img").string(), layer = (dir / "a.cow").string();
  // more than one group of blocks of 1 KiB
  REQUIRE(run_rawimg({"init", image, "--size", "14M", "-t", type, "--block-size", block, "--start",
                      "63s", "--no-sync", "-q"})
              .code == 0);
  fill(image, dir);
  write_file(layer, layer_of_all(image));
  const auto owners = owners_in(cow({"ls", layer, image, "--json"}));
  REQUIRE(owners.size() == fs::file_size(image) / 512);
  CHECK(owners.at(0) == "- table");
  CHECK(owners.at(1) == "- gap");
  CHECK(owners.at(62) == "- gap");
  CHECK(owners.at(63) == "1 boot");
  CHECK(owners.at(64) == "1 boot");
  CHECK(owners.at(65) == "1 superblock");

  const std::uint64_t sectors = block == "1K" ? 2 : 8,
                      count = (fs::file_size(image) / 512 - 63) / sectors;
  const std::vector<std::string> judged = judged_blocks(image + "?offset=32256", count, dir);
  const auto names = names_of_inodes(image);
  std::map<std::string, int> seen;
  int wrong = 0;
  for (std::uint64_t i = 1; i < count; ++i) {
    const std::string& owner = owners.at(63 + i * sectors);
    const std::string what = owner.substr(2, owner.find(' ', 2) - 2), &found = judged[i];
    const std::size_t slash = owner.find('/');
    bool right = false;
    if (found == "free")
      right = owner == "1 free";
    else if (found == "8")
      right = owner == "1 journal";
    else if (found == "own" || found == "7")
      right = what == "superblock" || what == "descriptor" || what == "bitmap" || what == "inode";
    else
      right = names.contains(found) && slash != std::string::npos &&
              owner.substr(slash) == names.at(found);
    CAPTURE(i, found, owner);
    if (!right && ++wrong < 5) CHECK(right);
    ++seen[what];
    for (std::uint64_t next = 1; next < sectors; ++next)
      if (owners.at(63 + i * sectors + next) != owner) ++wrong;
  }
  CHECK(wrong == 0);
  for (const char* what : {"free", "bitmap", "inode", "descriptor", "file", "directory"}) {
    CAPTURE(what);
    CHECK(seen[what] > 0);
  }
  CHECK((seen["journal"] > 0) == (type != "ext2"));
  if (type != "ext4") CHECK(seen["map"] > 0);
  CHECK(seen["attributes"] + seen["symlink"] >= 1);
}

TEST_CASE("cow ls shows what the guest left, and what it removed", "[cli][cow]") {
  const Disk disk("ext2");
  const fs::path base = disk.dir / "base.img", layer = disk.dir / "x.cow";
  write_file(disk.dir / "old", std::string(3000, 'o'));
  write_file(disk.dir / "new", std::string(5000, 'n'));
  disk.require_verb({"cp", (disk.dir / "old").string(), ":/old"});
  fs::copy_file(disk.image, base);
  disk.require_verb({"rm", ":/old"});
  disk.require_verb({"mkdir", ":/made"});
  const std::string large = (disk.dir / "large").string();
  write_file(large, std::string(100'000, 'L'));
  disk.require_verb({"cp", large, ":/made/large"});
  REQUIRE(cow({"diff", layer.string(), base.string(), disk.image}).code == 0);
  const CliResult listed = cow({"ls", layer.string(), base.string()});
  CAPTURE(listed.out, listed.err);
  CHECK(listed.code == 0);
  for (const char* line :
       {"  superblock\n", "  descriptor\n", "  bitmap\n", "  inode table\n", "  directory /\n",
        "  directory /made\n", "  file /made/large\n", "  map /made/large\n"})
    CHECK_THAT(listed.out, Catch::Contains(line));
  CHECK(listed.out.find("/etc/fstab") == std::string::npos);
  // applied, it is the same; but for what was removed
  REQUIRE(cow({"apply", layer.string(), base.string()}).code == 0);
  CHECK((read_file(base) == read_file(disk.image)));
}

TEST_CASE("what is free in the end is said to be the file's that it was", "[cli][cow]") {
  const Disk disk("ext2");
  const fs::path base = disk.dir / "base.img", layer = disk.dir / "x.cow";
  write_file(disk.dir / "old", std::string(100'000, 'o'));
  disk.require_verb({"cp", (disk.dir / "old").string(), ":/old"});
  fs::copy_file(disk.image, base);
  // the guest writes into the file, and then removes it
  disk.require_verb({"rm", ":/old"});
  const std::string before = read_file(base), after = read_file(disk.image);
  std::map<std::uint64_t, std::string> sectors;
  for (std::uint64_t i = 0; i < before.size() / 512; ++i) {
    const std::string then = before.substr(512 * i, 512);
    if (then == std::string(512, 'o'))
      sectors[i] = std::string(512, 'O');
    else if (after.compare(512 * i, 512, then) != 0)
      sectors[i] = after.substr(512 * i, 512);
  }
  write_file(layer, layer_of(sectors));
  const auto owners = owners_in(cow({"ls", layer.string(), base.string(), "--json"}));
  int removed = 0;
  for (const auto& [sector, owner] : owners) removed += owner == "1 file /old (removed)";
  CHECK(removed >= 100'000 / 512);
  CHECK_THAT(cow({"ls", layer.string(), base.string()}).out,
             Catch::Contains("file /old (removed)\n"));
}

TEST_CASE("a filesystem that the guest left unreadable is shown without the layer", "[cli][cow]") {
  const Disk disk;
  const fs::path layer = disk.dir / "x.cow";
  std::string super = read_file(disk.image).substr((1u << 20) + 1024, 512);
  super[0] = static_cast<char>(super[0] + 1);  // its number of inodes
  write_file(layer, layer_of({{2050, super}, {2048, std::string(512, 'b')}}));
  const CliResult listed = cow({"ls", layer.string(), disk.image, "--json"});
  const auto owners = owners_in(listed);
  CHECK(owners == std::map<std::uint64_t, std::string>{{2048, "1 boot"}, {2050, "1 superblock"}});
  CHECK(listed.json().at("warnings").at(0).at("code") == "filesystem-unreadable");
  CHECK_THAT(cow({"ls", layer.string(), disk.image}).err,
             Catch::Contains("cannot be read as the layer leaves it"));
}

TEST_CASE("sectors outside of filesystems are the tables', gaps or data", "[cli][cow]") {
  const TempDir dir;
  const std::string image = (dir / "a.img").string(), layer = (dir / "a.cow").string();
  REQUIRE(run_rawimg({"create", image, "--size", "8M", "-q"}).code == 0);
  Command command;
  command.argv = {"sfdisk", "-q", image};
  struct Row {
    std::string table;
    std::map<std::uint64_t, std::string> owners;
  };
  const std::vector<Row> rows{{"label: dos\nstart=2048,size=2048\nstart=6144,type=5\n"
                               "start=8192,size=2048\nstart=12288,size=2048\n",
                               {{0, "- table"},
                                {2048, "1 data"},
                                {6144, "- table"},
                                {6145, "- gap"},
                                {8192, "5 data"},
                                {10239, "5 data"},
                                {10240, "- table"},
                                {10241, "- gap"},
                                {14335, "6 data"},
                                {14336, "- gap"}}},
                              {"label: dos\nstart=2048,size=2048\n",
                               {{0, "- table"},
                                {1, "- gap"},
                                {2047, "- gap"},
                                {2048, "1 data"},
                                {4095, "1 data"},
                                {4096, "- gap"},
                                {16383, "- gap"}}},
                              {"label: gpt\nstart=2048,size=2048\n",
                               {{0, "- table"},
                                {1, "- table"},
                                {33, "- table"},
                                {2048, "1 data"},
                                {4096, "- gap"},
                                {16350, "- gap"},
                                {16351, "- table"},
                                {16383, "- table"}}}};
  for (const Row& row : rows) {
    CAPTURE(row.table);
    command.input = row.table;
    REQUIRE(run(command).ok());
    std::map<std::uint64_t, std::string> sectors;
    for (const auto& [sector, owner] : row.owners) sectors[sector] = std::string(512, 'x');
    write_file(layer, layer_of(sectors));
    CHECK(owners_in(cow({"ls", layer, image, "--json"})) == row.owners);
  }
  // no table at all: what it is nobody knows
  write_file(image, std::string(8192, 'x'));
  write_file(layer, layer_of({{15, std::string(512, 'y')}}));
  CHECK(owners_in(cow({"ls", layer, image, "--json"})) ==
        std::map<std::uint64_t, std::string>{{15, "0 data"}});
}

TEST_CASE("cow diff and apply make one image of the other", "[cli][cow]") {
  const Disk disk;
  const fs::path base = disk.dir / "base.img", layer = disk.dir / "x.cow";
  fs::copy_file(disk.image, base);
  write_file(disk.dir / "f", std::string(200'000, 'f'));
  disk.require_verb({"cp", (disk.dir / "f").string(), ":/f"});
  const std::string old = read_file(base), now = read_file(disk.image);

  const auto dry =
      cow({"diff", layer.string(), base.string(), disk.image, "--dry-run", "--json"}).json();
  CHECK_FALSE(fs::exists(layer));
  const auto made = cow({"diff", layer.string(), base.string(), disk.image, "--json"}).json();
  const std::uint64_t sectors = made.at("result").at("sectors");
  CHECK(dry.at("result").at("sectors") == sectors);
  CHECK(sectors >= 200'000 / 512);
  CHECK(fs::file_size(layer) == 24 + 520 * sectors);
  CHECK(cow({"diff", layer.string(), base.string(), disk.image}).code == 1);  // it exists
  CHECK(cow({"diff", layer.string(), base.string(), disk.image, "--force"}).code == 0);

  for (const auto& words : std::vector<std::vector<std::string>>{{"info", layer.string(), "--json"},
                                                                 {layer.string(), "--json"}}) {
    const auto info = cow(words).json().at("result");
    CHECK(info.at("sectors") == sectors);
    CHECK(info.at("bytes") == 512 * sectors);
    CHECK(info.at("first_sector") == 2050);
    CHECK(info.at("last_sector") < now.size() / 512);
    CHECK(info.at("runs") > 1);
  }
  CHECK_THAT(cow({"info", layer.string()}).out,
             Catch::Contains("sectors     " + std::to_string(sectors) + " ("));

  const CliResult tried = cow({"apply", layer.string(), base.string(), "--dry-run"});
  CHECK(tried.code == 0);
  CHECK_THAT(tried.err, Catch::Contains(std::to_string(sectors) + " of " + std::to_string(sectors) +
                                        " sectors"));
  CHECK((read_file(base) == old));
  const CliResult applied = cow({"apply", layer.string(), base.string(), "--json"});
  CAPTURE(applied.err);
  CHECK(applied.code == 0);
  CHECK(applied.json().at("result").at("changed") == sectors);
  CHECK((read_file(base) == now));
  CHECK(cow({"apply", layer.string(), base.string(), "--json"}).json().at("result").at("changed") ==
        0);
}

TEST_CASE("cow refuses what it cannot believe, each with its exit code", "[cli][cow]") {
  const Disk disk;
  const auto path = [&](const char* name) { return (disk.dir / name).string(); };
  const std::string sector(512, 's');
  const std::string good = layer_of({{3, sector}, {4, sector}});
  std::string twice = good, version = good;
  twice.replace(24 + 520, 8, le64(4));
  version[8] = 2;
  write_file(path("good.cow"), good);
  write_file(path("magic.cow"), "cowdisk!" + good.substr(8));
  write_file(path("version.cow"), version);
  write_file(path("short.cow"), good.substr(0, 100));
  write_file(path("long.cow"), good + "x");
  write_file(path("twice.cow"), twice);
  write_file(path("beyond.cow"), layer_of({{(32u << 20) / 512, sector}}));
  write_file(path("last.cow"), layer_of({{(32u << 20) / 512 - 1, sector}}));
  struct Row {
    const char* file;
    int code;
  };
  const auto row = GENERATE(values<Row>({{"none.cow", 1},
                                         {"magic.cow", 3},
                                         {"version.cow", 3},
                                         {"short.cow", 6},
                                         {"long.cow", 6},
                                         {"twice.cow", 6},
                                         {"beyond.cow", 7},
                                         {"last.cow", 0},
                                         {"a.img", 3}}));
  CAPTURE(row.file);
  const std::string before = read_file(disk.image);
  const std::string layer = path(row.file);
  CHECK(cow({"info", layer}).code == (row.code == 7 ? 0 : row.code));
  CHECK(cow({"ls", layer, disk.image}).code == row.code);
  const CliResult dry = cow({"apply", layer, disk.image, "--dry-run", "--json"});
  CHECK(dry.code == row.code);
  if (row.code != 0) {
    CHECK(dry.json().at("error").at("exit") == row.code);
    CHECK(cow({"apply", layer, disk.image}).code == row.code);
  }
  CHECK((read_file(disk.image) == before));
  CHECK_FALSE(fs::exists(disk.image + ".part"));
}

TEST_CASE("cow wants a verb and its files", "[cli][cow]") {
  const Disk disk;
  const std::string image = disk.image, layer = (disk.dir / "x.cow").string();
  write_file(layer, layer_of({}));
  for (const auto& words : std::vector<std::vector<std::string>>{{},
                                                                 {"lss", layer, image},
                                                                 {"info"},
                                                                 {"info", layer, image},
                                                                 {"ls", layer},
                                                                 {"apply", layer},
                                                                 {"apply", layer, image, image},
                                                                 {"apply", layer, image, "--force"},
                                                                 {"ls", layer, image, "--dry-run"},
                                                                 {"diff", layer, image}}) {
    CAPTURE(words);
    CHECK(cow(words).code == 2);
  }
  CHECK_THAT(cow({"lss", layer, image}).err, Catch::Contains("did you mean 'ls'?"));
  CHECK(cow({"apply", layer, (disk.dir / "none.img").string()}).code == 1);
  CHECK(cow({"ls", layer, image}).out.empty());
  write_file(disk.dir / "other.img", "x");
  CHECK(
      cow({"diff", (disk.dir / "y.cow").string(), image, (disk.dir / "other.img").string()}).code ==
      7);
  CHECK_FALSE(fs::exists(disk.dir / "y.cow"));
  CHECK_FALSE(fs::exists(disk.dir / "y.cow.part"));
}
