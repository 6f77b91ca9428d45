// SPDX-License-Identifier: MIT
// Same input, same bytes: whoever builds, wherever, whenever, with however many threads, from
// whatever kind of stream.
#include <catch2/catch.hpp>

#include <unistd.h>

#include "judge/judge.h"
#include "judge/rootfs.h"
#include "support/not_run.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

struct Variant {
  std::string name;
  std::vector<std::string> words = {};
  std::vector<std::string> environment = {};
  std::string compression = {};
  enum class Input { File, Pipe } input = Input::File;
  bool as_nobody = false;
};

std::vector<Variant> variants() {
  std::vector<Variant> all{
      {.name = "again"},
      {.name = "other zone and locale",
       .environment = {"TZ=Asia/Kolkata", "LC_ALL=C.UTF-8", "LANG=de_DE.UTF-8", "HOME=/nowhere"}},
      {.name = "one thread", .words = {"--threads", "1"}, .compression = "xz"},
      {.name = "two threads", .words = {"--threads", "2"}, .compression = "xz"},
      {.name = "eight threads", .words = {"--threads", "8"}, .compression = "xz"},
      {.name = "little memory", .words = {"--memory", "64M"}, .compression = "xz"},
      {.name = "xz through a pipe", .compression = "xz", .input = Variant::Input::Pipe},
      {.name = "pipe", .input = Variant::Input::Pipe}};
  for (const char* compression : {"gz", "zst", "bz2", "lz4"})
    all.push_back({.name = compression, .compression = compression});
  return all;
}

fs::path tarball_for(const Variant& variant) {
  return variant.compression.empty() ? rootfs_tar(Rootfs::Narrow)
                                     : rootfs_tar(Rootfs::Narrow, variant.compression);
}

Outcome build(const fs::path& image, const std::string& type, const Variant& variant,
              const fs::path& tool = RAWIMG_TOOL) {
  Command command;
  const auto tarball = tarball_for(variant);
  command.argv = {tool.string(),
                  "build",
                  image.string(),
                  "--from",
                  variant.input == Variant::Input::Pipe ? "-" : tarball.string(),
                  "--size",
                  "300M",
                  "-t",
                  type,
                  "--no-sync",
                  "-q"};
  command.argv.insert(command.argv.end(), variant.words.begin(), variant.words.end());
  command.environment = variant.environment;
  if (variant.as_nobody) command.user = 65534;
  if (variant.input == Variant::Input::File) return run(command);
  Process process(command);
  const std::string bytes = read_file(tarball);
  // In uneven pieces, so that no reader can count on full buffers.
  for (std::size_t at = 0, piece = 1; at < bytes.size();
       at += piece, piece = piece * 3 % 300'007 + 1) {
    if (!process.feed(std::string_view(bytes).substr(at, piece))) break;
  }
  return process.wait();
}

}  // namespace

TEST_CASE("two builds of the same input are byte-equal", "[judge][A03][A38][F07]") {
  const std::string type = GENERATE(as<std::string>{}, "ext2", "ext4");
  const TempDir dir;
  const Outcome first = build(dir / "first.img", type, {.name = "first"});
  INFO(first.text());
  REQUIRE(first.ok());
  for (const Variant& variant : variants()) {
    CAPTURE(type, variant.name);
    const fs::path place = dir / ("a directory for " + variant.name);
    fs::create_directory(place);
    const Outcome outcome = build(place / (variant.name + ".raw"), type, variant);
    CAPTURE(outcome.text());
    REQUIRE(outcome.ok());
    CHECK(same_bytes(dir / "first.img", place / (variant.name + ".raw")));
    fs::remove_all(place);
  }
}

TEST_CASE("root and nobody build the same bytes", "[judge][F07]") {
  require_root("a build as another user");
  const TempDir dir;
  fs::permissions(dir.path(), fs::perms(0777));
  // the checkout and the fixtures may lie where nobody cannot read
  fs::copy_file(RAWIMG_TOOL, dir / "rawimg");
  fs::permissions(dir / "rawimg", fs::perms(0755));
  const Variant nobody{.name = "nobody", .input = Variant::Input::Pipe, .as_nobody = true};
  REQUIRE(build(dir / "root.img", "ext4", {.name = "root"}).ok());
  const Outcome outcome = build(dir / "nobody.img", "ext4", nobody, dir / "rawimg");
  CAPTURE(outcome.text());
  REQUIRE(outcome.ok());
  CHECK(same_bytes(dir / "root.img", dir / "nobody.img"));
}

TEST_CASE("SOURCE_DATE_EPOCH is the superblock's time, and nothing else is", "[judge][F07]") {
  const TempDir dir;
  const auto fields_for = [&](const std::string& epoch) {
    Command command = rawimg_command(
        {"init", (dir / (epoch + ".img")).string(), "--size", "16M", "-t", "ext4", "--no-sync"});
    command.environment = {"SOURCE_DATE_EPOCH=" + epoch};
    const Outcome outcome = run(command);
    INFO(outcome.text());
    REQUIRE(outcome.ok());
    return superblock_fields(dir / (epoch + ".img"), 1 << 20);
  };
  const auto first = fields_for("1000000000"), second = fields_for("1100000000");
  CHECK_THAT(first.at("Filesystem created"), Catch::Contains("2001"));
  CHECK_THAT(second.at("Filesystem created"), Catch::Contains("2004"));
  CHECK(first.at("Filesystem created") == first.at("Last write time"));
  CHECK(first.at("Block count") == second.at("Block count"));
}

TEST_CASE("a bad SOURCE_DATE_EPOCH is refused, not ignored", "[judge][F07]") {
  const TempDir dir;
  Command command = rawimg_command({"init", (dir / "x.img").string(), "--size", "16M"});
  command.environment = {"SOURCE_DATE_EPOCH=yesterday"};
  const Outcome outcome = run(command);
  INFO(outcome.text());
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Catch::Contains("SOURCE_DATE_EPOCH"));
  CHECK_FALSE(fs::exists(dir / "x.img"));
}
