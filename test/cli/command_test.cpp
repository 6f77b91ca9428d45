// SPDX-License-Identifier: MIT
// The command as its users meet it: words in, text or JSON and an exit code out. One test for each
// row of the table of exit codes that can be reached.
#include <catch2/catch.hpp>

#include <filesystem>

#include <rawimg/image_file.h>

#include "../tools/cli/command.h"
#include "cli/cli.h"
#include "support/process.h"
#include "support/tar_writer.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

struct Bench {
  Bench() { write_file(dir / "a.tar", small_tar()); }
  std::string path(const std::string& name) const { return (dir / name).string(); }
  CliResult build(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"build",  path("a.img"), "--from",   path("a.tar"),
                                   "--size", "32M",         "--no-sync"};
    words.insert(words.end(), more.begin(), more.end());
    return run_rawimg(words);
  }
  TempDir dir;
};

}  // namespace

TEST_CASE("a built image is listed, read and described", "[cli]") {
  Bench bench;
  const CliResult built = bench.build();
  CAPTURE(built.err);
  REQUIRE(built.code == 0);
  CHECK(built.out == "");
  CHECK(built.err.find("32.0 MiB") != std::string::npos);
  CHECK(built.err.find("6 entries, root=PARTUUID=") != std::string::npos);
  const std::string image = bench.path("a.img");
  CHECK(run_rawimg({"cat", image + ":/link"}).out == "/dev/vda1 / ext2 noatime 0 1\n");
  CHECK(run_rawimg({"ls", image}).out == "etc\nlink\nlost+found\nnull\nodd\x1B\xFC\n");
  CHECK(run_rawimg({"ls", image}, {.terminal = true}).out ==
        "etc\nlink\nlost+found\nnull\nodd\\x1b\\xfc\n");
  CHECK(run_rawimg({"ls", "-l", image + ":/etc"}).out ==
        "total 4\n-rw-r--r-- 1 1000 1001 29 2020-09-13 12:26 fstab\n");
  CHECK(run_rawimg({"ls", "-l", image + ":/null"}).out.find("crw-rw-rw- 1 0 0 1, 3 ") == 0);
  CHECK(run_rawimg({"stat", image + ":1/etc/fstab"})
            .out.find("Access: 0644/-rw-r--r--  Uid: 1000  Gid: 1001") != std::string::npos);
  CHECK(run_rawimg({"info", image}).out.find("slot 1: at byte 1048576") != std::string::npos);
  CHECK(run_rawimg({"ls", "--image", image, "1/etc"}).out == "fstab\n");
  CHECK(run_rawimg({"ls", image + "@@1M:/etc"}).out == "fstab\n");
}

TEST_CASE("every verb's --json is one object of the documented shape", "[cli]") {
  Bench bench;
  const auto built = bench.build({"--json"}).json();
  CHECK(built.at("schema") == 1);
  CHECK(built.at("command") == "build");
  CHECK(built.at("result").at("offset") == 1048576);
  CHECK(built.at("result").at("content").at("entries") == 6);
  CHECK(built.at("warnings").empty());
  const std::string image = bench.path("a.img");
  const auto info = run_rawimg({"info", "--json", image}).json();
  CHECK(info.at("result").at("slots").at(0).at("filesystem").at("type") == "ext2");
  CHECK(info.at("result").at("slots").at(0).at("root").at(0) ==
        "PARTUUID=" + info.at("result").at("disk_id").get<std::string>() + "-01");
  const auto list = run_rawimg({"ls", "--json", image}).json().at("result").at("entries");
  CHECK(list.at(4).at("name_base64") == "b2RkG/w=");
  CHECK(run_rawimg({"stat", "--json", image + ":/etc/fstab"})
            .json()
            .at("result")
            .at("mtime")
            .at("seconds") == 1'600'000'001);
  CHECK(run_rawimg({"cat", "--json", image + ":/etc/fstab"}).json().at("result").at("content") ==
        "/dev/vda1 / ext2 noatime 0 1\n");
  const auto error = run_rawimg({"cat", "--json", image + ":/none"});
  CHECK(error.code == 4);
  CHECK(error.json().at("error").at("code") == "not-found");
  CHECK(error.json().at("error").at("exit") == 4);
  for (const char* verb : {"help", "version"})
    CHECK(run_rawimg({verb, "--json"}).json().at("command") == verb);
  CHECK(run_rawimg({"create", "--json", bench.path("c.img"), "--size", "4M", "--no-sync"})
            .json()
            .at("result")
            .at("size") == 4 << 20);
  CHECK(run_rawimg({"partition", "--json", bench.path("c.img"), "--no-sync"})
            .json()
            .at("result")
            .at("partitions")
            .at(0)
            .at("offset") == 1 << 20);
  CHECK(run_rawimg({"format", "--json", bench.path("c.img"), "--no-sync"})
            .json()
            .at("result")
            .at("slot") == 1);
  CHECK(run_rawimg({"populate", "--json", bench.path("c.img"), bench.path("a.tar"), "--no-sync"})
            .json()
            .at("result")
            .at("content")
            .at("entries") == 6);
  CHECK(run_rawimg({"init", "--json", bench.path("i.img"), "--size", "8M", "--no-sync"})
            .json()
            .at("result")
            .at("slot") == 1);
}

TEST_CASE("the verbs that search and sum up have --json, too", "[cli]") {
  Bench bench;
  REQUIRE(bench.build().code == 0);
  const std::string image = bench.path("a.img");
  const auto result = [](std::vector<std::string> words) {
    words.push_back("--json");
    return run_rawimg(std::move(words)).json().at("result");
  };
  const auto found = result({"find", image, "-name", "fstab"}).at("entries");
  REQUIRE(found.size() == 1);
  CHECK(found.at(0).at("path") == "/etc/fstab");
  CHECK(found.at(0).at("type") == "regular file");
  const auto sum = result({"du", "-b", "-s", image + ":/etc/fstab"});
  CHECK(sum.at("entries").at(0).at("bytes") == 29);
  CHECK(sum.at("total") == 29);
  const auto usage = result({"df", image}).at("filesystems").at(0);
  CHECK(usage.at("filesystem") == image + ":1");
  CHECK(usage.at("size") ==
        usage.at("used").get<std::uint64_t>() + usage.at("free").get<std::uint64_t>());
  CHECK(result({"tree", image + ":/etc"}).at("entries").at(1).at("path") == "/etc/fstab");
}

TEST_CASE("the verbs that search and sum up say what is wrong", "[cli]") {
  Bench bench;
  REQUIRE(bench.build().code == 0);
  const std::string image = bench.path("a.img");
  struct Row {
    std::vector<std::string> words;
    int code;
    const char* said;
  };
  const std::vector<Row> rows{{{"find", image, "-size"}, 2, "'-size' needs an argument"},
                              {{"find", image, "-nmae", "x"}, 2, "did you mean '-name'?"},
                              {{"find", image, "-exec", "ls", ";"}, 2, "'-exec' is not supported"},
                              {{"find", image, "(", "-name", "x"}, 2, "'(' without its ')'"},
                              {{"find", image + ":/none"}, 4, "'/none' does not exist"},
                              {{"du", "-d", "x", image}, 2, "--max-depth 'x'"},
                              {{"du", image + ":/none"}, 4, "'/none' does not exist"},
                              {{"tree", image + ":/etc/fstab"}, 1, "is not a directory"},
                              {{"tree", "-L", "0", image}, 2, "--level '0'"},
                              {{"df", bench.path("none")}, 1, "cannot open"},
                              {{"df", bench.path("a.tar")}, 3, "tar archive"},
                              {{"df", "-B", "q", image}, 2, "block size 'q'"},
                              {{"stat", "-c", "%Q", image + ":/etc"}, 2, "'%Q' is not known"}};
  for (const Row& row : rows) {
    CAPTURE(row.said);
    const CliResult outcome = run_rawimg(row.words);
    CAPTURE(outcome.err);
    CHECK(outcome.code == row.code);
    CHECK(outcome.err.find(row.said) != std::string::npos);
  }
}

TEST_CASE("a directory that has two names ends every walk", "[cli][D14]") {
  Bench bench;
  REQUIRE(bench.build({"--table", "none"}).code == 0);
  const std::string image = bench.path("a.img");
  const Outcome linked = run({"debugfs", "-w", "-R", "link /etc /etc/again", image});
  INFO(linked.text());
  REQUIRE(linked.ok());
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"find", image}, {"du", image}, {"tree", image}, {"ls", "-R", image}}) {
    CAPTURE(words.front());
    const CliResult result = run_rawimg(words);
    CHECK(result.code == 6);
    CHECK(result.err.find("has a second name, '/etc/again'") != std::string::npos);
  }
}

TEST_CASE("names are escaped on a terminal, and nowhere else", "[cli]") {
  Bench bench;
  REQUIRE(bench.build().code == 0);
  const std::string odd = bench.path("a.img") + ":/odd*", raw = "/odd\x1B\xFC",
                    escaped = "/odd\\x1b\\xfc";
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"ls", odd},
                                             {"find", odd},
                                             {"du", odd},
                                             {"stat", "-c", "%n", odd},
                                             {"stat", "-c", "%N", odd},
                                             {"find", odd, "-printf", "%p\\n"}}) {
    CAPTURE(words);
    CHECK(run_rawimg(words).out.find(raw) != std::string::npos);
    const std::string out = run_rawimg(words, {.terminal = true}).out;
    CHECK(out.find(escaped) != std::string::npos);
    CHECK(out.find('\x1B') == std::string::npos);
  }
}

TEST_CASE("exit code 1: the host, the archive, a target that exists", "[cli]") {
  Bench bench;
  REQUIRE(bench.build().code == 0);
  const CliResult again = bench.build();
  CHECK(again.code == 1);
  CHECK(again.err.find("--force") != std::string::npos);
  CHECK(bench.build({"--force"}).code == 0);
  CHECK(run_rawimg({"build", bench.path("b.img"), "--from", bench.path("none.tar"), "--size", "8M"})
            .code == 1);
  write_file(bench.dir / "bad.tar", small_tar().substr(0, 700));
  CHECK(run_rawimg({"build", bench.path("b.img"), "--from", bench.path("bad.tar"), "--size", "8M"})
            .code == 1);
  CHECK_FALSE(std::filesystem::exists(bench.dir / "b.img"));
  CHECK_FALSE(std::filesystem::exists(bench.dir / "b.img.part"));
  CHECK(run_rawimg({"ls", bench.path("missing.img")}).code == 1);
}

TEST_CASE("exit code 2: the command line", "[cli]") {
  Bench bench;
  CHECK(run_rawimg({}).code == 2);
  CHECK(run_rawimg({"buidl"}).err.find("did you mean 'build'?") != std::string::npos);
  CHECK(run_rawimg({"buidl"}).code == 2);
  CHECK(run_rawimg({"init", bench.path("b.img")}).err.find("--size is missing") !=
        std::string::npos);
  CHECK(run_rawimg({"build", bench.path("b.img"), "--size", "8M"}).err.find("--from is missing") !=
        std::string::npos);
  CHECK(run_rawimg({"build", "--size", "8M", "--from", "x"})
            .err.find("IMG, the image to make, is missing") != std::string::npos);
  CHECK(run_rawimg({"build", bench.path("b.img"), "--at", "/x", "--from", "y", "--size", "8M"})
            .err.find("belongs to the --from before it") != std::string::npos);
  CHECK(run_rawimg({"build", bench.path("b.img"), "--from", "-", "--from", "-", "--size", "8M"})
            .err.find("named twice") != std::string::npos);
  CHECK(run_rawimg({"init", bench.path("b.img"), "--size", "8MB"}).err.find("write 8M or 8MiB") !=
        std::string::npos);
  CHECK(run_rawimg({"init", bench.path("b.img"), "--size", "8M", "--progress", "loud"}).code == 2);
  CHECK(run_rawimg({"init", bench.path("b.img"), "--size", "1000"}).err.find("whole sectors") !=
        std::string::npos);
  CHECK(
      run_rawimg({"init", bench.path("b.img"), "--size", "8M", "--table", "none", "--start", "63s"})
          .code == 2);
  REQUIRE(bench.build().code == 0);
  CHECK(run_rawimg({"cat", bench.path("a.img")}).err.find("names no file in the image") !=
        std::string::npos);
  CHECK_FALSE(std::filesystem::exists(bench.dir / "b.img"));
}

TEST_CASE("exit code 3: no image, or one that is refused, named", "[cli][G09]") {
  Bench bench;
  write_file(bench.dir / "q", "QFI\xFB" + std::string(4096, '\1'));
  const CliResult qcow = run_rawimg({"info", bench.path("q")});
  CHECK(qcow.code == 3);
  CHECK(qcow.err.find("qcow2") != std::string::npos);
  CHECK(run_rawimg({"ls", bench.path("q")}).code == 3);
  write_file(bench.dir / "g", std::string(512, '\0') + "EFI PART" + std::string(100'000, '\0'));
  CHECK(run_rawimg({"info", bench.path("g")}).err.find("GPT") != std::string::npos);
  CHECK(run_rawimg({"info", bench.dir.path().string()}).code == 3);
  REQUIRE(run({"mke2fs", "-q", "-F", "-O", "inline_data", bench.path("i.img"), "8M"}).ok());
  REQUIRE(bench.build().code == 0);  // makes a.tar
  const CliResult refused = run_rawimg({"populate", bench.path("i.img"), bench.path("a.tar")});
  CHECK(refused.code == 3);
  CHECK(refused.err.find("inline_data") != std::string::npos);
}

TEST_CASE("exit code 4: not in the image", "[cli]") {
  Bench bench;
  REQUIRE(bench.build().code == 0);
  CHECK(run_rawimg({"cat", bench.path("a.img") + ":/etc/none"})
            .err.find("'/etc/none' does not exist in the image") != std::string::npos);
  CHECK(run_rawimg({"cat", bench.path("a.img") + ":/etc/none"}).code == 4);
  CHECK(run_rawimg({"cat", bench.path("a.img") + ":/etc"}).code == 1);  // it is, as a directory
  CHECK(run_rawimg({"ls", bench.path("a.img") + ":3"})
            .err.find("no partition in slot 3; it has slot 1 at byte 1048576") !=
        std::string::npos);
}

TEST_CASE("exit code 5: too small, with a size that would do", "[cli][A35]") {
  Bench bench;
  TarWriter tar;
  tar.entry({.name = "big"}, std::string(6 << 20, 'x'));
  write_file(bench.dir / "big.tar", tar.finish());
  const CliResult small = run_rawimg(
      {"build", bench.path("b.img"), "--from", bench.path("big.tar"), "--size", "6M", "--no-sync"});
  CHECK(small.code == 5);
  CHECK_FALSE(std::filesystem::exists(bench.dir / "b.img"));
  const std::size_t hint = small.err.find("--size ");
  CAPTURE(small.err);
  REQUIRE(hint != std::string::npos);
  const std::string size = small.err.substr(hint + 7, small.err.find(' ', hint + 7) - hint - 7);
  CHECK(run_rawimg({"build", bench.path("b.img"), "--from", bench.path("big.tar"), "--size", size,
                    "--no-sync", "--force"})
            .code == 0);
  CHECK(run_rawimg({"init", bench.path("b.img"), "--size", "1M"}).code == 5);
}

TEST_CASE("exit code 7: a digest that differs means no image", "[cli]") {
  Bench bench;
  const CliResult wrong = bench.build({"--sha256", std::string(64, '0')});
  CHECK(wrong.code == 7);
  CHECK(wrong.err.find(std::string(64, '0')) != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(bench.dir / "a.img"));
}

TEST_CASE("exit code 8: in use", "[cli]") {
  Bench bench;
  REQUIRE(bench.build().code == 0);
  const ImageFile writer = ImageFile::open(bench.dir / "a.img", Access::ReadWrite);
  CHECK(run_rawimg({"ls", bench.path("a.img")}).code == 8);
  CHECK(run_rawimg({"ls", "--no-lock", bench.path("a.img")}).code == 0);
}

TEST_CASE("sources are placed, stripped and filtered each by the options behind it", "[cli][A37]") {
  Bench bench;
  const CliResult built =
      run_rawimg({"build", bench.path("b.img"), "--from", bench.path("a.tar"), "--exclude", "odd*",
                  "--from", bench.path("a.tar"), "--at", "/opt/x", "--strip-components", "1",
                  "--size", "32M", "--no-sync"});
  CAPTURE(built.err);
  REQUIRE(built.code == 0);
  CHECK(run_rawimg({"ls", bench.path("b.img")}).out == "etc\nlink\nlost+found\nnull\nopt\n");
  CHECK(run_rawimg({"ls", bench.path("b.img") + ":/opt/x"}).out == "fstab\n");
}

TEST_CASE("standard input is a source like a file", "[cli]") {
  Bench bench;
  REQUIRE(bench.build().code == 0);
  REQUIRE(run_rawimg({"build", bench.path("b.img"), "--from", "-", "--size", "32M", "--no-sync"},
                     {.input_file = bench.path("a.tar")})
              .code == 0);
  CHECK(read_file(bench.dir / "a.img") == read_file(bench.dir / "b.img"));
}

TEST_CASE("SOURCE_DATE_EPOCH is the superblock's time, and nonsense in it is refused",
          "[cli][F07]") {
  Bench bench;
  const std::vector<std::string> words{
      "build", bench.path("b.img"), "--from", bench.path("a.tar"), "--size",
      "32M",   "--no-sync",         "--json"};
  CHECK(run_rawimg(words, {.environment = {{"SOURCE_DATE_EPOCH", "1234567890"}}})
            .json()
            .at("result")
            .at("content")
            .at("time") == 1'234'567'890);
  CHECK(run_rawimg({"info", "--json", bench.path("b.img")})
            .json()
            .at("result")
            .at("slots")
            .at(0)
            .at("filesystem")
            .at("created") == 1'234'567'890);
  CHECK(run_rawimg({"build", bench.path("c.img"), "--from", bench.path("a.tar"), "--size", "32M"},
                   {.environment = {{"SOURCE_DATE_EPOCH", "tomorrow"}}})
            .code == 2);
  CHECK(bench.build({"--json"}).json().at("result").at("content").at("time") == 1'600'000'001);
}

TEST_CASE("step by step as in one step: create, partition, format, populate", "[cli]") {
  Bench bench;
  const std::string image = bench.path("s.img");
  REQUIRE(run_rawimg({"create", image, "--size", "32M", "--no-sync"}).code == 0);
  REQUIRE(run_rawimg({"partition", image, "start=63,type=83", "--no-sync"}).code == 0);
  CHECK(run_rawimg({"partition", image, "--no-sync"}).code == 1);
  REQUIRE(run_rawimg({"format", image, "-t", "ext4", "--no-sync"}).code == 0);
  const CliResult again = run_rawimg({"format", image, "--no-sync"});
  CHECK(again.code == 1);
  CHECK(again.err.find("--force") != std::string::npos);
  REQUIRE(run_rawimg({"populate", image + ":1/deep/down", bench.path("a.tar"), "--no-sync"}).code ==
          0);
  CHECK(run_rawimg({"cat", image + ":/deep/down/etc/fstab"}).out ==
        "/dev/vda1 / ext2 noatime 0 1\n");
  CHECK(run_rawimg({"info", image}).out.find("at byte 32256") != std::string::npos);
  CHECK(run_rawimg({"format", image + ":0", "--no-sync"}).code == 1);
}

TEST_CASE("help is there for commands and topics, and a typo is answered", "[cli]") {
  CHECK(run_rawimg({"help"}).out.find("Examples:") != std::string::npos);
  CHECK(run_rawimg({"--help"}).code == 0);
  CHECK(run_rawimg({"build", "--help"}).out.find("Examples:") != std::string::npos);
  for (const char* topic : {"addresses", "exit-codes", "sizes", "json", "ls"})
    CHECK(run_rawimg({"help", topic}).code == 0);
  CHECK(run_rawimg({"help", "adresses"}).err.find("did you mean 'addresses'?") !=
        std::string::npos);
  CHECK(run_rawimg({"version"}).out.find("rawimg 0.") == 0);
}

TEST_CASE("no line of help for people is longer than 120 columns", "[cli]") {
  for (const cli::Command* command : cli::commands()) {
    const std::string help = cli::help_text(*command);
    std::istringstream lines(help.substr(help.find("\nOptions:\n")));
    for (std::string line; std::getline(lines, line);) {
      CAPTURE(command->name, line);
      CHECK(line.size() <= 120);
    }
  }
  CHECK_THAT(
      run_rawimg({"build", "--help"}).out,
      Catch::Contains("also auto,\n                               auto+512M, auto+10%: as large"));
  CHECK_THAT(run_rawimg({"xattr", "--help"}).out, Catch::Contains("in the form of\ngetxattr(2)"));
}

TEST_CASE("a mistake in a command line is exit 2 and says which", "[cli]") {
  Bench bench;
  REQUIRE(bench.build().code == 0);
  const std::string image = bench.path("a.img"), tar = bench.path("a.tar"),
                    fresh = bench.path("b.img");
  struct Row {
    std::vector<std::string> words;
    const char* says;
  };
  for (const Row& row :
       {Row{{"info", "-"}, "cannot be standard input"},
        Row{{"build", "-", "--from", tar, "--size", "8M"}, "cannot be standard output"},
        Row{{"build", tar, "--from", tar, "--size", "8M", "--force"},
            "both a source and the image"},
        Row{{"ls", image + "?offset=1048576:1/"}, "an offset and a slot"},
        Row{{"build", fresh, "--from", tar, "--at", "/../x", "--size", "8M"}, "'..'"},
        Row{{"build", fresh, "--from", tar, "--at", "/a", "--at", "/b", "--size", "8M"},
            "--at is given twice"},
        Row{{"build", fresh, "--from", tar, "--exclude", "", "--size", "8M"}, "an empty glob"},
        Row{{"populate", "missing.img", tar, "--threads", "0"}, "threads"},
        Row{{"build", fresh, "--from", tar, "--size", "4GB"}, "4GiB for 4 times 1024^3"},
        Row{{"init", fresh, "--size", "16M", "-t", "ext4", "--features", "^extent"},
            "'64bit' needs 'extent'"}}) {
    const CliResult result = run_rawimg(row.words);
    CAPTURE(row.says, result.err);
    CHECK(result.code == 2);
    CHECK(result.err.find(row.says) != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(fresh));
  }
  CHECK(read_file(tar) == small_tar());
}

TEST_CASE("errors about a file in an image name it", "[cli]") {
  Bench bench;
  REQUIRE(bench.build().code == 0);
  const CliResult result = run_rawimg({"cat", bench.path("a.img") + ":/etc"});
  CHECK(result.code == 1);
  CHECK(result.err.find("'/etc': it is a directory") != std::string::npos);
}

TEST_CASE("an image that is in use is not replaced", "[cli]") {
  Bench bench;
  REQUIRE(bench.build().code == 0);
  const ImageFile user = ImageFile::open(bench.path("a.img"), Access::ReadOnly);
  CHECK(bench.build({"--force"}).code == 8);
  CHECK(run_rawimg({"create", bench.path("a.img"), "--force", "--size", "1M"}).code == 8);
  CHECK_FALSE(std::filesystem::exists(bench.path("a.img.part")));
}

TEST_CASE("info describes a file without a table, and names no root where there is none", "[cli]") {
  Bench bench;
  REQUIRE(run_rawimg({"create", bench.path("e.img"), "--size", "1M", "--no-sync"}).code == 0);
  const CliResult empty = run_rawimg({"info", bench.path("e.img")});
  CHECK(empty.code == 0);
  CHECK(empty.out.find("root=") == std::string::npos);
  write_file(bench.dir / "x.gz", "\x1F\x8B\x08" + std::string(5000, 'x'));
  CHECK(run_rawimg({"info", bench.path("x.gz")}).code == 3);
  CHECK(run_rawimg({"info", bench.path("x.gz") + ":0"}).out.find("root=") == std::string::npos);
}

TEST_CASE("a dry run says what would be made, and makes nothing", "[cli]") {
  const Bench bench;
  const std::string image = bench.path("a.img"), tar = bench.path("a.tar");
  write_file(tar, small_tar());
  const auto files = [&] {
    std::map<std::string, std::string> all;
    for (const auto& file : std::filesystem::directory_iterator(bench.dir.path()))
      all[file.path().filename()] = read_file(file.path());
    return all;
  };
  const auto same_result = [&](std::vector<std::string> words) {
    CAPTURE(words);
    const auto before = files();
    words.push_back("--json");
    std::vector<std::string> dry = words;
    dry.push_back("--dry-run");
    const CliResult tried = run_rawimg(dry);
    CAPTURE(tried.err, tried.out);
    REQUIRE(tried.code == 0);
    CHECK((files() == before));
    auto expected = run_rawimg(words).json().at("result"), found = tried.json().at("result");
    CHECK(found.at("dry_run") == true);
    CHECK(expected.at("dry_run") == false);
    for (const char* key : {"dry_run", "seconds", "allocated"})
      expected.erase(key), found.erase(key);
    CHECK(found == expected);
    CHECK((files() != before));
  };
  same_result({"create", image, "--size", "16M"});
  same_result({"partition", image});
  same_result({"format", image, "-t", "ext4"});
  same_result({"init", image, "--size", "8M", "--force"});
  same_result({"build", image, "--from", tar, "--size", "9M", "--force"});
  CHECK(run_rawimg({"create", image, "--size", "1M", "--dry-run"}).code == 1);
  CHECK(run_rawimg({"build", bench.path("b.img"), "--from", tar, "--size", "64K", "--dry-run"})
            .code == 5);
  CHECK(run_rawimg({"init", bench.path("none/b.img"), "--size", "8M", "--dry-run"}).code == 1);
  CHECK(run_rawimg({"format", image, "--dry-run"}).code == 1);  // something is there
  const CliResult told = run_rawimg({"init", bench.path("b.img"), "--size", "8M", "--dry-run"});
  CHECK_THAT(told.err, Catch::Contains("would be made"));
}

TEST_CASE("escapes of stat --printf are those of coreutils", "[cli][judge]") {
  Bench bench;
  REQUIRE(bench.build().code == 0);
  for (const char* format : {R"(\x41\x4\x4g\x0a)", R"(\x414\101\1018\0)", R"(\e\t\\\"%%)"}) {
    CAPTURE(format);
    const Outcome judge = run({"stat", "--printf", format, bench.path("a.img")});
    REQUIRE(judge.ok());
    CHECK(run_rawimg({"stat", "--printf", format, bench.path("a.img:/etc")}).out == judge.out);
  }
  for (const char* refused : {R"(\x)", R"(\xg)", R"(\q)"})
    CHECK(run_rawimg({"stat", "--printf", refused, bench.path("a.img:/etc")}).code == 2);
}
