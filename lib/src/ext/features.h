// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <rawimg/ext_options.h>

namespace rawimg {

/// The three feature words of a superblock.
struct FeatureSet {
  std::uint32_t compat = 0, incompat = 0, ro_compat = 0;
  bool operator==(const FeatureSet&) const = default;
};

/// What Debian 12's mke2fs.conf gives the type, changed by "name" and "^name" words in mke2fs's
/// spelling. Throws: Usage (unknown name, a feature that rawimg does not make, features that
/// contradict each other).
FeatureSet make_features(ExtType type, std::span<const std::string> changes);

/// Throws Unsupported, naming the features, when a filesystem with these must not be written.
void require_writable(const FeatureSet& features);

/// mke2fs's names of the features; unknown bits as e2fsprogs prints them ("FEATURE_I30").
std::vector<std::string> feature_names(const FeatureSet& features);

/// What people call a filesystem with these features.
ExtType type_of(const FeatureSet& features);

/// Throws: Unsupported (extended attributes need 'ext_attr').
void require_xattrs(std::uint32_t compat);

}  // namespace rawimg
