// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/populate.h>

namespace rawimg {

/// Whether all of `text` matches the glob: `*` any bytes (also `/`), `?` one byte, `[a-z]` `[!a-z]` a set, `\` takes the next byte literally. Bytewise; cost at most their product.
bool matches_glob(std::string_view pattern, std::string_view text);

/// The components of a source's path: `.` and empty ones gone. Throws: BadInput like ImagePath::parse (`..`, NUL, too long).
std::vector<std::string_view> split_path(std::string_view path);

/// Where an entry of a source goes in the image, or nothing when it is left out.
class SourceFilter {
 public:
  explicit SourceFilter(const SourceSpec& spec) : spec_(spec) {}
  /// Components below the image's root. Throws: BadInput.
  std::optional<std::vector<std::string>> apply(std::string_view path) const;

 private:
  bool is_excluded(const std::vector<std::string_view>& components) const;
  const SourceSpec& spec_;
};

}  // namespace rawimg
