// SPDX-License-Identifier: MIT
// `plan` must say of every type what `build` then makes of the same words.
#include <filesystem>
#include <random>

#include <catch2/catch.hpp>

#include "cli/cli.h"
#include "support/process.h"
#include "support/tar_writer.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

/// Zeros and other bytes in pieces of any length.
std::string patchy(std::mt19937& random, std::size_t size) {
  std::string bytes;
  while (bytes.size() < size)
    bytes.append(std::min<std::size_t>(size - bytes.size(), random() % (random() % 2 ? 700 : 9000)),
                 random() % 2 ? 'x' : '\0');
  return bytes;
}

/// As mkswap makes it, with room for a boot loader in front.
std::string swap_file(std::size_t size, const std::string& signature) {
  std::string bytes(size, '\0');
  bytes.replace(1024, 8, "\1\0\0\0\x0f\0\0\0", 8);
  bytes.replace(4096 - signature.size(), signature.size(), signature);
  return bytes;
}

std::string odd_tar(unsigned seed) {
  std::mt19937 random(seed);
  TarWriter writer;
  writer.entry({.name = "d/", .type = '5', .mode = 0755});
  for (int i = 0; i < 60; ++i) {
    const std::string name = "d/f" + std::to_string(i);
    if (i % 7 == 0) writer.pax({{"SCHILY.xattr.user.a", std::string(random() % 800, 'v')}});
    writer.entry({.name = name, .mtime = 1000 + i}, patchy(random, random() % 100'000));
    if (i % 5 == 0) writer.entry({.name = name + "l", .type = '1', .link = name});
    if (i % 9 == 0)
      writer.entry({.name = name + "s", .type = '2', .link = std::string(1 + random() % 90, 's')});
  }
  writer.entry({.name = "d/f3"}, "later ones win");
  writer.entry({.name = "swap"}, swap_file(200'000, "SWAPSPACE2"));
  writer.entry({.name = "no-swap"}, swap_file(200'000, "SWAPSPACE3"));
  writer.entry({.name = "tiny-swap"}, swap_file(40'000, "SWAP-SPACE"));
  writer.entry({.name = "page"}, std::string(4095, '\0') + "xyz");
  writer.entry({.name = "null", .type = '3', .device_major = 1, .device_minor = 3});
  return writer.finish();
}

CliResult plan(std::vector<std::string> words, const CliSurroundings& around = {}) {
  words.insert(words.begin(), "plan");
  return run_rawimg(words, around);
}

}  // namespace

TEST_CASE("a plan says of each type what build makes of it", "[cli][plan]") {
  const TempDir dir;
  const std::string tar = (dir / "x.tar").string(), image = (dir / "x.img").string();
  const unsigned seed = GENERATE(1u, 2u, 3u);
  const auto options = GENERATE(from_range(std::vector<std::vector<std::string>>{
      {},
      {"--size", "auto", "--block-size", "1K"},
      {"--size", "auto+10%", "--block-size", "2K", "--inode-size", "128", "--table", "none"},
      {"--size", "auto+1M", "--exclude", "*7", "--at", "a/b", "--start", "63s", "--label", "x"}}));
  CAPTURE(seed, options);
  write_file(tar, odd_tar(seed));
  std::vector<std::string> words{"--from", tar, "--json"};
  words.insert(words.end(), options.begin(), options.end());
  for (const std::string asked : {"ext2", "ext3", "ext4"}) {
    std::vector<std::string> with_type = words;
    with_type.insert(with_type.end(), {"-t", asked});
    const CliResult planned = plan(with_type);
    CAPTURE(asked, planned.err);
    REQUIRE(planned.code == 0);
    CHECK(std::distance(fs::directory_iterator(dir.path()), {}) == 1);
    with_type.insert(with_type.begin(), {"build", image, "--no-sync"});
    const auto made = run_rawimg(with_type).json().at("result");
    fs::remove(image);
    const auto result = planned.json().at("result");
    REQUIRE(result.at("types").size() == 3);
    for (const auto& type : result.at("types")) {
      if (type.at("type") != asked) continue;
      for (const char* key : {"size", "filesystem", "content"}) CHECK(type.at(key) == made.at(key));
      CHECK(type == result.at("asked"));
    }
  }
}

TEST_CASE("a plan of a given size says whether it fits, and ends as build would", "[cli][plan]") {
  const TempDir dir;
  const std::string tar = (dir / "x.tar").string(), image = (dir / "x.img").string();
  write_file(tar, odd_tar(4));
  SECTION("it fits") {
    const CliResult fits = plan({"--from", tar, "--size", "64M", "-t", "ext4", "--json"});
    REQUIRE(fits.code == 0);
    const auto result = fits.json().at("result");
    const auto asked = result.at("asked");
    CHECK(asked.at("size") == 64 << 20);
    for (const auto& type : result.at("types")) CHECK(type.at("size") < 20 << 20);
    REQUIRE(run_rawimg({"build", image, "--from", tar, "--size", "64M", "-t", "ext4"}).code == 0);
    const CliResult made = run_rawimg({"info", image, "--json"});
    CHECK_THAT(made.out, Catch::Contains(asked.at("filesystem").at("uuid").get<std::string>()));
    const CliResult text = plan({"--from", tar, "--size", "64M"});
    CHECK_THAT(text.out, Catch::Contains("stay free"));
    CHECK_THAT(text.err, Catch::Contains("read once") && Catch::Contains("nothing was written"));
  }
  SECTION("it does not") {
    const CliResult full = plan({"--from", tar, "--size", "2M"});
    CHECK(full.code == 5);
    CHECK_THAT(full.out, Catch::Contains("ext4  "));
    CHECK_THAT(full.err, Catch::Contains("build would stop") && Catch::Contains("would do"));
    const CliResult json = plan({"--from", tar, "--size", "2M", "--json"});
    CHECK(json.code == 5);
    CHECK(json.json().at("result").at("build_would_fail").at("code") == "no-space");
  }
}

TEST_CASE("a plan lists what would be refused or lost", "[cli][plan]") {
  const TempDir dir;
  const std::string tar = (dir / "x.tar").string();
  TarWriter writer;
  writer.entry({.name = "good"}, "x");
  writer.entry({.name = "odd", .type = 'N'}, "y");
  writer.entry({.name = "bad", .type = '3', .device_major = 1 << 20, .device_minor = 3});
  writer.pax({{"path", std::string(300, 'n')}}).entry({.name = "long"}, "z");
  writer.pax({{"mtime", "1.5"}}).entry({.name = "late"});
  write_file(tar, writer.finish());
  const std::vector<std::string> words{"--from", tar, "--size", "auto", "--inode-size", "128"};
  const CliResult refused = plan(words);
  CAPTURE(refused.out, refused.err);
  CHECK(refused.code == 3);
  CHECK_THAT(refused.out, Catch::Contains("refused: 'bad'") && Catch::Contains("refused: 'nnn") &&
                              Catch::Contains("refused: 'odd'") &&
                              Catch::Contains("lost: one entry lost fractions"));
  CHECK_THAT(refused.err, Catch::Contains("build would stop: 'odd'") &&
                              Catch::Contains("hint: --skip-unsupported"));
  std::vector<std::string> skipping = words;
  skipping.emplace_back("--skip-unsupported");
  CHECK(plan(skipping).code == 0);
  skipping.emplace_back("--json");
  const auto json = plan(skipping).json();
  CHECK(json.at("result").at("asked").at("content").at("skipped") == 3);
  CHECK(json.at("warnings").size() == 4);
  CHECK_FALSE(json.at("result").contains("build_would_fail"));
}

TEST_CASE("a plan refuses what build refuses, and reads what build reads", "[cli][plan]") {
  const TempDir dir;
  const std::string tar = (dir / "x.tar").string(), image = (dir / "x.img").string();
  write_file(tar, odd_tar(5));
  CHECK(plan({}).code == 2);
  CHECK(plan({image}).code == 2);
  CHECK(plan({"--from", (dir / "none").string()}).code == 1);
  CHECK(plan({"--from", tar, "--size", "1Q"}).code == 2);
  CHECK(plan({"--from", tar, "--features", "^filetyp"}).code == 2);
  CHECK(plan({tar, "--from", tar}).code == 2);
  CHECK(plan({(dir / "no" / "x.img").string(), "--from", tar}).code == 1);
  CHECK(plan({image, "--from", tar}).code == 0);
  write_file(image, "there");
  CHECK(plan({image, "--from", tar}).code == 1);
  CHECK(plan({image, "--from", tar, "--force"}).code == 0);
  CHECK(read_file(image) == "there");
  const std::string cut = read_file(tar).substr(0, 100'000);
  write_file(image, cut);
  CHECK(plan({"--from", image}).code == 1);
  const CliResult piped = plan({"--from", "-"}, {.input_file = tar});
  CHECK(piped.code == 0);
  CHECK(piped.out == plan({"--from", tar}).out);
  REQUIRE(run({"tar", "-xf", tar, "-C", dir.path().string(), "d"}).ok());
  CHECK(plan({"--from", (dir / "d").string(), "--from", tar, "--at", "x"}).code == 0);
  // a feature that one type cannot have is a word about that type
  const CliResult two = plan({"--from", tar, "--features", "^extent"});
  CHECK(two.code == 0);
  CHECK_THAT(two.out, Catch::Contains("\next4  cannot be: feature '64bit' needs 'extent'"));
  CHECK(plan({"--from", tar, "--features", "^extent", "-t", "ext4"}).code == 2);
}
