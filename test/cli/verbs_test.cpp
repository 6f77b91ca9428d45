// SPDX-License-Identifier: MIT
// The verbs that change an image, held against what coreutils do and say.
#include <filesystem>
#include <sstream>

#include <catch2/catch.hpp>

#include "cli/edit_disk.h"
#include "edit/batch_line.h"

using namespace rawimg;
using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

/// A command line, and how it ends.
struct Row {
  std::vector<std::string> words;
  int code;
  const char* says;  ///< on standard error
};

void check_rows(const Disk& disk, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const std::string before = read_file(disk.image);
    const CliResult result = disk.run_verb(row.words, {.input_file = "/dev/null"});
    CAPTURE(row.words, row.says, result.out, result.err);
    CHECK(result.code == row.code);
    CHECK(result.err.find(row.says) != std::string::npos);
    CHECK((result.err.find("--help'") != std::string::npos) == (row.code == 2));
    if (row.code != 0) CHECK((read_file(disk.image) == before));
  }
}

/// f and h are one file; d is empty, e is not.
void add_files(const Disk& disk) {
  disk.require_verb({"batch", disk.image, "-e", "touch :/f", "-e", "ln :/f :/h", "-e",
                     "mkdir :/d :/e", "-e", "touch :/e/x", "-e", "ln -s d :/ld", "-e",
                     "ln -s f :/lf", "-e", "ln -s /none :/dangling"});
}

std::string word_of(const nlohmann::json& stat, const char* name) {
  return stat.at(name).is_string() ? stat.at(name).get<std::string>() : stat.at(name).dump();
}

}  // namespace

TEST_CASE("what is in the way is refused with its whole path, and is not called a wrong command",
          "[cli][edit]") {
  const Disk disk;
  add_files(disk);
  check_rows(disk, {{{"mv", ":/f", ":/f"}, 1, "same file"},
                    {{"mv", ":/f", ":/h"}, 1, "same file"},
                    {{"mv", ":/lf", ":/f"}, 1, "same file"},
                    {{"mv", ":/f", ":/"}, 1, "same file"},
                    {{"mv", ":/d", ":/d/s"}, 1, "into itself"},
                    {{"mv", "-T", ":/d", ":/e"}, 1, "'/e' is not empty"},
                    {{"mv", "-T", ":/d", ":/f"}, 1, "'/f' is not a directory"},
                    {{"mv", "-T", ":/f", ":/d"}, 1, "'/d' is a directory"},
                    {{"mv", ":/d", ":/etc/fstab"}, 1, "'/etc/fstab' is not a directory"},
                    {{"mv", ":/", ":/d"}, 1, "the root directory cannot be moved"},
                    {{"mv", ":/lost+found", ":/d"}, 1, "lost+found has to stay"},
                    {{"mv", "-T", ":/d", ":/lost+found"}, 1, "lost+found has to stay"},
                    {{"mv", ":/f", ":/h", ":/d/x"}, 4, "does not exist"},
                    {{"rm", ":/d"}, 1, "it is a directory"},
                    {{"rm", "-d", ":/e"}, 1, "not empty"},
                    {{"rm", "-rf", ":/"}, 1, "the root directory cannot be removed"},
                    {{"rm", "-rf", ":/."}, 1, "'.' and '..'"},
                    {{"rm", "-rf", ":/lost+found"}, 1, "lost+found has to stay"},
                    {{"rmdir", ":/lost+found"}, 1, "lost+found has to stay"},
                    {{"rmdir", ":/e"}, 1, "not empty"},
                    {{"rmdir", ":/"}, 1, "the root directory cannot be removed"},
                    {{"rmdir", ":/f"}, 1, "not a directory"},
                    {{"mkdir", ":/d"}, 1, "exists"},
                    {{"mkdir", ":/"}, 1, "root directory"},
                    {{"mkdir", ":/f/x"}, 4, "'/f' is not a directory"},
                    {{"mkdir", "-p", ":/f/x"}, 1, "is not a directory"},
                    {{"mkdir", "-p", ":/dangling/x"}, 1, "leads nowhere"},
                    {{"ln", ":/f", ":/f"}, 1, "exists"},
                    {{"ln", "-f", ":/f", ":/f"}, 1, "same file"},
                    {{"ln", "-f", ":/f", ":/h"}, 0, "nothing to change"},
                    {{"ln", ":/d", ":/x"}, 1, "is a directory"},
                    {{"ln", "-fT", ":/f", ":/d"}, 1, "it is a directory"},
                    {{"ln", ":/none", ":/x"}, 4, "'/none' does not exist"},
                    {{"ln", "-s", "a", "b", ":/x"}, 4, "does not exist"},
                    {{"mknod", ":/f", "p"}, 1, "exists"},
                    {{"tee", ":/d"}, 1, "it is a directory"},
                    {{"tee", ":/null"}, 1, "not a regular file"},
                    {{"truncate", "-s", "1", ":/d"}, 1, "it is a directory"},
                    {{"truncate", "-s", "1", ":/null"}, 1, "not a regular file"},
                    {{"chmod", "644", ":/dangling"}, 4, "'/none' does not exist"},
                    {{"chown", "5", ":/nope"}, 4, "'/nope' does not exist"}});
}

TEST_CASE("a slash behind a name asks for a directory", "[cli][edit]") {
  const Disk disk;
  add_files(disk);
  check_rows(disk, {{{"mv", ":/f", ":/x/"}, 4, "asks for a directory"},
                    {{"mv", ":/f/", ":/x"}, 4, "'/f' is not a directory"},
                    {{"mv", ":/ld/", ":/x"}, 4, "'/ld' is not a directory"},
                    {{"mv", ":/d", ":/f/"}, 4, "'/f' is not a directory"},
                    {{"rm", ":/f/"}, 4, "'/f' is not a directory"},
                    {{"rm", "-r", ":/f//"}, 4, "'/f' is not a directory"},
                    {{"rm", "-r", ":/ld/"}, 4, "'/ld' is not a directory"},
                    {{"rmdir", ":/ld/"}, 4, "'/ld' is not a directory"},
                    {{"touch", ":/x/"}, 4, "asks for a directory"},
                    {{"touch", ":/f/"}, 4, "'/f' is not a directory"},
                    {{"tee", ":/x/"}, 1, "directory"},
                    {{"tee", ":/f/"}, 1, "directory"},
                    {{"truncate", "-s", "1", ":/x/"}, 1, "directory"},
                    {{"truncate", "-s", "1", ":/f/"}, 1, "directory"},
                    {{"ln", "-s", "t", ":/x/"}, 4, "asks for a directory"},
                    {{"ln", ":/f", ":/x/"}, 4, "asks for a directory"},
                    {{"mknod", ":/x/", "p"}, 4, "asks for a directory"}});
  disk.require_verb({"mv", ":/d", ":/x/"});
  disk.require_verb({"mkdir", ":/d/"});
  disk.require_verb({"touch", ":/d/"});
  disk.require_verb({"mv", ":/f", ":/ld/"});
  CHECK(disk.ls("/d") == "f\n");
  disk.require_verb({"rmdir", ":/x//"});
  disk.require_verb({"rm", "-r", ":/d/"});
}

TEST_CASE("wildcards go for truncate, touch, tee and ln, and never make files", "[cli][edit]") {
  const Disk disk;
  add_files(disk);
  for (const char* name : {":/e/a1", ":/e/a2"}) disk.require_verb({"touch", name});
  disk.require_verb({"truncate", "-s", "3", ":/e/a?"});
  disk.require_verb({"touch", "-d", "@7", ":/e/a[12]"});
  disk.require_verb({"ln", ":/e/a*", ":/d"});
  disk.require_verb({"ln", "-s", "*", ":/d/star"});
  CHECK(disk.ls("/d") == "a1\na2\nstar\n");
  for (const char* name : {"/d/a1", "/d/a2"}) {
    CHECK(disk.stat(name).at("size") == 3);
    CHECK(disk.stat(name).at("mtime").at("seconds") == 7);
    CHECK(disk.stat(name).at("links") == 2);
  }
  write_file(disk.dir / "input", "in");
  disk.require_verb({"tee", "-a", ":/e/a*"}, {.input_file = (disk.dir / "input").string()});
  CHECK(disk.cat("/e/a2") == std::string("\0\0\0in", 5));
  check_rows(disk, {{{"touch", ":/e/b*"}, 4, "nothing in the image matches"},
                    {{"tee", ":/e/b*"}, 4, "nothing in the image matches"},
                    {{"truncate", "-s", "1", ":/e/b*"}, 4, "nothing in the image matches"},
                    {{"ln", ":/e/b*", ":/d"}, 4, "nothing in the image matches"},
                    {{"ln", ":/e/a*", ":/x"}, 4, "does not exist, and 2 files"},
                    {{"mv", ":/e/a*", ":/x"}, 4, "does not exist, and 2 files"},
                    {{"mv", ":/e/a*", ":/f"}, 4, "is not a directory, and 2 files"},
                    {{"touch", "-c", ":/f/z"}, 4, "'/f' is not a directory"},
                    {{"truncate", "-c", "-s", "1", ":/f/"}, 4, "'/f' is not a directory"},
                    {{"touch", "-c", ":/no/z"}, 0, "nothing to change"},
                    {{"rm", "-r", ":/f*/"}, 4, "no directory"}});
  disk.require_verb({"rm", "-r", ":/[de]*/"});  // of d, e and etc: directories only
  CHECK(disk.ls("/").find("dangling") == 0);
  CHECK(disk.ls("/").find("etc") == std::string::npos);
}

TEST_CASE("what a wildcard matches beside what was meant is left out with a warning",
          "[cli][edit]") {
  const Disk disk;
  add_files(disk);
  const CliResult xattr = disk.run_verb({"xattr", "--remove", "user.a", ":/*"});
  CHECK(xattr.code == 0);
  CHECK(xattr.err.find("dangling': a symlink, left out: '/none' does not exist") !=
        std::string::npos);
  CHECK(xattr.err.find("nothing to change") != std::string::npos);
  disk.require_verb({"xattr", "-f", "--remove", "user.a", ":/f"});
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"chmod", "go-w", ":/*"}, {"chown", "3:4", ":/*"}, {"chown", "-h", "3:4", ":/*"}}) {
    const CliResult result = disk.run_verb(words);
    CAPTURE(words, result.err);
    CHECK(result.code == 0);
    CHECK((result.err.find("left out") == std::string::npos) == (words[1] == "-h"));
  }
  const CliResult removed = disk.run_verb({"rm", "-rf", ":/*"});
  CAPTURE(removed.err);
  CHECK(removed.code == 0);
  CHECK(removed.err.find("warning: '" + disk.image + ":/lost+found': lost+found has to stay") !=
        std::string::npos);
  CHECK(disk.ls("/") == "lost+found\n");
  disk.require_verb({"mkdir", ":/a", ":/c"});
  disk.require_verb({"ln", "-s", "a", ":/b"});
  CHECK(disk.run_verb({"rm", "-r", ":/*/"}).code == 4);  // "b/", which is a symlink
  disk.require_verb({"rm", "-rf", ":/*/"});
  CHECK(disk.ls("/") == "b\nlost+found\n");
  disk.require_verb({"rm", ":/b"});
  const nlohmann::json json = disk.run_verb({"rm", "-rf", "--json", ":/*"}).json();
  CHECK(json.at("warnings").at(0).at("code") == "lost-and-found");
}

TEST_CASE("the option -t names the image, too", "[cli][edit]") {
  const Disk disk;
  add_files(disk);
  disk.require_verb({"ln", "-s", "-t", disk.image + ":/d", "/x/y", "/z"});
  CHECK(disk.ls("/d") == "y\nz\n");
  disk.require_verb({"mv", "-t", disk.image + ":/d", disk.image + ":/f"});
  write_file(disk.dir / "one", "1");
  write_file(disk.dir / "two", "2");
  disk.require_verb(
      {"cp", "-t", disk.image + ":/d", (disk.dir / "one").string(), (disk.dir / "two").string()});
  CHECK(disk.ls("/d") == "f\none\ntwo\ny\nz\n");
}

TEST_CASE("the option --image takes the name literally, and paths then need no image in front",
          "[cli][edit]") {
  const Disk disk;
  const std::string odd = (disk.dir / "odd:0").string();
  fs::create_hard_link(disk.image, odd);
  const auto verb = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--no-sync", "--image", odd});
    const CliResult result = run_rawimg(words);
    CAPTURE(words, result.err);
    CHECK(result.code == 0);
    return result;
  };
  verb({"mkdir", "/d"});
  verb({"touch", "1/d/f", "/d/g"});
  verb({"chmod", "600", "1/d/f"});
  verb({"chown", "1:2", "/d/f"});
  verb({"ln", "/d/f", "/d/h"});
  verb({"ln", "-s", "0/text", "1/d/s"});
  verb({"mv", "1/d/g", "/d/i"});
  verb({"mknod", "/d/n", "p"});
  verb({"truncate", "-s", "5", "/d/i"});
  verb({"xattr", "-s", "user.a=b", "/d/i"});
  verb({"tee", "/d/t"});
  verb({"rm", "/d/h", "/d/n"});
  verb({"mkdir", "/e"});
  verb({"rmdir", "/e"});
  write_file(disk.dir / "host", "h");
  verb({"cp", (disk.dir / "host").string(), ":/d"});
  verb({"cp", (disk.dir / "host").string(), ":1/d/j"});
  CHECK(disk.ls("/d") == "f\nhost\ni\nj\ns\nt\n");
  CHECK(disk.stat("/d/f").at("mode") == "0600");
  const auto code = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--image", odd});
    return run_rawimg(words).code;
  };
  CHECK(code({"rm", "/d/f", "0/d/i"}) == 2);
  CHECK(code({"rm", "d/f"}) == 2);
  for (const char* name : {"rm", "mv", "touch", "chmod"})
    CHECK(run_rawimg({name, "--help"}).out.find("paths are then /path, the first [N]/path") !=
          std::string::npos);
  CHECK(run_rawimg({"cp", "--help"}).out.find(":[N]/path is then in it") != std::string::npos);
}

TEST_CASE("mv -u keeps what is not older, and -n and -f obey the last", "[cli][edit]") {
  const Disk disk;
  add_files(disk);
  disk.require_verb({"touch", "-d", "@100", ":/e/x"});
  disk.require_verb({"touch", "-d", "@200", ":/f"});
  disk.require_verb({"mv", "-u", ":/e/x", ":/f"});
  CHECK(disk.run_verb({"mv", "-u", "-T", ":/d", ":/f"}).code == 1);
  CHECK(disk.stat("/f").at("mtime").at("seconds") == 200);
  disk.require_verb({"mv", "-f", "-n", ":/f", ":/e/x"});
  CHECK(disk.stat("/e/x").at("mtime").at("seconds") == 100);
  disk.require_verb({"mv", ":/lf", ":/h"});  // another name of what it leads to
  CHECK(disk.stat("/h").at("target") == "f");
  CHECK(disk.run_verb({"mv", "-nfuv", ":/f", ":/e/x"}).out.find("renamed") == 0);
  CHECK(disk.stat("/e/x").at("mtime").at("seconds") == 200);
}

TEST_CASE("rm asks with -i and -I, and takes no words with -f", "[cli][edit]") {
  const Disk disk;
  add_files(disk);
  const auto answer = [&](const char* text, const std::vector<std::string>& words) {
    write_file(disk.dir / "answers", text);
    return disk.run_verb(words, {.input_file = (disk.dir / "answers").string()});
  };
  CHECK(run_rawimg({"rm", "-f"}).code == 0);
  CHECK(run_rawimg({"rm"}).err.find("missing operand") != std::string::npos);
  CliResult result = answer("n\ny\n", {"rm", "-i", ":/f", ":/h"});
  CHECK(result.err.find("remove regular empty file '" + disk.image + ":/f'?") != std::string::npos);
  CHECK(disk.ls("/").find("\nf\n") != std::string::npos);
  CHECK(disk.ls("/").find("\nh\n") == std::string::npos);
  result = answer("y\nn\n", {"rm", "-ri", ":/e"});
  CHECK(result.err.find("descend into directory") != std::string::npos);
  CHECK(disk.ls("/e") == "x\n");
  CHECK(answer("", {"rm", "-rI", ":/e"}).err.find("remove 1 argument recursively?") !=
        std::string::npos);
  CHECK(disk.ls("/e") == "x\n");
  CHECK(answer("n\n", {"rm", "-I", ":/f", ":/lf", ":/ld", ":/dangling"})
            .err.find("remove 4 arguments?") != std::string::npos);
  CHECK(answer("y\ny\ny\n", {"rm", "-ri", ":/e"}).code == 0);
  CHECK(answer("", {"rm", "-if", ":/f"}).code == 0);
  CHECK(disk.ls("/").find("\nf\n") == std::string::npos);
  CHECK(run_rawimg({"ls", disk.image + ":/e"}).code == 4);
}

TEST_CASE("rmdir leaves what is not empty where that is no error", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"mkdir", "-p", ":/a/b/c", ":/a/x"});
  disk.require_verb({"rmdir", "-p", "--ignore-fail-on-non-empty", ":/a/b//c/"});
  CHECK(disk.ls("/a") == "x\n");
  CHECK(disk.run_verb({"mkdir", "-m", "g-w", ":/a/m"}).code == 0);
  CHECK(disk.stat("/a/m").at("mode") == "0757");
}

TEST_CASE("chmod takes modes with a dash, references, and says what it does", "[cli][edit]") {
  const Disk disk;
  add_files(disk);
  disk.require_verb({"chmod", "777", ":/f"});
  disk.require_verb({"chmod", "-x", ":/f"});
  CHECK(disk.stat("/f").at("mode") == "0666");
  disk.require_verb({"chmod", "-R", "-w", "-r", ":/f"});
  CHECK(disk.stat("/f").at("mode") == "0022");
  CHECK(run_rawimg({"chmod", "--no-sync", "--", "-020", disk.image + ":/f"}).code == 0);
  CHECK(disk.stat("/f").at("mode") == "0002");
  disk.require_verb({"chmod", "6755", ":/d"});
  disk.require_verb({"chmod", "--reference", disk.image + ":/d", ":/f"});
  CHECK(disk.stat("/f").at("mode") == "6755");
  CHECK(disk.run_verb({"chmod", "-c", "644", ":/f"}).out ==
        "mode of '" + disk.image + ":/f' changed from 6755 (rwsr-sr-x) to 0644 (rw-r--r--)\n");
  CHECK(disk.run_verb({"chmod", "-c", "644", ":/f"}).out.empty());
  CHECK(disk.run_verb({"chmod", "-v", "644", ":/f"}).out.find("retained as 0644 (rw-r--r--)") !=
        std::string::npos);
  const CliResult both = disk.run_verb({"chmod", "-v", "--json", "600", ":/f"});
  CHECK(both.json().at("result").at("changed") == true);
  CHECK(both.json().at("result").at("output").get<std::string>().find("mode of") == 0);
  disk.require_verb({"chmod", "-f", "640", ":/nope", ":/f"});
  CHECK(disk.stat("/f").at("mode") == "0640");
  disk.require_verb({"batch", disk.image, "-e", "chmod -r :/f"});
  CHECK(disk.stat("/f").at("mode") == "0200");
}

TEST_CASE("chown knows --from, --reference, -h and numbers that are numbers", "[cli][edit]") {
  const Disk disk;
  add_files(disk);
  disk.require_verb({"chown", "+5:+6", ":/f"});
  CHECK(word_of(disk.stat("/f"), "uid") == "5");
  disk.require_verb({"chown", "--from", "9", "1:1", ":/f"});
  CHECK(word_of(disk.stat("/f"), "gid") == "6");
  disk.require_verb({"chown", "--from=5:6", "7.8", ":/f"});
  CHECK(word_of(disk.stat("/f"), "gid") == "8");
  disk.require_verb({"chown", "-h", "3", ":/lf"});
  CHECK(word_of(disk.stat("/f"), "uid") == "7");
  disk.require_verb({"chown", "--reference", disk.image + ":/f", ":/d"});
  CHECK(word_of(disk.stat("/d"), "gid") == "8");
  CHECK(disk.run_verb({"chown", "-c", "0:0", ":/d"}).out ==
        "changed ownership of '" + disk.image + ":/d' from 7:8 to 0:0\n");
  check_rows(disk, {{{"chown", "4294967295", ":/f"}, 2, "a number is 0 to 4294967294"},
                    {{"chown", ":4294967295", ":/f"}, 2, "a number is 0 to 4294967294"},
                    {{"chown", "99999999999", ":/f"}, 2, "a number is 0 to 4294967294"},
                    {{"chown", "+root", ":/f"}, 2, "a number is 0 to 4294967294"}});
}

TEST_CASE("touch takes zones, fractions, stamps and the times of another file", "[cli][edit]") {
  const Disk disk;
  add_files(disk);
  struct Time {
    std::vector<std::string> options;
    std::int64_t seconds;
    std::uint32_t nanoseconds;
  };
  for (const Time& time :
       {Time{{"-d", "@1.5"}, 1, 500'000'000}, Time{{"-d", "@-1.5"}, -2, 500'000'000},
        Time{{"-d", "2024-02-29 12:34:56.5 +0100"}, 1'709'206'496, 500'000'000},
        Time{{"-d", "2024-02-29T12:34:56-01:30"}, 1'709'215'496, 0},
        Time{{"-d", "2024-02-29 12:34 UTC"}, 1'709'210'040, 0},
        Time{{"-t", "202402291234.56"}, 1'709'210'096, 0},
        Time{{"-t", "2402291234"}, 1'709'210'040, 0}, Time{{"-t", "7001010000"}, 0, 0}}) {
    std::vector<std::string> words{"touch", ":/f"};
    words.insert(words.end(), time.options.begin(), time.options.end());
    disk.require_verb(words);
    CAPTURE(time.options);
    CHECK(disk.stat("/f").at("mtime").at("seconds") == time.seconds);
    CHECK(disk.stat("/f").at("mtime").at("nanoseconds") == time.nanoseconds);
  }
  disk.require_verb({"touch", "-a", "-d", "@5", ":/f"});
  disk.require_verb({"touch", "-r", disk.image + ":/f", ":/e/x"});
  CHECK(disk.stat("/e/x").at("mtime").at("seconds") == 0);
  CHECK(disk.stat("/e/x").at("atime").at("seconds") == 5);
  disk.require_verb({"touch", "-h", "-d", "@9", ":/lf"});
  CHECK(disk.stat("/f").at("mtime").at("seconds") == 0);
  CHECK(run_rawimg({"touch", "-t", "02290000", disk.image + ":/f", "--no-sync"},
                   {.environment = {{"SOURCE_DATE_EPOCH", "1709210096"}}})
            .code == 0);
  CHECK(disk.stat("/f").at("mtime").at("seconds") == 1'709'164'800);
  check_rows(disk, {{{"touch", "-h", ":/new"}, 4, "does not exist"},
                    {{"touch", "-r", ":/f", "-d", "@1", ":/f"}, 2, "one time is wanted"},
                    {{"touch", "-t", "202302290000", ":/f"}, 2, "stamp"},
                    {{"touch", "-d", "@1.", ":/f"}, 2, "date"},
                    {{"touch", "-d", "2024-02-29 12:34:56 +25", ":/f"}, 2, "date"}});
}

TEST_CASE("truncate sizes go up, down, to multiples and by another file", "[cli][edit]") {
  const Disk disk;
  add_files(disk);
  disk.require_verb({"truncate", "-s", "1000", ":/e/x"});
  struct Size {
    std::vector<std::string> options;
    int size;
  };
  for (const Size& size :
       {Size{{"-s", "1000"}, 1000}, Size{{"-s", "<900"}, 900}, Size{{"-s", ">901"}, 901},
        Size{{"-s", ">5"}, 901}, Size{{"-s", "/100"}, 900}, Size{{"-s", "%512"}, 1024},
        Size{{"-s", "%512"}, 1024}, Size{{"-s", "-24"}, 1000}, Size{{"-s", "+1K"}, 2024},
        Size{{"-r", disk.image + ":/e/x"}, 1000},
        Size{{"-r", disk.image + ":/e/x", "-s", "+1"}, 1001}, Size{{"-o", "-s", "2"}, 8192},
        Size{{"-s", "1KiB"}, 1024}}) {
    std::vector<std::string> words{"truncate", ":/f"};
    words.insert(words.end(), size.options.begin(), size.options.end());
    disk.require_verb(words);
    CAPTURE(size.options);
    CHECK(disk.stat("/f").at("size") == size.size);
  }
  disk.require_verb({"truncate", "-c", "-s", "1", ":/new"});
  check_rows(disk, {{{"truncate", ":/f"}, 2, "--size or --reference"},
                    {{"truncate", "-r", ":/f", "-s", "1", ":/f"}, 2, "is a change"},
                    {{"truncate", "-s", "%0", ":/f"}, 2, "division by zero"},
                    {{"truncate", "-s", "1KB", ":/f"}, 2, "write 1K or 1KiB"},
                    {{"truncate", "-s", "", ":/f"}, 2, "not a size"}});
  CHECK(run_rawimg({"ls", disk.image + ":/new"}).code == 4);
}

TEST_CASE("ln makes relative symlinks, and hard links of what symlinks lead to", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"mkdir", "-p", ":/usr/lib/a", ":/etc/b"});
  disk.require_verb({"touch", ":/usr/lib/os"});
  disk.require_verb({"ln", "-s", "usr/lib", ":/lib"});
  const auto text = [&](const char* path) { return disk.stat(path).at("target"); };
  disk.require_verb({"ln", "-sr", ":/lib/os", ":/etc/b"});
  CHECK(text("/etc/b/os") == "../../usr/lib/os");
  disk.require_verb({"ln", "-s", "-r", "-f", "/usr/lib/none", ":/lib/l"});
  CHECK(text("/usr/lib/l") == "none");
  disk.require_verb({"ln", "-sr", ":/usr", ":/usr/lib/up"});
  CHECK(text("/usr/lib/up") == "..");
  disk.require_verb({"ln", "-L", ":/etc/b/os", ":/hard"});
  CHECK(disk.stat("/usr/lib/os").at("links") == 2);
  disk.require_verb({"ln", ":/etc/b/os", ":/soft"});
  CHECK(text("/soft") == "../../usr/lib/os");
  CHECK(disk.run_verb({"ln", "-sfn", "x", "y", ":/lib"}).code == 4);
  disk.require_verb({"ln", "-sfn", "etc", ":/lib"});
  CHECK(text("/lib") == "etc");
  // what is a name of the target already stays, but no name leads to itself
  disk.require_verb({"ln", "-f", ":/usr/lib/os", ":/hard"});
  CHECK(disk.stat("/usr/lib/os").at("links") == 2);
  check_rows(disk, {{{"ln", "-f", ":/hard", ":/hard"}, 1, "are the same file"},
                    {{"ln", "-srf", ":/hard", ":/usr/../hard"}, 1, "are the same file"}});
  CHECK(disk.run_verb({"ln", "-sv", "t", ":/v"}).out == "'" + disk.image + ":/v' -> 't'\n");
}

TEST_CASE("mknod reads numbers as mknod(1) does, and says what it misses", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"mknod", "-m", "o-r", ":/n", "b", "0x10", "010"});
  CHECK(run_rawimg({"ls", "-l", disk.image + ":/n"}).out.find("brw-rw--w- 1 0 0 16, 8 ") == 0);
  check_rows(disk, {{{"mknod", ":/x", "p", "1", "2"}, 2, "a FIFO has no major and minor number"},
                    {{"mknod", ":/x", "c", "1"}, 2, "a major and a minor number"},
                    {{"mknod", ":/x", "c"}, 2, "a major and a minor number"},
                    {{"mknod", ":/x", "c", "1", "2", "3"}, 2, "extra operand '3'"},
                    {{"mknod", ":/x", "c", "1", "z"}, 2, "invalid minor device number 'z'"},
                    {{"mknod", ":/x", "c", "08", "1"}, 2, "invalid major device number '08'"},
                    {{"mknod", ":/x"}, 2, "missing operand after"},
                    {{"mknod", "-m", "1777", ":/x", "p"}, 2, "permissions and nothing else"}});
}

TEST_CASE("what makes files makes them where symlinks lead, inside of the image", "[cli][edit]") {
  const Disk disk;
  add_files(disk);
  disk.require_verb({"ln", "-s", "../../../../e/./new", ":/d/up"});
  disk.require_verb({"ln", "-s", "/d/up", ":/two"});
  disk.require_verb({"ln", "-s", "loop", ":/loop"});
  disk.require_verb({"ln", "-s", "gone/", ":/slash"});
  write_file(disk.dir / "input", "in");
  disk.require_verb({"tee", ":/two"}, {.input_file = (disk.dir / "input").string()});
  CHECK(disk.cat("/e/new") == "in");
  disk.require_verb({"touch", ":/dangling"});
  CHECK(disk.stat("/none").at("size") == 0);
  disk.require_verb({"rm", ":/none"});
  disk.require_verb({"truncate", "-s", "4", ":/dangling"});
  CHECK(disk.stat("/none").at("size") == 4);
  check_rows(disk, {{{"touch", ":/loop"}, 4, "too many levels of symbolic links"},
                    {{"touch", ":/slash"}, 4, "asks for a directory"}});
}

TEST_CASE("messages name the operand that is wrong, and what it lacks", "[cli][edit]") {
  const Disk disk;
  const std::string slashless = disk.image + ":etc/x";
  check_rows(disk, {{{"rm", "host/f", slashless}, 2, "a path in an image is IMG:/path"},
                    {{"rm", ":/etc/fstab", slashless}, 2, "a path in an image is IMG:/path"},
                    {{"rm", "host/f", ":/etc/fstab"}, 2, "'host/f' is not a path in the image"},
                    {{"rm", disk.image}, 2, "is an image, and no path in it"},
                    {{"chmod", "600"}, 2, "missing operand after '600'"},
                    {{"chown", "5"}, 2, "missing operand after '5'"},
                    {{"mv", ":/etc"}, 2, "missing destination file operand after"},
                    {{"mv"}, 2, "missing file operand"},
                    {{"touch"}, 2, "missing operand"},
                    {{"touch", "none.img:/x"}, 1, "'none.img'"}});
  for (const char* verb : {"ls", "rm", "info", "stat"}) {
    const CliResult result = run_rawimg({verb, slashless});
    CHECK(result.code == 2);
    CHECK(result.err.find("write " + disk.image + ":/etc/x") != std::string::npos);
  }
  write_file(disk.dir / "input", std::string(40 << 20, 'x'));
  const CliResult full =
      disk.run_verb({"tee", ":/big", "--json"}, {.input_file = (disk.dir / "input").string()});
  CHECK(full.code == 5);
  CHECK(full.json().at("error").at("hint").get<std::string>().find("are free in the filesystem") !=
        std::string::npos);
}

TEST_CASE("the examples of the verbs' help work", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"mkdir", "-p", ":/bin", ":/sbin", ":/etc/init.d", ":/opt/bench", ":/home/gem5",
                     ":/dev", ":/run", ":/mnt/floppy", ":/srv", ":/data", ":/usr/lib", ":/var/log",
                     ":/var/cache/x"});
  for (const char* file : {":/bin/busybox", ":/bin/su", ":/bin/ping", ":/etc/init.d/gem5",
                           ":/etc/rc.local", ":/etc/motd", ":/var/log/messages", ":/dev/fb0"})
    disk.require_verb({"touch", file});
  disk.require_verb({"ln", "-s", "nowhere", ":/etc/dangling"});
  write_file(disk.dir / "passwd", "root:x:0:0::/:/bin/sh\n");
  write_file(disk.dir / "group", "wheel:x:10:\nvideo:x:27:\n");
  disk.require_verb({"cp", (disk.dir / "passwd").string(), (disk.dir / "group").string(), ":/etc"});
  for (const char* name : {"ln", "mkdir", "rmdir", "chmod", "chown", "touch", "truncate", "mknod",
                           "xattr", "tee", "rm", "mv"}) {
    const std::string help = run_rawimg({name, "--help"}).out;
    std::istringstream lines(help.substr(0, help.find("Usage:")));
    for (std::string line; std::getline(lines, line);) {
      const std::size_t command = line.find("rawimg ");
      if (!line.starts_with("  ") || command == std::string::npos) continue;
      line = line.substr(command + 7, line.find(" <") - command - 7);  // no shell, so no <more
      std::vector<std::string> words = cli::split_line(line);
      for (std::string& word : words)
        if (word.starts_with("disk.img")) word.replace(0, 8, disk.image);
      const CliResult result = disk.run_verb(words);
      CAPTURE(line, result.err);
      CHECK(result.code == 0);
    }
  }
}

TEST_CASE("names of inodes that no file may have are damage", "[cli][edit]") {
  const Disk disk("ext3");
  const std::string image = (disk.dir / "named.img").string();
  fs::copy_file(disk.image, image);
  REQUIRE(run({"debugfs", "-w", "-R", "link <8> /journal", image + "?offset=1048576"}).ok());
  const std::string before = read_file(image);
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"cat", image + ":/journal"},
                                             {"ls", image + ":/"},
                                             {"rm", image + ":/journal"},
                                             {"tee", image + ":/journal"}}) {
    const CliResult result = run_rawimg(words);
    CAPTURE(words, result.err);
    CHECK(result.code == 6);
    CHECK_THAT(result.err, Catch::Contains("inode 8"));
  }
  CHECK((read_file(image) == before));
}

TEST_CASE("rmdir -p goes up as far as directories are empty", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"mkdir", "-p", ":/a/b/c/d", ":/m/one", ":/m/two/full"});
  disk.require_verb({"touch", ":/a/x"});
  disk.require_verb({"rmdir", "-p", ":/a/b/c/d"});
  CHECK(disk.ls("/a") == "x\n");
  disk.require_verb({"mkdir", "-p", ":/a/b/c"});
  CHECK(disk.run_verb({"rmdir", "-p", ":/a"}).code == 1);
  disk.require_verb({"ln", "-s", "one", ":/m/link"});
  const CliResult wild = disk.run_verb({"rmdir", "--ignore-fail-on-non-empty", ":/m/*/"});
  CAPTURE(wild.err);
  CHECK(wild.code == 0);
  CHECK_THAT(wild.err, Catch::Contains("/m/link/': a symlink, left out"));
  CHECK(disk.ls("/m") == "link\ntwo\n");
}

TEST_CASE("xattr sets what a kernel takes", "[cli][edit]") {
  const Disk disk;
  add_files(disk);
  disk.require_verb({"mknod", ":/fifo", "p"});
  const std::string cap2 = "security.capability=0x0100000200200000000000000000000000000000",
                    cap3 = "security.capability=0x010000030020000000000000000000000000000000000000";
  check_rows(disk,
             {{{"xattr", "--set", "user.a=b", ":/f"}, 0, ""},
              {{"xattr", "--set", "user.a=b", ":/d"}, 0, ""},
              {{"xattr", "--set", "user.a=b", ":/fifo"}, 1, "files and directories only"},
              {{"xattr", "-h", "--set", "user.a=b", ":/lf"}, 1, "files and directories only"},
              {{"xattr", "-h", "--set", "trusted.a=b", ":/lf"}, 0, ""},
              {{"xattr", "--set", cap2, ":/f"}, 0, ""},
              {{"xattr", "--set", cap3, ":/f"}, 0, ""},
              {{"xattr", "--set", cap2 + "00", ":/f"}, 2, "has 20"},
              {{"xattr", "--set", "security.capability=x", ":/f"}, 2, "has 20"},
              {{"xattr", "--set", "system.posix_acl_default=x", ":/f"}, 1, "only directories"},
              {{"xattr", "--set", "system.data=x", ":/f"}, 1, "the kernel keeps it for itself"}});
}

TEST_CASE("what is said with -v is said once it is true", "[cli][edit]") {
  const Disk disk;
  add_files(disk);
  const CliResult failed = disk.run_verb({"rm", "-v", ":/f", ":/none"});
  CHECK(failed.code == 4);
  CHECK(failed.out == "");
  const CliResult batch =
      disk.run_verb({"batch", disk.image, "-v", "-e", "rm :/f", "-e", "rm :/none"});
  CHECK(batch.code == 4);
  CHECK(batch.out == "");
  CHECK_THAT(disk.run_verb({"rm", "-v", ":/f", ":/h"}).out,
             Catch::Contains("/f'\n") && Catch::Contains("/h'\n"));
}

TEST_CASE("who is told to run e2fsck is told when and on what", "[cli][edit]") {
  const Disk disk;
  const std::string image = (disk.dir / "broken.img").string();
  fs::copy_file(disk.image, image);
  REQUIRE(run({"debugfs", "-w", "-R", "ssv state 0", image + "?offset=1048576"}).ok());
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"rm", image + ":/etc/fstab"},
                                             {"populate", image, (disk.dir / "a.tar").string()},
                                             {"batch", image, "-e", "rm :/etc/fstab"}}) {
    const CliResult result = run_rawimg(words);
    CAPTURE(words, result.err);
    CHECK(result.code == 6);
    CHECK_THAT(result.err,
               Catch::Contains("no guest runs from it") &&
                   Catch::Contains("e2fsck -f '" + image + "?offset=1048576'") &&
                   Catch::Contains("'" + image + "': the filesystem was not unmounted"));
  }
  CHECK_THAT(run_rawimg({"cat", disk.image + ":/none"}).err, Catch::Contains(disk.image));
  CHECK_THAT(run_rawimg({"ls", disk.image + ":/etc/fstab/x"}).err, Catch::Contains(disk.image));
}

TEST_CASE("words that are nearly right are answered with what was meant", "[cli][edit]") {
  const Disk disk;
  add_files(disk);
  const std::string colonless = disk.image + "/etc/fstab", doubled = disk.image + "::/etc/fstab";
  for (const std::string& word : {colonless, doubled})
    for (const char* verb : {"cat", "ls", "rm", "stat"}) {
      const CliResult result = run_rawimg({verb, word});
      CAPTURE(verb, word, result.err);
      CHECK(result.code == 2);
      CHECK_THAT(result.err, Catch::Contains("write " + disk.image + ":/etc/fstab\n"));
    }
  check_rows(disk, {{{"chown", ":/f", "root"}, 2, "OWNER[:GROUP] comes first"},
                    {{"chmod", ":/f", "755"}, 2, "MODE comes first"},
                    {{"ln", "-s", ":/f", ":/new"}, 2, "as the guest sees it"},
                    {{"ln", "-sr", ":/f", ":/new"}, 0, ""},
                    {{"chown", "bob", ":/f"}, 4, "has no /etc/passwd to look 'bob' up in"},
                    {{"tee", ":/no/x"}, 4, "mkdir -p"},
                    {{"touch", ":/no/such/x"}, 4, "mkdir -p"},
                    {{"mkdir", ":/no/such"}, 4, "mkdir -p"},
                    {{"edit", "-e", "s/a/b/", ":/none"}, 4, "'rawimg touch'"}});
  CHECK_THAT(run_rawimg({"cat", disk.image + ":/dangling"}).err,
             Catch::Contains("the symlink '/dangling' leads there"));
  CHECK(disk.run_verb({"tee", ":/f/x"}).err.find("mkdir -p") == std::string::npos);
  disk.require_verb({"ln", "-s", "/no/" + std::string(250, 'n'), ":/far"});
  check_rows(disk, {{{"touch", ":/far"}, 4, "'/no' does not exist"}});
  // of another kind than is wanted
  check_rows(disk, {{{"rmdir", ":/f"}, 1, "is not a directory"},
                    {{"edit", "-e", "s/a/b/", ":/d"}, 1, "is a directory"}});
  CHECK(run_rawimg({"cat", disk.image + ":/d"}).code == 1);
  CHECK(run_rawimg({"edit", disk.image + ":/d"}).code == 1);
  CHECK(run_rawimg({"cp", disk.image + ":/f", (disk.dir / "none/x").string()}).code == 1);
}
