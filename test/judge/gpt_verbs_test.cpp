// SPDX-License-Identifier: MIT
// A disk as gem5-resources ships them (GPT by sfdisk, ext4 by mke2fs with 64bit and metadata_csum
// at 2 MiB): every verb works on it, and nothing outside the slot changes by a byte.
#include <fstream>

#include <catch2/catch.hpp>

#include "judge/judge.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMiB = 1 << 20, kOffset = 2 * kMiB;

class Disk {
 public:
  Disk() {
    std::ofstream(image).close();
    fs::resize_file(image, 64 * kMiB);
    Command command;
    command.argv = {"sfdisk", "-q", image.string()};
    command.input =
        "label: gpt\nsize=1M,type=21686148-6449-6E6F-744E-656564454649\nsize=50M,type=L\n"
        "size=5M,type=L\n";
    REQUIRE(run(std::move(command)).ok());
    const auto slot = sfdisk_partitions(image).at(2);
    REQUIRE(slot.start == kOffset);
    end = slot.start + slot.size;
    const Outcome made = run({"mke2fs", "-q", "-F", "-t", "ext4", "-O", "64bit,metadata_csum", "-b",
                              "4096", "-E", "offset=" + std::to_string(kOffset), image.string(),
                              std::to_string(slot.size / 4096)});
    INFO(made.text());
    REQUIRE(made.ok());
    // Something to lose, outside: in gaps, in the slot behind, in front of the backup.
    std::fstream file(image, std::ios::binary | std::ios::in | std::ios::out);
    for (const std::uint64_t at : {512 * 40, 512 * 2049, static_cast<int>(end)}) {
      file.seekp(static_cast<std::streamoff>(at));
      file << std::string(5000, '\xA7');
    }
    file.close();
    outside = outside_of_slot();
  }

  std::string outside_of_slot() const {
    const std::string bytes = read_file(image);
    return bytes.substr(0, kOffset) + bytes.substr(end);
  }
  std::string at(const std::string& path) const { return image.string() + ":2" + path; }

  /// Runs a verb and looks at the slot and at everything else.
  Outcome require(std::vector<std::string> words, const std::string& input = "") const {
    Command command = rawimg_command(std::move(words));
    command.input = input;
    Outcome outcome = run(std::move(command));
    INFO(outcome.text());
    REQUIRE(outcome.ok());
    REQUIRE(complaints(image, kOffset, end - kOffset) == std::vector<std::string>{});
    REQUIRE((outside_of_slot() == outside));
    return outcome;
  }

  TempDir dir;
  fs::path image = dir / "x86-ubuntu.img";
  std::uint64_t end = 0;
  std::string outside;
};

}  // namespace

TEST_CASE("every verb works on a slot of a gem5 disk, and nothing outside it changes",
          "[judge][gpt][E21][A49]") {
  const Disk disk;
  const std::string motd = (disk.dir / "motd").string(), tar = (disk.dir / "t.tar").string();
  write_file(motd, "hello\n");
  fs::create_directories(disk.dir / "tree" / "opt" / "bench");
  write_file(disk.dir / "tree" / "opt" / "bench" / "input", std::string(100'000, 'i'));
  REQUIRE(run({"tar", "-cf", tar, "-C", (disk.dir / "tree").string(), "."}).ok());

  disk.require({"mkdir", "-p", disk.at("/etc"), disk.at("/sbin"), disk.at("/a/b/c")});
  disk.require({"cp", motd, disk.at("/etc/motd")});
  disk.require({"cp", "-r", (disk.dir / "tree").string(), disk.at("/copied")});
  disk.require({"cp", "-a", disk.at("/copied"), disk.at("/again")});
  disk.require({"mv", disk.at("/again"), disk.at("/a/b")});
  disk.require({"ln", disk.at("/etc/motd"), disk.at("/etc/motd.2")});
  disk.require({"ln", "-s", "motd", disk.at("/etc/motd.3")});
  disk.require({"chmod", "u+s,go-w", disk.at("/etc/motd")});
  disk.require({"chown", "1000:70000", disk.at("/etc/motd")});
  disk.require({"touch", disk.at("/etc/empty")});
  disk.require({"truncate", "-s", "20M", disk.at("/etc/empty")});
  disk.require({"mknod", disk.at("/console"), "c", "5", "1"});
  disk.require({"xattr", "--set", "user.note=x", disk.at("/etc/motd")});
  disk.require({"tee", disk.at("/etc/fstab")}, "/dev/BOOT / ext4 noatime 0 1\n");
  disk.require({"edit", "-e", "s/noatime/relatime/", disk.at("/etc/fstab")});
  disk.require({"fstab", "set", disk.at(""), "/", "PARTUUID=auto", "ext4"});
  disk.require({"tee", disk.at("/etc/inittab")}, "id:3:initdefault:\n");
  disk.require({"inittab", "set", disk.at(""), "g5:3:wait:/sbin/run-script"});
  disk.require({"hostname", disk.at(""), "gem5"});
  disk.require({"tee", disk.at("/etc/passwd")}, "root:x:0:0:root:/root:/bin/sh\n");
  disk.require({"tee", disk.at("/etc/shadow")}, "root:*:19000:0:99999:7:::\n");
  disk.require({"passwd", "lock", disk.at(""), "root"});
  disk.require({"populate", disk.at("/srv"), tar});
  disk.require({"batch", disk.at(""), "-e", "touch :/1", "-e", "rm :/1", "-e", "mkdir :/2"});
  disk.require({"rmdir", disk.at("/2")});
  disk.require({"rm", "-rf", disk.at("/a")});
  disk.require({"undo", disk.image.string()});
  disk.require({"recover", disk.image.string()});

  CHECK(disk.require({"cat", disk.at("/etc/motd.3")}).out == "hello\n");
  CHECK_THAT(disk.require({"ls", "-l", disk.at("/etc")}).out, Catch::Contains("motd.3 -> motd"));
  CHECK_THAT(disk.require({"stat", disk.at("/console")}).out, Catch::Contains("character special"));
  disk.require({"info", disk.image.string()});
  CHECK(debugfs(disk.image, kOffset, "cat /etc/motd.2") == "hello\n");
  CHECK(debugfs(disk.image, kOffset, "cat /srv/opt/bench/input") == std::string(100'000, 'i'));
  CHECK(debugfs(disk.image, kOffset, "cat /a/b/again/opt/bench/input") ==
        std::string(100'000, 'i'));
  CHECK_THAT(debugfs(disk.image, kOffset, "cat /etc/fstab"), Catch::Contains("PARTUUID="));
  CHECK_THAT(debugfs(disk.image, kOffset, "stat /etc/motd"),
             Catch::Contains("0644") && Catch::Contains("Group: 70000"));
  CHECK(run({"sfdisk", "-V", disk.image.string()}).out.find("No errors detected") !=
        std::string::npos);
}
