// SPDX-License-Identifier: MIT
#include "ext/inode_codec.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>

namespace rawimg {
namespace {

// Seconds are a signed 32-bit number; 256-byte inodes add two bits of epoch above it (Linux
// fs/ext4/ext4.h, "Extended fields will fit into an inode").
constexpr std::int64_t kMinSeconds = INT32_MIN;
constexpr std::int64_t kMaxSecondsSmall = INT32_MAX;
constexpr std::int64_t kMaxSecondsLarge = INT32_MAX + 3 * (std::int64_t{1} << 32);
constexpr std::uint32_t kMaxMajor = 0xFFF, kMaxMinor = 0xFFFFF;  // of Linux's dev_t

bool is_device(FileType type) {
  return type == FileType::CharDevice || type == FileType::BlockDevice;
}

/// Linux's two encodings of a device number: the old one, 8 bits each, where it fits (i_block[0]),
/// else the new one (i_block[1]).
void put_device(const NodeMeta& meta, ext2_inode_large* inode) {
  const std::uint32_t major = meta.device_major, minor = meta.device_minor;
  if (major < 256 && minor < 256)
    inode->i_block[0] = major << 8 | minor;
  else
    inode->i_block[1] = (minor & 0xFF) | major << 8 | (minor & ~0xFFU) << 12;
}

}  // namespace

void require_time(const char* what, Timestamp time, std::uint32_t inode_size) {
  const std::int64_t most = inode_size > kBaseInode ? kMaxSecondsLarge : kMaxSecondsSmall;
  if (time.seconds >= kMinSeconds && time.seconds <= most) return;
  throw Error(
      Errc::Unsupported,
      fmt::format(
          "{} {} seconds since 1970 is outside of what an inode of {} bytes holds ({} to {})", what,
          time.seconds, inode_size, kMinSeconds, most));
}

TimeWords encode_time(Timestamp time) {
  const auto epoch =
      static_cast<std::uint32_t>((time.seconds - static_cast<std::int32_t>(time.seconds)) >> 32) &
      3;
  return {static_cast<std::uint32_t>(time.seconds), epoch | time.nanoseconds << 2};
}

void require_encodable(const NodeMeta& meta, std::uint32_t inode_size) {
  require_time("modification time", meta.mtime, inode_size);
  require_time("access time", meta.atime, inode_size);
  require_time("change time", meta.ctime, inode_size);
  if (inode_size > kBaseInode) require_time("birth time", meta.birthtime, inode_size);
  if (is_device(meta.type) && (meta.device_major > kMaxMajor || meta.device_minor > kMaxMinor))
    throw Error(Errc::Unsupported,
                fmt::format("device number {}:{} is outside of what Linux holds (0:0 to {}:{})",
                            meta.device_major, meta.device_minor, kMaxMajor, kMaxMinor));
}

std::uint16_t mode_of(const NodeMeta& meta) {
  const auto type = [&]() -> std::uint32_t {
    switch (meta.type) {
      case FileType::Regular:
        return LINUX_S_IFREG;
      case FileType::Directory:
        return LINUX_S_IFDIR;
      case FileType::Symlink:
        return LINUX_S_IFLNK;
      case FileType::CharDevice:
        return LINUX_S_IFCHR;
      case FileType::BlockDevice:
        return LINUX_S_IFBLK;
      case FileType::Fifo:
        return LINUX_S_IFIFO;
      case FileType::Socket:
        break;
    }
    return LINUX_S_IFSOCK;
  }();
  return static_cast<std::uint16_t>(type | (meta.permissions & 07777));
}

std::uint8_t directory_type_of(FileType type) {
  switch (type) {
    case FileType::Regular:
      return EXT2_FT_REG_FILE;
    case FileType::Directory:
      return EXT2_FT_DIR;
    case FileType::Symlink:
      return EXT2_FT_SYMLINK;
    case FileType::CharDevice:
      return EXT2_FT_CHRDEV;
    case FileType::BlockDevice:
      return EXT2_FT_BLKDEV;
    case FileType::Fifo:
      return EXT2_FT_FIFO;
    case FileType::Socket:
      break;
  }
  return EXT2_FT_SOCK;
}

void encode_inode(const NodeMeta& meta, const InodeShape& shape, std::uint32_t inode_size,
                  ext2_inode_large* out) {
  out->i_mode = mode_of(meta);
  out->i_uid = static_cast<__u16>(meta.uid);
  out->i_gid = static_cast<__u16>(meta.gid);
  out->osd2.linux2.l_i_uid_high = static_cast<__u16>(meta.uid >> 16);
  out->osd2.linux2.l_i_gid_high = static_cast<__u16>(meta.gid >> 16);
  out->i_size = static_cast<__u32>(shape.size_bytes);
  out->i_size_high = static_cast<__u32>(shape.size_bytes >> 32);
  out->i_atime = encode_time(meta.atime).seconds;
  out->i_ctime = encode_time(meta.ctime).seconds;
  out->i_mtime = encode_time(meta.mtime).seconds;
  out->i_links_count = static_cast<__u16>(shape.links);
  out->i_blocks = static_cast<__u32>(shape.blocks_512);
  out->osd2.linux2.l_i_blocks_hi = static_cast<__u16>(shape.blocks_512 >> 32);
  out->i_flags = shape.flags;
  out->i_file_acl = static_cast<__u32>(shape.xattr_block);
  out->osd2.linux2.l_i_file_acl_high = static_cast<__u16>(shape.xattr_block >> 32);
  if (!shape.fast_target.empty())
    std::memcpy(out->i_block, shape.fast_target.data(), shape.fast_target.size());
  else if (shape.map != nullptr)
    std::copy(shape.map->words.begin(), shape.map->words.end(), out->i_block);
  else if (is_device(meta.type))
    put_device(meta, out);
  if (inode_size <= kBaseInode) return;
  out->i_extra_isize = kExtraIsize;
  out->i_ctime_extra = encode_time(meta.ctime).extra;
  out->i_mtime_extra = encode_time(meta.mtime).extra;
  out->i_atime_extra = encode_time(meta.atime).extra;
  out->i_crtime = encode_time(meta.birthtime).seconds;
  out->i_crtime_extra = encode_time(meta.birthtime).extra;
  if (!shape.xattrs_in_inode.empty())
    std::memcpy(reinterpret_cast<char*>(out) + kBaseInode + kExtraIsize,
                shape.xattrs_in_inode.data(), shape.xattrs_in_inode.size());
}

}  // namespace rawimg
