// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

#include "ext/block_map.h"
#include "ext/builder.h"
#include "ext/libext2fs.h"

namespace rawimg {

/// Bytes behind the 128 of the old inode that its own fields take (i_extra_isize), in 256-byte
/// inodes.
inline constexpr std::uint32_t kExtraIsize = 32;
inline constexpr std::uint32_t kBaseInode = 128;
/// A shorter target lives in the inode's block pointers.
inline constexpr std::size_t kFastSymlink = 60;
/// EXT4_LINK_MAX of Linux
inline constexpr std::uint32_t kMaxLinks = 65000;

/// Throws: Unsupported (times, device numbers out of the format's range; names the limits).
void require_encodable(const NodeMeta& meta, std::uint32_t inode_size);

/// The same for one time; `what` is for the message.
void require_time(const char* what, Timestamp time, std::uint32_t inode_size);

/// A time as its two words: seconds, and the extra word that larger inodes have.
struct TimeWords {
  std::uint32_t seconds = 0, extra = 0;
};
TimeWords encode_time(Timestamp time);

/// What an inode is beside its metadata.
struct InodeShape {
  std::uint64_t size_bytes = 0;
  std::uint64_t blocks_512 = 0;  ///< content, map and xattr blocks, in units of 512 bytes
  std::uint32_t links = 0;
  std::uint32_t flags = 0;
  std::uint64_t xattr_block = 0;
  const MapRoot* map = nullptr;      ///< of what has blocks; null for devices and the like
  std::string_view fast_target;      ///< of a symlink that lives in the inode
  std::string_view xattrs_in_inode;  ///< as encode_xattrs made them
};

/// Fills `inode_size` bytes at `out` (zeroed by the caller), without checksum, in host order (as
/// libext2fs wants it).
void encode_inode(const NodeMeta& meta, const InodeShape& shape, std::uint32_t inode_size,
                  ext2_inode_large* out);

std::uint16_t mode_of(const NodeMeta& meta);
std::uint8_t directory_type_of(FileType type);

}  // namespace rawimg
