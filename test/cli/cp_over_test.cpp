// SPDX-License-Identifier: MIT
// cp where something is there already, or was made by the same command.
#include <sys/stat.h>

#include <filesystem>

#include <catch2/catch.hpp>

#include "cli/edit_disk.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

/// s1/a and s1/b are one file; s2/a is something else, of each kind that replaces.
void make_sources(const fs::path& dir) {
  for (const char* name : {"s1", "s2", "s3"}) fs::create_directory(dir / name);
  write_file(dir / "s1/a", "first");
  fs::create_hard_link(dir / "s1/a", dir / "s1/b");
  REQUIRE(mkfifo((dir / "s2/a").c_str(), 0600) == 0);
  write_file(dir / "s3/a", "third");
}

}  // namespace

TEST_CASE("what has no name of its own is merged into the destination", "[cli][edit]") {
  const Disk disk;
  const Disk other;
  const fs::path host = disk.dir / "host";
  fs::create_directories(host / "sub");
  write_file(host / "sub/f", "f");
  disk.require_verb({"cp", "-r", host.string() + "/.", ":/etc"});
  CHECK(disk.cat("/etc/sub/f") == "f");
  CHECK(disk.cat("/etc/fstab") != "");
  disk.require_verb({"cp", "-a", ":/etc/.", (disk.dir / "out").string()});
  CHECK(fs::exists(disk.dir / "out/sub/f"));
  fs::create_directory(disk.dir / "there");
  disk.require_verb({"cp", "-a", ":/", (disk.dir / "there").string()});
  CHECK(fs::exists(disk.dir / "there/etc/sub/f"));
  other.require_verb({"cp", "-a", disk.image + ":/", ":/"});
  CHECK(other.cat("/etc/sub/f") == "f");
  const CliResult wild = other.run_verb({"cp", "-a", disk.image + ":/e*/su?", ":/"});
  CAPTURE(wild.err);
  CHECK(wild.code == 0);
  CHECK(other.cat("/sub/f") == "f");
  CHECK(other.run_verb({"cp", "-a", disk.image + ":/nope*", ":/"}).code == 4);
}

TEST_CASE("cp does not write through a symlink that it has just made", "[cli][edit]") {
  const Disk disk;
  const fs::path a = disk.dir / "a", b = disk.dir / "b";
  fs::create_directory(a);
  fs::create_directory(b);
  fs::create_symlink("/etc/fstab", a / "x");
  fs::create_hard_link(a / "x", a / "y");
  write_file(b / "x", "of b");
  write_file(b / "y", "of b, too");
  const std::string before = disk.cat("/etc/fstab");
  disk.require_verb({"mkdir", ":/t"});
  disk.require_verb({"cp", GENERATE("-r", "-a"), a.string() + "/.", b.string() + "/.", ":/t"});
  CHECK(disk.cat("/etc/fstab") == before);
  CHECK(disk.cat("/t/x") == "of b");
  CHECK(disk.stat("/t/y").at("type") == "regular file");
  // one that was there is written through
  disk.require_verb({"ln", "-sf", "/etc/fstab", ":/t/x"});
  disk.require_verb({"cp", "-r", b.string() + "/.", ":/t"});
  CHECK(disk.cat("/etc/fstab") == "of b");
}

TEST_CASE("cp does not write through a symlink that leads nowhere", "[cli][edit]") {
  const Disk disk;
  const fs::path link = disk.dir / "link";
  fs::create_symlink("nowhere", link);
  const CliResult result = disk.run_verb({"cp", ":/etc/fstab", link.string()});
  CAPTURE(result.err);
  CHECK(result.code == 1);
  CHECK_FALSE(fs::exists(disk.dir / "nowhere"));
}

TEST_CASE("what a command has just made it does not replace", "[cli][edit]") {
  const Disk disk;
  make_sources(disk.dir.path());
  const std::string dir = disk.dir.path().string() + "/";
  disk.require_verb({"mkdir", ":/d", ":/s1", ":/s2"});
  disk.require_verb({"cp", dir + "s1/a", ":/s1/a"});
  disk.require_verb({"cp", dir + "s3/a", ":/s2/a"});
  fs::create_directory(disk.dir / "out");
  const std::string before = read_file(disk.image);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"cp", "-a", dir + "s1/a", dir + "s2/a", dir + "s1/b", ":/d/"},
           {"cp", "-a", dir + "s1/a", dir + "s3/a", dir + "s1/b", ":/d/"},
           {"cp", dir + "s1/a", dir + "s3/a", ":/d"},
           {"cp", ":/s1/a", ":/s2/a", ":/d"},
           {"mv", ":/s1/a", ":/s2/a", ":/d"},
           {"ln", "-f", ":/s1/a", ":/s2/a", ":/d"},
           {"ln", "-sf", "../s1/a", "../s2/a", ":/d"}}) {
    const CliResult result = disk.run_verb(words);
    CAPTURE(words, result.err);
    CHECK(result.code == 1);
    CHECK_THAT(result.err, Catch::Contains("would overwrite") && Catch::Contains("just made"));
    CHECK((read_file(disk.image) == before));
  }
  const CliResult to_host = disk.run_verb({"cp", ":/s1/a", ":/s2/a", dir + "out"});
  CAPTURE(to_host.err);
  CHECK(to_host.code == 1);
  CHECK_THAT(to_host.err, Catch::Contains("just made"));
  CHECK(read_file(disk.dir / "out/a") == "first");

  // the same one twice is a slip, and no loss
  const CliResult twice = disk.run_verb({"cp", dir + "s1/a", dir + "s1/a", ":/d"});
  CHECK(twice.code == 0);
  CHECK_THAT(twice.err, Catch::Contains("more than once"));
  // directories are merged, and the later file wins
  disk.require_verb({"cp", "-rT", dir + "s1", ":/d"});
  CHECK(disk.run_verb({"cp", "-r", dir + "s1/.", dir + "s3/.", ":/d"}).code == 0);
  CHECK(disk.cat("/d/a") == "third");
  CHECK(disk.cat("/d/b") == "first");
}

TEST_CASE("trees that are merged keep the content of their hard links apart", "[cli][edit]") {
  const Disk disk;
  make_sources(disk.dir.path());
  const std::string dir = disk.dir.path().string() + "/";
  const std::string over = GENERATE("s2", "s3");  // a FIFO, a file
  fs::create_directories(disk.dir / "late");
  fs::create_hard_link(disk.dir / "s1/a", disk.dir / "late/c");
  fs::remove(disk.dir / "s1/b");
  disk.require_verb({"mkdir", ":/d"});
  disk.require_verb({"cp", "-a", dir + "s1/.", dir + over + "/.", dir + "late/.", ":/d"});
  CHECK(disk.cat("/d/c") == "first");
  if (over == "s3") CHECK(disk.cat("/d/a") == "third");
  const std::string out = dir + "out";
  fs::create_directory(out);
  disk.require_verb({"cp", "-a", dir + "s1", dir + over, dir + "late", ":/"});
  disk.require_verb({"cp", "-a", ":/s1/.", ":/" + over + "/.", ":/late/.", out});
  CHECK(read_file(disk.dir / "out/c") == "first");
  if (over == "s3") CHECK(read_file(disk.dir / "out/a") == "third");
}

TEST_CASE("cp -a over a tree that is there keeps its hard links", "[cli][edit]") {
  const Disk disk;
  make_sources(disk.dir.path());
  const std::string s1 = (disk.dir / "s1").string(), out = (disk.dir / "out").string();
  for (int round = 0; round < 2; ++round) {
    CAPTURE(round);
    disk.require_verb({"cp", "-a", s1, ":/"});
    CHECK(disk.stat("/s1/a").at("links") == 2);
    CHECK(disk.stat("/s1/a").at("inode") == disk.stat("/s1/b").at("inode"));
    disk.require_verb({"cp", "-aT", ":/s1", out});
    CHECK(fs::hard_link_count(out + "/a") == 2);
    CHECK(fs::equivalent(out + "/a", out + "/b"));
  }
  // a third name, that is not of the tree, keeps the content it had
  disk.require_verb({"ln", ":/s1/a", ":/third"});
  fs::create_hard_link(out + "/a", disk.dir / "third");
  fs::remove(s1 + "/a");
  fs::remove(s1 + "/b");
  write_file(s1 + "/a", "new");
  disk.require_verb({"cp", "-a", s1, ":/"});
  CHECK(disk.cat("/s1/a") == "new");
  CHECK(disk.cat("/third") == "first");
  disk.require_verb({"cp", "-aT", ":/s1", out});
  CHECK(read_file(out + "/a") == "new");
  CHECK(read_file(disk.dir / "third") == "first");
}

TEST_CASE("slashes behind the target change nothing", "[cli][edit]") {
  const Disk disk;
  make_sources(disk.dir.path());
  disk.require_verb({"cp", "-a", (disk.dir / "s1").string(), ":/h"});
  const fs::path decoy = disk.dir / "out";
  fs::create_directories(decoy);
  write_file(decoy / "a", "of the user");
  for (const char* behind : {"", "/", "///"}) {
    const std::string y = (decoy / "y").string();
    fs::remove_all(y);
    disk.require_verb({"cp", "-a", ":/h/.", y + behind});
    CHECK(read_file(y + "/b") == "first");
    CHECK(fs::equivalent(y + "/a", y + "/b"));
  }
  CHECK(read_file(decoy / "a") == "of the user");
  CHECK(fs::hard_link_count(decoy / "a") == 1);
}

TEST_CASE("no tree that comes out of an image overwrites it", "[cli][edit]") {
  const Disk disk;
  const std::string name = fs::path(disk.image).filename();
  disk.require_verb({"mkdir", ":/t"});
  disk.require_verb({"touch", ":/t/" + name, ":/t/" + name + ".rawimg-kept"});
  const std::string before = read_file(disk.image);
  for (const char* how : {"-r", "-a"})
    for (const std::string& entry : {std::string("."), name, name + ".rawimg-kept"}) {
      const CliResult result = disk.run_verb({"cp", how, ":/t/" + entry, disk.dir.path().string()});
      CAPTURE(how, entry, result.err);
      CHECK(result.code == 2);
      CHECK_THAT(result.err, Catch::Contains("would be overwritten"));
      CHECK((read_file(disk.image) == before));
      CHECK(fs::file_size(disk.image + ".rawimg-kept") > 0);
    }
}

TEST_CASE("cp -r does not lead a directory through a symlink", "[cli][edit]") {
  const Disk disk;
  fs::create_directories(disk.dir / "d");
  write_file(disk.dir / "d/x", "x");
  const std::string d = (disk.dir / "d").string();
  disk.require_verb({"mkdir", "-p", ":/t/real"});
  disk.require_verb({"ln", "-s", "real", ":/t/d"});
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"cp", "-r", d, ":/t"}, {"cp", "-rT", d, ":/t/d"}}) {
    const CliResult result = disk.run_verb(words);
    CAPTURE(words, result.err);
    CHECK(result.code == 1);
    CHECK_THAT(result.err, Catch::Contains("is not a directory"));
  }
  CHECK(disk.ls("/t/real").empty());
  disk.require_verb({"cp", "-r", d + "/.", ":/t/d"});  // what is in it goes where the symlink leads
  CHECK(disk.cat("/t/real/x") == "x");
  disk.require_verb({"cp", "-r", d, ":/t/d"});
  CHECK(disk.cat("/t/real/d/x") == "x");
}

TEST_CASE("cp -n leaves symlinks that lead nowhere, and breaks no other name", "[cli][edit]") {
  const Disk disk;
  write_file(disk.dir / "f", "f");
  const std::string f = (disk.dir / "f").string();
  disk.require_verb({"ln", "-s", "nowhere", ":/dangling"});
  disk.require_verb({"cp", "-n", f, ":/dangling"});
  CHECK(disk.run_verb({"cp", f, ":/dangling"}).code == 1);
  disk.require_verb({"cp", "--remove-destination", f, ":/dangling"});
  CHECK(disk.cat("/dangling") == "f");
  // without -a a file is written in place, all its names with it; with it, it is not
  disk.require_verb({"ln", ":/etc/fstab", ":/other"});
  disk.require_verb({"cp", f, ":/etc/fstab"});
  CHECK(disk.cat("/other") == "f");
  write_file(disk.dir / "f", "g");
  disk.require_verb({"cp", "--remove-destination", f, ":/etc/fstab"});
  CHECK(disk.cat("/etc/fstab") == "g");
  CHECK(disk.cat("/other") == "f");
}

TEST_CASE("cp of a symlink over what it leads to is refused", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"tee", ":/f"});
  disk.require_verb({"ln", "-s", "f", ":/l"});
  disk.require_verb({"ln", "-s", "l", ":/far"});
  disk.require_verb({"mkdir", ":/d"});
  disk.require_verb({"ln", "-s", "../f", ":/d/f"});
  const std::string before = read_file(disk.image);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"cp", "-a", ":/l", ":/f"},
                                             {"cp", "-P", "--remove-destination", ":/l", ":/f"},
                                             {"cp", "-P", ":/far", ":/f"},
                                             {"cp", "-a", ":/d/f", ":/"},
                                             {"cp", "-rT", ":/d", ":/"}}) {
    const CliResult result = disk.run_verb(words);
    CAPTURE(words, result.err);
    CHECK(result.code == 1);
    CHECK_THAT(result.err, Catch::Contains("are the same file"));
    CHECK((read_file(disk.image) == before));
  }
  disk.require_verb({"cp", "-P", ":/far", ":/l2"});
  CHECK(disk.stat("/l2").at("target") == "l");
}

TEST_CASE("cp -rT goes through a symlink of the host where a slash is behind it", "[cli][edit]") {
  const Disk disk;
  const fs::path real = disk.dir / "real", link = disk.dir / "link";
  fs::create_directory(real);
  fs::create_symlink("real", link);
  const CliResult refused = disk.run_verb({"cp", "-rT", ":/etc", link.string()});
  CHECK(refused.code == 1);
  CHECK_THAT(refused.err, Catch::Contains("link': not a directory"));
  CHECK(fs::is_empty(real));
  disk.require_verb({"cp", "-rT", ":/etc", link.string() + "/"});
  CHECK(fs::exists(real / "fstab"));
  disk.require_verb({"cp", "-r", ":/etc", link.string()});
  CHECK(fs::exists(real / "etc/fstab"));
  CHECK(fs::is_symlink(link));
}

TEST_CASE("an image is not copied into itself", "[cli][edit]") {
  const Disk disk;
  const fs::path image = disk.image, tree = image.parent_path() / "tree";
  fs::create_directory(tree);
  write_file(tree / "file", "x");
  fs::create_hard_link(image, tree / "self.img");
  const CliResult within = disk.run_verb({"cp", "-r", tree.string(), ":/"});
  CAPTURE(within.err);
  CHECK(within.code == 0);
  CHECK(disk.ls("/tree") == "file\n");
  CHECK_THAT(within.err, Catch::Contains("self.img' is the image that is changed") &&
                             Catch::Contains("left out"));
  const std::string kept = disk.image + ".rawimg-kept";
  for (const std::string& file : {disk.image, kept}) {
    const CliResult named = disk.run_verb({"cp", file, ":/copy"});
    CAPTURE(file, named.err);
    CHECK(named.code == 1);
    CHECK_THAT(named.err, Catch::Contains("is the image that is changed"));
  }
  CHECK(disk.run_verb({"cp", "-r", image.parent_path().string(), ":/all"}).code == 0);
  CHECK(disk.ls("/all").find("tree\n") != std::string::npos);
  CHECK(disk.ls("/all").find(image.filename().string()) == std::string::npos);
}
