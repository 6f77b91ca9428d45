// SPDX-License-Identifier: MIT
#include "ext/features.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <ext2fs/ext2_fs.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg {
namespace {

enum class Word { Compat, Incompat, RoCompat };

struct Feature {
  std::string_view name;
  Word word;
  std::uint32_t bit;
};

// The names of mke2fs (e2fsprogs lib/e2p/feature.c), for what rawimg can make.
constexpr std::array kMakeable{
    Feature{"has_journal", Word::Compat, EXT3_FEATURE_COMPAT_HAS_JOURNAL},
    Feature{"ext_attr", Word::Compat, EXT2_FEATURE_COMPAT_EXT_ATTR},
    Feature{"resize_inode", Word::Compat, EXT2_FEATURE_COMPAT_RESIZE_INODE},
    Feature{"dir_index", Word::Compat, EXT2_FEATURE_COMPAT_DIR_INDEX},
    Feature{"filetype", Word::Incompat, EXT2_FEATURE_INCOMPAT_FILETYPE},
    Feature{"extent", Word::Incompat, EXT3_FEATURE_INCOMPAT_EXTENTS},
    Feature{"extents", Word::Incompat, EXT3_FEATURE_INCOMPAT_EXTENTS},
    Feature{"64bit", Word::Incompat, EXT4_FEATURE_INCOMPAT_64BIT},
    Feature{"flex_bg", Word::Incompat, EXT4_FEATURE_INCOMPAT_FLEX_BG},
    Feature{"metadata_csum_seed", Word::Incompat, EXT4_FEATURE_INCOMPAT_CSUM_SEED},
    Feature{"large_dir", Word::Incompat, EXT4_FEATURE_INCOMPAT_LARGEDIR},
    Feature{"sparse_super", Word::RoCompat, EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER},
    Feature{"large_file", Word::RoCompat, EXT2_FEATURE_RO_COMPAT_LARGE_FILE},
    Feature{"huge_file", Word::RoCompat, EXT4_FEATURE_RO_COMPAT_HUGE_FILE},
    Feature{"uninit_bg", Word::RoCompat, EXT4_FEATURE_RO_COMPAT_GDT_CSUM},
    Feature{"dir_nlink", Word::RoCompat, EXT4_FEATURE_RO_COMPAT_DIR_NLINK},
    Feature{"extra_isize", Word::RoCompat, EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE},
    Feature{"metadata_csum", Word::RoCompat, EXT4_FEATURE_RO_COMPAT_METADATA_CSUM},
};

// The rest of what e2fsprogs 1.47 has a name for.
constexpr std::array kOthers{
    Feature{"dir_prealloc", Word::Compat, EXT2_FEATURE_COMPAT_DIR_PREALLOC},
    Feature{"imagic_inodes", Word::Compat, EXT2_FEATURE_COMPAT_IMAGIC_INODES},
    Feature{"lazy_bg", Word::Compat, EXT2_FEATURE_COMPAT_LAZY_BG},
    Feature{"snapshot_bitmap", Word::Compat, EXT2_FEATURE_COMPAT_EXCLUDE_BITMAP},
    Feature{"sparse_super2", Word::Compat, EXT4_FEATURE_COMPAT_SPARSE_SUPER2},
    Feature{"fast_commit", Word::Compat, EXT4_FEATURE_COMPAT_FAST_COMMIT},
    Feature{"stable_inodes", Word::Compat, EXT4_FEATURE_COMPAT_STABLE_INODES},
    Feature{"orphan_file", Word::Compat, EXT4_FEATURE_COMPAT_ORPHAN_FILE},
    Feature{"compression", Word::Incompat, EXT2_FEATURE_INCOMPAT_COMPRESSION},
    Feature{"needs_recovery", Word::Incompat, EXT3_FEATURE_INCOMPAT_RECOVER},
    Feature{"journal_dev", Word::Incompat, EXT3_FEATURE_INCOMPAT_JOURNAL_DEV},
    Feature{"meta_bg", Word::Incompat, EXT2_FEATURE_INCOMPAT_META_BG},
    Feature{"mmp", Word::Incompat, EXT4_FEATURE_INCOMPAT_MMP},
    Feature{"ea_inode", Word::Incompat, EXT4_FEATURE_INCOMPAT_EA_INODE},
    Feature{"dirdata", Word::Incompat, EXT4_FEATURE_INCOMPAT_DIRDATA},
    Feature{"inline_data", Word::Incompat, EXT4_FEATURE_INCOMPAT_INLINE_DATA},
    Feature{"encrypt", Word::Incompat, EXT4_FEATURE_INCOMPAT_ENCRYPT},
    Feature{"casefold", Word::Incompat, EXT4_FEATURE_INCOMPAT_CASEFOLD},
    Feature{"snapshot", Word::RoCompat, EXT4_FEATURE_RO_COMPAT_HAS_SNAPSHOT},
    Feature{"quota", Word::RoCompat, EXT4_FEATURE_RO_COMPAT_QUOTA},
    Feature{"bigalloc", Word::RoCompat, EXT4_FEATURE_RO_COMPAT_BIGALLOC},
    Feature{"replica", Word::RoCompat, EXT4_FEATURE_RO_COMPAT_REPLICA},
    Feature{"read-only", Word::RoCompat, EXT4_FEATURE_RO_COMPAT_READONLY},
    Feature{"project", Word::RoCompat, EXT4_FEATURE_RO_COMPAT_PROJECT},
    Feature{"shared_blocks", Word::RoCompat, EXT4_FEATURE_RO_COMPAT_SHARED_BLOCKS},
    Feature{"verity", Word::RoCompat, EXT4_FEATURE_RO_COMPAT_VERITY},
    Feature{"orphan_present", Word::RoCompat, EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT},
};

// Known, and deliberately not made: each needs structures that rawimg does not write.
constexpr std::array<std::string_view, 16> kNotMade{
    "meta_bg",     "bigalloc",      "quota",       "project",      "mmp",           "inline_data",
    "encrypt",     "casefold",      "ea_inode",    "verity",       "sparse_super2", "orphan_file",
    "fast_commit", "stable_inodes", "journal_dev", "shared_blocks"};

constexpr std::uint32_t kBaseCompat =
    EXT2_FEATURE_COMPAT_RESIZE_INODE | EXT2_FEATURE_COMPAT_DIR_INDEX | EXT2_FEATURE_COMPAT_EXT_ATTR;
constexpr std::uint32_t kBaseRoCompat =
    EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE;
constexpr std::uint32_t kExt4Incompat =
    EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_FLEX_BG | EXT4_FEATURE_INCOMPAT_64BIT;
constexpr std::uint32_t kExt4RoCompat =
    EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_METADATA_CSUM |
    EXT4_FEATURE_RO_COMPAT_DIR_NLINK | EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE;

std::uint32_t& word_of(FeatureSet& set, Word word) {
  return word == Word::Compat ? set.compat : word == Word::Incompat ? set.incompat : set.ro_compat;
}

void change(FeatureSet& set, std::string_view text) {
  const bool remove = text.starts_with('^');
  const std::string_view name = remove ? text.substr(1) : text;
  for (const Feature& feature : kMakeable) {
    if (feature.name != name) continue;
    std::uint32_t& word = word_of(set, feature.word);
    word = remove ? word & ~feature.bit : word | feature.bit;
    // A group descriptor has one kind of checksum: asking for one takes the other's place, as in
    // mke2fs.
    if (!remove && feature.bit == EXT4_FEATURE_RO_COMPAT_METADATA_CSUM &&
        feature.word == Word::RoCompat)
      set.ro_compat &= ~EXT4_FEATURE_RO_COMPAT_GDT_CSUM;
    if (!remove && feature.bit == EXT4_FEATURE_RO_COMPAT_GDT_CSUM && feature.word == Word::RoCompat)
      set.ro_compat &= ~EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
    return;
  }
  for (const std::string_view known : kNotMade)
    if (known == name) {
      if (remove) return;  // it is off already
      throw Error(Errc::Usage, fmt::format("feature {} is not one that rawimg makes", quote(name)));
    }
  std::vector<std::string_view> names;
  for (const Feature& feature : kMakeable) names.push_back(feature.name);
  throw Error(Errc::Usage, fmt::format("{} is not a feature name", quote(name)))
      .with_hint(fmt::format("features: {}; ^name removes one", fmt::join(names, " ")));
}

void require_consistent(const FeatureSet& set) {
  const auto refuse = [](const char* why) { throw Error(Errc::Usage, why); };
  const bool metadata_csum = set.ro_compat & EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
  if ((set.compat & EXT2_FEATURE_COMPAT_RESIZE_INODE) &&
      !(set.ro_compat & EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER))
    refuse("feature 'resize_inode' needs 'sparse_super'; remove both: ^sparse_super,^resize_inode");
  if ((set.incompat & EXT4_FEATURE_INCOMPAT_64BIT) &&
      !(set.incompat & EXT3_FEATURE_INCOMPAT_EXTENTS))
    refuse("feature '64bit' needs 'extent'; remove both: ^extent,^64bit");
  if ((set.incompat & EXT4_FEATURE_INCOMPAT_CSUM_SEED) && !metadata_csum)
    refuse("feature 'metadata_csum_seed' needs 'metadata_csum'");
  if (!(set.incompat & EXT2_FEATURE_INCOMPAT_FILETYPE) && metadata_csum)
    refuse(
        "feature 'metadata_csum' needs 'filetype': checksums of directories lie in entries marked "
        "by a file type");
}

constexpr std::uint32_t kWritableCompat =
    kBaseCompat | EXT3_FEATURE_COMPAT_HAS_JOURNAL | EXT4_FEATURE_COMPAT_SPARSE_SUPER2 |
    EXT2_FEATURE_COMPAT_DIR_PREALLOC | EXT2_FEATURE_COMPAT_LAZY_BG |
    EXT4_FEATURE_COMPAT_FAST_COMMIT | EXT4_FEATURE_COMPAT_ORPHAN_FILE;
constexpr std::uint32_t kWritableIncompat = EXT2_FEATURE_INCOMPAT_FILETYPE | kExt4Incompat |
                                            EXT4_FEATURE_INCOMPAT_CSUM_SEED |
                                            EXT4_FEATURE_INCOMPAT_LARGEDIR;
constexpr std::uint32_t kWritableRoCompat =
    kBaseRoCompat | kExt4RoCompat | EXT4_FEATURE_RO_COMPAT_GDT_CSUM;

}  // namespace

FeatureSet make_features(ExtType type, std::span<const std::string> changes) {
  FeatureSet set{kBaseCompat, EXT2_FEATURE_INCOMPAT_FILETYPE, kBaseRoCompat};
  if (type != ExtType::Ext2) set.compat |= EXT3_FEATURE_COMPAT_HAS_JOURNAL;
  if (type == ExtType::Ext4) {
    set.incompat |= kExt4Incompat;
    set.ro_compat |= kExt4RoCompat;
  }
  for (const std::string& text : changes) change(set, text);
  require_consistent(set);
  return set;
}

void require_writable(const FeatureSet& features) {
  const std::uint32_t compat = features.compat & ~kWritableCompat,
                      incompat = features.incompat & ~kWritableIncompat,
                      ro_compat = features.ro_compat & ~kWritableRoCompat;
  if ((compat | incompat | ro_compat) == 0) return;
  throw Error(Errc::Unsupported,
              fmt::format("the filesystem has features that rawimg does not write: {}",
                          fmt::join(feature_names({compat, incompat, ro_compat}), ", ")));
}

void require_xattrs(std::uint32_t compat) {
  if ((compat & EXT2_FEATURE_COMPAT_EXT_ATTR) == 0)
    throw Error(Errc::Unsupported,
                "the filesystem has no extended attributes (feature 'ext_attr')");
}

std::vector<std::string> feature_names(const FeatureSet& features) {
  std::vector<std::string> names;
  const auto add = [&names](std::uint32_t bits, Word word, char letter) {
    for (int i = 0; i < 32; ++i) {
      const std::uint32_t bit = std::uint32_t{1} << i;
      if ((bits & bit) == 0) continue;
      const auto is_it = [&](const Feature& feature) {
        return feature.word == word && feature.bit == bit;
      };
      const auto made = std::find_if(kMakeable.begin(), kMakeable.end(), is_it);
      const auto other = std::find_if(kOthers.begin(), kOthers.end(), is_it);
      names.push_back(made != kMakeable.end()  ? std::string(made->name)
                      : other != kOthers.end() ? std::string(other->name)
                                               : fmt::format("FEATURE_{}{}", letter, i));
    }
  };
  add(features.compat, Word::Compat, 'C');
  add(features.incompat, Word::Incompat, 'I');
  add(features.ro_compat, Word::RoCompat, 'R');
  return names;
}

ExtType type_of(const FeatureSet& features) {
  if (features.incompat & (EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_FLEX_BG |
                           EXT4_FEATURE_INCOMPAT_64BIT) ||
      features.ro_compat & (EXT4_FEATURE_RO_COMPAT_METADATA_CSUM | EXT4_FEATURE_RO_COMPAT_GDT_CSUM))
    return ExtType::Ext4;
  return features.compat & EXT3_FEATURE_COMPAT_HAS_JOURNAL ? ExtType::Ext3 : ExtType::Ext2;
}

}  // namespace rawimg
