// SPDX-License-Identifier: MIT
// What a wildcard matches beside what was meant: symlinks that lead nowhere. One that is typed is
// meant.
#include <filesystem>

#include <catch2/catch.hpp>

#include "cli/edit_disk.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

constexpr const char* kLeftOut = "/w/b': a symlink, left out: '/nowhere' does not exist";

struct Links : Disk {
  Links() {
    require_verb({"mkdir", ":/w", ":/w/d"});
    write_file(dir / "a", "a\n");
    write_file(dir / "c", "c\n");
    require_verb({"cp", (dir / "a").string(), (dir / "c").string(), ":/w/"});
    require_verb({"ln", "-s", "/nowhere", ":/w/b"});
  }
  bool has(const std::string& path) const {
    return run_rawimg({"stat", image + ":" + path}).code == 0;
  }
};

}  // namespace

TEST_CASE("wildcards make nothing through a symlink that leads nowhere", "[cli][edit]") {
  const Links disk;
  struct Row {
    const char* name;
    std::vector<std::string> words;
  };
  const auto row = GENERATE(values<Row>({{"touch", {"touch", "-d", "@5", ":/w/[abc]"}},
                                         {"truncate", {"truncate", "-s", "1", ":/w/[abc]"}},
                                         {"tee", {"tee", ":/w/[abc]"}},
                                         {"tee -a", {"tee", "-a", ":/w/[abc]"}},
                                         {"edit", {"edit", "-e", "s/a|c/x/", ":/w/[abc]"}},
                                         {"chmod", {"chmod", "0600", ":/w/[abc]"}}}));
  CAPTURE(row.name);
  write_file(disk.dir / "in", "new");
  const auto before = disk.stat("/w/a").at("ctime"), before_c = disk.stat("/w/c").at("ctime");
  const CliResult result = disk.run_verb(row.words, {.input_file = (disk.dir / "in").string()});
  CAPTURE(result.err);
  CHECK(result.code == 0);
  CHECK_THAT(result.err, Catch::Contains(kLeftOut));
  CHECK(disk.stat("/w/a").at("ctime") != before);
  CHECK(disk.stat("/w/c").at("ctime") != before_c);
  CHECK_FALSE(disk.has("/nowhere"));
  const CliResult json = disk.run_verb({"batch", disk.image, "--json", "-e", "touch :/w/[abc]"});
  CHECK_THAT(json.out, Catch::Contains("dangling-symlink"));
  CHECK_FALSE(disk.has("/nowhere"));
  // typed, it is meant
  disk.require_verb({"touch", ":/w/b"});
  CHECK(disk.has("/nowhere"));
}

TEST_CASE("cp leaves out symlinks that lead nowhere and that a wildcard matches", "[cli][edit]") {
  const Links disk;
  const fs::path out = disk.dir / "out";
  fs::create_directory(out);
  SECTION("to the host") {
    const CliResult result = disk.run_verb({"cp", ":/w/[abc]", out.string()});
    CAPTURE(result.err);
    CHECK(result.code == 0);
    CHECK_THAT(result.err, Catch::Contains(kLeftOut));
    CHECK(read_file(out / "a") == "a\n");
    CHECK(read_file(out / "c") == "c\n");
    CHECK_FALSE(fs::exists(fs::symlink_status(out / "b")));
    CHECK(disk.run_verb({"cp", ":/w/b", out.string()}).code == 4);
    // -P copies it as what it is
    disk.require_verb({"cp", "-P", ":/w/[abc]", out.string()});
    CHECK(fs::read_symlink(out / "b") == "/nowhere");
  }
  SECTION("one is left for one name") {
    disk.require_verb({"rm", ":/w/c"});
    disk.require_verb({"cp", ":/w/[abc]", (out / "one").string()});
    CHECK(read_file(out / "one") == "a\n");
  }
  SECTION("inside of the image, and into another one") {
    const Disk other;
    for (const Disk* target : {static_cast<const Disk*>(&disk), &other}) {
      const CliResult result =
          disk.run_verb({"cp", disk.image + ":/w/[abc]", target->image + ":/etc/"});
      CAPTURE(result.err);
      CHECK(result.code == 0);
      CHECK_THAT(result.err, Catch::Contains(kLeftOut));
      CHECK(target->cat("/etc/c") == "c\n");
    }
  }
  SECTION("to standard output") { CHECK(disk.run_verb({"cp", ":/w/[abc]", "-"}).out == "a\nc\n"); }
  SECTION("in a batch") {
    const CliResult result = run_rawimg({"batch", disk.image, "--no-sync", "-e",
                                         "cp :/w/[abc] " + out.string(), "-e", "cat :/w/[abc]"});
    CHECK(result.code == 0);
    CHECK(result.out == "a\nc\n");
    CHECK_THAT(result.err, Catch::Contains(kLeftOut));
    CHECK(read_file(out / "c") == "c\n");
  }
}

TEST_CASE("verbs that read leave out symlinks that lead nowhere, and say so", "[cli]") {
  const Links disk;
  struct Row {
    const char* name;
    std::vector<std::string> words;
    std::string out;
  };
  const auto row = GENERATE(values<Row>({{"cat", {"cat"}, "a\nc\n"},
                                         {"stat", {"stat", "-L", "-c", "%n"}, "/w/a\n/w/c\n"},
                                         {"ls", {"ls", "-L"}, "/w/a\n/w/c\n"}}));
  CAPTURE(row.name);
  std::vector<std::string> words = row.words;
  words.push_back(disk.image + ":/w/[abc]");
  const CliResult result = run_rawimg(words);
  CAPTURE(result.err);
  CHECK(result.code == 0);
  CHECK(result.out == row.out);
  CHECK_THAT(result.err, Catch::Contains(kLeftOut));
  words.back() = disk.image + ":/w/b";
  CHECK(run_rawimg(words).code == 4);
  words.back() = disk.image + ":/w/[b]";  // nothing else
  const CliResult nothing = run_rawimg(words);
  CHECK(nothing.code == 4);
  CHECK_THAT(nothing.err, Catch::Contains(":/w/[b]' matches nothing in the image but symlinks"));
  words.back() = disk.image + ":/w/[ab]";
  if (row.words.front() == "cat") return;  // shows one file as JSON
  words.push_back("--json");
  const CliResult json = run_rawimg(words);
  CHECK(json.code == 0);
  CHECK(json.json().at("warnings").at(0).at("code") == "dangling-symlink");
}

TEST_CASE("a wildcard that matches nothing but symlinks that lead nowhere is exit 4",
          "[cli][edit]") {
  const Links disk;
  const std::string out = (disk.dir / "out").string(), before = read_file(disk.image);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"touch", ":/w/b*"},
           {"truncate", "-s", "1", ":/w/b*"},
           {"tee", ":/w/b*"},
           {"edit", "-e", "s/a/x/", ":/w/b*"},
           {"chmod", "0600", ":/w/b*"},
           {"chown", "1", ":/w/a", ":/w/b*"},
           {"xattr", "--set", "user.a=1", ":/w/b*"},
           {"ln", "-L", ":/w/b*", ":/other"},
           {"cp", ":/w/b*", ":/other"},
           {"cp", ":/w/b*", out},
           {"batch", disk.image, "-e", "touch :/w/a", "-e", "touch :/w/b*"}}) {
    CAPTURE(words);
    const CliResult result = disk.run_verb(words);
    CAPTURE(result.err);
    CHECK(result.code == 4);
    CHECK_THAT(result.err,
               Catch::Contains("matches nothing in the image but symlinks that lead nowhere"));
    CHECK(read_file(disk.image) == before);
    CHECK_FALSE(fs::exists(out));
  }
  disk.require_verb({"rm", ":/w/b*"});  // is about the symlink
  CHECK_FALSE(disk.has("/w/b"));
}

TEST_CASE("ls shows a symlink itself, unless it leads to a directory", "[cli]") {
  const Links disk;
  disk.require_verb({"ln", "-s", "d", ":/w/e"});
  disk.require_verb({"ln", "-s", "a", ":/w/f"});
  disk.require_verb({"touch", ":/w/d/in_d"});
  CHECK(disk.ls("/w/b") == "/w/b\n");
  CHECK(disk.ls("/w/e") == "in_d\n");
  CHECK(run_rawimg({"ls", "-i", disk.image + ":/w/f"}).out ==
        std::to_string(int{disk.stat("/w/f").at("inode")}) + " /w/f\n");
  CHECK(disk.ls("/w/[abf]") == "/w/a\n/w/b\n/w/f\n");
}

TEST_CASE("dots beside a wildcard are the directories that they are", "[cli]") {
  const Disk disk;
  disk.require_verb({"mkdir", "-p", ":/t/d1", ":/t/d2"});
  disk.require_verb({"touch", ":/t/f1", ":/t/d1/x"});
  const auto listed = [&](const std::string& path) {
    return run_rawimg({"ls", "-d", disk.image + ":" + path}).out;
  };
  CHECK(listed("/t/./d*") == "/t/./d1\n/t/./d2\n");
  CHECK(listed("/t/d*/../f1") == "/t/d1/../f1\n/t/d2/../f1\n");
  CHECK(listed("/t/*/.") == "/t/d1/.\n/t/d2/.\n");
  disk.require_verb({"rm", ":/t/d1/../f*"});
  CHECK(disk.ls("/t") == "d1\nd2\n");
}

TEST_CASE("a slash behind a wildcard asks for directories", "[cli]") {
  const Links disk;
  CHECK(run_rawimg({"ls", "-d", disk.image + ":/w/*/"}).out == "/w/d/\n");
  CHECK(run_rawimg({"ls", "-d", disk.image + ":/w/[abc]/"}).code == 4);
  fs::create_directory(disk.dir / "out");
  disk.require_verb({"cp", "-r", ":/w/*/", (disk.dir / "out").string()});
  CHECK(fs::is_directory(disk.dir / "out/d"));
  CHECK_FALSE(fs::exists(disk.dir / "out/a"));
}

TEST_CASE("ln -L leaves out symlinks that lead nowhere and that a wildcard matches",
          "[cli][edit]") {
  const Links disk;
  disk.require_verb({"mkdir", ":/l"});
  const CliResult result = disk.run_verb({"ln", "-L", ":/w/[abc]", ":/l"});
  CHECK(result.code == 0);
  CHECK_THAT(result.err, Catch::Contains(kLeftOut));
  CHECK(disk.ls("/l") == "a\nc\n");
  CHECK(disk.run_verb({"ln", "-L", ":/w/b", ":/l"}).code == 4);
}
