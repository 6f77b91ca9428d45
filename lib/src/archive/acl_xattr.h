// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include <rawimg/entry.h>

struct archive_entry;

namespace rawimg {

/// The access or default ACL that libarchive has read, as Linux's xattr (version 2); nothing when it says no more than the mode.
/// Throws: Unsupported (a user or group without a number, an NFSv4 ACL).
enum class AclKind { Access, Default };
std::optional<Xattr> acl_xattr(archive_entry* entry, AclKind kind);

}  // namespace rawimg
