// SPDX-License-Identifier: MIT
// What somebody is told who does not know the words yet, or has mistaken one.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "cli/answer.h"
#include "support/not_run.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

/// Root may do all; who it is for the time being may not.
class Unprivileged {
 public:
  Unprivileged() {
    if (was_root_) REQUIRE(seteuid(65534) == 0);
  }
  ~Unprivileged() {
    if (was_root_ && seteuid(0) != 0) abort();
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  bool was_root_ = geteuid() == 0;
};

/// A directory that nobody may write, with a file and a directory in it.
std::string read_only_directory(const Disk& disk) {
  const fs::path path = disk.dir / "read-only";
  fs::create_directories(path / "sub");
  write_file(path / "file", "there");
  REQUIRE(chmod(disk.dir.path().c_str(), 0755) == 0);
  REQUIRE(chmod((path / "file").c_str(), 0444) == 0);
  REQUIRE(chmod((path / "sub").c_str(), 0555) == 0);
  REQUIRE(chmod(path.c_str(), 0555) == 0);
  return path.string();
}

}  // namespace

TEST_CASE("a dry run of cp knows who may replace what in a sticky directory", "[cli][edit]") {
  if (geteuid() != 0) throw NotRun("not root: files of several users");
  const Disk disk;
  REQUIRE(chmod(disk.dir.path().c_str(), 0755) == 0);
  const fs::path sticky = disk.dir / "sticky";
  fs::create_directory(sticky);
  REQUIRE(chmod(sticky.c_str(), 01777) == 0);
  for (const char* name : {"theirs", "own"}) write_file(sticky / name, "there");
  REQUIRE(chown((sticky / "own").c_str(), 65534, 65534) == 0);
  const auto codes = [&](const std::string& name) {
    const Unprivileged nobody;
    const std::vector<std::string> words = {"cp", "--remove-destination", ":/etc/fstab",
                                            (sticky / name).string()};
    std::vector<std::string> dry = words;
    dry.push_back("--dry-run");
    const int would = disk.run_verb(dry).code;
    return std::pair(would, disk.run_verb(words).code);
  };
  CHECK(codes("theirs") == std::pair(1, 1));
  CHECK(codes("own") == std::pair(0, 0));
}

TEST_CASE("a dry run of cp says that the host's directory cannot be written", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"ln", "-s", "fstab", ":/etc/link"});
  const std::string directory = read_only_directory(disk);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"cp", ":/etc/fstab", directory},
           {"cp", ":/etc/fstab", directory + "/new"},
           {"cp", ":/etc/fstab", directory + "/file"},
           {"cp", "-f", ":/etc/fstab", directory + "/file"},
           {"cp", "--remove-destination", ":/etc/fstab", directory + "/file"},
           {"cp", "-a", ":/etc/link", directory},
           {"cp", "-r", ":/etc", directory},
           {"cp", "-rT", ":/etc", directory + "/sub"}}) {
    std::vector<std::string> dry_words = words;
    dry_words.insert(dry_words.begin() + 1, "--dry-run");
    CAPTURE(words);
    const Unprivileged nobody;
    const CliResult dry = disk.run_verb(dry_words), real = disk.run_verb(words);
    CAPTURE(dry.err, real.err);
    CHECK(real.code == 1);
    CHECK(dry.code == 1);
    CHECK_THAT(dry.err, Catch::Contains("permission denied"));
  }
  disk.require_verb({"cp", "--dry-run", "-r", ":/etc", disk.dir.path().string()});
  disk.require_verb({"cp", "--dry-run", "-r", ":/etc", (disk.dir / "new").string()});
  {
    const Unprivileged nobody;
    disk.require_verb({"cp", "--dry-run", "-r", ":/etc", "/tmp/rawimg-no-such"});
    disk.require_verb({"cp", "--dry-run", "-n", ":/etc/fstab", directory + "/file"});
  }
  REQUIRE(chmod(directory.c_str(), 0755) == 0);
  CHECK(read_file(directory + "/file") == "there");
}

TEST_CASE("a directory of the host that is missing is no missing file of the image",
          "[cli][edit]") {
  const Disk disk;
  const std::string out = (disk.dir / "out").string(), file = (disk.dir / "a.tar").string();
  for (const Row& row :
       {Row{{"cp", ":/*", out}, 1, "'" + out + "' does not exist, and 5 files are to go there"},
        Row{{"cp", ":/*", file}, 1, "'" + file + "' is not a directory, and 5 files"},
        Row{{"batch", disk.image, "-e", "cp :/* " + out}, 1, "'" + out + "' does not exist, and"},
        Row{{"cp", "-r", ":/*", ":/none"}, 4, "/none' does not exist, and 5 files are to go there"},
        Row{{"cp", "-r", ":/*", ":/etc/fstab"}, 4, "/etc/fstab' is not a directory, and 5 files"},
        Row{{"mv", ":/[ln]*", ":/none"}, 4, "/none' does not exist, and 2 files are to go there"}})
    check_row(disk, row);
}

TEST_CASE("extended attributes that do not fit name the file they are of", "[cli][edit]") {
  const Disk disk("ext2");
  const fs::path file = disk.dir / "many";
  write_file(file, "x");
  for (int i = 0; i < 3; ++i)
    REQUIRE(run({"setfattr", "-n", "user.a" + std::to_string(i), "-v", std::string(1200, 'v'),
                 file.string()})
                .ok());
  const std::string small = (disk.dir / "small.img").string();
  REQUIRE(run_rawimg({"init", small, "--size", "4M", "--block-size", "1K", "-q"}).code == 0);
  for (const std::string option : {"-a", "--preserve=xattr"})
    check_read({"cp", option, file.string(), small + ":/x"}, 3, "'" + file.string() + "'");
}

TEST_CASE("the option --force is not proposed where it would not help", "[cli]") {
  const TempDir dir;
  const std::string directory = (dir / "d").string(), tar = (dir / "a.tar").string();
  fs::create_directory(directory);
  write_file(tar, small_tar());
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"build", directory, "--from", tar},
                                             {"build", directory, "--from", tar, "--force"},
                                             {"plan", directory, "--from", tar},
                                             {"create", directory, "--size", "1M"},
                                             {"convert", tar, directory}}) {
    check_read(words, 1, "d' is a directory");
    check_read(words, 1, "hint: name the image in it");
  }
  check_read({"build", "/dev/null", "--from", tar}, 1, "'/dev/null' exists and is not a regular");
  CHECK_THAT(run_rawimg({"build", "/dev/null", "--from", tar}).err, !Catch::Contains("--force"));
  CHECK_THAT(run_rawimg({"create", tar, "--size", "1M"}).err, Catch::Contains("--force"));
}

TEST_CASE("a line of a batch that names the image before what it sets is told so", "[cli][edit]") {
  const Disk disk;
  for (const std::string& line :
       {"fstab set " + disk.image + " / /dev/vda1 ext2", "fstab rm " + disk.image + " /",
        "fstab list " + disk.image, "passwd lock " + disk.image + " root",
        "inittab comment " + disk.image + ":1 c1", "hostname " + disk.image + " box",
        "hostname " + disk.image}) {
    check_row(disk, {{"batch", disk.image, "-e", line}, 2, "names an image, and a batch is about"});
    check_row(disk, {{"batch", disk.image, "-e", line}, 2, "'" + disk.image + "': leave it out"});
  }
}

TEST_CASE("what was made is said where standard output is full", "[cli]") {
  const Disk disk;
  const std::string tar = (disk.dir / "a.tar").string(), made = (disk.dir / "m.img").string(),
                    out = (disk.dir / "out").string();
  const auto check = [&](std::vector<std::string> words, const std::string& says) {
    words.emplace_back("--json");
    const CliResult full = run_rawimg(words, {.output_file = "/dev/full"});
    CAPTURE(words, full.err);
    CHECK(full.code == 1);
    CHECK_THAT(full.err, Catch::Contains("cannot write to standard output") &&
                             Catch::Contains(says + " all the same"));
    CHECK((says.find("was made") == std::string::npos || fs::exists(made)));
    fs::remove(made);
  };
  const std::string image = "'" + disk.image + "'", is_made = "'" + made + "' was made";
  check({"build", made, "--from", tar, "--size", "8M"}, is_made);
  check({"init", made, "--size", "8M"}, is_made);
  check({"convert", disk.image, made}, is_made);
  check({"create", made, "--size", "8M"}, is_made);
  check({"populate", disk.image, tar}, image + " was changed");
  check({"undo", disk.image}, image + " was changed");
  check({"sparsify", disk.image}, image + " was changed");
  check({"cp", disk.image + ":/etc/fstab", out}, "'" + out + "' was written");
  const std::string other = (disk.dir / "o.img").string();
  REQUIRE(run_rawimg({"create", other, "--size", "8M", "-q"}).code == 0);
  check({"partition", other}, "'" + other + "' was changed");
  check({"format", other}, "'" + other + "' was changed");
  const CliResult dry =
      run_rawimg({"format", other, "--force", "--dry-run", "--json"}, {.output_file = "/dev/full"});
  CHECK(dry.code == 1);
  CHECK_THAT(dry.err, !Catch::Contains("all the same"));
}

TEST_CASE("the root that a source has counts as a directory", "[cli][plan]") {
  const TempDir dir;
  const std::string tar = (dir / "a.tar").string();
  write_file(tar, small_tar());  // ./ ./etc/ ./etc/fstab ./link ./null, and one more file
  const CliResult plan = run_rawimg({"plan", "--from", tar});
  CHECK_THAT(plan.out, Catch::StartsWith("6 entries: 2 files, 2 directories, 1 symlink, 0 hard "
                                         "links, 1 other\n"));
  const CliResult below = run_rawimg({"plan", "--from", tar, "--at", "/sub"});
  CHECK_THAT(below.out, Catch::StartsWith("6 entries: 2 files, 2 directories,"));
  const auto made = run_rawimg({"build", (dir / "x.img").string(), "--from", tar, "--json"}).json();
  CHECK(made.at("result").at("content").at("directories") == 2);
}

TEST_CASE("an image whose name begins with a dash is proposed as a file", "[cli][edit]") {
  const Disk disk;
  const fs::path before = fs::current_path();
  fs::current_path(disk.dir.path());
  fs::copy("a.img", "-d.img");
  const CliResult touched = run_rawimg({"touch", "--", "-d.img:/x"});
  const CliResult missing = run_rawimg({"touch", "--", "-d.img:/no/x"});
  const CliResult undone = run_rawimg({"undo", "./-d.img"});
  fs::current_path(before);
  CHECK_THAT(touched.err, Catch::Contains("'rawimg undo ./-d.img' takes it back"));
  CHECK_THAT(missing.err, Catch::Contains("'rawimg mkdir -p ./-d.img:/no' makes it"));
  CHECK(undone.code == 0);
}

TEST_CASE("an unknown command is named in its JSON", "[cli]") {
  const auto json = run_rawimg({"nosuch", "--json"}).json();
  CHECK(json.at("command") == "nosuch");
  CHECK(json.at("error").at("exit") == 2);
}

TEST_CASE("help on populate names all that can be a source", "[cli]") {
  const std::string help = run_rawimg({"help", "populate"}).out;
  CHECK_THAT(help, Catch::Contains("a directory") && Catch::Contains("disk.img:1/srv site/"));
}

namespace {

/// Slot 1, and an extended partition with two logical ones; in all but the container is the
/// filesystem of `disk`.
struct LogicalDisk {
  static constexpr std::uint64_t kFirst = 2048, kContainer = 67584, kOne = 69632, kTwo = 137216,
                                 kEach = 63488;  // sectors

  explicit LogicalDisk(const Disk& disk) : image((disk.dir / "logical.img").string()) {
    const std::string table = (disk.dir / "table").string();
    write_file(table,
               "label: dos\nstart=2048,size=63488,type=83\nstart=67584,size=133120,type=5\n"
               "start=69632,size=63488,type=83\nstart=137216,size=63488,type=83\n");
    write_file(image, "");
    fs::resize_file(image, 201728 * 512);
    Command sfdisk;
    sfdisk.argv = {"sfdisk", "-q", image};
    sfdisk.input_file = table;
    REQUIRE(run(sfdisk).ok());
    const std::string content = read_file(disk.image).substr(1 << 20);
    std::fstream file(image, std::ios::in | std::ios::out | std::ios::binary);
    for (const std::uint64_t sector : {kFirst, kOne, kTwo}) {
      file.seekp(static_cast<std::streamoff>(sector * 512));
      file.write(content.data(), static_cast<std::streamsize>(content.size()));
    }
    file.close();
    REQUIRE(file.good());
  }

  std::string at(std::uint64_t sector) const {
    return image + "?offset=" + std::to_string(sector * 512);
  }
  template <std::size_t size>
  void poke(std::uint64_t at, const char (&bytes)[size]) const {
    std::fstream file(image, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.write(bytes, size - 1);
    file.close();
    REQUIRE(file.good());
  }
  bool is_clean(std::uint64_t sector) const { return run({"e2fsck", "-fn", at(sector)}).ok(); }

  std::string image;
};

}  // namespace

TEST_CASE("a filesystem in a logical partition has a slot, and nothing beside it is touched",
          "[cli][edit]") {
  const Disk disk;
  const LogicalDisk logical(disk);
  using L = LogicalDisk;
  CHECK(run_rawimg({"cat", logical.image + ":5/etc/fstab"}).out == disk.cat("/etc/fstab"));
  CHECK(run_rawimg({"cat", logical.at(L::kOne) + ":/etc/fstab"}).out == disk.cat("/etc/fstab"));
  CHECK(run_rawimg({"ls", logical.image + "@@" + std::to_string(L::kTwo * 512) + ":/etc"}).out ==
        "fstab\n");
  const std::string before = read_file(logical.image);
  const CliResult made = run_rawimg({"mkdir", logical.image + ":5/made"});
  CAPTURE(made.err);
  REQUIRE(made.code == 0);
  CHECK(run_rawimg({"ls", "-d", logical.at(L::kOne) + ":/made"}).code == 0);
  CHECK(run_rawimg({"ls", "-d", logical.image + ":6/made"}).code == 4);
  const std::string after = read_file(logical.image);
  CHECK(after.compare(0, L::kOne * 512, before, 0, L::kOne * 512) == 0);
  const std::size_t end = (L::kOne + L::kEach) * 512;
  CHECK(after.compare(end, std::string::npos, before, end, std::string::npos) == 0);
  for (const std::uint64_t sector : {L::kFirst, L::kOne, L::kTwo}) CHECK(logical.is_clean(sector));
  REQUIRE(run_rawimg({"undo", logical.image}).code == 0);
  CHECK(run_rawimg({"ls", "-d", logical.image + ":5/made"}).code == 4);
  CHECK(logical.is_clean(L::kOne));
  REQUIRE(run_rawimg({"format", logical.image + ":6", "--force", "-t", "ext3"}).code == 0);
  CHECK(logical.is_clean(L::kTwo));
  const CliResult info = run_rawimg({"info", logical.image});
  CHECK(info.code == 0);
  CHECK_THAT(info.out, Catch::Contains("4 partitions\n") && Catch::Contains("slot 6") &&
                           Catch::Contains("filesystem  ext3"));

  const std::string inside =
      "is in the extended partition in slot 2, and no logical partition begins there";
  check_read({"ls", logical.at(L::kOne - 1) + ":/"}, 2, inside);
  check_read({"ls", logical.at(L::kContainer) + ":/"}, 2, inside);
  check_read({"ls", logical.at(L::kOne + 1) + ":/"}, 2, "in the middle of the partition in slot 5");
  check_read({"ls", logical.at(L::kFirst + 1) + ":/"}, 2,
             "in the middle of the partition in slot 1");
}

TEST_CASE("a filesystem that is larger than its logical partition is not changed", "[cli][edit]") {
  const Disk disk;
  const LogicalDisk logical(disk);
  using L = LogicalDisk;
  logical.poke(L::kContainer * 512 + 446 + 12,
               "\0\xE8\0\0");  // 59392 sectors: the first one is cut
  for (const std::string& name : {logical.image + ":5", logical.at(L::kOne) + ":"}) {
    check_read({"ls", name + "/"}, 6, "the filesystem");
    CHECK(run_rawimg({"touch", name + "/x"}).code == 6);
  }
  CHECK(run_rawimg({"touch", logical.image + ":6/x"}).code == 0);
}

TEST_CASE("a damaged chain of logical partitions hides none that are before it", "[cli][edit]") {
  const Disk disk;
  const LogicalDisk logical(disk);
  using L = LogicalDisk;
  logical.poke(L::kContainer * 512 + 446 + 16 + 8, "\xFF\xFF\xFF\x0F");
  const std::string damage = "no logical partition is known behind that";
  const CliResult first = run_rawimg({"ls", logical.image + ":5/etc"});
  CHECK(first.out == "fstab\n");
  CHECK_THAT(first.err, Catch::Contains(damage));
  CHECK_THAT(run_rawimg({"info", logical.image}).err, Catch::Contains(damage));
  check_read({"ls", logical.image + ":6/"}, 4, "has no partition in slot 6; it has slot 1 at");
  const CliResult second =
      run_rawimg({"ls", logical.at(L::kTwo) + ":/etc"});  // who knows where it is
  CHECK(second.out == "fstab\n");
  CHECK_THAT(second.err, Catch::Contains(damage));
}

TEST_CASE("an extended partition is no place for a filesystem", "[cli]") {
  const Disk disk;
  const LogicalDisk logical(disk);
  const std::string slots = "slot 1 at byte 1048576, slot 5 at byte 35651584, slot 6 at byte";
  for (const char* verb : {"ls", "format"})
    check_read({verb, logical.image + ":2"}, 3,
               "slot 2 of '" + logical.image +
                   "' is an extended partition; for filesystems there is " + slots);
  check_read({"ls", logical.image + ":7/"}, 4, "it has " + slots);
  check_read({"ls", logical.image + ":/"}, 2, "has 3 ext filesystems (" + slots);
  check_read({"ls", disk.image + ":5/"}, 4, "it has slot 1 at byte 1048576");
}

TEST_CASE("of an image that was cut, what is whole is named by its byte", "[cli]") {
  const Disk disk;
  const LogicalDisk logical(disk);
  fs::resize_file(logical.image, LogicalDisk::kTwo * 512);
  const std::string named = "'" + logical.at(LogicalDisk::kFirst) + "'";
  for (const char* verb : {"ls", "info", "df"})
    check_read({verb, logical.image}, 6,
               "hint: the table is not needed for what is in slot 1: " + named);
  CHECK(run_rawimg({"ls", logical.at(LogicalDisk::kFirst) + ":/etc"}).out == "fstab\n");
  fs::resize_file(logical.image, (1 << 20) + 4096);
  check_read({"ls", logical.image}, 6,
             "whose place is known: '" + logical.image + "?offset=BYTES'");
}

TEST_CASE("a slot that cannot be is answered with those that are", "[cli]") {
  const Disk disk;
  const std::string whole = (disk.dir / "whole.img").string();
  REQUIRE(run_rawimg({"init", whole, "--size", "4M", "--table", "none", "-q"}).code == 0);
  check_read({"ls", disk.image + ":999/"}, 2, "'rawimg info " + disk.image + "' lists the slots");
  for (const char* verb : {"ls", "info", "recover"})
    check_read({verb, whole + ":1"}, 3, "hint: the whole file is slot 0, which needs no number");
}

TEST_CASE("a source without --from is told where it belongs", "[cli]") {
  const TempDir dir;
  const std::string tar = (dir / "a.tar").string(), image = (dir / "x.img").string();
  write_file(tar, small_tar());
  const std::string line = "rawimg build " + image + " --from " + tar;
  check_read({"build", image, tar}, 2, line);
  check_read({"build", tar, image}, 2, line);
  check_read({"build", image, dir.path().string()}, 2, "--from " + dir.path().string());
  check_read({"build", image, "-"}, 2, "--from -");
  check_read({"build", tar}, 2, "rawimg build IMG --from " + tar);
  check_read({"plan", tar}, 2, "rawimg plan --from " + tar);
  check_read({"plan"}, 2, "for example --from root.tar.xz");
  check_read({"build", image}, 2, "'rawimg init' makes an empty disk");
  CHECK_THAT(run_rawimg({"init", image, tar, "--size", "4M"}).err, !Catch::Contains("--from"));
  CHECK_THAT(run_rawimg({"build", image, "none", "--from", tar}).err, !Catch::Contains("hint"));
}

TEST_CASE("an image that is not the first word is told its place", "[cli][edit]") {
  const Disk disk;
  const std::string tar = (disk.dir / "a.tar").string();
  check_read({"populate", tar, disk.image}, 2, "rawimg populate " + disk.image + " " + tar);
  check_read({"populate", tar, tar, disk.image + ":/d"}, 2,
             "rawimg populate " + disk.image + ":/d " + tar + " " + tar);
  check_read({"populate", disk.dir.path().string(), disk.image}, 2, "IMG comes first");
  check_read({"populate", disk.dir.path().string() + "/none", disk.image}, 1, "cannot open");
  check_read({"find", "/etc", disk.image}, 2, "rawimg find " + disk.image + ":/etc");
  check_read({"find", "etc", disk.image + ":1", "-name", "f*"}, 2,
             "rawimg find " + disk.image + ":1/etc");
  check_read({"ls", "/", disk.image}, 2, "rawimg ls " + disk.image + ":/");
  check_read({"find", "-name", "f*", disk.image}, 2, "'-name' stands before the image");
  check_read({"find", "none.img", disk.image}, 1, "cannot open 'none.img'");
}

TEST_CASE("mv from or to the host, or another image, is told cp and rm", "[cli][edit]") {
  const Disk disk, other;
  const std::string host = (disk.dir / "a.tar").string(), none = (disk.dir / "none").string();
  const std::string moves = "mv moves inside of one image";
  for (const Row& row :
       {Row{{"mv", ":/etc/fstab", none}, 2, "'" + none + "' is on the host, and " + moves},
        Row{{"mv", ":/etc/fstab", none}, 2, "cp -a " + disk.image + ":/etc/fstab " + none + "'"},
        Row{{"mv", host, ":/"}, 2, "'rawimg cp -a " + host + " " + disk.image + ":/' copies"},
        Row{{"mv", "-t", ":/", host}, 2, "is on the host, and " + moves},
        Row{{"mv", other.image + ":/link", ":/x"},
            2,
            "is in another image than '" + disk.image + "'"},
        Row{{"mv", ":/li nk", none},
            2,
            "`rawimg cp -a '" + disk.image + ":/li nk' " + none + "` copies"},
        Row{{"batch", disk.image, "-e", "mv :/link " + none}, 2, "'cp -a :/link " + none + "'"}})
    check_row(disk, row);
  check_row(disk, {{"mv", disk.image + "/link", ":/x"}, 2, "write " + disk.image + ":/link"});
}

TEST_CASE("a destination with a slash behind it that is missing is made by mkdir -p",
          "[cli][edit]") {
  const Disk disk;
  const std::string host = (disk.dir / "a.tar").string(), out = (disk.dir / "out/d").string();
  const std::string made = "'rawimg mkdir -p " + disk.image + ":/new/d' makes it";
  for (const Row& row :
       {Row{{"cp", host, ":/new/d/"}, 4, made}, Row{{"cp", ":/etc/fstab", ":/new/d/"}, 4, made},
        Row{{"cp", host, host + "2", ":/new/d/"}, 4, made},
        Row{{"cp", "-r", ":/*", ":/new/d/"}, 4, made}, Row{{"touch", ":/new/d/"}, 4, ":/new'"},
        Row{{"mv", ":/link", ":/new/"}, 4, "'rawimg mkdir -p " + disk.image + ":/new' makes it"},
        Row{{"batch", disk.image, "-e", "cp " + host + " :/new/"}, 4, "'mkdir -p :/new' before it"},
        Row{{"cp", ":/etc/fstab", out + "/"}, 1, "mkdir -p"},
        Row{{"cp", ":/etc/fstab", ":/a b/"},
            4,
            "`rawimg mkdir -p '" + disk.image + ":/a b'` makes it"},
        Row{{"cp", ":/*", out + " b"}, 1, "`mkdir -p '" + out + " b'` makes it"},
        Row{{"cp", ":/etc/fstab", out}, 1, "'mkdir -p " + (disk.dir / "out/").string() + "' makes"},
        Row{{"cp", ":/*", out}, 1, "'mkdir -p " + out + "' makes it"}})
    check_row(disk, row);
  CHECK_THAT(disk.run_verb({"cp", host, ":/etc/fstab/"}).err, !Catch::Contains("mkdir"));
}

TEST_CASE("a directory of the host that is missing does not exist", "[cli][edit]") {
  const Disk disk;
  const std::string none = (disk.dir / "none").string() + "/";
  check_row(disk, {{"cp", ":/etc/fstab", none}, 1, "no such file or directory"});
  write_file(disk.dir / "none", "");
  check_row(disk, {{"cp", ":/etc/fstab", none}, 1, "not a directory"});
}

TEST_CASE("a batch says how files get from slot to slot", "[cli][edit]") {
  const Disk disk;
  const std::string hint = "'rawimg cp --image " + disk.image + " :1/from :2/to' copies";
  check_row(disk, {{"batch", disk.image, "-e", "cp :/etc/fstab :2/x"}, 2, hint});
  check_row(disk, {{"batch", disk.image, "-e", "cp :1/etc/fstab :/x"}, 2, hint});
  CHECK_THAT(disk.run_verb({"batch", disk.image, "-e", "rm :x"}).err,
             !Catch::Contains("rawimg cp"));
}

TEST_CASE("an offset without the colon behind it is told so", "[cli]") {
  const Disk disk;
  for (const std::string mark : {"?offset=", "@@"})
    check_read({"ls", disk.image + mark + "1048576/etc"}, 2,
               "write " + disk.image + mark + "1048576:/etc");
}

TEST_CASE("convert names what it cannot read, and makes no image of nothing", "[cli][convert]") {
  const Disk disk;
  const std::string cut = (disk.dir / "cut.gz").string(), made = (disk.dir / "x.img").string();
  REQUIRE(run({"sh", "-c", "gzip -c " + disk.image + " | head -c 2000 >" + cut}).ok());
  check_read({"convert", cut, made}, 1, "convert: '" + cut + "': the gzip data is truncated");
  write_file(cut, "");
  check_read({"convert", cut, made}, 1, "'" + cut + "' is empty: it holds no image");
  check_read({"convert", "-", made}, 1, "is empty");
  CHECK_FALSE(fs::exists(made));
}

TEST_CASE("a wildcard that matches nothing is told how it is meant literally", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"mkdir", R"(:/d\[1\])"});
  disk.require_verb({"cp", ":/etc/fstab", ":/d[1]/f"});
  for (const Row& row : {Row{{"ls", ":/d[1]/*"}, 4, R"('/d\[1\]/*' means it literally)"},
                         Row{{"rm", ":/d[1]/x*"}, 4, R"('/d\[1\]/x*' means it literally)"},
                         Row{{"mkdir", ":/new*"}, 4, R"(to make a name that has them: '/new\*')"},
                         Row{{"cp", ":/etc/fstab", ":/etc/n[1]"}, 4, R"('/etc/n\[1\]')"}}) {
    std::vector<std::string> words = row.words;
    if (words[0] == "ls")
      check_read({"ls", disk.image + words[1]}, row.code, row.says);
    else
      check_row(disk, row);
  }
  CHECK(run_rawimg({"ls", disk.image + R"(:/d\[1\]/*)"}).out == "/d[1]/f\n");
  CHECK_THAT(run_rawimg({"ls", disk.image + ":/none*"}).err, !Catch::Contains("literally"));
}

TEST_CASE("damaged group descriptors are damage to info, and e2fsck is proposed", "[cli]") {
  const std::string type = GENERATE("ext2", "ext4");
  const TempDir dir;
  const std::string image = (dir / "a.img").string();
  REQUIRE(
      run_rawimg({"init", image, "--size", "64M", "--block-size", "1K", "-t", type, "-q"}).code ==
      0);
  CHECK(run_rawimg({"info", image}).code == 0);
  {
    std::fstream file(image, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((1 << 20) + 2048);
    file.write("\xFF\xFF\xFF\x7F\xFF\xFF\xFF\x7F\xFF\xFF\xFF\x7F", 12);
  }
  const CliResult info = run_rawimg({"info", image});
  CAPTURE(type, info.out, info.err);
  CHECK(info.code == 6);
  CHECK_THAT(info.out, Catch::Contains("  damaged     the ") && Catch::Contains("of group 0"));
  CHECK_THAT(info.out, Catch::Contains("filesystem  " + type));
  CHECK(run_rawimg({"info", "--json", image})
            .json()
            .at("result")
            .at("slots")
            .at(0)
            .contains("problem"));
  const CliResult touched = run_rawimg({"touch", image + ":/x"});
  CAPTURE(touched.err);
  CHECK(touched.code == 6);
  CHECK_THAT(touched.err, Catch::Contains("e2fsck -f '" + image + "?offset=1048576'"));
}

TEST_CASE("nothing is changed where a group descriptor is damaged, whichever it is",
          "[cli][edit]") {
  const TempDir dir;
  const std::string image = (dir / "a.img").string(), host = (dir / "f").string();
  write_file(host, "content");
  REQUIRE(run_rawimg({"init", image, "--size", "20M", "--block-size", "1K", "-q"}).code == 0);
  struct Place {
    std::size_t byte;
    const char *bytes, *says;
  };
  // in the 32 bytes of a descriptor: block bitmap at 0, inode bitmap at 4, inode table at 8
  const Place place = GENERATE(
      Place{4, "\0\0\0", "the inode bitmap of group 0 lies at block 0"},
      Place{32 + 8, "\xFF\xFF\xFF", "the inode table of group 1 lies at block 2147483647"});
  std::string damaged = read_file(image);
  damaged.replace((1 << 20) + 2048 + place.byte, 4,
                  std::string(place.bytes, 3) + (place.byte == 4 ? '\0' : '\x7F'));
  write_file(image, damaged);
  const CliResult copied = run_rawimg({"cp", host, image + ":/n"});
  CAPTURE(place.byte, copied.err);
  CHECK(copied.code == 6);
  CHECK_THAT(copied.err, Catch::Contains(place.says) && Catch::Contains("e2fsck"));
  CHECK((read_file(image) == damaged));
}

TEST_CASE("nothing is changed where two group descriptors lead to one block", "[cli][edit]") {
  const TempDir dir;
  const std::string image = (dir / "a.img").string(), whole = (dir / "whole.img").string();
  const std::string type = GENERATE("ext2", "ext3");
  REQUIRE(
      run_rawimg({"init", whole, "--size", "20M", "--block-size", "1K", "-t", type, "-q"}).code ==
      0);
  REQUIRE(run({"e2fsck", "-fn", whole + "?offset=1048576"}).ok());
  struct Place {
    std::size_t to, from;  // in descriptors of 32 bytes each
    std::uint8_t more;     // blocks behind what is there
    const char* says;
  };
  for (const Place& place :
       {Place{32, 8, 3, "is in the inode table of group 0 and in the block bitmap of group 1"},
        Place{32 + 4, 8, 0, "of group 0 and in the "},
        Place{64 + 4, 64, 0, "bitmap of group 2 and in the"},
        Place{32 + 8, 8, 1, "is in the inode table of group 0 and in the inode table of group 1"},
        Place{4, 0, 0xFF, "is in the superblock and descriptors of group 0 and"}}) {
    std::string damaged = read_file(whole);
    const std::size_t descriptors = (1 << 20) + 2048;
    std::string block = damaged.substr(descriptors + place.from, 4);
    block[0] = static_cast<char>(block[0] + place.more);  // 0xFF: the one before
    damaged.replace(descriptors + place.to, 4, block);
    write_file(image, damaged);
    const CliResult made = run_rawimg({"mkdir", image + ":/n"}), info = run_rawimg({"info", image});
    CAPTURE(type, place.to, place.from, made.err, info.out);
    CHECK(made.code == 6);
    CHECK_THAT(made.err, Catch::Contains(place.says) && Catch::Contains("e2fsck"));
    CHECK(info.code == 6);
    CHECK((read_file(image) == damaged));
  }
}

TEST_CASE("what a guest's file lacks is said of the image", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"rm", ":/etc/fstab"});
  const std::string image = "'" + disk.image + "': ";
  check_read({"fstab", disk.image}, 4, "fstab: " + image + "the image has no /etc/fstab");
  check_read({"inittab", "list", disk.image}, 4, "inittab: " + image);
  check_read({"hostname", disk.image}, 4, "hostname: " + image + "the image has no host name");
  check_read({"edit", disk.image + ":/none"}, 4, "edit: " + image + "'/none' does not exist");
  check_read({"edit", disk.image + ":/etc"}, 1, "edit: " + image + "'/etc' is not a regular");
  check_read({"touch", "-r", disk.image + ":/none", disk.image + ":/link"}, 4, disk.image);
}
