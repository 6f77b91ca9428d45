// SPDX-License-Identifier: MIT
// The change before can be taken back, whatever becomes of the next one.
#include <filesystem>
#include <random>

#include <catch2/catch.hpp>

#include "cli/edit_disk.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

std::string noise_of(std::size_t size) {
  std::mt19937 random(7);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

constexpr const char* kLost = "cannot be taken back any more";

/// What holds /f no longer: it was removed, and that can be taken back.
struct RemovedFile {
  explicit RemovedFile(const std::string& type) : disk(type) {
    write_file(host("f"), content);
    disk.require_verb({"cp", host("f"), ":/f"});
    disk.require_verb({"rm", ":/f"});
  }
  std::string host(const std::string& name) const { return (disk.dir / name).string(); }
  CliResult undo() const { return run_rawimg({"undo", disk.image, "--no-sync"}); }
  void require_undo() const {
    const CliResult result = undo();
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    CHECK((disk.cat("/f") == content));
  }

  std::string content = noise_of(3'000'000);
  Disk disk;
};

}  // namespace

TEST_CASE("a change that fails leaves the undo of the one before", "[cli][edit]") {
  const RemovedFile removed(GENERATE("ext2", "ext4"));
  const Disk& disk = removed.disk;
  write_file(removed.host("five"), std::string(5'000'000, 'o'));
  fs::create_directory(disk.dir / "many");
  for (int i = 0; i < 50; ++i)
    write_file(disk.dir / "many" / std::to_string(i), std::string(100'000, 'm'));
  SECTION("batch") {
    const CliResult failed = run_rawimg({"batch", disk.image, "--no-sync", "-e",
                                         "cp " + removed.host("five") + " :/g", "-e", "rm :/none"});
    CHECK(failed.code == 4);
    CHECK_THAT(failed.err, !Catch::Contains(kLost));
  }
  SECTION("cp of a tree with something that is not there") {
    CHECK(disk.run_verb({"cp", "-r", removed.host("many"), removed.host("none"), ":/"}).code == 1);
  }
  SECTION("populate of half an archive") {
    REQUIRE(run({"tar", "-C", removed.host("many"), "-cf", removed.host("a.tar"), "."}).ok());
    fs::resize_file(disk.dir / "a.tar", 3'000'000);
    const CliResult failed =
        run_rawimg({"populate", disk.image, removed.host("a.tar"), "--no-sync", "-q"});
    CHECK(failed.code == 1);
    CHECK_THAT(failed.err, !Catch::Contains(kLost));
  }
  removed.require_undo();
}

TEST_CASE("a change that fails says that it has cost the undo of the one before", "[cli][edit]") {
  const RemovedFile removed(GENERATE("ext2", "ext4"));
  const Disk& disk = removed.disk;
  write_file(removed.host("all"), noise_of(40'000'000));
  CliResult failed;
  SECTION("cp") { failed = disk.run_verb({"cp", removed.host("all"), ":/g"}); }
  SECTION("batch") {
    failed =
        run_rawimg({"batch", disk.image, "--no-sync", "-e", "cp " + removed.host("all") + " :/g"});
  }
  SECTION("populate") {
    REQUIRE(run({"tar", "-C", disk.dir.path().string(), "-cf", removed.host("a.tar"), "all"}).ok());
    failed = run_rawimg({"populate", disk.image, removed.host("a.tar"), "--no-sync", "-q"});
  }
  CAPTURE(failed.err);
  CHECK(failed.code == 5);
  CHECK_THAT(failed.err, Catch::Contains(kLost));
  CHECK(removed.undo().code == 4);
  CHECK(run_rawimg({"ls", disk.image + ":/f"}).code == 4);
}

TEST_CASE("what the last change has freed is used when nothing else is free", "[cli][edit]") {
  const RemovedFile removed(GENERATE("ext2", "ext4"));
  const Disk& disk = removed.disk;
  // from now on, little more than what /f had is free
  removed.require_undo();
  const auto block = std::uint64_t{disk.stat("/f").at("sectors")} * 512;
  REQUIRE(block >= removed.content.size());
  std::size_t filled = 16'000'000;
  for (std::size_t step = filled; step > 100'000;) {
    write_file(removed.host("fill"), std::string(step, 'x'));
    if (disk.run_verb({"cp", removed.host("fill"), ":/fill" + std::to_string(filled)}).code == 0)
      ++filled;
    else
      step /= 2;
  }
  disk.require_verb({"rm", ":/f"});
  write_file(removed.host("g"), noise_of(2'900'000));
  disk.require_verb({"cp", removed.host("g"), ":/g"});
  CHECK((disk.cat("/g") == read_file(removed.host("g"))));
  CHECK(removed.undo().code == 0);  // of cp
  CHECK(run_rawimg({"ls", disk.image + ":/g"}).code == 4);
}

TEST_CASE("an undo file of another state does not decide where content goes", "[cli][edit]") {
  const RemovedFile removed("ext4");
  const Disk& disk = removed.disk;
  const CliSurroundings at_a_time{.environment = {{"SOURCE_DATE_EPOCH", "1700000000"}}};
  const std::string before = read_file(disk.image);
  write_file(removed.host("g"), noise_of(1'000'000));
  fs::remove(disk.image + ".rawimg-kept");
  disk.require_verb({"cp", removed.host("g"), ":/g"}, at_a_time);
  const std::string after = read_file(disk.image);
  disk.require_verb({"rm", ":/g"});  // whose undo file knows the blocks of g as needed
  write_file(disk.image, before);
  disk.require_verb({"cp", removed.host("g"), ":/g"}, at_a_time);
  CHECK((read_file(disk.image) == after));
}
