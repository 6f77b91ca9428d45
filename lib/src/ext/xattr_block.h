// SPDX-License-Identifier: MIT
// Extended attributes in the form that ext has on disk: entries behind the inode's fields, the rest
// in one block that inodes with equal attributes share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <rawimg/entry.h>

namespace rawimg {

/// Where attributes may go.
struct XattrRoom {
  std::uint32_t block_size = 4096;
  /// behind the inode's extra fields, magic included; 0: none (128-byte inodes; ext2, whose driver
  /// looks only into the block)
  std::uint32_t inode_bytes = 0;
};

/// A set of attributes, encoded.
struct EncodedXattrs {
  std::string in_inode;  ///< magic, entries, values: exactly inode_bytes, or empty
  std::string block;     ///< a whole block with reference count 1 and its hashes, or empty
  auto operator<=>(const EncodedXattrs&) const = default;
};

/// All in the inode if they fit, else all in the block, else the inode first and the rest in the
/// block. Throws: Unsupported (a namespace ext does not have, a name over 255 bytes or empty, a
/// malformed ACL, too large: says how many bytes there are and how many would fit).
EncodedXattrs encode_xattrs(std::span<const Xattr> xattrs, const XattrRoom& room);

/// "system.posix_acl_*" from the form of getxattr(2) (version 2, an id in every entry) to that of
/// the disk (version 1, ids only where they mean something). Throws: Unsupported when it is
/// malformed or not in the order that the kernel demands.
std::string acl_to_disk(std::string_view name, std::string_view value);

}  // namespace rawimg
