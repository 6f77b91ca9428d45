// SPDX-License-Identifier: MIT
// Disks with a GPT that sfdisk makes, as gem5's are: e2fsprogs and sfdisk on what rawimg writes
// into their slots, and rawimg on what e2fsprogs writes.
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "judge/judge.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMiB = 1 << 20;

struct Layout {
  const char* name;
  const char* script;
  int root;
  std::uint64_t offset;
};

// What gem5-resources' images for x86 and for ARM have, and a slot far behind.
const std::vector<Layout> kLayouts{
    {"x86", "label: gpt\nsize=1M,type=21686148-6449-6E6F-744E-656564454649\ntype=L\n", 2, 2097152},
    {"ARM", "label: gpt\nsize=10M,type=U\ntype=L,name=rootfs\n", 2, 11 * kMiB},
    {"slot 128", "label: gpt\nx128 : start=4096,type=L\n", 128, 2097152}};

fs::path make_disk(const TempDir& dir, const Layout& layout) {
  const fs::path image = dir / "x.img";
  std::ofstream(image).close();
  fs::resize_file(image, 64 * kMiB);
  Command command;
  command.argv = {"sfdisk", "-q", image.string()};
  command.input = layout.script;
  const Outcome made = run(std::move(command));
  INFO(made.text());
  REQUIRE(made.ok());
  return image;
}

std::string slot_of(const fs::path& image, const Layout& layout, const std::string& path = "") {
  return image.string() + ":" + std::to_string(layout.root) + path;
}

void require_verified(const fs::path& image) {
  const Outcome verified = run({"sfdisk", "-V", image.string()});
  INFO(verified.text());
  REQUIRE(verified.out.find("No errors detected") != std::string::npos);
}

}  // namespace

TEST_CASE("what is made in a slot of a GPT is clean, and the table stays as sfdisk made it",
          "[judge][gpt]") {
  const Layout layout = GENERATE(from_range(kLayouts));
  const std::string type = GENERATE(as<std::string>{}, "ext2", "ext4");
  CAPTURE(layout.name, type);
  const TempDir dir;
  const fs::path image = make_disk(dir, layout);
  const auto before = run({"sfdisk", "-d", image.string()}).out;
  REQUIRE(run_rawimg({"format", slot_of(image, layout), "-t", type, "--no-sync"}).ok());
  std::ofstream(dir / "motd") << "hello\n";
  REQUIRE(run_rawimg({"cp", (dir / "motd").string(), slot_of(image, layout, "/motd")}).ok());
  require_clean(image, layout.root);
  CHECK(sfdisk_partitions(image).at(layout.root).start == layout.offset);
  CHECK(debugfs(image, layout.offset, "cat /motd") == "hello\n");
  CHECK(run({"sfdisk", "-d", image.string()}).out == before);
  require_verified(image);
}

TEST_CASE("what e2fsprogs makes in a slot of a GPT is read and changed", "[judge][gpt]") {
  const Layout layout = GENERATE(from_range(kLayouts));
  CAPTURE(layout.name);
  const TempDir dir;
  const fs::path image = make_disk(dir, layout);
  const std::uint64_t blocks = sfdisk_partitions(image).at(layout.root).size / 4096;
  const Outcome made =
      run({"mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-E",
           "offset=" + std::to_string(layout.offset), image.string(), std::to_string(blocks)});
  INFO(made.text());
  REQUIRE(made.ok());
  const Outcome listed = run_rawimg({"ls", image.string()});
  INFO(listed.text());
  CHECK(listed.out == "lost+found\n");
  REQUIRE(run_rawimg({"mkdir", slot_of(image, layout, "/new")}).ok());
  CHECK(run_rawimg({"ls", image.string()}).out == "lost+found\nnew\n");
  require_clean(image, layout.root);
  require_verified(image);
}

TEST_CASE("info says of a GPT what sfdisk says", "[judge][gpt]") {
  const Layout layout = GENERATE(from_range(kLayouts));
  CAPTURE(layout.name);
  const TempDir dir;
  const fs::path image = make_disk(dir, layout);
  const auto ours =
      nlohmann::json::parse(run_rawimg({"info", "--json", image.string()}).out).at("result");
  const auto theirs =
      nlohmann::json::parse(run({"sfdisk", "-J", image.string()}).out).at("partitiontable");
  const auto lower = [](std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  };
  CHECK(ours.at("disk_guid") == lower(theirs.at("id")));
  REQUIRE(ours.at("slots").size() == theirs.at("partitions").size());
  for (std::size_t i = 0; i < ours.at("slots").size(); ++i) {
    const auto& slot = ours.at("slots").at(i);
    const auto& partition = theirs.at("partitions").at(i);
    CHECK(partition.at("node") == image.string() + std::to_string(slot.at("slot").get<int>()));
    CHECK(slot.at("offset") == 512 * partition.at("start").get<std::uint64_t>());
    CHECK(slot.at("size") == 512 * partition.at("size").get<std::uint64_t>());
    CHECK(slot.at("type") == lower(partition.at("type")));
    CHECK(slot.at("partuuid") == lower(partition.at("uuid")));
    CHECK(slot.at("name") == partition.value("name", ""));
  }
}
