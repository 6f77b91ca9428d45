// SPDX-License-Identifier: MIT
// The mode says again what the access ACL says, and Linux keeps both equal (fs/posix_acl.c,
// posix_acl_chmod and posix_acl_update_mode): owner and other as they are; the mode's group is the
// ACL's mask, where it has one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rawimg {

inline constexpr std::string_view kAccessAcl = "system.posix_acl_access";
inline constexpr std::string_view kCapability = "security.capability";

/// What is left of permissions when a file gets a new owner (Linux fs/attr.c): no setuid, and
/// setgid only where it means no program, the group not executing it.
constexpr std::uint16_t without_setuid(std::uint16_t permissions) {
  return permissions & ((permissions & 0010U) != 0 ? 01777U : 03777U);
}

/// An ACL, as getxattr(2) gives it, after chmod(2) to `permissions`.
std::string acl_with_mode(std::string acl, std::uint16_t permissions);
/// `permissions` after such an ACL was set.
std::uint16_t mode_with_acl(std::uint16_t permissions, std::string_view acl);

}  // namespace rawimg
