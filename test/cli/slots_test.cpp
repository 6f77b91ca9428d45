// SPDX-License-Identifier: MIT
// Two filesystems of one image in one command.
#include <filesystem>
#include <utility>

#include <catch2/catch.hpp>

#include "cli/cli.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

/// Slots 1 and 3 have a filesystem each.
class TwoSlots {
 public:
  TwoSlots() {
    make({"create", image, "--size", "64M"});
    make({"partition", image, "size=20M,type=83", "size=4M,type=82", "type=83"});
    make({"format", image + ":1", "-t", "ext2"});
    make({"format", image + ":3", "-t", "ext4"});
    make({"tee", image + ":3/x"}, "from slot 3");
  }
  ~TwoSlots() {
    for (const char* start : {"1048576", "26214400"}) {
      const Outcome judged = run({"e2fsck", "-fn", image + "?offset=" + start});
      CAPTURE(judged.text());
      CHECK(judged.exit_code == 0);
    }
  }
  TwoSlots(const TwoSlots&) = delete;
  TwoSlots& operator=(const TwoSlots&) = delete;

  void make(std::vector<std::string> words, const std::string& input = "") const {
    const CliResult result = run_verb(std::move(words), input);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
  }
  CliResult run_verb(std::vector<std::string> words, const std::string& input = "") const {
    words.push_back("--no-sync");
    write_file(dir / "input", input);
    return run_rawimg(words, {.input_file = (dir / "input").string()});
  }
  std::string cat(const std::string& place) const {
    return run_rawimg({"cat", image + ":" + place}).out;
  }

  TempDir dir;
  std::string image = (dir / "m.img").string();
};

bool says(const CliResult& result, const std::string& text) {
  return result.err.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("cp goes from one slot of an image to another", "[cli][edit]") {
  const TwoSlots disk;
  disk.make({"mkdir", disk.image + ":3/d"});
  disk.make({"cp", disk.image + ":3/x", disk.image + ":3/d/y"});
  disk.make({"ln", disk.image + ":3/d/y", disk.image + ":3/d/z"});
  const std::string slot_3 = read_file(disk.image).substr(26214400);
  SECTION("one file") {
    const CliResult dry =
        disk.run_verb({"cp", "--dry-run", disk.image + ":3/x", disk.image + ":1/"});
    CHECK(dry.code == 0);
    CHECK(disk.cat("1/x").empty());
    disk.make({"cp", "-a", disk.image + ":3/x", disk.image + ":1/"});
    CHECK(disk.cat("1/x") == "from slot 3");
    disk.make({"undo", disk.image + ":1"});
    CHECK(run_rawimg({"cat", disk.image + ":1/x"}).code == 4);
  }
  SECTION("a tree, with wildcards and hard links") {
    disk.make({"cp", "-a", disk.image + ":3/*", disk.image + ":1/"});
    CHECK(disk.cat("1/x") == "from slot 3");
    CHECK(run_rawimg({"stat", "-c", "%h", disk.image + ":1/d/y"}).out == "2\n");
    disk.make({"cp", "-a", disk.image + ":3/", disk.image + ":1/all"});
    CHECK(disk.cat("1/all/d/z") == "from slot 3");
  }
  SECTION("of the image by other names") {
    fs::create_symlink(disk.image, disk.dir / "symlink");
    fs::create_hard_link(disk.image, disk.dir / "hard");
    for (const char* name : {"symlink", "hard", "./m.img"}) {
      disk.make({"cp", (disk.dir / name).string() + ":3/x",
                 disk.image + ":1/" + fs::path(name).filename().string()});
      CHECK(disk.cat("1/" + fs::path(name).filename().string()) == "from slot 3");
    }
    fs::remove(disk.dir / "hard");
  }
  SECTION("with --image") {
    disk.make({"cp", "--image", disk.image, ":3/x", ":1/"});
    CHECK(disk.cat("1/x") == "from slot 3");
    disk.make({"cp", "--image", disk.image, "-t", ":1/", ":3/d/y", "-r"});
    CHECK(disk.cat("1/y") == "from slot 3");
  }
  SECTION("by its offset") {
    disk.make({"cp", disk.image + "?offset=26214400:/x", disk.image + ":1/"});
    CHECK(disk.cat("1/x") == "from slot 3");
  }
  CHECK((read_file(disk.image).substr(26214400) == slot_3));
}

TEST_CASE("one filesystem is one, however it is addressed", "[cli][edit]") {
  const TwoSlots disk;
  const std::string at_3 = disk.image + "?offset=26214400:";
  disk.make({"mv", disk.image + ":3/x", at_3 + "/y"});
  disk.make({"cp", at_3 + "/y", disk.image + ":3/z"});
  CHECK(disk.cat("3/z") == "from slot 3");
  const CliResult same = disk.run_verb({"cp", at_3 + "/y", disk.image + ":3/y"});
  CHECK(same.code == 1);
  CHECK(says(same, "are the same file"));
}

TEST_CASE("what changes one filesystem names the other slot, and the lines that do it",
          "[cli][edit]") {
  const TwoSlots disk;
  const std::string from = disk.image + ":3/x", to = disk.image + ":1/";
  const CliResult moved = disk.run_verb({"mv", from, to});
  CAPTURE(moved.err);
  CHECK(moved.code == 2);
  CHECK(
      says(moved, "'" + from + "' is in slot 3 of '" + disk.image + "', and this changes slot 1"));
  CHECK(says(moved, "'rawimg cp -a " + from + " " + to + "'"));
  CHECK(says(moved, "'rawimg rm -r " + from + "'"));
  CHECK_FALSE(says(moved, "another image"));
  const CliResult removed = disk.run_verb({"rm", from, disk.image + ":1/lost+found"});
  CAPTURE(removed.err);
  CHECK(removed.code == 2);
  CHECK(says(removed, "is in slot 3"));
  CHECK_FALSE(says(removed, "another image"));
}

TEST_CASE("cp between filesystems that overlap is refused", "[cli][edit]") {
  const TempDir dir;
  const std::string image = (dir / "m.img").string();
  const auto make = [](std::vector<std::string> words) {
    const CliResult result = run_rawimg(words);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
  };
  // one that fills the file, and one more inside of it
  for (const char* size : {"8M", "32M"}) {
    make({"create", image, "--size", size, "--force", "--no-sync"});
    make({"format", image, "-t", "ext2", "--no-sync"});
    if (size[0] == '8') fs::rename(image, dir / "inner");
  }
  write_file(image, read_file(image).replace(1 << 20, 8 << 20, read_file(dir / "inner")));
  const std::string before = read_file(image);
  const std::string inner = image + "?offset=1048576:", outer = image + ":0";
  for (const auto& [from, to] : {std::pair(inner, outer), std::pair(outer, inner)}) {
    const CliResult result = run_rawimg({"cp", "-r", from + "/lost+found", to + "/copy"});
    CAPTURE(result.err);
    CHECK(result.code == 2);
    CHECK(says(result, "overlaps"));
  }
  CHECK((read_file(image) == before));
}

TEST_CASE("hard links are those of their filesystem, whatever names an image has", "[cli][edit]") {
  const TwoSlots disk;
  disk.make({"tee", disk.image + ":1/y"}, "from slot 1");
  for (const char* file : {"3/x", "1/y"})
    disk.make({"ln", disk.image + ":" + file, disk.image + ":" + file + ".link"});
  // without a table, only offsets tell the two apart
  std::string bytes = read_file(disk.image);
  bytes.replace(0, 512, std::string(512, '\0'));
  const std::string bare = (disk.dir / "bare.img").string();
  write_file(bare, bytes);
  REQUIRE(run_rawimg({"stat", "-c", "%i", disk.image + ":1/y"}).out ==
          run_rawimg({"stat", "-c", "%i", disk.image + ":3/x"}).out);
  SECTION("into another image") {
    const std::string target = (disk.dir / "t.img").string();
    disk.make({"create", target, "--size", "8M"});
    disk.make({"format", target});
    disk.make(
        {"cp", "-a", bare + "?offset=26214400:/x", bare + "?offset=1048576:/y", target + ":/"});
    CHECK(run_rawimg({"cat", target + ":/y"}).out == "from slot 1");
    disk.make({"cp", "-a", disk.image + ":3/x", (disk.dir / "./m.img").string() + ":3/x.link",
               target + ":/lost+found"});
    CHECK(run_rawimg({"stat", "-c", "%h", target + ":/lost+found/x"}).out == "2\n");
  }
  SECTION("to the host") {
    disk.make({"cp", "-a", bare + "?offset=26214400:/x", bare + "?offset=1048576:/y",
               disk.dir.path().string()});
    CHECK(read_file(disk.dir / "y") == "from slot 1");
  }
}
