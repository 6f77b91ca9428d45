// SPDX-License-Identifier: MIT
//
// The value of system.posix_acl_access and system.posix_acl_default (Linux include/uapi/linux/posix_acl_xattr.h), little-endian: u32 version 2, then {u16 tag, u16 permissions, u32 id} in the order
// owner, users by id, group, groups by id, mask, other; id is 2^32 - 1 where it means nothing.
#include "archive/acl_xattr.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg {
namespace {

constexpr std::uint32_t kVersion = 2;
constexpr std::uint32_t kNoId = UINT32_MAX;

struct AclEntry {
  std::uint16_t tag, permissions;
  std::uint32_t id;
  auto key() const { return std::tuple(tag, id); }
};

std::uint16_t tag_of(int libarchive_tag) {
  switch (libarchive_tag) {
    case ARCHIVE_ENTRY_ACL_USER_OBJ: return 1;
    case ARCHIVE_ENTRY_ACL_USER: return 2;
    case ARCHIVE_ENTRY_ACL_GROUP_OBJ: return 4;
    case ARCHIVE_ENTRY_ACL_GROUP: return 8;
    case ARCHIVE_ENTRY_ACL_MASK: return 16;
    case ARCHIVE_ENTRY_ACL_OTHER: return 32;
    default: throw Error(Errc::Unsupported, fmt::format("an ACL entry of kind {} cannot be stored", libarchive_tag));
  }
}

void append_le(std::string& to, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to += static_cast<char>(value >> 8 * i & 0xFF);
}

}  // namespace

std::optional<Xattr> acl_xattr(archive_entry* entry, AclKind kind) {
  const int types = archive_entry_acl_types(entry);
  if ((types & ARCHIVE_ENTRY_ACL_TYPE_NFS4) != 0) throw Error(Errc::Unsupported, "ext cannot hold an NFSv4 ACL");
  const int wanted = kind == AclKind::Access ? ARCHIVE_ENTRY_ACL_TYPE_ACCESS : ARCHIVE_ENTRY_ACL_TYPE_DEFAULT;
  if ((types & wanted) == 0) return std::nullopt;
  std::vector<AclEntry> entries;
  archive_entry_acl_reset(entry, wanted);
  int type = 0, permissions = 0, tag = 0, id = 0;
  const char* name = nullptr;
  while (archive_entry_acl_next(entry, wanted, &type, &permissions, &tag, &id, &name) == ARCHIVE_OK) {
    const bool named = tag == ARCHIVE_ENTRY_ACL_USER || tag == ARCHIVE_ENTRY_ACL_GROUP;
    if (named && id < 0) throw Error(Errc::Unsupported, fmt::format("its ACL names {} without a numeric id", name != nullptr ? quote(name) : "a user or group"));
    entries.push_back({tag_of(tag), static_cast<std::uint16_t>(permissions & 7), named ? static_cast<std::uint32_t>(id) : kNoId});
  }
  std::sort(entries.begin(), entries.end(), [](const AclEntry& a, const AclEntry& b) { return a.key() < b.key(); });
  Xattr xattr{kind == AclKind::Access ? "system.posix_acl_access" : "system.posix_acl_default", ""};
  append_le(xattr.value, kVersion, 4);
  for (const AclEntry& e : entries) {
    append_le(xattr.value, e.tag, 2);
    append_le(xattr.value, e.permissions, 2);
    append_le(xattr.value, e.id, 4);
  }
  return xattr;
}

}  // namespace rawimg
