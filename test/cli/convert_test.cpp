// SPDX-License-Identifier: MIT
#include <sys/stat.h>

#include <filesystem>

#include <catch2/catch.hpp>

#include "cli/edit_disk.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

std::uint64_t on_disk(const fs::path& file) {
  struct stat status {};
  REQUIRE(stat(file.c_str(), &status) == 0);
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

/// 64 MiB: data at the start, in the middle across a block's end, and in the last byte.
std::string sparse_bytes() {
  std::string bytes(64u << 20, '\0');
  bytes.replace(0, 3, "abc");
  bytes.replace((30u << 20) - 2, 4, "wxyz");
  bytes.back() = 'z';
  return bytes;
}

}  // namespace

TEST_CASE("convert keeps holes, and makes them of zeros", "[cli][convert]") {
  const TempDir dir;
  const std::string bytes = sparse_bytes();
  const fs::path full = dir / "full.img", out = dir / "out.img";
  write_file(full, bytes);
  REQUIRE(on_disk(full) >= bytes.size());
  SECTION("of a raw image") {
    REQUIRE(run_rawimg({"convert", full.string(), out.string()}).code == 0);
  }
  SECTION("of one with holes") {
    const fs::path sparse = dir / "sparse.img";
    REQUIRE(run({"cp", "--sparse=always", full.string(), sparse.string()}).ok());
    REQUIRE(run_rawimg({"convert", sparse.string(), out.string()}).code == 0);
  }
  SECTION("of a compressed one") {
    const std::string program = GENERATE("gzip", "xz", "zstd", "bzip2", "lz4");
    CAPTURE(program);
    const fs::path packed = dir / "packed";
    Command command;
    command.argv = {program, "-c", full.string()};
    command.output_file = packed;
    REQUIRE(run(command).ok());
    const bool piped = GENERATE(false, true);
    const CliResult result = run_rawimg({"convert", piped ? "-" : packed.string(), out.string()},
                                        {.input_file = packed.string()});
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    // cut, or damaged: no image
    const std::string stored = read_file(packed);
    write_file(packed, stored.substr(0, stored.size() - 9));
    const CliResult cut = run_rawimg({"convert", packed.string(), (dir / "cut.img").string()});
    CAPTURE(cut.err);
    CHECK(cut.code == 1);
    CHECK_FALSE(fs::exists(dir / "cut.img"));
    CHECK_FALSE(fs::exists(dir / "cut.img.part"));
  }
  CHECK((read_file(out) == bytes));
  CHECK(on_disk(out) <= 5 * 4096);
}

TEST_CASE("convert says what it will not do", "[cli][convert]") {
  const Disk disk;
  const auto path = [&](const char* name) { return (disk.dir / name).string(); };
  write_file(path("x.qcow2"), "QFI\xFB" + std::string(4096, '\1'));
  CHECK(run_rawimg({"convert", path("x.qcow2"), path("out")}).code == 3);
  REQUIRE(run({"gzip", "-k", path("x.qcow2")}).ok());
  CHECK(run_rawimg({"convert", path("x.qcow2.gz"), path("out")}).code == 3);
  CHECK(run_rawimg({"convert", path("x.qcow2.gz"), path("out"), "--dry-run"}).code == 3);
  CHECK(run_rawimg({"convert", disk.image, disk.image, "--force"}).code == 2);
  CHECK(run_rawimg({"convert", disk.image}).code == 2);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"convert", disk.image, "-"}, {"cow", "diff", "-", disk.image, disk.image}}) {
    const CliResult stream = run_rawimg(words);
    CHECK(stream.code == 2);
    CHECK_THAT(stream.err, Catch::Contains("cannot be standard output"));
  }
  CHECK(run_rawimg({"convert", path("none"), path("out")}).code == 1);
  CHECK(run_rawimg({"convert", path("a.tar"), path("out")}).code == 3);
  write_file(path("there"), "mine");
  CHECK(run_rawimg({"convert", disk.image, path("there")}).code == 1);
  CHECK(read_file(path("there")) == "mine");
  CHECK_FALSE(fs::exists(path("out")));
  const CliResult dry = run_rawimg({"convert", disk.image, path("out"), "--dry-run", "--json"});
  const CliResult real = run_rawimg({"convert", disk.image, path("out"), "--json"});
  CHECK(dry.json().at("result").at("size") == real.json().at("result").at("size"));
  CHECK((read_file(path("out")) == read_file(disk.image)));
}

TEST_CASE("sparsify regains holes in place", "[cli][convert]") {
  const TempDir dir;
  const std::string bytes = sparse_bytes();
  const fs::path full = dir / "full.img";
  write_file(full, bytes);
  const CliResult dry = run_rawimg({"sparsify", "--dry-run", "--json", full.string()});
  CHECK(dry.json().at("result").at("regained") == bytes.size() - 4 * 4096);
  CHECK(on_disk(full) >= bytes.size());
  const CliResult result = run_rawimg({"sparsify", full.string()});
  CAPTURE(result.err);
  CHECK(result.code == 0);
  CHECK_THAT(result.err, Catch::Contains("64.0 MiB regained"));
  CHECK((read_file(full) == bytes));
  CHECK(on_disk(full) <= 5 * 4096);
  CHECK(run_rawimg({"sparsify", "--json", full.string()}).json().at("result").at("regained") == 0);
  CHECK(run_rawimg({"sparsify", (dir / "none").string()}).code == 1);
}
