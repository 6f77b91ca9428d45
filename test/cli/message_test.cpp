// SPDX-License-Identifier: MIT
// What is said when something goes wrong: which word, which image, what is left, what to do.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

#include <catch2/catch.hpp>

#include "cli/answer.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

CliResult run_batch(const Disk& disk, const std::vector<std::string>& lines) {
  std::vector<std::string> words{"batch", disk.image};
  for (const std::string& line : lines) words.insert(words.end(), {"-e", line});
  return disk.run_verb(words);
}

}  // namespace

TEST_CASE("a batch that fails says which files of the host it has written", "[cli][edit]") {
  const Disk disk;
  const std::string one = (disk.dir / "one").string(), two = (disk.dir / "two").string();
  CliResult failed = run_batch(disk, {"cp :/etc/fstab " + one, "cp -r :/etc " + two, "rm :/none"});
  CAPTURE(failed.err);
  CHECK(failed.code == 4);
  CHECK_THAT(failed.err, Catch::Contains("nothing in the image was changed; on the host, '" + one +
                                         "' and '" + two + "' were written"));
  CHECK(fs::exists(one));
  failed = run_batch(disk, {"cp :/etc/fstab " + one, "frobnicate"});
  CHECK_THAT(failed.err, Catch::Contains("on the host, '" + one + "' was written"));
  failed = run_batch(disk, {"cp :/etc/fstab :/x", "rm :/none"});
  CHECK_THAT(failed.err, !Catch::Contains("on the host"));
  failed = disk.run_verb(
      {"batch", disk.image, "--dry-run", "-e", "cp :/etc/fstab " + one, "-e", "rm :/none"});
  CHECK_THAT(failed.err, !Catch::Contains("on the host"));
  std::vector<std::string> many;
  for (int i = 0; i < 9; ++i)
    many.push_back("cp :/etc/fstab " + (disk.dir / std::to_string(i)).string());
  many.emplace_back("rm :/none");
  failed = run_batch(disk, many);
  CAPTURE(failed.err);
  CHECK_THAT(failed.err, Catch::Contains("and 6 others were written"));
}

TEST_CASE("a line of a batch that names an image is told what the batch is about", "[cli][edit]") {
  const Disk disk, other;
  for (const std::string& line :
       {"touch " + other.image + ":/x", "touch " + disk.image + ":/x",
        "cp " + other.image + ":/etc/fstab :/x", "cp :/etc/fstab " + other.image + ":/x",
        "cp " + (disk.dir / "a.tar").string() + " " + disk.image + ":/x",
        "mv " + other.image + ":/link :/x", "ls " + other.image + ":/"}) {
    const CliResult result = run_batch(disk, {line});
    CAPTURE(line, result.err);
    CHECK(result.code == 2);
    CHECK_THAT(result.err, Catch::Contains("names an image, and a batch is about one, '" +
                                           disk.image + "': paths in it are :/path"));
  }
  check_row(disk, {{"batch", disk.image + ":/etc"}, 2, "paths stand in its lines, as :/path"});
  check_row(disk, {{"batch", disk.image, other.image}, 2, "'" + other.image + "' is no text"});
}

TEST_CASE("a batch that reads from a terminal says that it waits", "[cli][edit]") {
  const Disk disk;
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(terminal >= 0);
  REQUIRE((grantpt(terminal) == 0 && unlockpt(terminal) == 0));
  const int typed = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(typed >= 0);
  const std::string text = "mkdir :/typed\n\x04";
  REQUIRE(write(terminal, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  const CliResult result = disk.run_verb({"batch", disk.image}, {.input_descriptor = typed});
  CAPTURE(result.err);
  CHECK(result.code == 0);
  CHECK_THAT(result.err, Catch::Contains("lines are read from the terminal; ctrl-D ends them"));
  CHECK(disk.ls("/typed").empty());
  close(typed);
  close(terminal);
  CHECK_THAT(disk.run_verb({"batch", disk.image}).err, !Catch::Contains("ctrl-D"));
}

TEST_CASE("where a parent is missing, the hint is the command that makes it", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"ln", "-s", "none/x", ":/etc/dangling"});
  const std::string host = (disk.dir / "a.tar").string(), none = disk.image + ":/none";
  for (const Row& row :
       {Row{{"cp", host, ":/none/d/x"}, 4, "rawimg mkdir -p " + none + "/d' makes it"},
        Row{{"cp", ":/etc/fstab", ":/none/x"}, 4, "rawimg mkdir -p " + none + "' makes it"},
        Row{{"cp", host, ":/none/"}, 4, "'/none' does not exist in the image"},
        Row{{"cp", host, ":/etc/fstab/"}, 4, "'/etc/fstab' is not a directory"},
        Row{{"touch", ":/none//x"}, 4, "rawimg mkdir -p " + none + "' makes it"},
        Row{{"touch", "--image", disk.image, "/none/x"},
            4,
            "'rawimg mkdir -p --image " + disk.image + " /none' makes it"},
        Row{{"batch", disk.image, "-e", "touch :/none/x"},
            4,
            "the line 'mkdir -p :/none' before it makes it; nothing in the image"},
        Row{{"batch", disk.image, "-e", "mv :/etc :/gone", "-e", "hostname gem5"},
            4,
            "the line 'mkdir -p :/etc' before it makes it"},
        Row{{"touch", ":/etc/dangling"}, 4, "the symlink '/etc/dangling' leads to '/etc/none/x'"},
        Row{{"touch", ":/etc/dangling"},
            4,
            "rawimg mkdir -p " + disk.image + ":/etc/none' makes it"}})
    check_row(disk, row);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"touch", ":/etc/fstab/x/y"}, {"cp", host, ":/null/x"}})
    CHECK_THAT(disk.run_verb(words).err, !Catch::Contains("mkdir -p"));
}

TEST_CASE("verbs that read name the image that a failure is about", "[cli]") {
  const Disk disk, other;
  const std::string none = disk.image + "-none";
  for (const char* verb : {"ls", "cat", "stat", "du", "find", "tree"}) {
    CAPTURE(verb);
    check_read({verb, disk.image + ":/none"}, 4, "'" + disk.image + "': '/none' does not exist");
    const CliResult two = run_rawimg({verb, other.image + ":/link", disk.image + ":/none"});
    CAPTURE(two.err);
    CHECK(two.code == 4);
    CHECK(two.out.empty());
    CHECK_THAT(two.err, Catch::Contains("'" + disk.image + "': '/none' does not exist") &&
                            Catch::Contains("hint: nothing was shown of the other files") &&
                            !Catch::Contains(other.image));
    const CliResult missing = run_rawimg({verb, disk.image + ":/etc/fstab", none + ":/x"});
    CAPTURE(missing.err);
    CHECK(missing.code == 1);
    CHECK_THAT(missing.err, Catch::Contains(std::string(verb) + ": cannot open '" + none + "'"));
  }
  CHECK_THAT(run_rawimg({"ls", disk.image + ":/none"}).err, !Catch::Contains("hint"));
  CHECK_THAT(run_rawimg({"ls", disk.image + ":1/etc", other.image + ":1/etc"}).out,
             Catch::StartsWith(disk.image + ":1/etc:\n"));
  check_read({"cat", disk.image + ":1"}, 2, "for example " + disk.image + ":1/etc/fstab");
  const CliResult one = run_rawimg({"cat", disk.image + ":/etc/fstab", disk.image + ":/no*"});
  CHECK(one.out.empty());
  CHECK_THAT(one.err, Catch::Contains("'" + disk.image + "': nothing in the image matches") &&
                          Catch::Contains("nothing was shown of the other files"));
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"cp", other.image + ":/none", disk.image + ":/x"},
           {"cp", other.image + ":/none", (disk.dir / "x").string()},
           {"cp", "-t", disk.dir.path().string(), disk.image + ":/etc/fstab",
            other.image + ":/none"}}) {
    const CliResult result = run_rawimg(words);
    CAPTURE(words, result.err);
    CHECK(result.code == 4);
    CHECK_THAT(result.err, Catch::Contains("cp: '" + other.image + "': '/none' does not exist"));
  }
}

TEST_CASE("an image that does not exist is blamed as one beside an image that does",
          "[cli][edit]") {
  const Disk disk;
  const std::string none = (disk.dir / "none.img").string();
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"touch", ":/x", none + ":/y"},
                                             {"touch", none + ":/y", ":/x"},
                                             {"mv", none + ":/y", ":/x"},
                                             {"rm", "-f", none + ":/y", ":/x"}})
    check_row(disk, {words, 1, "cannot open '" + none + "'"});
}

TEST_CASE("the wrong kind of file is no wrong command line, in cp neither", "[cli][edit]") {
  const Disk disk;
  const std::string out = (disk.dir / "out").string();
  check_read({"cat", disk.image + ":/etc"}, 1, "is a directory");
  check_read({"tree", disk.image + ":/etc/fstab"}, 1, "is not a directory");
  for (const Row& row : {Row{{"cp", ":/etc", out}, 1, "is a directory"},
                         Row{{"cp", disk.dir.path().string(), ":/x"}, 1, "is a directory"},
                         Row{{"cp", ":/etc", ":/x"}, 1, "is a directory"},
                         Row{{"cp", ":/etc", "-"}, 1, "is not a regular file"},
                         Row{{"edit", "-e", "s/a/b/", ":/etc"}, 1, "is a directory"}})
    check_row(disk, row);
}

TEST_CASE("what was changed is said where standard output is full", "[cli][edit]") {
  const Disk disk;
  const auto run_full = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--no-sync", "-q"});
    return run_rawimg(words, {.output_file = "/dev/full"});
  };
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"mkdir", "-v", disk.image + ":/a"},
           {"mkdir", "--json", disk.image + ":/b"},
           {"batch", "--json", disk.image, "-e", "mkdir :/c"},
           {"batch", disk.image, "-e", "mkdir :/d", "-e", "ls :/"}}) {
    const CliResult result = run_full(words);
    CAPTURE(words, result.err);
    CHECK(result.code == 1);
    CHECK_THAT(result.err, Catch::Contains("cannot write to standard output: ") &&
                               Catch::Contains("'" + disk.image + "' was changed all the same"));
  }
  CHECK(disk.ls("/").find("a\nb\nc\nd\n") == 0);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"mkdir", "-v", "--dry-run", disk.image + ":/e"},
                                             {"ls", disk.image},
                                             {"mkdir", "-v", "--json", disk.image + ":/a"}})
    CHECK_THAT(run_rawimg(words, {.output_file = "/dev/full"}).err,
               !Catch::Contains("was changed"));
  const CliResult failed =
      run_rawimg({"mkdir", "--json", disk.image + ":/a"}, {.output_file = "/dev/full"});
  CHECK_THAT(failed.err, Catch::Contains("cannot write to standard output"));
  CHECK(failed.code == 1);
}

TEST_CASE("words that are nearly right are told what was meant, in a batch, too", "[cli][edit]") {
  const Disk disk;
  check_read({"ls", disk.image + ":1:/etc"}, 2, "write " + disk.image + ":1/etc");
  check_read({"ls", disk.image + "/etc"}, 2, "write " + disk.image + ":/etc");
  const std::string text = (disk.dir / "a.tar").string();  // no image
  CHECK_THAT(run_rawimg({"cp", disk.image + ":/link", text + "/x"}).err,
             !Catch::Contains("write " + text + ":/x"));
  const std::string out = (disk.dir / "out").string();
  check_read({"cp", "--image", disk.image, "/link", out}, 2, "paths in it begin with ':'");
  CHECK(!fs::exists(out));
  for (const Row& row :
       {Row{{"batch", disk.image, "-e", "chmod :/link 755"}, 2, "MODE comes first"},
        Row{{"batch", disk.image, "-e", "chown :/link 0"}, 2, "OWNER[:GROUP] comes first"},
        Row{{"chown", "--image", disk.image, "/link", "0"}, 2, "OWNER[:GROUP] comes first"},
        Row{{"chmod", "--image", disk.image, "1/link", "755"}, 2, "MODE comes first"},
        Row{{"batch", disk.image, "-e", "ln -s :/etc/fstab :/b"}, 2, "the guest knows no images"},
        Row{{"ln", "-s", "--image", disk.image, ":/etc", "/b"}, 2, "the guest knows no images"}})
    check_row(disk, row);
  disk.require_verb({"ln", "-s", "--image", disk.image, "/etc/fstab", "/b"});
  disk.require_verb({"batch", disk.image, "-e", "ln -s : :/colon"});
}

TEST_CASE("a change is taken back as a whole, and no path is passed over", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"mkdir", ":/made"});
  for (const char* verb : {"undo", "recover"}) {
    check_read({verb, disk.image + ":/etc"}, 2, "a change is taken back as a whole");
    CHECK(disk.ls("/made").empty());
  }
  const std::string text = (disk.dir / "text").string();
  write_file(text, "no image");
  CHECK_THAT(run_rawimg({"rm", disk.image, text}).err,
             Catch::Contains("'" + disk.image + "' is an image, and no path in it") &&
                 !Catch::Contains(text));
}
