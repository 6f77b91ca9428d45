// SPDX-License-Identifier: MIT
#include <catch2/catch.hpp>

#include <cinttypes>
#include <cstdio>
#include <sstream>

#include <rawimg/error.h>

#include "partition/samples.h"
#include "support/process.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

Outcome sfdisk(std::vector<std::string> options, const SampleImage& image, std::string input = "") {
  std::vector<std::string> argv{"sfdisk"};
  argv.insert(argv.end(), options.begin(), options.end());
  argv.push_back(image.path().string());
  Command command;
  command.argv = std::move(argv);
  command.input = std::move(input);
  command.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
  return run(std::move(command));
}

/// The partitions of `sfdisk -d`, read with a pattern of our own and not with
/// parse_partition_request.
std::vector<Partition> dumped(const SampleImage& image) {
  const Outcome dump = sfdisk({"-d"}, image);
  INFO(dump.text());
  REQUIRE(dump.ok());
  const std::string name = image.path().string();
  std::vector<Partition> found;
  std::istringstream lines(dump.out);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(name, 0) != 0) continue;
    Partition partition;
    unsigned type = 0;
    REQUIRE(std::sscanf(line.c_str() + name.size(),
                        "%u : start= %" SCNu64 ", size= %" SCNu64 ", type=%x", &partition.slot,
                        &partition.first_sector, &partition.sector_count, &type) == 4);
    partition.type = static_cast<std::uint8_t>(type);
    partition.bootable = line.find(", bootable") != std::string::npos;
    found.push_back(partition);
  }
  return found;
}

void write_table(const SampleImage& image, const PartitionTable& table) {
  ImageFile file = image.open();
  table.write(file);
}

struct Layout {
  const char* name;
  std::uint64_t size;
  std::vector<const char*> lines;  // for both, slot by slot
};

std::vector<Layout> layouts() {
  return {{"gem5, old", mib(100).value, {"start=63,type=83"}},
          {"gem5, today", mib(100).value, {"start=2048,type=83"}},
          {"bootable, with swap",
           mib(100).value,
           {"start=2048,size=100000,type=83,bootable", "start=104448,size=50000,type=82"}},
          {"four slots",
           mib(64).value,
           {"start=2048,size=2048,type=c", "start=4096,size=2048,type=ef",
            "start=6144,size=2048,type=8e", "start=8192,type=fd"}},
          {"not in the order of the disk",
           mib(64).value,
           {"start=20480,size=2048,type=83", "start=2048,size=2048,type=82"}},
          {"past 8 GiB",
           20ULL << 30,
           {"start=2048,size=9G,type=83", "start=18876416,size=10G,type=83"}},
          {"up to 2 TiB", 2ULL << 40, {"start=2048,size=1G,type=83", "start=4194303999,type=83"}}};
}

}  // namespace

TEST_CASE("sfdisk reads from our tables what we meant, and finds nothing wrong with them",
          "[partition][judge][G01][G02][G04][G06][G13]") {
  for (const Layout& layout : layouts()) {
    CAPTURE(layout.name);
    const SampleImage image(layout.size);
    PartitionTable table;
    for (const char* line : layout.lines)
      table.add(parse_partition_request(line), ByteCount{layout.size});
    table.set_disk_id(0xCAFE0001);
    write_table(image, table);
    CHECK(dumped(image) == table.partitions());
    const Outcome verdict = sfdisk({"-V"}, image);
    INFO(verdict.text());
    CHECK(verdict.ok());
    CHECK(sfdisk({"-d"}, image).out.find("label-id: 0xcafe0001") != std::string::npos);
    CHECK(sfdisk({"--json"}, image).out.find("\"label\": \"dos\"") != std::string::npos);
  }
}

TEST_CASE("we read from sfdisk's tables what sfdisk reads from them",
          "[partition][judge][G01][G02][G04]") {
  for (const Layout& layout : layouts()) {
    CAPTURE(layout.name);
    const SampleImage image(layout.size);
    std::string script = "label: dos\nlabel-id: 0xfeed0002\n";
    for (const char* line : layout.lines) script += std::string(line) + '\n';
    const Outcome made = sfdisk({}, image, script);
    INFO(made.text());
    REQUIRE(made.ok());
    const PartitionTable table = PartitionTable::read(image.open());
    CHECK(table.disk_id() == 0xFEED0002);
    CHECK(table.partitions().size() == layout.lines.size());
    CHECK(table.partitions() == dumped(image));
  }
}

TEST_CASE("logical partitions are those that sfdisk reads", "[partition][judge]") {
  const SampleImage image(mib(64).value);
  const Outcome made = sfdisk({}, image,
                              "label: dos\nlabel-id: 0xfeed0002\nstart=2048,size=2048,type=83\n"
                              "start=4096,size=100000,type=5\nstart=110000,size=100,type=82\n"
                              "start=6144,size=2048,type=83\nstart=10240,size=2048,type=82\n"
                              "start=30720,size=4096,type=8e,bootable\n");
  INFO(made.text());
  REQUIRE(made.ok());
  CHECK(dumped(image).size() == 6);
  CHECK(PartitionTable::read(image.open()).partitions() == dumped(image));
  Command remove;
  remove.argv = {"sfdisk", "--delete", image.path().string(), "5"};
  REQUIRE(run(std::move(remove)).ok());
  const std::vector<Partition> left = dumped(image);
  CHECK(left.size() == 5);
  const PartitionTable table = PartitionTable::read(image.open());
  CHECK(table.partitions() == left);
  CHECK(table.warnings().empty());
}

TEST_CASE("the same words give the same partitions here and in sfdisk",
          "[partition][judge][G04][G06]") {
  const std::string line =
      GENERATE(as<std::string>(), "start=63,type=83", "start=1MiB,size=20M,type=L",
               "2048,4096,82,*", "2048 4096 c *", ",10M,S", "size=10M, type=U, bootable",
               "start=2048, size=+, type=linux", "start=2048;size=5000;type=8e",
               "type=\"Linux raid autodetect\"", "start=4096,type=e", "-,-,b,-");
  CAPTURE(line);
  const SampleImage image(mib(64).value);
  const Outcome made = sfdisk({}, image, "label: dos\n" + line + "\n");
  INFO(made.text());
  REQUIRE(made.ok());
  PartitionTable table;
  table.add(parse_partition_request(line), mib(64));
  CHECK(table.partitions() == dumped(image));
}

TEST_CASE("a gap in the slots is a gap for both", "[partition][judge][G04]") {
  const SampleImage image(mib(64).value);
  PartitionTable table;
  table.add({.slot = 4, .first_sector = 4096, .sector_count = 2048}, mib(64));
  table.add({.slot = 2, .first_sector = 63, .sector_count = 1000, .bootable = true}, mib(64));
  write_table(image, table);
  CHECK(dumped(image) == table.partitions());

  const SampleImage theirs(mib(64).value);
  REQUIRE(sfdisk({}, theirs,
                 "label: dos\nx.img2 : start=63, size=1000, type=83, bootable\nx.img4 : "
                 "start=4096, size=2048, type=83\n")
              .ok());
  CHECK(PartitionTable::read(theirs.open()).partitions() == table.partitions());
}

TEST_CASE("a dump of sfdisk's, line by line, makes the same table again",
          "[partition][judge][G02][G04]") {
  const SampleImage image(mib(64).value);
  REQUIRE(
      sfdisk({}, image, "label: dos\nstart=63,size=1985,type=82\nstart=2048,size=60000,bootable\n")
          .ok());
  PartitionTable table;
  std::istringstream lines(sfdisk({"-d"}, image).out);
  for (std::string line; std::getline(lines, line);)
    if (line.find("start=") != std::string::npos) table.add(parse_partition_request(line), mib(64));
  CHECK(table.partitions() == dumped(image));
}

TEST_CASE("sfdisk changes the disk id of our table, and we read it", "[partition][judge][G14]") {
  const std::string id = GENERATE(as<std::string>(), "0x1", "0x2", "0xffffffff");
  const SampleImage image(mib(64).value);
  write_table(image, [] {
    PartitionTable table;
    table.add({}, mib(64));
    return table;
  }());
  const Outcome changed = run({"sfdisk", "--disk-id", image.path().string(), id});
  INFO(changed.text());
  REQUIRE(changed.ok());
  CHECK(PartitionTable::read(image.open()).disk_id() == std::stoul(id, nullptr, 16));
}

TEST_CASE("labels that sfdisk makes and that are no MBR are named", "[partition][judge][G09]") {
  struct Row {
    const char* label;
    const char* name;
  };
  const auto row =
      GENERATE(values<Row>({{"gpt", "GPT"}, {"sun", "Sun disk label"}, {"sgi", "SGI disk label"}}));
  CAPTURE(row.label);
  const SampleImage image(mib(64).value);
  const Outcome made = sfdisk({}, image, std::string("label: ") + row.label + "\n");
  INFO(made.text());
  REQUIRE(made.ok());
  CHECK(identify_disk(image.open()).name == row.name);
}

TEST_CASE("after an MBR is forced over a GPT, sfdisk sees the MBR alone",
          "[partition][judge][G09]") {
  const SampleImage image(mib(64).value);
  REQUIRE(sfdisk({}, image, "label: gpt\nsize=10M\n").ok());
  ImageFile file = image.open();
  erase_signatures(file);
  PartitionTable table;
  table.add({}, mib(64));
  table.write(file);
  CHECK(dumped(image) == table.partitions());
  const Outcome left = run({"wipefs", "--noheadings", "--output", "TYPE", image.path().string()});
  INFO(left.text());
  REQUIRE(left.ok());
  CHECK(left.out == "dos\n");
}

TEST_CASE("swap that mkswap makes is recognised", "[partition][judge]") {
  const SampleImage image(mib(1).value);
  REQUIRE(run({"mkswap", image.path().string()}).ok());
  CHECK(identify_disk(image.open()).name == "swap space");
}

TEST_CASE("ext filesystems that mke2fs makes are named by their type", "[partition][judge]") {
  const std::string type = GENERATE(as<std::string>(), "ext2", "ext3", "ext4");
  const SampleImage image(mib(8).value);
  REQUIRE(run({"mke2fs", "-q", "-F", "-t", type, image.path().string()}).ok());
  CHECK(identify_disk(image.open()).name == type + " filesystem");
}
