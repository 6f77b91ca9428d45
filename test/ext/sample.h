// SPDX-License-Identifier: MIT
// A small filesystem of which a test damages one field.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <ext2fs/ext2fs.h>
#include <rawimg/ext_fs.h>

#include "ext/small_tree.h"
#include "ext/superblock.h"
#include "support/temp_dir.h"

namespace rawimg::test {

inline constexpr std::uint64_t kSampleBytes = 9 << 20;
inline constexpr std::uint32_t kSampleBlock = 1024;

/// A filesystem of 1 KiB blocks: /directory with names enough for several blocks, /file, /empty,
/// /short and /long.
class Sample {
 public:
  enum class Xattrs { OfFile, None };
  Sample(ExtType type, std::vector<std::string> features, Xattrs xattrs = Xattrs::OfFile)
      : file_(make_image(dir_ / "a", kSampleBytes)) {
    ExtOptions options;
    options.type = type;
    options.block_size = kSampleBlock;
    options.inodes = 128;
    options.features = std::move(features);
    ExtBuilder builder = ExtBuilder::format_last(window(), options);
    SmallTree tree(builder);
    const NodeId directory = tree.directory(ExtBuilder::kRoot, "directory");
    for (int i = 0; i < 60; ++i)
      tree.file(directory, "a_rather_long_name_of_a_file_" + std::to_string(i));
    const NodeId file = tree.file(ExtBuilder::kRoot, "file", noise(50'000));
    if (xattrs == Xattrs::OfFile)
      builder.set_xattrs(file, std::vector<Xattr>{{"user.large", std::string(300, 'v')}});
    tree.file(ExtBuilder::kRoot, "empty");
    tree.symlink(ExtBuilder::kRoot, "short", "directory");
    tree.symlink(ExtBuilder::kRoot, "long", std::string(100, '/') + "directory");
    builder.finish(tree, kFinish);
  }

  Window window() { return Window(file_); }
  ExtFs open() { return ExtFs::open(window()); }
  std::uint32_t number(const char* path) { return open().resolve(path, ExtFs::Follow::AllButLast); }

  template <class Value>
  Value get(std::uint64_t at) {
    Value value{};
    file_.read_at(ByteOffset{at}, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  template <class Value>
  void set(std::uint64_t at, Value value) {
    file_.write_at(ByteOffset{at}, std::as_bytes(std::span(&value, 1)));
  }
  /// The byte of the image where inode `number` begins.
  std::uint64_t inode_at(std::uint32_t number) {
    const auto place = Superblock::read(window())->place_of(window(), number);
    return place.block * kSampleBlock + place.offset;
  }
  /// Where i_block[index] of the inode at `path` lies.
  std::uint64_t pointer_at(const char* path, unsigned index) {
    return inode_at(number(path)) + offsetof(ext2_inode_large, i_block) + 4 * index;
  }

  ImageFile& file() { return file_; }

 private:
  TempDir dir_;
  ImageFile file_;
};

inline Sample ext2_sample() { return Sample(ExtType::Ext2, {}); }
inline Sample ext4_sample() { return Sample(ExtType::Ext4, {"^metadata_csum"}); }

}  // namespace rawimg::test
