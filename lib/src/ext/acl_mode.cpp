// SPDX-License-Identifier: MIT
#include "ext/acl_mode.h"

#include <optional>

namespace rawimg {
namespace {

// Linux include/uapi/linux/posix_acl_xattr.h: u32 version, then {u16 tag, u16 permissions, u32 id}.
constexpr std::size_t kHeader = 4, kEntry = 8, kPermissions = 2;
constexpr unsigned kUserObj = 1, kGroupObj = 4, kMask = 16, kOther = 32;

/// Where the three bits of the owner, the group or the others stand.
std::optional<std::size_t> find_bits(std::string_view acl, unsigned tag) {
  for (std::size_t at = kHeader; at + kEntry <= acl.size(); at += kEntry)
    if (static_cast<unsigned char>(acl[at]) == tag) return at + kPermissions;
  return std::nullopt;
}

std::optional<std::size_t> find_group(std::string_view acl) {
  const auto mask = find_bits(acl, kMask);
  return mask ? mask : find_bits(acl, kGroupObj);
}

}  // namespace

std::string acl_with_mode(std::string acl, std::uint16_t permissions) {
  const auto set = [&](std::optional<std::size_t> at, unsigned bits) {
    if (at) acl[*at] = static_cast<char>(bits & 7U);
  };
  set(find_bits(acl, kUserObj), permissions >> 6U);
  set(find_group(acl), permissions >> 3U);
  set(find_bits(acl, kOther), permissions);
  return acl;
}

std::uint16_t mode_with_acl(std::uint16_t permissions, std::string_view acl) {
  const auto bits = [&](std::optional<std::size_t> at, unsigned shift) -> unsigned {
    return at ? (static_cast<unsigned char>(acl[*at]) & 7U) << shift : permissions & 7U << shift;
  };
  return static_cast<std::uint16_t>((permissions & 07000U) | bits(find_bits(acl, kUserObj), 6) |
                                    bits(find_group(acl), 3) | bits(find_bits(acl, kOther), 0));
}

}  // namespace rawimg
