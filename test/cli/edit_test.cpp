// SPDX-License-Identifier: MIT
// The verbs that change an image, as their users type them; e2fsck looks at the image after every
// test.
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>
#include <thread>

#include <catch2/catch.hpp>

#include <rawimg/error.h>
#include <rawimg/image_file.h>

#include <fmt/format.h>

#include "cli/cli.h"
#include "cli/edit_disk.h"
#include "edit/mode_change.h"
#include "edit/substitution.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

std::string noise_of(std::size_t size) {
  std::string bytes(size, 'x');
  for (std::size_t i = 0; i < size; i += 7) bytes[i] = static_cast<char>(1 + i % 250);
  return bytes;
}

}  // namespace

TEST_CASE("mkdir, mv, ln, rm and rmdir do what coreutils do", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"mkdir", "-p", ":/a/b/c", ":/d"});
  disk.require_verb({"mkdir", "-p", ":/a/b/c"});
  CHECK(disk.run_verb({"mkdir", ":/d"}).code == 1);
  CHECK(disk.run_verb({"mkdir", ":/no/such/parent"}).code == 4);
  disk.require_verb({"mv", ":/etc/fstab", ":/a/b"});
  CHECK(disk.ls("/a/b") == "c\nfstab\n");
  disk.require_verb({"mv", "-T", ":/a/b", ":/moved"});
  disk.require_verb({"ln", "-s", "fstab", ":/moved/soft"});
  disk.require_verb({"ln", ":/moved/fstab", ":/moved/hard"});
  CHECK(disk.stat("/moved/hard").at("links") == 2);
  CHECK(disk.cat("/moved/soft") == disk.cat("/moved/hard"));
  CHECK(disk.run_verb({"mv", ":/moved", ":/moved/c"}).code == 1);
  CHECK(disk.run_verb({"rm", ":/moved"}).code == 1);
  CHECK(disk.run_verb({"rmdir", ":/moved"}).code == 1);
  CHECK(disk.run_verb({"rm", ":/nothing"}).code == 4);
  disk.require_verb({"rm", "-f", ":/nothing"});
  CHECK(disk.run_verb({"rm", "-r", ":/lost+found"}).code == 1);
  disk.require_verb({"rm", "-r", ":/moved"});
  disk.require_verb({"rmdir", ":/a", ":/d"});
  CHECK(disk.ls("/") == "etc\nlink\nlost+found\nnull\nodd\x1B\xFC\n");
}

TEST_CASE("wildcards match inside the image, a literal name first", "[cli][edit]") {
  const Disk disk;
  for (const char* name : {"a1", "a2", "b1", ".hidden"})
    disk.require_verb({"touch", std::string(":/etc/") + name});
  disk.require_verb({"rm", ":/e*/a?"});
  CHECK(disk.ls("/etc") == "b1\nfstab\n");
  disk.require_verb({"mknod", R"(:/etc/\*)", "p"});
  disk.require_verb({"rm", ":/etc/*"});
  CHECK(disk.ls("/etc") == "b1\nfstab\n");
  CHECK(disk.run_verb({"rm", ":/etc/x*"}).code == 4);
  disk.require_verb({"rm", ":/etc/*"});
  CHECK(run_rawimg({"ls", "-a", disk.image + ":/etc"}).out.find(".hidden") != std::string::npos);
}

TEST_CASE("chmod takes octal and symbolic modes", "[cli][edit]") {
  struct Row {
    const char* before;
    const char* change;
    const char* after;
  };
  const auto row = GENERATE(values<Row>({{"0644", "0755", "0755"},
                                         {"0644", "u+x", "0744"},
                                         {"0644", "+x", "0755"},
                                         {"0644", "+w", "0644"},
                                         {"0600", "go=u", "0666"},
                                         {"0755", "u=rwX,go=", "0700"},
                                         {"0644", "a+X", "0644"},
                                         {"0744", "a+X", "0755"},
                                         {"0755", "u+s,g+s", "6755"},
                                         {"6755", "ug-s", "0755"},
                                         {"0777", "g-w,o-rwx", "0750"},
                                         {"0644", "+t", "1644"},
                                         {"0000", "7777", "7777"}}));
  CAPTURE(row.before, row.change);
  const Disk disk;
  disk.require_verb({"chmod", row.before, ":/etc/fstab"});
  disk.require_verb({"chmod", row.change, ":/etc/fstab"});
  CHECK(disk.stat("/etc/fstab").at("mode") == row.after);
  for (const char* wrong : {"", "8", "u", "u+y", "u+x,", "77777"})
    CHECK(disk.run_verb({"chmod", wrong, ":/etc/fstab"}).code == 2);
}

TEST_CASE("mode changes are those of GNU chmod", "[cli][edit][judge]") {
  const TempDir dir;
  const mode_t mask = umask(022);
  constexpr unsigned kModes[] = {0,    0644,  0755,  0700,  0077,  0111,  0421, 07777,
                                 0777, 01777, 02755, 04711, 06000, 03070, 0246};
  const auto name_of = [](FileType type) { return type == FileType::Directory ? 'd' : 'f'; };
  std::string wrong;
  for (const std::string change :
       {"=",    "=r",    "=rwx",  "+w",    "-w",        "+x",         "-x",     "+X",     "a+X",
        "u=",   "g=u",   "o=g",   "u=o",   "a=g",       "+g",         "=u",     "g-t",    "u-t",
        "o-t",  "a-t",   "-t",    "+t",    "g+t",       "u+t",        "=t",     "o=t",    "a=s",
        "u+s",  "g-s",   "o+s",   "-s",    "+s",        "=s",         "ug=rs",  "0",      "755",
        "0755", "00755", "1755",  "2755",  "02755",     "4000",       "007777", "000",    "+022",
        "-700", "=700",  "=4755", "u+r-w", "u=rwX,go=", "a=,u+r,g=u", "u-x+X",  "go+u-w", "=rX"}) {
    std::vector<std::string> argv{"chmod", "--", change};
    for (const FileType type : {FileType::Regular, FileType::Directory})
      for (const unsigned mode : kModes) {
        const fs::path path = dir / fmt::format("{}{:o}", name_of(type), mode);
        std::error_code none;
        if (type == FileType::Directory)
          fs::create_directory(path, none);
        else
          write_file(path, "");
        REQUIRE(chmod(path.c_str(), mode) == 0);
        argv.push_back(path.string());
      }
    (void)run(argv);  // it complains where a umask keeps bits
    for (const FileType type : {FileType::Regular, FileType::Directory})
      for (const unsigned mode : kModes) {
        struct stat status {};
        REQUIRE(stat((dir / fmt::format("{}{:o}", name_of(type), mode)).c_str(), &status) == 0);
        const unsigned ours = cli::ModeChange(change).apply(static_cast<std::uint16_t>(mode), type);
        if (ours != (status.st_mode & 07777U))
          wrong += fmt::format("{} {:04o} {}: {:04o}, not {:04o}\n", name_of(type), mode, change,
                               ours, status.st_mode & 07777U);
      }
  }
  umask(mask);
  CHECK(wrong == "");
  for (const char* refused :
       {"", "8", "9", "u", "u+y", "u+x,", ",u+x", "77777", "g=ux", "u=7", "07x", "+7,"})
    CHECK_THROWS_AS(cli::ModeChange(refused), Error);
}

TEST_CASE("chown knows the image's own names, and takes setuid away", "[cli][edit]") {
  const Disk disk;
  write_file(disk.dir / "passwd", "root:x:0:0::/:/bin/sh\nbuild:x:500:600::/:/bin/sh\n");
  write_file(disk.dir / "group", "video:x:27:\n");
  disk.require_verb({"cp", (disk.dir / "passwd").string(), (disk.dir / "group").string(), ":/etc"});
  disk.require_verb({"chmod", "6755", ":/etc/fstab"});
  disk.require_verb({"chown", "build:", ":/etc/fstab"});
  CHECK(disk.stat("/etc/fstab").at("uid") == 500);
  CHECK(disk.stat("/etc/fstab").at("gid") == 600);
  CHECK(disk.stat("/etc/fstab").at("mode") == "0755");
  disk.require_verb({"chown", ":video", ":/etc/fstab"});
  CHECK(disk.stat("/etc/fstab").at("gid") == 27);
  disk.require_verb({"chown", "-R", "4294967294:70000", ":/etc"});
  CHECK(disk.stat("/etc/group").at("uid") == 4294967294U);
  CHECK(disk.run_verb({"chown", "nobody", ":/etc/fstab"}).code == 4);
  CHECK(disk.run_verb({"chown", "", ":/etc/fstab"}).code == 2);
}

TEST_CASE("truncate, touch, mknod, tee and xattr change one thing each", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"truncate", "-s", "5", ":/etc/fstab"});
  CHECK(disk.cat("/etc/fstab") == "/dev/");
  disk.require_verb({"truncate", "-s", "+3", ":/etc/fstab"});
  CHECK(disk.cat("/etc/fstab") == std::string("/dev/\0\0\0", 8));
  disk.require_verb({"touch", "-d", "@123", ":/etc/fstab"});
  CHECK(disk.stat("/etc/fstab").at("mtime").at("seconds") == 123);
  disk.require_verb({"touch", "-d", "2024-02-29", ":/etc/fstab"});
  CHECK(disk.stat("/etc/fstab").at("mtime").at("seconds") == 1'709'164'800);
  for (const char* date : {"2024-02-29T12:34:56", "2024-02-29 12:34:56Z"}) {
    disk.require_verb({"touch", "-d", date, ":/etc/fstab"});
    CHECK(disk.stat("/etc/fstab").at("mtime").at("seconds") == 1'709'210'096);
  }
  for (const char* wrong : {"", "2024", "2023-02-29", "2024-02-29T25:00", "2024-02-29x",
                            "2024/02/29", "@", "@1x", "2024-02-29 12:3", "-024-02-29"}) {
    CAPTURE(wrong);
    CHECK(disk.run_verb({"touch", "-d", wrong, ":/etc/fstab"}).code == 2);
  }
  disk.require_verb({"mknod", "-m", "0600", ":/console", "c", "5", "1"});
  CHECK(run_rawimg({"ls", "-l", disk.image + ":/console"}).out.find("crw------- 1 0 0 5, 1 ") == 0);
  CHECK(disk.run_verb({"mknod", ":/x", "c", "4096", "1"}).code == 2);
  write_file(disk.dir / "input", "one\n");
  disk.require_verb({"tee", ":/new"}, {.input_file = (disk.dir / "input").string()});
  disk.require_verb({"tee", "-a", ":/new"}, {.input_file = (disk.dir / "input").string()});
  CHECK(disk.cat("/new") == "one\none\n");
  disk.require_verb({"xattr", "--set", "user.a=text", "-s", "user.b=0x00ff", ":/new"});
  CHECK(run_rawimg({"stat", disk.image + ":/new"}).out.find("user.b=0x00ff") != std::string::npos);
  disk.require_verb({"xattr", "--remove", "user.a", ":/new"});
  CHECK(run_rawimg({"stat", disk.image + ":/new"}).out.find("user.a") == std::string::npos);
  CHECK(disk.run_verb({"xattr", "--remove", "user.a", ":/new"}).code == 4);
}

TEST_CASE("cp goes into an image and out of it, with and without metadata", "[cli][edit]") {
  const Disk disk;
  const fs::path host = disk.dir / "host";
  fs::create_directories(host / "sub");
  write_file(host / "script", "#!/bin/sh\n");
  fs::permissions(host / "script", fs::perms(0777));
  write_file(host / "sub/data", std::string(200'000, 'x'));
  fs::create_symlink("data", host / "sub/link");
  fs::create_hard_link(host / "script", host / "sub/script2");

  disk.require_verb({"cp", "-r", host.string(), ":/opt"});
  CHECK(disk.stat("/opt/script").at("mode") == "0755");
  CHECK(disk.stat("/opt/script").at("uid") == 0);
  CHECK(disk.stat("/opt/sub/link").at("type") == "symbolic link");
  CHECK(disk.stat("/opt/script").at("links") == 1);
  disk.require_verb({"cp", "-a", host.string(), ":/kept"});
  CHECK(disk.stat("/kept/script").at("mode") == "0777");
  CHECK(disk.stat("/kept/script").at("links") == 2);
  CHECK(disk.stat("/kept/script").at("uid") == ::getuid());
  CHECK(disk.run_verb({"cp", host.string(), ":/x"}).code == 1);
  CHECK(disk.run_verb({"cp", (host / "none").string(), ":/x"}).code == 1);
  disk.require_verb(
      {"cp", "--chmod", "u+s", "--owner", "7:8", (host / "script").string(), ":/etc"});
  CHECK(disk.stat("/etc/script").at("mode") == "4755");
  CHECK(disk.stat("/etc/script").at("gid") == 8);

  // Over what exists: content goes where a symlink leads, metadata stays.
  disk.require_verb({"cp", (host / "sub/data").string(), ":/link"});
  CHECK(disk.cat("/etc/fstab").size() == 200'000);
  CHECK(disk.stat("/etc/fstab").at("uid") == 1000);
  disk.require_verb({"cp", "-n", (host / "script").string(), ":/etc/fstab"});
  CHECK(disk.cat("/etc/fstab").size() == 200'000);

  disk.require_verb({"cp", "-a", ":/kept", (disk.dir / "back").string()});
  CHECK(
      run({"diff", "-r", "--no-dereference", host.string(), (disk.dir / "back").string()}).text() ==
      run({"true"}).text());
  write_file(disk.dir / "input", "from a pipe");
  disk.require_verb({"cp", "-", ":/piped"}, {.input_file = (disk.dir / "input").string()});
  CHECK(disk.run_verb({"cp", ":/piped", "-"}).out == "from a pipe");
}

TEST_CASE("a name that an image gives does not lead through a symlink that the image made",
          "[cli][edit]") {
  const Disk disk;
  const fs::path victim = disk.dir / "victim", out = disk.dir / "out";
  write_file(victim, "precious");
  fs::create_directory(out);
  disk.require_verb({"mkdir", ":/d1", ":/d2"});
  disk.require_verb({"ln", "-s", victim.string(), ":/d1/x"});
  write_file(disk.dir / "input", "evil");
  disk.require_verb({"tee", ":/d2/x"}, {.input_file = (disk.dir / "input").string()});
  disk.require_verb({"cp", "-r", ":/d1/.", ":/d2/.", out.string()});
  CHECK(read_file(victim) == "precious");
  CHECK(read_file(out / "x") == "evil");
}

TEST_CASE("cp to the host overwrites no image that is open, and with -n and --dry-run nothing",
          "[cli][edit]") {
  const Disk disk;
  const std::string before = read_file(disk.image);
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"cp", disk.image + ":/etc/fstab", disk.image},
           {"batch", disk.image, "-e", "cp :/etc/fstab " + disk.image}}) {
    const CliResult result = run_rawimg(words);
    CAPTURE(words.front(), result.err);
    CHECK(result.code == 2);
    CHECK(result.err.find("would be overwritten") != std::string::npos);
    CHECK((read_file(disk.image) == before));
  }
  const fs::path host = disk.dir / "host";
  write_file(host, "mine");
  disk.require_verb({"ln", "-s", "somewhere", ":/dangling"});
  disk.require_verb({"mknod", ":/fifo", "p"});
  for (const char* path : {":/dangling", ":/fifo", ":/etc/fstab"})
    (void)run_rawimg({"cp", "-P", "-n", disk.image + path, host.string()});
  CHECK(run_rawimg({"cp", "--dry-run", disk.image + ":/etc/fstab", host.string()}).code == 0);
  CHECK(run_rawimg({"batch", disk.image, "--dry-run", "-e", "cp :/etc/fstab " + host.string()})
            .code == 0);
  CHECK(read_file(host) == "mine");
  const CliResult none =
      run_rawimg({"cp", disk.image + ":/etc/fstab", (disk.dir / "none").string() + "/"});
  CHECK(none.code == 1);
  CHECK_FALSE(fs::exists(disk.dir / "none"));
  CHECK(disk.run_verb({"cp", host.string(), ":/none/"}).code == 4);
}

TEST_CASE("cp -a to the host keeps hard links and attributes of directories", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"mkdir", "-p", ":/t/sub"});
  write_file(disk.dir / "input", "linked");
  disk.require_verb({"tee", ":/t/sub/a"}, {.input_file = (disk.dir / "input").string()});
  disk.require_verb({"ln", ":/t/sub/a", ":/t/z"});
  disk.require_verb({"xattr", "--set", "user.k=v", ":/t/sub"});
  const fs::path out = disk.dir / "out";
  const CliResult result = run_rawimg(
      {"cp", "-a", "--owner", std::to_string(::getuid()), disk.image + ":/t", out.string()});
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(fs::hard_link_count(out / "z") == 2);
  CHECK(fs::equivalent(out / "z", out / "sub" / "a"));
  char value[8] = {};
  const bool kept = ::getxattr((out / "sub").c_str(), "user.k", value, sizeof value) == 1;
  CHECK((kept || result.err.find("cannot set 'user.k'") != std::string::npos));
}

TEST_CASE("cp takes what comes out of /proc and FIFOs, and a batch no NUL", "[cli][edit]") {
  const Disk disk;
  disk.require_verb({"cp", "/proc/self/status", ":/status"});
  CHECK(disk.cat("/status").find("Name:") == 0);
  const fs::path fifo = disk.dir / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  std::thread writer([&] { write_file(fifo, "through a pipe"); });
  disk.require_verb({"cp", fifo.string(), ":/piped"});
  writer.join();
  CHECK(disk.cat("/piped") == "through a pipe");
  write_file(disk.dir / "script", std::string("mkdir :/a\0b\n", 12));
  CHECK(run_rawimg({"batch", disk.image, (disk.dir / "script").string()}).code == 2);
}

TEST_CASE("undo never brings back names without their content", "[cli][edit]") {
  const Disk disk;
  write_file(disk.dir / "big", noise_of(900'000));
  write_file(disk.dir / "other", std::string(20'000'000, 'o'));
  const std::string big = (disk.dir / "big").string(), other = (disk.dir / "other").string();
  disk.require_verb({"cp", big, ":/f"});
  disk.require_verb({"rm", ":/f"});  // kept, and the blocks are free
  const auto undo = [&] { return run_rawimg({"undo", disk.image, "--no-sync"}); };
  SECTION("a dry run writes nothing") {
    const std::string before = read_file(disk.image);
    CHECK(disk.run_verb({"cp", "--dry-run", other, ":/g"}).code == 0);
    CHECK((read_file(disk.image) == before));
    REQUIRE(undo().code == 0);
    CHECK((disk.cat("/f") == read_file(big)));
  }
  SECTION("what failed has used the blocks") {
    write_file(disk.dir / "other", std::string(29'000'000, 'o'));
    CHECK(run_rawimg({"batch", disk.image, "--no-sync", "-e", "cp " + other + " :/g", "-e",
                      "cp " + other + " :/h"})
              .code == 5);
    CHECK(undo().code == 4);
    CHECK(run_rawimg({"ls", disk.image + ":/f"}).code == 4);
  }
}

TEST_CASE("one file that is written many times in one batch needs room for two", "[cli][edit]") {
  const Disk disk;
  write_file(disk.dir / "big", noise_of(600'000));
  std::vector<std::string> words{"batch", disk.image, "--no-sync", "-q"};
  for (int i = 0; i < 100; ++i) {
    words.push_back("-e");
    words.push_back("cp " + (disk.dir / "big").string() + " :/same");
  }
  const CliResult result = run_rawimg(words);
  CAPTURE(result.err);
  CHECK(result.code == 0);
  CHECK(run({"e2fsck", "-fn", disk.image + "?offset=1048576"}).ok());
}

TEST_CASE("cp -T fills the root", "[cli][edit]") {
  const Disk disk;
  fs::create_directories(disk.dir / "tree" / "opt");
  write_file(disk.dir / "tree" / "opt" / "f", "in opt");
  disk.require_verb({"cp", "-r", "-T", (disk.dir / "tree").string(), ":/"});
  CHECK(disk.cat("/opt/f") == "in opt");
}

TEST_CASE("cp goes from one image to another, with everything", "[cli][edit]") {
  const Disk from("ext2"), to("ext4");
  from.require_verb({"xattr", "--set", "user.a=b", ":/etc/fstab"});
  to.require_verb({"cp", "-a", from.image + ":/etc", ":/copy"});
  CHECK(to.cat("/copy/fstab") == from.cat("/etc/fstab"));
  CHECK(to.stat("/copy/fstab").at("mtime") == from.stat("/etc/fstab").at("mtime"));
  CHECK(to.stat("/copy/fstab").at("uid") == 1000);
  CHECK(run_rawimg({"stat", to.image + ":/copy/fstab"}).out.find("user.a=\"b\"") !=
        std::string::npos);
  CHECK(to.run_verb({"mv", from.image + ":/etc", ":/x"}).code == 2);
}

TEST_CASE("cp keeps files apart that share a number in two images, and refuses to copy onto itself",
          "[cli][edit]") {
  const Disk one("ext2"), two("ext2"), to("ext4");
  for (const Disk* from : {&one, &two}) {
    from->require_verb({"mkdir", ":/d"});
    write_file(from->dir / "input", std::string(3000, 'i'));
    from->require_verb({"tee", ":/d/a"}, {.input_file = (from->dir / "input").string()});
    from->require_verb({"ln", ":/d/a", ":/d/b"});
  }
  two.require_verb({"truncate", "-s", "7", ":/d/a"});
  to.require_verb({"mkdir", ":/1", ":/2"});
  REQUIRE(run_rawimg({"cp", "-a", one.image + ":/d", two.image + ":/d/a", two.image + ":/d/b",
                      to.image + ":/1", "--no-sync"})
              .code == 0);
  CHECK(to.stat("/1/a").at("size") == 7);
  CHECK(to.stat("/1/a").at("links") == 2);
  CHECK(to.stat("/1/d/a").at("size") != 7);
  CHECK(to.stat("/1/d/a").at("links") == 2);

  to.require_verb({"ln", "-s", "a", ":/1/link"});
  for (const char* target : {":/1/a", ":/1/link", ":/1/b"}) {
    CAPTURE(target);
    const CliResult same = to.run_verb({"cp", ":/1/a", target});
    CHECK(same.code == 1);
    CHECK(same.err.find("are the same file") != std::string::npos);
  }
  for (const char* target : {":/1/d/e", ":/1/d"})
    CHECK(to.run_verb({"cp", "-r", ":/1/d", target}).err.find("into itself") != std::string::npos);
  CHECK(to.run_verb({"cp", "-r", "-T", ":/1/d", ":/1/d"}).code == 1);
}

TEST_CASE("nothing is made on the host through a symlink of the image", "[cli][edit]") {
  const Disk disk;
  const fs::path outside = disk.dir / "outside", target = disk.dir / "target";
  fs::create_directory(outside);
  disk.require_verb({"mkdir", ":/t"});
  disk.require_verb({"ln", "-s", outside.string(), ":/t/d"});
  disk.require_verb({"cp", "-r", ":/t", target.string()});
  CHECK(fs::is_symlink(target / "d"));
  // The same name as a directory with a file in it: the link that is there now must not be
  // followed.
  disk.require_verb({"rm", ":/t/d"});
  disk.require_verb({"mkdir", ":/t/d"});
  disk.require_verb({"touch", ":/t/d/file"});
  CHECK(disk.run_verb({"cp", "-r", "-T", ":/t", target.string()}).code == 1);
  CHECK(fs::is_empty(outside));
  CHECK(disk.run_verb({"cp", ":/null", (disk.dir / "node").string()}).code == 3);
}

TEST_CASE("a batch is done whole or not at all, and names the line that failed", "[cli][edit]") {
  const Disk disk;
  write_file(disk.dir / "edits", "# comment\nmkdir -p ':/with space/x'\n\ncp \"" +
                                     (disk.dir / "a.tar").string() +
                                     "\" :/with\\ space/x   # more\nln -s x ':/with space/l'\n");
  disk.require_verb({"batch", disk.image, (disk.dir / "edits").string(), "-e", "touch :/first"});
  CHECK(disk.ls("/with space") == "l\nx\n");
  CHECK(disk.ls("/with space/x") == "a.tar\n");
  const std::string before = read_file(disk.image);
  struct Row {
    std::vector<std::string> lines;
    const char* says;
    int code;
  };
  for (const Row& row : {Row{{"rm -r :/etc", "rm :/etc/fstab"}, "-e 2", 4},
                         Row{{"mkdir :/q", "mkdirr :/r"}, "did you mean 'mkdir'", 2},
                         Row{{"mkdir ':/q"}, "does not end", 2},
                         Row{{"rm etc"}, "paths in the image begin with ':/'", 2},
                         Row{{"build x --size 1M"}, "is not a verb of a batch", 2}}) {
    std::vector<std::string> words{"batch", disk.image};
    for (const std::string& line : row.lines) words.insert(words.end(), {"-e", line});
    const CliResult result = disk.run_verb(words);
    CAPTURE(row.says, result.err);
    CHECK(result.code == row.code);
    CHECK(result.err.find(row.says) != std::string::npos);
    CHECK(read_file(disk.image) == before);
  }
}

TEST_CASE("verbs that read see what the lines of a batch have changed", "[cli][edit]") {
  const Disk disk;
  write_file(disk.dir / "input", "one\ntwo\n");
  const std::string input = (disk.dir / "input").string();
  const CliResult result =
      run_rawimg({"batch", disk.image,       "--no-sync", "-q",
                  "-e",    "mkdir -p :/a/b", "-e",        "cp " + input + " :/a/f",
                  "-e",    "mv :/a/f :/a/g", "-e",        "cat :/a/g",
                  "-e",    "ls :/a",         "-e",        "find :/a -type f -printf '%p %s\\n'",
                  "-e",    "du -b -s :/a/g", "-e",        "stat -c '%n %a' :/a/g",
                  "-e",    "rm :/a/g",       "-e",        "ls :/a"});
  CAPTURE(result.err);
  REQUIRE(result.code == 0);
  CHECK(result.out == "one\ntwo\nb\ng\n/a/g 8\n8\t/a/g\n/a/g 644\nb\n");
  CHECK(run_rawimg({"batch", disk.image, "-e", "touch :/x", "-e", "cat :/nope"}).code == 4);
  CHECK(run_rawimg({"ls", disk.image + ":/x"}).code == 4);
}

TEST_CASE("batch --json is an object a line, and one for the batch", "[cli][edit]") {
  const Disk disk;
  const CliResult result = run_rawimg({"batch", disk.image, "--json", "--no-sync", "-e",
                                       "mkdir -v :/a", "-e", "ls :/", "-e", "cat :/etc/fstab"});
  CAPTURE(result.out, result.err);
  REQUIRE(result.code == 0);
  std::vector<nlohmann::json> records;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) records.push_back(nlohmann::json::parse(line));
  REQUIRE(records.size() == 4);
  CHECK(records[0].at("command") == "mkdir");
  CHECK(records[0].at("line") == "-e 1");
  CHECK(records[1].at("result").at("entries").at(0).at("name") == "a");
  CHECK(records[2].at("result").at("path") == "/etc/fstab");
  CHECK(records[3].at("command") == "batch");
  CHECK(records[3].at("result").at("changed") == true);

  const CliResult failed =
      run_rawimg({"batch", disk.image, "--json", "-e", "mkdir :/b", "-e", "rm :/nope"});
  CHECK(failed.code == 4);
  const std::size_t last = failed.out.rfind('\n', failed.out.size() - 2) + 1;
  CHECK(nlohmann::json::parse(failed.out.substr(last))
            .at("error")
            .at("message")
            .get<std::string>()
            .find(": -e 2: ") != std::string::npos);
}

TEST_CASE("what verbs print in batch --json is part of their records", "[cli][edit]") {
  const Disk disk;
  const auto records_of = [&](const std::vector<std::string>& words) {
    std::vector<std::string> all{"batch", disk.image, "--json", "--no-sync"};
    all.insert(all.end(), words.begin(), words.end());
    const CliResult result = run_rawimg(all);
    CAPTURE(result.out, result.err);
    REQUIRE(result.code == 0);
    std::vector<nlohmann::json> records;
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);)
      records.push_back(nlohmann::json::parse(line));
    return records;
  };
  const auto records = records_of({"-e", "fstab list", "-e", "rm -v :/null", "-e", "touch :/x"});
  REQUIRE(records.size() == 4);
  CHECK(records[0].at("result").at("entries").at(0).at("device") == "/dev/vda1");
  CHECK(records[1].at("result").at("output") == "removed ':/null'\n");
  CHECK(records[2].at("result").empty());
  CHECK(records[3].at("command") == "batch");
  const auto dry = records_of({"--dry-run", "-e", "fstab rm /"});
  REQUIRE(dry.size() == 2);
  CHECK(dry[0].at("result").at("diff").get<std::string>().find("-/dev/vda1") != std::string::npos);
}

TEST_CASE("a dry run changes nothing, and undo takes the last change back", "[cli][edit]") {
  const Disk disk;
  const std::string before = read_file(disk.image);
  disk.require_verb({"rm", "-r", "--dry-run", ":/etc"});
  CHECK(read_file(disk.image) == before);
  const std::string listed = disk.ls("/") + disk.ls("/etc");
  disk.require_verb({"rm", "-r", ":/etc"});
  CHECK(disk.ls("/").find("etc") == std::string::npos);
  disk.require_verb({"undo", disk.image});
  CHECK(disk.ls("/") + disk.ls("/etc") == listed);
  CHECK(disk.cat("/etc/fstab") == "/dev/vda1 / ext2 noatime 0 1\n");
  disk.require_verb({"undo", disk.image});
  CHECK(disk.ls("/").find("etc") == std::string::npos);
  disk.require_verb({"touch", "--no-keep-undo", ":/x"});
  CHECK(disk.run_verb({"undo", disk.image}).code == 4);
  disk.require_verb({"touch", ":/y"});
  REQUIRE(run({"debugfs", "-w", "-R", "rm y", disk.image + "?offset=1048576"}).ok());
  CHECK(disk.run_verb({"undo", disk.image}).code == 7);
}

TEST_CASE("the guest's files are edited as text, and the same again changes nothing",
          "[cli][edit]") {
  const Disk disk;
  const std::string inittab =
      "id:3:initdefault:\nc1:12345:respawn:/sbin/agetty 38400 tty1 "
      "linux\n#s0:12345:respawn:/sbin/agetty -L 9600 ttyS0 vt100\n";
  write_file(disk.dir / "inittab", inittab);
  write_file(
      disk.dir / "fstab",
      "# <fs>\t<mp>\n/dev/BOOT\t/boot\text2\tnoauto\t1 2\n/dev/ROOT\t/\text3\tnoatime\t0 1\n");
  disk.require_verb(
      {"cp", (disk.dir / "inittab").string(), (disk.dir / "fstab").string(), ":/etc"});
  const std::string id =
      run_rawimg({"info", "--json", disk.image}).json().at("result").at("disk_id");
  for (int again = 0; again < 2; ++again) {
    disk.require_verb({"fstab", "set", disk.image, "/", "PARTUUID=auto", "ext4", "noatime"});
    disk.require_verb({"fstab", "rm", disk.image, "/boot"});
    disk.require_verb({"inittab", "comment", disk.image, "c[1-6]"});
    disk.require_verb({"inittab", "set", disk.image, "g5:3:wait:/sbin/run-script"});
    disk.require_verb({"hostname", disk.image, "gem5"});
    CHECK(disk.cat("/etc/fstab") ==
          "# <fs>\t<mp>\nPARTUUID=" + id + "-01\t/\text4\tnoatime\t0 1\n");
    CHECK(
        disk.cat("/etc/inittab") ==
        "id:3:initdefault:\n#c1:12345:respawn:/sbin/agetty 38400 tty1 "
        "linux\n#s0:12345:respawn:/sbin/agetty -L 9600 ttyS0 vt100\ng5:3:wait:/sbin/run-script\n");
  }
  CHECK(run_rawimg({"hostname", disk.image}).out == "gem5\n");
  CHECK(run_rawimg({"fstab", disk.image}).out == "PARTUUID=" + id + "-01 / ext4 noatime 0 1\n");
  const CliResult dry = disk.run_verb({"inittab", "rm", disk.image, "g5", "--dry-run"});
  CHECK(dry.out.find("-g5:3:wait:/sbin/run-script") != std::string::npos);
  CHECK(disk.cat("/etc/inittab").find("g5:") != std::string::npos);
  CHECK(disk.run_verb({"fstab", "sett", disk.image, "/"}).err.find("did you mean 'set'") !=
        std::string::npos);
  CHECK(disk.run_verb({"passwd", "lock", disk.image, "root"}).code == 4);
}

TEST_CASE("edit -e replaces as sed -E does, and says when nothing matches", "[cli][edit]") {
  const Disk disk;
  disk.require_verb(
      {"edit", "-e", "s,/dev/vd(a)([0-9]),/dev/sd\\1\\2 & x,", "-e", "s/E/\\&/gi", ":/etc/fstab"});
  CHECK(disk.cat("/etc/fstab") == "/d&v/sda1 /d&v/vda1 x / &xt2 noatim& 0 1\n");
  CHECK(disk.run_verb({"edit", "-e", "s/nothing/x/", ":/etc/fstab"}).code == 1);
  disk.require_verb({"edit", "--optional", "-e", "s/nothing/x/", ":/etc/fstab"});
  for (const char* wrong : {"s/a/b", "x/a/b/", "s/(/b/", "s/a/b/q", ""})
    CHECK(disk.run_verb({"edit", "-e", wrong, ":/etc/fstab"}).code == 2);
  disk.require_verb({"edit", "-e", "s/^/# /", ":/etc/fstab"});
  CHECK(disk.cat("/etc/fstab").starts_with("# /d&v"));
}

TEST_CASE("expressions are those of GNU sed", "[cli][edit][judge]") {
  const TempDir dir;
  const fs::path file = dir / "text";
  const std::string text =
      "one two  three\nbaaac\n\nfoofoo foo_foo\naA.bB/cC\n\ta\tb\nx^y$z [n] \\t end\nABC &\n";
  write_file(file, text);
  for (const char* expression : {R"(s/\<t/T/g)",        R"(s/\b/|/g)",
                                 R"(s/\B/-/g)",         R"(s/\`./X/g)",
                                 R"(s/.\'/X/g)",        R"(s/^o*/X/g)",
                                 R"(s/a*/x/g)",         R"(s/x*/-/g)",
                                 R"(s/$/!/g)",          R"(s/foo/[&]/g)",
                                 R"(s/(f)(o+)/\2\1/g)", R"(s/\t/TAB/g)",
                                 R"(s/[\t]/TAB/g)",     R"(s/a/\t/)",
                                 R"(s/\x41/a/g)",       R"(s/b/\x41/g)",
                                 R"(s/b/\o101\d066/g)", R"(s/\x5e/C/)",
                                 R"(s/[\x5ey]/C/g)",    R"(s/b/\x26/g)",
                                 R"(s/\//|/g)",         R"(s,/,|,g)",
                                 R"(s|a\|b|X|g)",       R"(s/A/b/ig)",
                                 R"(s/\w+/W/g)",        R"(s/\s/S/g)",
                                 R"(s/foo\>/F/g)",      R"(s/o/\n/g)",
                                 R"(s/e/\\/g)",         R"(s/\$/D/)",
                                 R"(s/\./\&/)",         R"(s/[[:upper:]\x61]/U/g)",
                                 R"(s/[]\x41]/B/g)",    R"(s/(^|[ ])o/\1O/g)",
                                 R"(s/\[n\]/N/)",       R"(s/[/]/X/)",
                                 R"(s/[^/]*/X/)",       R"(s/[]/]/X/g)",
                                 R"(s/[^]/]/X/g)",      R"(s/[[:upper:]/]/X/g)",
                                 R"(s/[\/]/X/g)",       R"(s/[[./.]]/X/)",
                                 R"(s/[[=/=]a]/X/g)",   R"(s:[[:upper:]]:X:g)",
                                 R"(s.[.].X.)",         R"(s|[\|]|X|g)",
                                 R"(s/A/[/)",           R"(s/\[/]/)",
                                 R"(s/[\]/X/)",         R"(s[A[x[)"}) {
    CAPTURE(expression);
    std::size_t changed = 0;
    const Outcome sed = run({"sed", "-E", expression, file.string()});
    REQUIRE(sed.ok());
    CHECK(cli::Substitution(expression).apply(text, changed) == sed.out);
  }
  for (const char* refused :
       {R"(s/a/\U&/)", R"(s/a/\l&/)", R"(s/a/\E/)", R"(s/a/\cA/)", R"(s/\cA/a/)", R"(s/a/\x/)",
        R"(s/a/\x00/)", R"(s/\d999/a/)", R"(s/a/b)", R"(s/(a/b/)", R"(s/[/x/)", R"(s/[a/x/)",
        R"(s/[]/x/)", R"(s/[[:/]/x/)", R"(s/[a)", R"(s/[)", R"(s/[^)"})
    CHECK_THROWS_AS(cli::Substitution(refused), Error);
}

TEST_CASE("an image in use, a dirty journal and a refused feature stay untouched", "[cli][edit]") {
  const Disk disk;
  {
    const ImageFile user = ImageFile::open(disk.image, Access::ReadOnly);
    CHECK(disk.run_verb({"touch", ":/x"}).code == 8);
  }
  const std::string other = (disk.dir / "other.img").string();
  write_file(other, std::string(16 << 20, '\0'));
  REQUIRE(run({"mke2fs", "-q", "-F", "-t", "ext4", "-O", "inline_data", other}).ok());
  CHECK(run_rawimg({"touch", other + ":/x", "--no-sync"}).code == 3);
  REQUIRE(run({"mke2fs", "-q", "-F", "-t", "ext4", other}).ok());
  REQUIRE(run({"debugfs", "-w", "-R", "feature needs_recovery", other}).ok());
  const std::string before = read_file(other);
  CHECK(run_rawimg({"touch", other + ":/x", "--no-sync"}).code == 6);
  CHECK(read_file(other) == before);
}
