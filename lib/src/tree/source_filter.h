// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/populate.h>

#include "base/glob.h"

namespace rawimg {

/// A path below the image's root; empty: the root.
using Components = std::vector<std::string>;

/// With a leading slash; "/" for the root.
std::string join(const Components& path);

inline constexpr std::size_t kMaxName = 255;  ///< ext keeps the length of a name in one byte

/// The components of a source's path, `.` and empty ones left out.
/// Throws: BadInput (`..`, a NUL byte), Unsupported (a name that ext cannot hold). The message says what is wrong, not with which path.
std::vector<std::string_view> split_path(std::string_view path);

/// Where an entry of a source goes in the image.
class SourceFilter {
 public:
  explicit SourceFilter(const SourceSpec& spec);

  /// Nothing: left out. Throws: like split_path.
  std::optional<Components> apply(std::string_view path) const;
  /// Whether stripping has left nothing of such a path: it stands for the source's root, which only a directory can be.
  bool is_stripped_root(const Components& path) const { return strip_ != 0 && path.size() == at_.size(); }

 private:
  struct Exclude {
    Glob glob;
    bool anchored;
  };
  bool is_excluded(std::string_view path) const;

  const Components& at_;
  std::size_t strip_;
  std::vector<Exclude> excludes_;
};

}  // namespace rawimg
