// SPDX-License-Identifier: MIT
// Every verb on the slots of a GPT.
#include <catch2/catch.hpp>

#include <filesystem>

#include "cli/cli.h"
#include "partition/gpt_image.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;
using namespace std::literals;

namespace {

/// A disk as gem5's: slot 2 is for Linux, at byte 2097152; and one more at the end, in slot 128.
struct Disk {
  Disk() : gpt({.sectors = 65536}) {
    gpt.entry(Copy::Both, 2, kLast, 57343).add(128, 57344, 65502);
  }
  std::string image(const std::string& rest = "") const {
    return gpt.image().path().string() + rest;
  }
  /// With a filesystem and a file in slot 2.
  void fill() {
    write_file(dir / "a.tar", small_tar());
    REQUIRE(run_rawimg({"format", image(":2"), "--no-sync"}).code == 0);
    REQUIRE(run_rawimg({"populate", image(":2"), (dir / "a.tar").string(), "--no-sync"}).code == 0);
  }
  void damage_primary() { gpt.spoil_header(Copy::Primary, kDiskGuid, 1); }

  GptImage gpt;
  TempDir dir;
};

bool says(const CliResult& result, std::string_view text) {
  INFO(result.err);
  return result.err.find(text) != std::string::npos;
}

constexpr auto kRoot = "PARTUUID=00000002-1000-4000-8000-000000000001"sv;

}  // namespace

TEST_CASE("info shows the slots of a GPT, their types, names and PARTUUIDs", "[cli][gpt]") {
  Disk disk;
  REQUIRE(run_rawimg({"format", disk.image(":2"), "--no-sync"}).code == 0);
  disk.gpt.entry(Copy::Both, 1, kAttributes, 4).entry(Copy::Both, 128, kType, 1);
  const CliResult info = run_rawimg({"info", disk.image()});
  CHECK(info.code == 0);
  CHECK(info.err.empty());
  const auto has = [&](std::string_view text) { return info.out.find(text) != std::string::npos; };
  CAPTURE(info.out);
  CHECK(has("\nGPT, disk id 00112233-4455-6677-8899-aabbccddeeff, 3 partitions\n"));
  CHECK(
      has("\nslot 1: at byte 1048576, 1048576 bytes (1.0 MiB), type BIOS boot, bootable\n  holds"));
  CHECK(
      has("\nslot 2: at byte 2097152, 27262976 bytes (26.0 MiB), type Linux filesystem\n"
          "  name        root\n  filesystem  ext2"));
  CHECK(has("\n  root=       " + std::string(kRoot) + "  /dev/vda2  /dev/sda2  /dev/hda2\n"));
  CHECK(
      has("\nslot 128: at byte 29360128, 4177408 bytes (4.0 MiB), type "
          "00000001-0000-0000-8e79-3d69d8477de4\n"));
}

TEST_CASE("info --json of a GPT adds fields and keeps those of an MBR", "[cli][gpt]") {
  Disk disk;
  REQUIRE(run_rawimg({"format", disk.image(":128"), "--no-sync"}).code == 0);
  disk.gpt.entry(Copy::Both, 1, kType, 1);
  const auto result = run_rawimg({"info", "--json", disk.image()}).json().at("result");
  CHECK(result.at("table") == "gpt");
  CHECK(result.at("disk_guid") == "00112233-4455-6677-8899-aabbccddeeff");
  CHECK_FALSE(result.contains("disk_id"));
  REQUIRE(result.at("slots").size() == 3);
  const auto& root = result.at("slots").at(1);
  CHECK(root.at("slot") == 2);
  CHECK(root.at("offset") == 2097152);
  CHECK(root.at("size") == 27262976);
  CHECK(root.at("type") == "0fc63daf-8483-4772-8e79-3d69d8477de4");
  CHECK(root.at("type_name") == "Linux filesystem");
  CHECK(root.at("name") == "root");
  CHECK(root.at("bootable") == false);
  CHECK(root.at("partuuid") == "00000002-1000-4000-8000-000000000001");
  CHECK_FALSE(root.contains("root"));  // nothing to boot from in it
  CHECK_FALSE(result.at("slots").at(0).contains("type_name"));
  const auto& last = result.at("slots").at(2);
  CHECK(last.at("slot") == 128);
  CHECK(last.at("root").at(0) == "PARTUUID=" + last.at("partuuid").get<std::string>());
  CHECK(last.at("root").at(1) == "/dev/vda128");
  CHECK(run_rawimg({"info", "--json", disk.image(":128")}).json().at("result").at("slots").size() ==
        1);
}

TEST_CASE("an MBR's slots have a PARTUUID and a type by name, too", "[cli][gpt]") {
  const TempDir dir;
  const std::string image = (dir / "a.img").string();
  REQUIRE(run_rawimg({"init", image, "--size", "8M", "--disk-id", "12345678", "--no-sync"}).code ==
          0);
  const auto result = run_rawimg({"info", "--json", image}).json().at("result");
  CHECK(result.at("table") == "mbr");
  CHECK(result.at("disk_id") == "12345678");
  const auto& slot = result.at("slots").at(0);
  CHECK(slot.at("type") == "83");
  CHECK(slot.at("type_name") == "Linux");
  CHECK(slot.at("partuuid") == "12345678-01");
  CHECK(slot.at("root").at(0) == "PARTUUID=12345678-01");
  CHECK_FALSE(slot.contains("name"));
  CHECK(run_rawimg({"info", image}).out.find("type 83 Linux\n") != std::string::npos);
}

TEST_CASE("the reading and writing verbs take slots of a GPT", "[cli][gpt]") {
  Disk disk;
  disk.fill();
  const std::string etc = "fstab\n";
  CHECK(run_rawimg({"ls", disk.image(":2/etc")}).out == etc);
  CHECK(run_rawimg({"ls", disk.image(":/etc")}).out == etc);  // the only ext filesystem
  CHECK(run_rawimg({"ls", disk.image("?offset=2097152") + ":/etc"}).out == etc);
  CHECK(run_rawimg({"ls", disk.image("@@2M") + ":/etc"}).out == etc);
  CHECK(run_rawimg({"cat", disk.image(":2/etc/fstab")}).out.find("/dev/vda1 /") == 0);
  CHECK(run_rawimg({"stat", disk.image(":2/etc/fstab")}).code == 0);
  CHECK(run_rawimg({"mkdir", disk.image(":2/new")}).code == 0);
  CHECK(run_rawimg({"ls", "-d", disk.image(":2/new")}).out == "/new\n");
  REQUIRE(run_rawimg({"fstab", "set", disk.image(), "/", "PARTUUID=auto", "ext2"}).code == 0);
  CHECK(run_rawimg({"cat", disk.image(":/etc/fstab")}).out.find(kRoot) != std::string::npos);
  CHECK(disk.gpt.read().warnings().empty());
  CHECK(disk.gpt.read().partitions().size() == 3);
}

TEST_CASE("a slot that is free, and a place that is not said, name what there is", "[cli][gpt]") {
  Disk disk;
  const auto list = "slot 1 at byte 1048576, slot 2 at byte 2097152, slot 128 at byte 29360128"s;
  const CliResult missing = run_rawimg({"ls", disk.image(":127/")});
  CHECK(missing.code == 4);
  CHECK(says(missing, "has no partition in slot 127; it has " + list));
  const CliResult past = run_rawimg({"ls", disk.image(":129/")});
  CHECK(past.code == 2);
  CHECK(says(past, "slot '129': it can be 0 (the whole file) to 128"));
  const CliResult which = run_rawimg({"format", disk.image()});
  CHECK(which.code == 2);
  CHECK(says(which, "has 3 partitions (" + list + "): which one?"));
  CHECK(run_rawimg({"ls", disk.image()}).code == 3);
  REQUIRE(run_rawimg({"format", disk.image(":2"), "--no-sync"}).code == 0);
  REQUIRE(run_rawimg({"format", disk.image(":128"), "--no-sync"}).code == 0);
  CHECK(says(run_rawimg({"ls", disk.image()}),
             "has 2 ext filesystems (slot 2 at byte 2097152, slot 128 at byte 29360128)"));
}

TEST_CASE("a filesystem fills its slot of a GPT and stays in it", "[cli][gpt]") {
  Disk disk;
  const auto made = run_rawimg({"format", disk.image(":128"), "--no-sync", "--json"});
  REQUIRE(made.code == 0);
  CHECK(made.json().at("result").at("slot") == 128);
  CHECK(made.json().at("result").at("offset") == 29360128);
  CHECK(made.json().at("result").at("filesystem").at("blocks") == 4079);
  CHECK(says(run_rawimg({"format", disk.image(":128"), "--no-sync"}), "slot 128 of "));
  CHECK(run_rawimg({"format", disk.image(":128"), "--no-sync", "--force"}).code == 0);
  CHECK(disk.gpt.read().warnings().empty());
}

TEST_CASE("an offset in front of or behind the usable sectors is refused", "[cli][gpt]") {
  Disk disk;
  struct Row {
    std::uint64_t offset;
    bool good;
  };
  const auto row = GENERATE(values<Row>({{33 * 512, false},
                                         {34 * 512, true},
                                         {65502ULL * 512, false},  // in slot 128
                                         {65503ULL * 512, false},
                                         {65535ULL * 512, false}}));
  CAPTURE(row.offset);
  const CliResult made = run_rawimg(
      {"format", disk.image(fmt::format("?offset={}", row.offset)), "--no-sync", "--json"});
  CHECK(made.code == (row.good ? 0 : 2));
  if (row.good)  // up to the next partition
    CHECK(made.json().at("result").at("filesystem").at("blocks") == (2048 - 34) / 2);
  else if (row.offset != 65502ULL * 512)
    CHECK(made.json().at("error").at("message") ==
          fmt::format("offset {} is where the GPT itself lies: partitions use bytes 17408 to "
                      "33537535",
                      row.offset));
}

TEST_CASE("behind the last partition, a filesystem ends in front of the backup", "[cli][gpt]") {
  Disk disk;
  disk.gpt.entry(Copy::Both, 128, kLast, 60000);
  const CliResult made =
      run_rawimg({"format", disk.image("?offset=30720512"), "--no-sync", "--json"});
  REQUIRE(made.code == 0);
  CHECK(made.json().at("result").at("filesystem").at("blocks") == (65503 - 60001) / 2);
  CHECK(disk.gpt.read().warnings().empty());
}

TEST_CASE("a damaged primary is a warning of every verb, and an exit code of none", "[cli][gpt]") {
  Disk disk;
  disk.fill();
  disk.damage_primary();
  const auto why = "the primary GPT is damaged (the CRC of its header is "s;
  const std::vector<std::vector<std::string>> verbs{{"info", disk.image()},
                                                    {"ls", disk.image(":2")},
                                                    {"ls", disk.image()},
                                                    {"cat", disk.image(":/etc/fstab")},
                                                    {"stat", disk.image(":2/etc")}};
  for (const std::vector<std::string>& words : verbs) {
    CAPTURE(words);
    const CliResult text = run_rawimg(words);
    CHECK(text.code == 0);
    CHECK(says(text, "warning: '" + disk.image() + "': " + why));
    std::vector<std::string> as_json = words;
    as_json.push_back("--json");
    const auto warnings = run_rawimg(as_json).json().at("warnings");
    REQUIRE(warnings.size() == 1);
    CHECK(warnings.at(0).at("code") == "gpt-primary-damaged");
    CHECK(warnings.at(0).at("path") == disk.image());
  }
  CHECK(says(run_rawimg({"mkdir", disk.image(":2/new")}), why));
  CHECK(run_rawimg({"mkdir", disk.image(":2/two"), "--json"}).json().at("warnings").size() == 1);
  CHECK(says(run_rawimg({"format", disk.image(":128"), "--no-sync"}), why));
  CHECK(run_rawimg({"cp", disk.image(":2/etc/fstab"), (disk.dir / "out").string(), "--json"})
            .json()
            .at("warnings")
            .size() == 1);
  CHECK(run_rawimg({"format", disk.image(":128"), "--no-sync", "--force", "--json"})
            .json()
            .at("warnings")
            .size() == 1);
  const CliResult filled = run_rawimg(
      {"populate", disk.image(":128"), (disk.dir / "a.tar").string(), "--no-sync", "--json"});
  REQUIRE(filled.code == 0);
  CHECK(filled.json().at("warnings").at(0).at("code") == "gpt-primary-damaged");
}

TEST_CASE("a GPT with both copies damaged is exit 6 with both reasons", "[cli][gpt]") {
  Disk disk;
  disk.gpt.spoil_header(Copy::Both, kDiskGuid, 1);
  for (const char* verb : {"info", "ls", "format"}) {
    const CliResult result = run_rawimg({verb, disk.image()});
    CHECK(result.code == 6);
    CHECK(says(result, "the primary GPT is damaged (the CRC of its header is "));
    CHECK(says(result, ", and so is the backup (the CRC of its header is "));
  }
}

TEST_CASE("a GPT gives way to an MBR with force only", "[cli][gpt]") {
  Disk disk;
  if (GENERATE(false, true)) disk.damage_primary();
  const CliResult refused = run_rawimg({"partition", disk.image(), "--no-sync"});
  CHECK(refused.code == 1);
  CHECK(says(refused, "is in use: GPT"));
  CHECK(disk.gpt.read().kind() == PartitionTable::Kind::Gpt);
  REQUIRE(run_rawimg({"partition", disk.image(), "--no-sync", "--force"}).code == 0);
  CHECK(disk.gpt.read().kind() == PartitionTable::Kind::Mbr);
  const auto result = run_rawimg({"info", "--json", disk.image()}).json().at("result");
  CHECK(result.at("table") == "mbr");
  CHECK(result.at("slots").size() == 1);
}

TEST_CASE("all of a GPT disk becomes one filesystem with force only", "[cli][gpt]") {
  Disk disk;
  CHECK(run_rawimg({"format", disk.image(":0"), "--no-sync"}).code == 1);
  REQUIRE(run_rawimg({"format", disk.image(":0"), "--no-sync", "--force"}).code == 0);
  CHECK(run_rawimg({"ls", disk.image()}).out == "lost+found\n");
  CHECK(run_rawimg({"info", "--json", disk.image()}).json().at("result").at("table") == "none");
}

TEST_CASE("where both copies are damaged, an offset still leads to the filesystem", "[cli][gpt]") {
  Disk disk;
  disk.fill();
  disk.damage_primary();
  disk.gpt.spoil_header(Copy::Backup, kDiskGuid, 1);
  const CliResult refused = run_rawimg({"ls", disk.image()});
  CHECK(refused.code == 6);
  CHECK(says(refused, "IMG?offset="));
  CHECK(refused.err.find(disk.image()) == refused.err.rfind(disk.image()));
  const CliResult listed = run_rawimg({"ls", disk.image("?offset=2097152:/etc")});
  CHECK(listed.out == "fstab\n");
  CHECK(says(listed, "it is not looked at"));
  CHECK(run_rawimg({"touch", disk.image("?offset=2097152:/etc/new"), "--no-sync"}).code == 0);
  CHECK(run_rawimg({"ls", disk.image("?offset=2097152:/etc")}).out == "fstab\nnew\n");
  CHECK(run_rawimg({"ls", disk.image("?offset=2097664:/")}).code == 6);
  CHECK(run_rawimg({"format", disk.image("?offset=2097152"), "--force"}).code == 6);
}
