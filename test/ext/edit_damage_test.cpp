// SPDX-License-Identifier: MIT
// A small filesystem is damaged, and what changes it says so, and leaves alone what is whole.
#include <rawimg/transaction.h>

#include <algorithm>
#include <array>

#include <catch2/catch.hpp>

#include "ext/sample.h"
#include "support/error_matcher.h"
#include "support/fault_seam.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

constexpr std::uint32_t kRootInode = EXT2_ROOT_INO;
const TransactionOptions kQuick{.now = {1'700'000'000, 0}, .durability = Durability::NoSync};

void remove(Sample& sample, const char* name) {
  Transaction transaction = Transaction::begin(sample.window(), kQuick);
  transaction.unlink(kRootInode, name);
  transaction.commit();
}

/// More names of /empty.
void add_names(Sample& sample, std::uint32_t directory, int count) {
  Transaction transaction = Transaction::begin(sample.window(), kQuick);
  const std::uint32_t empty = transaction.resolve("/empty");
  for (int i = 0; i < count; ++i)
    transaction.link(directory, "one_more_long_name_of_a_file_" + std::to_string(i), empty);
  transaction.commit();
}

/// Four blocks that make a map of the most there can be: each level names one block all over.
void map_everything(Sample& sample, const char* path) {
  std::array<std::uint32_t, 4> blocks{};
  for (unsigned i = 0; i < blocks.size(); ++i)
    blocks[i] = sample.get<std::uint32_t>(sample.pointer_at("/file", i));
  for (unsigned level = 1; level < blocks.size(); ++level)
    for (std::uint64_t i = 0; i < kSampleBlock / 4; ++i)
      sample.set(std::uint64_t{blocks[level]} * kSampleBlock + 4 * i, blocks[level - 1]);
  for (unsigned level = 0; level < 3; ++level)
    sample.set(sample.pointer_at(path, EXT2_NDIR_BLOCKS + level), blocks[level + 1]);
}

}  // namespace

TEST_CASE("a directory with blocks behind its end is not made anew", "[ext][edit]") {
  Sample sample = ext4_sample();
  const std::uint32_t number = sample.number("/directory");
  const std::uint64_t root = sample.pointer_at("/directory", 0);
  const auto entries = sample.get<std::uint16_t>(root + 2);
  REQUIRE(entries == 1);
  const std::uint64_t second = root + sizeof(ext3_extent_header) + sizeof(ext3_extent);
  const std::uint32_t behind = GENERATE(100U, 1'000'000U);
  sample.set(root + 2, std::uint16_t{2});
  sample.set(second, ext3_extent{behind, 1, 0, 5000});
  CHECK(sample.open().read_directory(number).size() == 60);
  REQUIRE_THROWS_MATCHES(add_names(sample, number, 60), Error,
                         IsError(Errc::Corrupt, "has blocks behind its end"));
  CHECK(sample.open().read_directory(number).size() == 60);
}

TEST_CASE("a map that names more blocks than there are ends", "[ext][edit]") {
  Sample sample = ext2_sample();
  map_everything(sample, "/empty");
  REQUIRE_THROWS_MATCHES(remove(sample, "empty"), Error,
                         IsError(Errc::Corrupt, "names more blocks than the 9216 of the"));
}

TEST_CASE("a directory's parent is read from its first block alone", "[ext][edit]") {
  Sample sample = ext2_sample();
  const std::uint32_t number = sample.number("/directory");
  const std::uint64_t block =
      std::uint64_t{sample.get<std::uint32_t>(sample.pointer_at("/directory", 0))} * kSampleBlock;
  constexpr std::uint64_t kNameOfSecond = 12 + 8;
  REQUIRE(sample.get<std::uint16_t>(block + kNameOfSecond) == 0x2E2E);
  sample.set(block + kNameOfSecond, std::uint16_t{0x7A7A});
  // a file's, because any below the first is damage of its own
  sample.set(block + 12, std::uint32_t{sample.number("/empty")});
  map_everything(sample, "/directory");
  REQUIRE_THROWS_MATCHES(add_names(sample, number, 1), Error,
                         IsError(Errc::Corrupt, "its second entry is not '..'"));
}

TEST_CASE("a failure to give room back is no failure of a change that is done", "[ext][edit]") {
  const auto remove_with = [](Sample& sample, FaultSeam& seam) {
    sample.file().set_seam(&seam);
    TransactionOptions how = kQuick;
    how.keep_undo_bytes = 0;
    Transaction transaction = Transaction::begin(sample.window(), how);
    transaction.unlink(kRootInode, "file");
    transaction.commit();
    sample.file().set_seam(nullptr);
  };
  FaultSeam watching;
  Sample first = ext4_sample();
  remove_with(first, watching);
  const auto events = watching.events();
  const auto punch = std::ranges::find(events, "punch", &FaultSeam::Event::what);
  REQUIRE(punch != events.end());
  FaultSeam failing(static_cast<std::size_t>(punch - events.begin()));
  Sample second = ext4_sample();
  CHECK_NOTHROW(remove_with(second, failing));
  CHECK(failing.events().size() > static_cast<std::size_t>(punch - events.begin()));
  CHECK_FALSE(second.open().find(kRootInode, "file"));
}

TEST_CASE("attributes whose checksum is wrong are not made right by a change", "[ext][edit]") {
  Sample sample(ExtType::Ext4, {});
  const std::uint64_t acl =
      sample.inode_at(sample.number("/file")) + offsetof(ext2_inode_large, i_file_acl);
  const std::uint64_t block = std::uint64_t{sample.get<std::uint32_t>(acl)} * kSampleBlock;
  REQUIRE(block != 0);
  const std::uint64_t value = block + kSampleBlock - 1;
  sample.set(value, static_cast<std::uint8_t>(sample.get<std::uint8_t>(value) ^ 1));
  REQUIRE_THROWS_MATCHES(remove(sample, "file"), Error,
                         IsError(Errc::Corrupt, "checksum is wrong"));
}

TEST_CASE("a filesystem without attributes gets none", "[ext][edit]") {
  Sample sample(ExtType::Ext4, {"^ext_attr"}, Sample::Xattrs::None);
  const std::uint32_t number = sample.number("/empty");
  Transaction transaction = Transaction::begin(sample.window(), kQuick);
  for (const std::size_t size : {1, 300})
    REQUIRE_THROWS_MATCHES(
        transaction.set_xattrs(number, std::vector<Xattr>{{"user.k", std::string(size, 'v')}}),
        Error, IsError(Errc::Unsupported, "feature 'ext_attr'"));
  CHECK_NOTHROW(transaction.set_xattrs(number, {}));
}

TEST_CASE("clusters that are smaller than blocks are damage", "[ext]") {
  Sample sample = ext2_sample();
  constexpr std::uint64_t kSuper = 1024;
  const auto set_field = [&](std::size_t at, std::uint32_t value) {
    sample.set(kSuper + at, value);
  };
  const std::uint64_t features = kSuper + offsetof(ext2_super_block, s_feature_ro_compat);
  sample.set(features, sample.get<std::uint32_t>(features) | EXT4_FEATURE_RO_COMPAT_BIGALLOC);
  set_field(offsetof(ext2_super_block, s_log_block_size), 2);
  for (const std::uint32_t clusters : {0U, 1U, 21U, 0xFFFFFFFFU}) {
    set_field(offsetof(ext2_super_block, s_log_cluster_size), clusters);
    REQUIRE_THROWS_MATCHES(sample.open(), Error, IsError(Errc::Corrupt, "clusters of 2^"));
  }
}
