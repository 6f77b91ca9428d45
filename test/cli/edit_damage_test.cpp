// SPDX-License-Identifier: MIT
// Changes of filesystems of which e2fsck would think ill, and changes that must not make it do so.
#include <filesystem>

#include <catch2/catch.hpp>

#include "cli/edit_disk.h"
#include "support/tar_writer.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

/// A directory of somebody's, with attributes that need a block, and then something else of its
/// name.
std::string replaced_directory(char type) {
  TarWriter tar;
  tar.pax({{"SCHILY.xattr.user.big", std::string(900, 'x')}});
  tar.entry({.name = "d", .type = '5', .mode = 0700, .uid = 77});
  const bool is_link = type == '2';
  tar.entry({.name = "d", .type = type, .mode = 0644, .link = is_link ? "elsewhere" : ""},
            is_link ? "" : "hello");
  return tar.finish();
}

std::string complaints(const fs::path& image) {
  const Outcome judged = run({"e2fsck", "-fn", image.string()});
  return judged.exit_code == 0 ? "" : judged.text();
}

}  // namespace

TEST_CASE("populate leaves nothing of a directory that a later entry replaces", "[cli][edit]") {
  const TempDir dir;
  const fs::path image = dir / "x.img", tar = dir / "x.tar";
  write_file(tar, replaced_directory(GENERATE('0', '2')));
  // with inodes to spare, and with none but that of the directory
  for (const int inodes : {128, 16}) {
    CAPTURE(inodes);
    fs::remove(image);
    REQUIRE(run({"mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-N", std::to_string(inodes),
                 image.string(), "8M"})
                .ok());
    REQUIRE(run_rawimg({"mkdir", "--no-sync", image.string() + ":/d"}).code == 0);
    for (int i = 0; inodes == 16; ++i)
      if (run_rawimg({"touch", "--no-sync", image.string() + ":/f" + std::to_string(i)}).code != 0)
        break;
    const CliResult result = run_rawimg({"populate", "--no-sync", image.string(), tar.string()});
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    CHECK(complaints(image) == "");
    const auto there = run_rawimg({"stat", "--json", image.string() + ":/d"}).json().at("result");
    CHECK(there.at("uid") == 0);
    CHECK(there.at("mode") != "0700");
    CHECK((there.find("xattrs") == there.end() || there.at("xattrs").empty()));
  }
}

TEST_CASE("inodes in use are not taken for some that never were", "[cli][edit]") {
  const TempDir dir;
  const fs::path image = dir / "x.img", file = dir / "file";
  REQUIRE(run({"mke2fs", "-q", "-F", "-t", "ext4", image.string(), "16M"}).ok());
  write_file(file, "precious");
  for (int i = 0; i < 6; ++i)
    REQUIRE(
        run_rawimg({"cp", "--no-sync", file.string(), image.string() + ":/f" + std::to_string(i)})
            .code == 0);
  for (const char* request :
       {"set_bg 0 itable_unused 2037", "set_bg 0 flags 0", "set_bg 0 checksum calc"})
    REQUIRE(run({"debugfs", "-w", "-R", request, image.string()}).ok());
  const std::string before = read_file(image);
  const CliResult refused = run_rawimg({"touch", "--no-sync", image.string() + ":/g"});
  CHECK(refused.code == 6);
  CHECK_THAT(refused.err, Catch::Contains("is in use, but group 0 says"));
  CHECK((read_file(image) == before));
  CHECK(run_rawimg({"cat", image.string() + ":/f3"}).out == "precious");
}
