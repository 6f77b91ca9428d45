// SPDX-License-Identifier: MIT
// Every byte of an image is hostile: whatever is changed in one, reading it ends, and ends in
// values or in an Error.
#include <rawimg/ext_fs.h>

#include <rawimg/error.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

#include "ext/small_tree.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

constexpr std::uint64_t kSize = 9 << 20;

/// A small filesystem with one of everything: indexed directory, map blocks, xattr block, symlinks.
void fill(const Window& window, ExtType type, const std::vector<std::string>& features) {
  ExtOptions options;
  options.type = type;
  options.block_size = 1024;
  options.inodes = 128;
  options.features = features;
  ExtBuilder builder = ExtBuilder::format_last(window, options);
  SmallTree tree(builder);
  const NodeId d = tree.directory(ExtBuilder::kRoot, "directory");
  for (int i = 0; i < 60; ++i) tree.file(d, "a_rather_long_name_of_a_file_" + std::to_string(i));
  std::string holes(200'000, '\0');
  for (std::size_t at = 0; at < holes.size(); at += 4096) holes[at] = 'x';
  tree.file(ExtBuilder::kRoot, "holes", holes);
  const NodeId f = tree.file(ExtBuilder::kRoot, "file", noise(50'000));
  builder.set_xattrs(
      f, std::vector<Xattr>{{"user.large", std::string(300, 'v')}, {"user.small", "s"}});
  tree.symlink(ExtBuilder::kRoot, "short", "directory");
  tree.symlink(ExtBuilder::kRoot, "long", std::string(100, '/') + "directory");
  builder.finish(tree, kFinish);
}

/// Looks at everything there is. Returns the Error's text, if there was one.
std::string walk(const Window& window) {
  std::string problems;
  const auto attempt = [&](auto action) {
    try {
      action();
    } catch (const Error& error) {
      problems += error.what();
    }
  };
  attempt([&] {
    (void)probe_ext(window);
    const ExtFs fs = ExtFs::open(window, DirtyJournal::Ignore);
    std::vector<std::uint32_t> todo{2};
    std::set<std::uint32_t> seen;
    while (!todo.empty() && seen.size() < 500) {
      const std::uint32_t inode = todo.back();
      todo.pop_back();
      if (!seen.insert(inode).second) continue;
      attempt([&] {
        const InodeInfo info = fs.inode(inode);
        if (info.type == FileType::Directory)
          for (const DirEntry& entry : fs.read_directory(inode)) todo.push_back(entry.inode);
        else if (info.type == FileType::Regular && info.size_bytes < (64 << 20))
          fs.read_file(inode, [](std::span<const std::byte>) {});
      });
    }
    for (const char* path :
         {"/directory/a_rather_long_name_of_a_file_7", "/short/nothing", "/long/../file"})
      attempt([&] { (void)fs.resolve(path); });
  });
  return problems;
}

}  // namespace

TEST_CASE("no changed byte of the metadata crashes, hangs or overruns the reader",
          "[ext][D01][D09][D10][D13][D14]") {
  const bool checksums = GENERATE(true, false);
  const ExtType type = GENERATE(ExtType::Ext2, ExtType::Ext4);
  if (type == ExtType::Ext2 && checksums) return;
  CAPTURE(to_text(type), checksums);
  const TempDir dir;
  ImageFile file = make_image(dir / "a", kSize);
  const Window window(file);
  fill(window, type,
       type == ExtType::Ext4 && !checksums ? std::vector<std::string>{"^metadata_csum"}
                                           : std::vector<std::string>{});
  REQUIRE(walk(window).find("damaged") == std::string::npos);

  // Blocks that are not zero and not content: found by what they are not.
  std::string image = read_file(dir / "a");
  std::size_t changed = 0, noticed = 0;
  const std::string content = noise(50'000).substr(0, 64);
  for (std::size_t block = 1; block < kSize / 1024; ++block) {
    const std::string_view bytes = std::string_view(image).substr(block * 1024, 1024);
    const bool empty = bytes.find_first_not_of('\0') == std::string_view::npos;
    const bool is_content =
        std::count_if(bytes.begin(), bytes.end(), [](char c) { return c & 1; }) == 1024;
    if (empty || is_content) continue;
    const std::size_t step = block < 3 ? 1 : 5;  // the superblock byte by byte
    for (std::size_t at = block * 1024; at < (block + 1) * 1024; at += step) {
      for (const int change : {0, 0xFF, -1}) {  // -1: one bit of what is there
        const char old = image[at], now = static_cast<char>(change < 0 ? old ^ 0x10 : change);
        if (old == now) continue;
        file.write_at(ByteOffset{at}, std::as_bytes(std::span(&now, 1)));
        ++changed;
        if (!walk(window).empty()) ++noticed;
        file.write_at(ByteOffset{at}, std::as_bytes(std::span(&old, 1)));
      }
    }
    if (changed > 12'000) break;
  }
  CHECK(changed > 1000);
  CHECK(noticed > changed / 20);
}
