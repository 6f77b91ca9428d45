// SPDX-License-Identifier: MIT
#include "ext/edit_inode.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "ext/inode_codec.h"

namespace rawimg {

EditInode::EditInode(ext2_filsys fs, WindowIo& io, std::uint32_t number)
    : fs_(fs),
      io_(io),
      number_(number),
      inode_size_(EXT2_INODE_SIZE(fs->super)),
      bytes_(std::max<std::size_t>(inode_size_, sizeof(ext2_inode_large))) {
  io.check(ext2fs_read_inode_full(fs, number, reinterpret_cast<ext2_inode*>(bytes_.data()),
                                  static_cast<int>(inode_size_)),
           fmt::format("read inode {}", number));
}

bool EditInode::holds(std::size_t end) const {
  return inode_size_ > kBaseInode && std::size_t{kBaseInode} + fields().i_extra_isize >= end;
}

std::uint64_t EditInode::size() const {
  const bool wide =
      is(LINUX_S_IFREG) || (is(LINUX_S_IFDIR) && ext2fs_has_feature_largedir(fs_->super));
  return fields().i_size | (wide ? std::uint64_t{fields().i_size_high} << 32 : 0);
}

void EditInode::set_size(std::uint64_t bytes) {
  io_.check(ext2fs_inode_size_set(fs_, reinterpret_cast<ext2_inode*>(&fields()),
                                  static_cast<ext2_off64_t>(bytes)),
            fmt::format("set the size of inode {}", number_));
}

void EditInode::set_blocks(std::uint64_t count) {
  io_.check(ext2fs_iblk_set(fs_, reinterpret_cast<ext2_inode*>(&fields()), count),
            fmt::format("set the blocks of inode {}", number_));
}

std::uint64_t EditInode::xattr_block() const {
  return ext2fs_file_acl_block(fs_, reinterpret_cast<const ext2_inode*>(&fields()));
}

void EditInode::set_xattr_block(std::uint64_t block) {
  ext2fs_file_acl_block_set(fs_, reinterpret_cast<ext2_inode*>(&fields()), block);
}

std::uint32_t EditInode::xattr_room() const {
  const std::uint32_t used = kBaseInode + fields().i_extra_isize;
  return inode_size_ > kBaseInode && used < inode_size_ ? inode_size_ - used : 0;
}

void EditInode::set_xattr_area(std::string_view bytes) {
  std::byte* area = bytes_.data() + inode_size_ - xattr_room();
  std::fill(area, bytes_.data() + inode_size_, std::byte{0});
  if (!bytes.empty())
    std::memcpy(area, bytes.data(), std::min<std::size_t>(bytes.size(), xattr_room()));
}

void EditInode::set_time(const char* what, Timestamp time, __u32& seconds, __u32& extra) {
  const auto end =
      static_cast<std::size_t>(reinterpret_cast<std::byte*>(&extra + 1) - bytes_.data());
  require_time(what, time, holds(end) ? inode_size_ : kBaseInode);
  const TimeWords words = encode_time(time);
  seconds = words.seconds;
  if (holds(end)) extra = words.extra;
}

void EditInode::set_mtime(Timestamp time) {
  set_time("modification time", time, fields().i_mtime, fields().i_mtime_extra);
}
void EditInode::set_ctime(Timestamp time) {
  set_time("change time", time, fields().i_ctime, fields().i_ctime_extra);
}
void EditInode::set_atime(Timestamp time) {
  set_time("access time", time, fields().i_atime, fields().i_atime_extra);
}

void EditInode::write() {
  io_.check(ext2fs_write_inode_full(fs_, number_, reinterpret_cast<ext2_inode*>(bytes_.data()),
                                    static_cast<int>(inode_size_)),
            fmt::format("write inode {}", number_));
}

}  // namespace rawimg
