// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace rawimg::cli {

/// What chmod(1) takes: "0644", "u=rwX,go-w", "+x", "-022". Without a who, the bits of a umask of
/// 022 stay out.
class ModeChange {
 public:
  /// Throws: Usage.
  explicit ModeChange(std::string_view text);
  /// The low 12 bits of a mode, changed. An octal mode of up to four digits leaves a directory's
  /// setuid and setgid as chmod(1) does.
  std::uint16_t apply(std::uint16_t permissions, bool directory) const;

 private:
  struct Step {
    unsigned who = 0;  ///< 07777 bits that it may change
    char action = '=';
    unsigned bits = 0;          ///< for everyone, as rwx repeated, and special bits
    bool execute_some = false;  ///< X
    bool is_octal = false;      ///< "=0755" means all bits, of directories, too
    unsigned copy_from = 0;     ///< 0700, 0070 or 0007: u, g, o
  };
  bool octal_ = false, octal_sets_special_ = false;
  unsigned octal_bits_ = 0;
  std::vector<Step> steps_;
};

}  // namespace rawimg::cli
