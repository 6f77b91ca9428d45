// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rawimg {

/// A POSIX ACL as the kernel takes and gives it.
struct PosixAcl {
  std::string value;  ///< of system.posix_acl_access or _default, in the kernel's order
  /// rwxrwxrwx that stat(2) shows with it: owner, mask (else group), other
  std::uint16_t mode_bits = 0;
  bool is_minimal = false;  ///< says no more than these bits do; the kernel stores none then
};

/// Reads the text that star, GNU tar and bsdtar put into SCHILY.acl.*: entries "user:lisa:r-x:502"
/// apart by commas or newlines; "#" begins a comment. The last field is the number; digits in place
/// of the name count as one. Nothing for a text without entries. Throws: Unsupported (a name
/// without number), BadInput (malformed, or not an ACL that a kernel takes).
std::optional<PosixAcl> parse_acl_text(std::string_view text);

}  // namespace rawimg
