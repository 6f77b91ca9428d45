// SPDX-License-Identifier: MIT
// The commands about files that the guest reads: fstab, inittab, hostname, passwd.
#include <algorithm>
#include <filesystem>
#include <sstream>

#include <catch2/catch.hpp>

#include "cli/cli.h"
#include "support/process.h"
#include "support/tar_writer.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

const std::string kFstab =
    "# <fs>\t<mountpoint>\n/dev/BOOT\t/boot\text2\tnoauto\t1 2\n/dev/ROOT\t/\text3\tnoatime\t0 1\n"
    "#/dev/SWAP\tnone\tswap\tsw\t0 0\n/dev/sdb1\t/my\\040data\text4\tro,x=\\134\t0 0\n";
const std::string kInittab =
    "id:3:initdefault:\nc1:12345:respawn:/sbin/agetty 38400 tty1 linux\n#s0:12345:respawn:/old\n";
// openssl passwd -6 -salt saltsalt secret
const std::string kHash =
    "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq."
    "H91p5hVO1";
const std::string kShadow =
    "root:$1$abcdefgh$0123456789abcdefghijk.:10770:0:::::\nbob:$5$x$secret:19000:0:99999:7:::\n"
    "halt:*:9797:0:::::\ngames:!:9797:0:::::\n";

/// An image whose root filesystem has these files; e2fsck looks at it at the end.
class Guest {
 public:
  explicit Guest(const std::string& label = "") {
    TarWriter tar;
    tar.entry({.name = "./", .type = '5', .mode = 0755});
    tar.entry({.name = "./etc/", .type = '5', .mode = 0755});
    tar.entry({.name = "./etc/fstab", .mode = 0644}, kFstab);
    tar.entry({.name = "./etc/inittab", .mode = 0644}, kInittab);
    tar.entry({.name = "./etc/hostname", .mode = 0644}, "box\n");
    tar.entry({.name = "./etc/conf.d/", .type = '5', .mode = 0755});
    tar.entry({.name = "./etc/conf.d/hostname", .mode = 0644}, "hostname=\"box\"\n");
    tar.entry({.name = "./etc/passwd", .mode = 0644},
              "root:x:0:0::/:/bin/sh\nbob:x:1:1::/:/bin/sh\ngames:x:2:2::/:/bin/sh\n");
    tar.entry({.name = "./etc/shadow", .mode = 0600}, kShadow);
    write_file(dir / "a.tar", tar.finish());
    std::vector<std::string> words{"build",     image, "--from", (dir / "a.tar").string(),
                                   "--size",    "32M", "-t",     "ext2",
                                   "--no-sync", "-q"};
    if (!label.empty()) words.insert(words.end(), {"--label", label});
    REQUIRE(run_rawimg(words).code == 0);
  }
  ~Guest() {
    const Outcome judged = run({"e2fsck", "-fn", image + "?offset=1048576"});
    CAPTURE(judged.text());
    CHECK(judged.exit_code == 0);
  }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  /// Runs a command; "IMG" stands for the image, and `input` is its standard input.
  CliResult run_words(std::vector<std::string> words, const std::string& input = "") const {
    for (std::string& word : words)
      if (word.starts_with("IMG")) word.replace(0, 3, image);
    write_file(dir / "input", input);
    return run_rawimg(words, {.input_file = (dir / "input").string()});
  }
  CliResult change(std::vector<std::string> words, const std::string& input = "") const {
    words.push_back("--no-sync");
    return run_words(std::move(words), input);
  }
  void require(const std::vector<std::string>& words, const std::string& input = "") const {
    const CliResult result = change(words, input);
    CAPTURE(words, result.err);
    REQUIRE(result.code == 0);
  }
  std::string cat(const std::string& path) const {
    return run_rawimg({"cat", image + ":" + path}).out;
  }

  TempDir dir;
  std::string image = (dir / "a.img").string();
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("fstab add and inittab add append what is not there, once", "[cli][edit]") {
  const Guest guest;
  for (int again = 0; again < 2; ++again) {
    guest.require({"fstab", "add", "IMG", "/home", "LABEL=home", "ext4"});
    guest.require({"fstab", "add", "IMG", "none", "/dev/SWAP", "swap", "sw"});
    guest.require({"inittab", "add", "IMG", "g5:3:wait:/sbin/run-script", "s0:3:respawn:/new"});
    CHECK(guest.cat("/etc/fstab") ==
          kFstab +
              "LABEL=home\t/home\t\text4\tdefaults\t0 0\n/dev/SWAP\tnone\t\tswap\tsw\t\t0 0\n");
    CHECK(guest.cat("/etc/inittab") ==
          kInittab + "g5:3:wait:/sbin/run-script\ns0:3:respawn:/new\n");
  }
  const std::string before = read_file(guest.image);
  const CliResult fstab = guest.change({"fstab", "add", "IMG", "/boot", "/dev/vda1", "ext2"});
  CHECK(fstab.code == 1);
  CHECK(has(fstab.err, "'/dev/BOOT /boot ext2 noauto 1 2'"));
  CHECK(has(fstab.err, "'set' would replace it"));
  const CliResult inittab = guest.change({"inittab", "add", "IMG", "c1:3:respawn:/x"});
  CHECK(inittab.code == 1);
  CHECK(has(inittab.err, "'c1:12345:respawn:/sbin/agetty 38400 tty1 linux'"));
  CHECK(has(inittab.err, "'set' would replace it"));
  CHECK((read_file(guest.image) == before));
  CHECK(guest
            .change({"batch", "IMG", "-e", "fstab add /b /dev/b ext4", "-e",
                     "inittab add g6:3:wait:/x"})
            .code == 0);
  CHECK(has(guest.cat("/etc/fstab"), "/dev/b"));
  CHECK(has(guest.cat("/etc/inittab"), "g6:3:wait:/x\n"));
}

TEST_CASE("passwd set takes no password for a hash, and does not show it", "[cli][edit]") {
  const Guest guest;
  const std::string before = read_file(guest.image);
  for (const char* input : {"hunter2\n", "hunter 2", "$6$hunter2", "", "!hunter2", "x"}) {
    const CliResult result = guest.change({"passwd", "set", "IMG", "root"}, input);
    CAPTURE(input, result.err);
    CHECK(result.code == 2);
    CHECK_FALSE(has(result.err, "hunter"));
    CHECK(has(result.err, "openssl passwd -6"));
  }
  CHECK((read_file(guest.image) == before));
  const CliResult des = guest.change({"passwd", "set", "IMG", "root"}, "ab0123456789.\n");
  CHECK(des.code == 0);
  CHECK(has(des.err, "warning: 13 characters"));
  CHECK(guest.change({"passwd", "set", "IMG", "root"}, "*").code == 0);
  CHECK(guest.change({"passwd", "set", "IMG", "root"}, kHash + "\n").code == 0);
  CHECK(has(guest.cat("/etc/shadow"), "root:" + kHash + ":"));
}

TEST_CASE("passwd --dry-run shows which line changes, and nobody's hash", "[cli][edit]") {
  const Guest guest;
  const CliResult set = guest.change({"passwd", "set", "IMG", "bob", "--dry-run"}, kHash);
  CHECK(has(set.out, "--- a/etc/shadow\n"));
  CHECK(has(set.out, " root:<hidden>:10770:0:::::\n"));
  CHECK(has(set.out, "-bob:<hidden>:19000:"));
  CHECK(has(set.out, "+bob:<new hash>:"));
  CHECK(has(set.out, " halt:*:9797:"));
  CHECK(has(set.out, " games:!:9797:"));
  const CliResult lock = guest.change({"passwd", "lock", "IMG", "bob", "--dry-run"});
  CHECK(has(lock.out, "+bob:!<hidden>:19000:"));
  const CliResult batch = guest.change(
      {"batch", "IMG", "--dry-run", "--json", "-e", "passwd lock bob", "-e", "passwd lock root"});
  CHECK(has(batch.out, "+root:!<hidden>:"));
  for (const CliResult& result : {set, lock, batch}) {
    CAPTURE(result.out);
    CHECK(result.code == 0);
    CHECK_FALSE(has(result.out + result.err, "$"));
  }
  CHECK(guest.cat("/etc/shadow") == kShadow);
}

TEST_CASE("the guest's files are listed as JSON, too", "[cli]") {
  const Guest guest;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"fstab", "list", "IMG", "--json"},
        std::vector<std::string>{"fstab", "IMG", "--json"},
        std::vector<std::string>{"batch", "IMG", "--json", "-e", "fstab list"}}) {
    const CliResult result = guest.run_words(words);
    CAPTURE(result.out);
    std::istringstream lines(result.out);
    std::string first;
    std::getline(lines, first);
    const auto json = nlohmann::json::parse(first);
    CHECK(json.at("command") == "fstab");
    CHECK(json.at("result").at("path") == "/etc/fstab");
    const auto& entries = json.at("result").at("entries");
    REQUIRE(entries.size() == 4);
    CHECK(entries.at(0) == nlohmann::json::parse(R"({"line":2,"active":true,"device":"/dev/BOOT",
        "mount_point":"/boot","type":"ext2","options":"noauto","dump":1,"pass":2})"));
    CHECK(entries.at(2).at("active") == false);
    CHECK(entries.at(3).at("mount_point") == "/my data");
  }
  const auto inittab = guest.run_words({"inittab", "list", "IMG", "--json"}).json().at("result");
  CHECK(inittab.at("style") == "sysvinit");
  CHECK(inittab.at("entries").at(1) ==
        nlohmann::json::parse(R"({"line":2,"active":true,"id":"c1","runlevels":"12345",
        "action":"respawn","process":"/sbin/agetty 38400 tty1 linux"})"));
  const auto name = guest.run_words({"hostname", "IMG", "--json"}).json();
  CHECK(name.at("command") == "hostname");
  CHECK(name.at("result").at("hostname") == "box");
  CHECK(name.at("result").at("path") == "/etc/conf.d/hostname");
  CHECK(
      guest
          .run_words({"batch", "IMG", "-q", "-e", "hostname", "-e", "hostname a", "-e", "hostname"})
          .out == "box\na\n");
}

TEST_CASE("a dry run with --json is one object with the difference in it", "[cli]") {
  const Guest guest;
  const auto fstab =
      guest.run_words({"fstab", "rm", "IMG", "/boot", "--dry-run", "--json"}).json().at("result");
  CHECK(fstab.at("dry_run") == true);
  CHECK(has(fstab.at("diff"), "\n-/dev/BOOT\t"));
  const auto hostname =
      guest.run_words({"hostname", "IMG", "gem5", "--dry-run", "--json"}).json().at("result");
  CHECK(has(hostname.at("diff"), "+hostname=\"gem5\"\n"));
  CHECK(has(hostname.at("diff"), "+gem5\n"));
  const CliResult batch = guest.run_words(
      {"batch", "IMG", "--dry-run", "--json", "-e", "fstab rm /boot", "-e", "inittab rm c1"});
  std::istringstream lines(batch.out);
  std::vector<nlohmann::json> records;
  for (std::string line; std::getline(lines, line);) records.push_back(nlohmann::json::parse(line));
  REQUIRE(records.size() == 3);
  CHECK(has(records[0].at("result").at("diff"), "-/dev/BOOT"));
  CHECK(has(records[1].at("result").at("diff"), "-c1:12345"));
  CHECK_FALSE(records[2].at("result").contains("diff"));
  const auto same =
      guest.run_words({"fstab", "rm", "IMG", "/x", "--dry-run", "--json"}).json().at("result");
  CHECK_FALSE(same.contains("diff"));
}

TEST_CASE("what matches no entry is said, and is no failure", "[cli][edit]") {
  const Guest guest;
  struct Row {
    std::vector<std::string> words;
    std::string pattern;
  };
  for (const Row& row : {Row{{"fstab", "rm", "IMG", "/nope"}, "/nope"},
                         Row{{"fstab", "comment", "IMG", "/dev/nope"}, "/dev/nope"},
                         Row{{"inittab", "rm", "IMG", "c1", "c9"}, "c9"},
                         Row{{"inittab", "comment", "IMG", "c9"}, "c9"}}) {
    const CliResult result = guest.change(row.words);
    CAPTURE(row.words, result.err);
    CHECK(result.code == 0);
    CHECK(has(result.err, (row.words[1] == "rm" ? "warning: no active entry of /etc/"
                                                : "warning: no entry of /etc/") +
                              row.words[0] + " matches '" + row.pattern + "'"));
    auto words = row.words;
    words.push_back("--json");
    const auto warnings = guest.change(words).json().at("warnings");
    CHECK(warnings.at(warnings.size() - 1).at("code") == "no-match");
  }
  for (int again = 0; again < 2; ++again) {
    const CliResult result = guest.change({"fstab", "comment", "IMG", "/boot", "/dev/SWAP"});
    CHECK(result.code == 0);
    CHECK_FALSE(has(result.err, "warning"));
  }
  const CliResult batch = guest.change({"batch", "IMG", "-e", "inittab rm c8"});
  CHECK(batch.code == 0);
  CHECK(has(batch.err, "warning: no active entry of /etc/inittab matches 'c8'"));
}

TEST_CASE("auto stands for what the image has, and for nothing else", "[cli][edit]") {
  const Guest named("my root"), nameless;
  named.require({"fstab", "set", "IMG", "/", "LABEL=auto", "ext2"});
  CHECK(has(named.cat("/etc/fstab"), "LABEL=my\\040root\t/\text2"));
  const std::string before = nameless.cat("/etc/fstab");
  struct Row {
    const char *device, *says;
  };
  for (const Row& row : {Row{"LABEL=auto", "the filesystem has no label"},
                         Row{"PARTLABEL=auto", "'auto' stands for something in"},
                         Row{"ID=auto", "'auto' stands for something in"},
                         Row{"partuuid=auto", "did you mean 'PARTUUID=auto'?"}}) {
    const CliResult result = nameless.change({"fstab", "set", "IMG", "/", row.device, "ext2"});
    CAPTURE(row.device, result.err);
    CHECK(result.code == 2);
    CHECK(has(result.err, row.says));
  }
  CHECK(nameless.cat("/etc/fstab") == before);
}

TEST_CASE("what is wrong with a guest's file is said with its name", "[cli][edit]") {
  const Guest guest;
  for (const char* path : {"inittab", "conf.d/hostname", "shadow", "fstab"})
    guest.require({"rm", "IMG:/etc/" + std::string(path)});
  for (const char* path : {"inittab", "conf.d/hostname", "shadow"})
    guest.require({"mkdir", "IMG:/etc/" + std::string(path)});
  guest.require({"mknod", "IMG:/etc/fstab", "p"});
  struct Row {
    std::vector<std::string> words;
    std::string path, why;
  };
  for (const Row& row :
       {Row{{"inittab", "list", "IMG"}, "/etc/inittab", "it is a directory"},
        Row{{"inittab", "rm", "IMG", "c1"}, "/etc/inittab", "it is a directory"},
        Row{{"fstab", "IMG"}, "/etc/fstab", "it is not a regular file"},
        Row{{"fstab", "add", "IMG", "/", "/dev/a", "ext4"}, "/etc/fstab", "it is not a regular"},
        Row{{"hostname", "IMG"}, "/etc/conf.d/hostname", "it is a directory"},
        Row{{"hostname", "IMG", "x"}, "/etc/conf.d/hostname", "it is a directory"},
        Row{{"passwd", "lock", "IMG", "root"}, "/etc/shadow", "it is a directory"}}) {
    const CliResult result = guest.run_words(row.words);
    CAPTURE(row.words, result.err);
    CHECK(result.code == 1);
    CHECK(has(result.err, "'" + row.path + "': " + row.why));
  }
}

TEST_CASE("words that are wrong for any guest are refused before its file is read", "[cli]") {
  const Guest guest;
  for (const char* path : {"inittab", "hostname", "conf.d/hostname", "passwd", "fstab"}) {
    guest.require({"rm", "IMG:/etc/" + std::string(path)});
    guest.require({"mkdir", "IMG:/etc/" + std::string(path)});
  }
  struct Row {
    std::vector<std::string> words;
    std::string says;
  };
  for (const Row& row :
       {Row{{"fstab", "add", "IMG", "/"}, "add takes MOUNTPOINT DEVICE TYPE"},
        Row{{"fstab", "set", "IMG", "/dev/a", "/", "ext4"}, "seem to be swapped"},
        Row{{"fstab", "set", "IMG", "/", "LABEL=auto", "ext4"}, "the filesystem has no label"},
        Row{{"fstab", "rm", "IMG"}, "rm takes mount points or devices"},
        Row{{"fstab", "rm", "IMG", ""}, "to look for in fstab is empty"},
        Row{{"inittab", "set", "IMG"}, "set takes lines of the form"},
        Row{{"hostname", "IMG", "a_b"}, "'_' is no letter"},
        Row{{"passwd", "lock", "IMG"}, "lock takes one user"}}) {
    const CliResult result = guest.run_words(row.words);
    CAPTURE(row.words, result.err);
    CHECK(result.code == 2);
    CHECK(has(result.err, row.says));
    CHECK_FALSE(has(result.err, "it is a directory"));
  }
  const CliResult batch = guest.change({"batch", "IMG", "-e", "fstab add /"});
  CAPTURE(batch.err);
  CHECK(has(batch.err, "add takes MOUNTPOINT DEVICE TYPE"));
}

TEST_CASE("a guest's file that a symlink takes to the running system is not made", "[cli][edit]") {
  const Guest guest;
  struct Row {
    const char *target, *real;
  };
  for (const Row& row :
       {Row{"/proc/mounts", "/proc/mounts"}, Row{"../proc/self/mounts", "/proc/"},
        Row{"/sys/x", "/sys/x"}, Row{"/run/fstab", "/run/fstab"}, Row{"/etc/mtab", "/proc/mounts"},
        Row{"/var/run/a", "/run/a"}, Row{"/../dev/./null", "/dev/null"}}) {
    CAPTURE(row.target);
    guest.require({"rm", "-f", "-r", "IMG:/etc/fstab", "IMG:/etc/mtab", "IMG:/var"});
    guest.require({"mkdir", "-p", "IMG:/proc", "IMG:/sys", "IMG:/run", "IMG:/dev", "IMG:/var"});
    guest.require({"ln", "-s", "/proc/mounts", "IMG:/etc/mtab"});
    guest.require({"ln", "-s", "../run", "IMG:/var/run"});
    guest.require({"ln", "-s", row.target, "IMG:/etc/fstab"});
    const std::string before = read_file(guest.image);
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"fstab", "add", "IMG", "/", "/dev/a", "ext4"},
          std::vector<std::string>{"fstab", "set", "IMG", "/", "/dev/a", "ext4"},
          std::vector<std::string>{"fstab", "rm", "IMG", "/"},
          std::vector<std::string>{"batch", "IMG", "-e", "fstab list"},
          std::vector<std::string>{"fstab", "IMG"}}) {
      const CliResult result = guest.change(words);
      CAPTURE(words, result.err);
      CHECK(result.code == 4);
      CHECK(has(result.err, "'/etc/fstab': a symlink leads to '" + std::string(row.real)));
      CHECK(has(result.err, "remove the symlink first"));
    }
    CHECK((read_file(guest.image) == before));
  }
  guest.require({"rm", "IMG:/etc/fstab"});
  guest.require({"mknod", "IMG:/dev/null", "c", "1", "3"});
  guest.require({"ln", "-s", "/dev/null", "IMG:/etc/fstab"});
  CHECK(
      has(guest.change({"fstab", "add", "IMG", "/", "/dev/a", "ext4"}).err, "'/dev/null', which"));
}

TEST_CASE("symlinks to files of the image are followed, also to where none is yet", "[cli][edit]") {
  const Guest guest;
  guest.require({"rm", "IMG:/etc/fstab"});
  guest.require({"mkdir", "IMG:/running"});
  guest.require({"ln", "-s", "../running/fstab", "IMG:/etc/fstab"});
  guest.require({"fstab", "add", "IMG", "/", "/dev/a", "ext4"});
  CHECK(has(guest.cat("/running/fstab"), "/dev/a"));
}

TEST_CASE("hostname leaves comments, and changes nothing the second time", "[cli][edit]") {
  const Guest guest;
  guest.require({"rm", "IMG:/etc/conf.d/hostname", "IMG:/etc/hostname"});
  guest.require({"tee", "IMG:/etc/hostname"}, "# my comment\nfoo\n");
  const std::string before = read_file(guest.image);
  CHECK(has(guest.change({"hostname", "IMG", "foo"}).err, "nothing to change"));
  CHECK((read_file(guest.image) == before));
  guest.require({"hostname", "IMG", "bar"});
  CHECK(guest.cat("/etc/hostname") == "# my comment\nbar\n");
}

TEST_CASE("fstab set warns of further entries of a mount point, and leaves them", "[cli][edit]") {
  const Guest guest;
  guest.require({"tee", "IMG:/etc/fstab"},
                "# c\n/dev/a / ext4\noverlay / overlay\n/dev/b / ext4\n");
  for (int again = 0; again < 2; ++again) {
    const CliResult result = guest.change({"fstab", "set", "IMG", "/", "overlay", "overlay", "ro"});
    CAPTURE(result.err);
    CHECK(result.code == 0);
    CHECK(has(
        result.err,
        "line 3 of /etc/fstab is as asked for; other entries of the same place stay (line 2, 4)"));
  }
  CHECK(guest.cat("/etc/fstab") == "# c\n/dev/a / ext4\noverlay / overlay ro\n/dev/b / ext4\n");
  guest.require({"fstab", "rm", "IMG", "/dev/a", "/dev/b"});
  CHECK_FALSE(has(guest.change({"fstab", "set", "IMG", "/", "overlay", "overlay"}).err, "warning"));
}

TEST_CASE("words in the wrong order get the right one", "[cli]") {
  const Guest guest;
  struct Row {
    std::vector<std::string> words;
    std::string says;
  };
  for (const Row& row :
       {Row{{"fstab", "IMG", "list"}, "rawimg fstab list IMG"},
        Row{{"fstab", "IMG", "set", "/", "PARTUUID=auto", "ext2"},
            "rawimg fstab set IMG / PARTUUID=auto ext2"},
        Row{{"inittab", "IMG", "comment", "c[1-6]"}, "rawimg inittab comment IMG 'c[1-6]'"},
        Row{{"inittab", "IMG", "c1"}, "rawimg inittab list|add|set|rm|comment IMG c1"},
        Row{{"passwd", "IMG"}, "rawimg passwd lock|unlock|set IMG USER"},
        Row{{"passwd", "IMG", "root"}, "rawimg passwd lock|unlock|set IMG root"},
        Row{{"passwd", "list", "IMG"}, "rawimg passwd lock|unlock|set IMG USER"},
        Row{{"passwd"}, "rawimg passwd lock|unlock|set IMG USER"},
        Row{{"fstab"}, "rawimg fstab list|add|set|rm|comment IMG ..."},
        Row{{"fstab", "--image", "IMG", ":1", "rm", "/"}, "rawimg fstab rm --image IMG :1 /"},
        Row{{"fstab", "--image", "IMG", "/", "x"}, "|comment --image IMG x"},
        Row{{"passwd", "--image", "IMG"}, "rawimg passwd lock|unlock|set --image IMG USER"},
        Row{{"passwd", "--image", "IMG", ":1"}, "|set --image IMG :1 USER"},
        Row{{"passwd", "IMG", "lock", "root"}, "rawimg passwd lock IMG root"},
        Row{{"hostname", "set", "IMG", "x"}, "rawimg hostname IMG x"},
        Row{{"hostname", "IMG", "set", "x"}, "rawimg hostname IMG x"},
        Row{{"hostname", "get", "IMG"}, "rawimg hostname IMG"},
        Row{{"fstab", "set", "IMG", "/dev/sda1", "/data", "ext4"}, "seem to be swapped"},
        Row{{"fstab", "set", "IMG", "PARTUUID=auto", "/", "ext4"}, "seem to be swapped"},
        Row{{"fstab", "sett", "IMG", "/"}, "did you mean 'set'"},
        Row{{"fstab", "uncomment", "IMG", "/"}, "'set' writes an active line"},
        Row{{"inittab", "uncomment", "IMG", "c1"}, "'set' writes an active line"}}) {
    const CliResult result = guest.run_words(row.words);
    std::string says = row.says;
    const bool typed = std::count(row.words.begin(), row.words.end(), "IMG") != 0;
    if (const auto at = says.find("IMG"); typed && at != std::string::npos)
      says.replace(at, 3, guest.image);
    CAPTURE(row.words, result.err);
    CHECK(result.code == 2);
    CHECK(has(result.err, says));
    CHECK_FALSE((row.says.starts_with("'set' writes") && has(result.err, "did you mean")));
  }
}

TEST_CASE("fstab list prints lines that fstab would take, in columns", "[cli]") {
  const Guest guest;
  const CliResult result = guest.run_words({"fstab", "list", "IMG"});
  CHECK(result.out ==
        "/dev/BOOT  /boot       ext2 noauto    1 2\n"
        "/dev/ROOT  /           ext3 noatime   0 1\n"
        "#/dev/SWAP none        swap sw        0 0\n"
        "/dev/sdb1  /my\\040data ext4 ro,x=\\134 0 0\n");
  write_file(guest.dir / "fstab", kFstab);
  write_file(guest.dir / "listed", result.out);
  const auto found = [&](const char* name) {
    return run({"findmnt", "--fstab", "--tab-file", (guest.dir / name).string(), "--raw",
                "--noheadings", "-o", "SOURCE,TARGET,FSTYPE,OPTIONS,FREQ,PASSNO"});
  };
  if (found("fstab").ok()) CHECK(found("listed").out == found("fstab").out);
  guest.require({"fstab", "add", "IMG", "/\x1B[2J\xFF", "\xC3\xBC\xC2\x9B", "ext4"});
  CHECK(
      has(guest.run_words({"fstab", "list", "IMG"}).out, "\n\\303\\274\\302\\233 /\\033[2J\\377 "));
}

TEST_CASE("the option --image names the image of the guest's files, and a slot can follow",
          "[cli][edit]") {
  const Guest guest;
  const std::string odd = (guest.dir / "odd:1").string();
  std::filesystem::rename(guest.image, odd);
  const auto changed = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--image", odd});
    return guest.change(words);
  };
  CHECK(changed({"fstab", "set", "/", "PARTUUID=auto", "ext4"}).code == 0);
  CHECK(changed({"fstab", "rm", ":1", "/boot"}).code == 0);
  CHECK(changed({"inittab", "set", "1:3:wait:/x"}).code == 0);
  CHECK(changed({"inittab", "rm", "1"}).code == 0);
  CHECK(changed({"inittab", "comment", ":1", "c1"}).code == 0);
  CHECK(changed({"hostname", "gem5"}).code == 0);
  CHECK(changed({"passwd", "lock", "root"}).code == 0);
  CHECK(changed({"passwd", "lock", ":1", "bob"}).code == 0);
  CHECK(changed({"passwd", "lock", ":2", "bob"}).code == 4);
  CHECK(changed({"fstab", "list", ":1/etc"}).code == 2);
  CHECK(guest.run_words({"hostname", "--image", odd}).out == "gem5\n");
  CHECK(guest.run_words({"hostname", "--image", odd, ":1"}).out == "gem5\n");
  CHECK(guest.run_words({"inittab", "--image", odd, ":1"}).out ==
        "id:3:initdefault:\n#c1:12345:respawn:/sbin/agetty 38400 tty1 "
        "linux\n#s0:12345:respawn:/old\n");
  const std::string fstab = guest.run_words({"fstab", "list", "--image", odd}).out;
  CHECK(fstab == guest.run_words({"fstab", "--image", odd}).out);
  CHECK(has(fstab, "PARTUUID="));
  CHECK_FALSE(has(fstab, "/dev/BOOT"));
  std::filesystem::rename(odd, guest.image);
  CHECK(has(guest.cat("/etc/shadow"), "bob:!$5$"));
}
