// SPDX-License-Identifier: MIT
#include "ext/features.h"

#include <ext2fs/ext2_fs.h>
#include <catch2/catch.hpp>

#include <algorithm>

#include "support/error_matcher.h"

using namespace rawimg;
using namespace rawimg::test;

namespace {

bool has(const FeatureSet& set, const std::string& name) {
  const auto names = feature_names(set);
  return std::find(names.begin(), names.end(), name) != names.end();
}

FeatureSet make(ExtType type, std::vector<std::string> changes = {}) {
  return make_features(type, changes);
}

}  // namespace

TEST_CASE("each type has Debian 12's features", "[ext][F04]") {
  CHECK(feature_names(make(ExtType::Ext2)) ==
        std::vector<std::string>{"ext_attr", "resize_inode", "dir_index", "filetype",
                                 "sparse_super", "large_file"});
  CHECK(feature_names(make(ExtType::Ext3)) ==
        std::vector<std::string>{"has_journal", "ext_attr", "resize_inode", "dir_index", "filetype",
                                 "sparse_super", "large_file"});
  CHECK(feature_names(make(ExtType::Ext4)) ==
        std::vector<std::string>{"has_journal", "ext_attr", "resize_inode", "dir_index", "filetype",
                                 "extent", "64bit", "flex_bg", "sparse_super", "large_file",
                                 "huge_file", "dir_nlink", "extra_isize", "metadata_csum"});
}

TEST_CASE("features are added and removed by name; one kind of group checksum replaces the other",
          "[ext][F04]") {
  CHECK_FALSE(has(make(ExtType::Ext4, {"^metadata_csum", "^64bit"}), "metadata_csum"));
  CHECK(has(make(ExtType::Ext4, {"uninit_bg"}), "uninit_bg"));
  CHECK_FALSE(has(make(ExtType::Ext4, {"uninit_bg"}), "metadata_csum"));
  CHECK(has(make(ExtType::Ext4, {"large_dir"}), "large_dir"));
}

TEST_CASE("features that are unknown, not made, or contradictory are refused by name",
          "[ext][F04]") {
  REQUIRE_THROWS_MATCHES(make(ExtType::Ext4, {"metadata_cusm"}), Error,
                         IsError(Errc::Usage, "'metadata_cusm' is not a feature name"));
  REQUIRE_THROWS_MATCHES(make(ExtType::Ext4, {"bigalloc"}), Error,
                         IsError(Errc::Usage, "'bigalloc' is not one that rawimg makes"));
  REQUIRE_NOTHROW(make(ExtType::Ext4, {"^bigalloc"}));
  REQUIRE_THROWS_MATCHES(make(ExtType::Ext2, {"^sparse_super"}), Error,
                         IsError(Errc::Usage, "needs 'sparse_super'"));
  REQUIRE_THROWS_MATCHES(make(ExtType::Ext4, {"^filetype"}), Error,
                         IsError(Errc::Usage, "needs 'filetype'"));
  REQUIRE_THROWS_MATCHES(make(ExtType::Ext2, {"metadata_csum_seed"}), Error,
                         IsError(Errc::Usage, "needs 'metadata_csum'"));
}

TEST_CASE(
    "a filesystem with features that rawimg does not write is refused by their names, unknown ones "
    "by their bits",
    "[ext][E15]") {
  REQUIRE_NOTHROW(require_writable(make(ExtType::Ext4)));
  FeatureSet set = make(ExtType::Ext4);
  set.incompat |= EXT4_FEATURE_INCOMPAT_INLINE_DATA | 0x40000000;
  set.ro_compat |= EXT4_FEATURE_RO_COMPAT_QUOTA;
  REQUIRE_THROWS_MATCHES(require_writable(set), Error,
                         IsError(Errc::Unsupported, "inline_data, FEATURE_I30, quota"));
}
