// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/entry.h>

namespace rawimg {

/// Reads a value that lies in an inode of its own (feature ea_inode): inode number and size.
using ValueReader = std::function<std::string(std::uint32_t inode, std::uint32_t size)>;

/// Attributes behind an inode's fields; none without the magic. Throws: Corrupt (anything outside
/// of the area), and what `read_value` throws.
void read_inode_xattrs(std::span<const std::byte> area, const ValueReader& read_value,
                       std::vector<Xattr>& out);
/// Attributes of a block. Throws: Corrupt.
void read_block_xattrs(std::span<const std::byte> block, const ValueReader& read_value,
                       std::vector<Xattr>& out);

/// An ACL from the form of the disk (version 1) to that of getxattr(2) (version 2). Throws:
/// Corrupt.
std::string acl_from_disk(std::string_view disk);

}  // namespace rawimg
