// SPDX-License-Identifier: MIT
// --verify, with digests that coreutils have computed.
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "cli/cli.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
using namespace std::string_literals;

namespace {

std::string digest(const std::string& program, const std::filesystem::path& file) {
  const Outcome outcome = run({program, file.string()});
  REQUIRE(outcome.ok());
  return outcome.out.substr(0, outcome.out.find(' '));
}

/// A tarball, compressed, and what catalyst would have put beside it.
struct Stage {
  Stage() {
    write_file(tar, small_tar());
    REQUIRE(run({"xz", "-k", tar.string()}).ok());
    blake = digest("b2sum", stage), sha512 = digest("sha512sum", stage),
    sha256 = digest("sha256sum", stage);
    write_file(dir / "stage3.tar.xz.CONTENTS.gz", "listing");
  }

  std::string digests() const {
    const auto contents = dir / "stage3.tar.xz.CONTENTS.gz";
    return "# BLAKE2B HASH\n" + blake + "  stage3.tar.xz\n# SHA512 HASH\n" + sha512 +
           "  stage3.tar.xz\n# BLAKE2B HASH\n" + digest("b2sum", contents) +
           "  stage3.tar.xz.CONTENTS.gz\n# SHA512 HASH\n" + digest("sha512sum", contents) +
           "  stage3.tar.xz.CONTENTS.gz\n";
  }
  void publish(const std::string& ending, const std::string& text) const {
    write_file(stage.string() + ending, text);
  }
  CliResult build(std::vector<std::string> more, const CliSurroundings& around = {},
                  std::string source = "") const {
    if (source.empty()) source = stage.string();
    std::vector<std::string> words{"build",  image.string(), "--from",   source,
                                   "--size", "4M",           "--no-sync"};
    words.insert(words.end(), more.begin(), more.end());
    return run_rawimg(words, around);
  }

  TempDir dir;
  std::filesystem::path tar = dir / "stage3.tar", stage = dir / "stage3.tar.xz",
                        image = dir / "disk.img";
  std::string blake, sha512, sha256;
};

std::string changed(std::string hex) {
  hex[5] = hex[5] == '0' ? '1' : '0';
  return hex;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  return text.replace(text.find(what), what.size(), by);
}

}  // namespace

TEST_CASE("what b2sum wrote is taken for BLAKE2b where the list is called so", "[cli]") {
  const Stage stage;
  const auto [name, code] = GENERATE(table<std::string, int>(
      {{"b2sums.txt", 0}, {"B2SUMS", 0}, {"stage.b2", 0}, {"sums.txt", 7}}));
  CAPTURE(name);
  const auto list = stage.dir / name;
  write_file(list, stage.blake + "  stage3.tar.xz\n");
  const CliResult built = stage.build({"--verify=" + list.string()});
  CAPTURE(built.err);
  CHECK(built.code == code);
  CHECK(std::filesystem::exists(stage.image) == (code == 0));
}

TEST_CASE("with --verify, a tarball that is what its digests say is taken", "[cli]") {
  const Stage stage;
  struct Row {
    const char* name;
    std::string ending, text;
    const char* by;
  };
  const auto row = GENERATE_REF(values<Row>(
      {{"DIGESTS", ".DIGESTS", stage.digests(), "BLAKE2b"},
       {"signed, in a file of its own", ".DIGESTS.asc",
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + stage.digests() +
            "-----BEGIN PGP SIGNATURE-----\n\niQ\n-----END PGP SIGNATURE-----\n",
        "BLAKE2b"},
       {"without BLAKE2b", ".DIGESTS", replaced(stage.digests(), "BLAKE2B", "WHIRLPOOL"),
        "SHA-512"},
       {"sha256", ".sha256", "# SHA256 HASH\n" + stage.sha256 + "  stage3.tar.xz\n", "SHA-256"},
       {"sha256sum's", ".sha256", stage.sha256 + " *stage3.tar.xz\n", "SHA-256"}}));
  CAPTURE(row.name);
  stage.publish(row.ending, row.text);
  const CliResult built = stage.build({"--verify"});
  CAPTURE(built.err);
  CHECK(built.code == 0);
  CHECK_THAT(built.err, Catch::Contains(", verified by "s + row.by));
  CHECK(std::filesystem::exists(stage.image));
}

TEST_CASE("a digest that differs means no image, of whichever kind it is", "[cli]") {
  const Stage stage;
  const std::string& wrong = GENERATE_REF(stage.blake, stage.sha512);
  const std::string list = replaced(stage.digests(), wrong, changed(wrong));
  stage.publish(".DIGESTS", wrong == stage.blake ? list : replaced(list, "BLAKE2B", "MD5"));
  // not asked for the others, it would do
  stage.publish(".sha256", "# SHA256 HASH\n" + stage.sha256 + "  stage3.tar.xz\n");
  const CliResult built = stage.build({"--verify"});
  CHECK(built.code == 7);
  CHECK_THAT(built.err, Catch::Contains(wrong) && Catch::Contains(changed(wrong)) &&
                            Catch::Contains("stage3.tar.xz"));
  CHECK_FALSE(std::filesystem::exists(stage.image));
  CHECK_FALSE(std::filesystem::exists(stage.image.string() + ".part"));
  CHECK(stage.build({"--verify="s + stage.stage.string() + ".sha256"}).code == 0);
}

TEST_CASE("a changed byte behind the archive's end is noticed, too", "[cli]") {
  const Stage stage;
  std::ofstream(stage.tar, std::ios::app) << std::string(512, 'x');
  write_file(stage.tar.string() + ".sha256", digest("sha256sum", stage.tar) + "  stage3.tar\n");
  REQUIRE(stage.build({"--verify"}, {}, stage.tar.string()).code == 0);
  std::filesystem::remove(stage.image);
  std::ofstream(stage.tar, std::ios::app) << "y";
  CHECK(stage.build({"--verify"}, {}, stage.tar.string()).code == 7);
  CHECK_FALSE(std::filesystem::exists(stage.image));
}

TEST_CASE("digests that are not there, or of no use, are an error before anything is made",
          "[cli]") {
  const Stage stage;
  struct Row {
    const char* name;
    std::string ending, text, reason;
  };
  const auto row = GENERATE_REF(values<Row>(
      {{"none", "", "", "looked for '" + stage.stage.string() + ".DIGESTS'"},
       {"of another stage", ".DIGESTS", replaced(stage.digests(), "stage3.tar.xz\n", "x.tar.xz\n"),
        ""},
       {"of nothing else than another stage", ".sha256",
        "# SHA256 HASH\n" + stage.sha256 + "  x.tar.xz\n",
        "stage3.tar.xz.sha256': it has no line for 'stage3.tar.xz', only for 'x.tar.xz'"},
       {"cut", ".sha256", "# SHA256 HASH\n" + stage.sha256.substr(1) + "  stage3.tar.xz\n",
        "64 hexadecimal digits"},
       {"empty", ".DIGESTS", "", "no line of a digest"},
       {"binary", ".DIGESTS", "\x1F\x8B\0\0"s, "NUL"},
       {"huge", ".DIGESTS", std::string((1 << 20) + 1, '#'), "more than 1048576 bytes"}}));
  CAPTURE(row.name);
  if (!row.ending.empty()) stage.publish(row.ending, row.text);
  const CliResult built = stage.build({"--verify"});
  CAPTURE(built.err);
  if (row.reason.empty()) {  // its second line still names the stage
    CHECK(built.code == 0);
    return;
  }
  CHECK(built.code == 1);
  CHECK_THAT(built.err, Catch::Contains(row.reason));
  CHECK_FALSE(std::filesystem::exists(stage.image));
}

TEST_CASE("of standard input, the list's only tarball is checked", "[cli]") {
  const Stage stage;
  const CliSurroundings piped{.input_file = stage.stage.string()};
  CHECK(stage.build({"--verify"}, piped, "-").code == 2);
  const auto list = (stage.dir / "list").string();
  write_file(list, stage.digests());
  CHECK(stage.build({"--verify=" + list}, piped, "-").code == 0);
  write_file(list, replaced(stage.digests(), stage.blake, changed(stage.blake)));
  CHECK(stage.build({"--verify=" + list, "--force"}, piped, "-").code == 7);
  write_file(list, stage.digests() + stage.sha256 + "  other.tar\n");
  const CliResult two = stage.build({"--verify=" + list, "--force"}, piped, "-");
  CHECK(two.code == 1);
  CHECK_THAT(two.err, Catch::Contains("several files"));
}

TEST_CASE("what --verify is of is the source before it, and never a directory", "[cli]") {
  const Stage stage;
  stage.publish(".DIGESTS", stage.digests());
  CHECK(stage.build({"--verify", "--from", stage.tar.string()}).code == 0);
  CHECK(stage.build({"--from", stage.tar.string(), "--verify", "--force"}).code == 1);
  CHECK(stage.build({"--verify", "--verify", "--force"}).code == 2);
  CHECK(stage.build({"--verify", "--force"}, {}, stage.dir.path().string()).code == 2);
}

TEST_CASE("plan and populate verify, too", "[cli]") {
  const Stage stage;
  REQUIRE(run_rawimg({"init", stage.image.string(), "--size", "4M", "--no-sync"}).code == 0);
  const std::string before = read_file(stage.image);
  stage.publish(".DIGESTS", replaced(stage.digests(), stage.blake, changed(stage.blake)));
  const std::string source = stage.stage.string();
  CHECK(run_rawimg({"plan", "--from", source, "--verify"}).code == 7);
  CHECK(run_rawimg({"populate", stage.image.string(), source, "--verify"}).code == 7);
  CHECK((read_file(stage.image) == before));  // neither is worth printing
  stage.publish(".DIGESTS", stage.digests());
  const auto planned = run_rawimg({"plan", "--from", source, "--verify", "--json"}).json();
  CHECK(planned.at("result").at("verified").at(0).at("hex") == stage.blake);
  CHECK(run_rawimg({"populate", stage.image.string(), source, "--verify"}).code == 0);
  CHECK(run_rawimg({"cat", stage.image.string() + ":/etc/fstab"}).code == 0);
}
