// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <rawimg/entry.h>

namespace rawimg::cli {

/// What chmod(1) takes: "0644", "u=rwX,go-w", "+x", "-022", as GNU chmod understands it. Without a
/// who, bits of a umask of 022 are not set.
class ModeChange {
 public:
  /// Throws: Usage.
  explicit ModeChange(std::string_view text);
  /// The low 12 bits of a mode, changed. A directory keeps its setuid and setgid, unless they are
  /// mentioned, or a number has five digits or more.
  std::uint16_t apply(std::uint16_t permissions, FileType type) const;

 private:
  struct Step {
    enum class Kind { Plain, CopiesBits, ExecutesIfSome } kind = Kind::Plain;
    char action = '=';
    unsigned who = 0;  ///< bits that it may change; 0: all, as far as the umask lets it set them
    unsigned bits = 0;
    unsigned mentioned = 0;
  };
  class Parser;

  std::vector<Step> steps_;
};

}  // namespace rawimg::cli
