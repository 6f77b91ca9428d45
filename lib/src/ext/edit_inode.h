// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include <rawimg/entry.h>

#include "ext/libext2fs.h"
#include "ext/window_io.h"

namespace rawimg {

/// An inode of an existing filesystem, all of its bytes, also those that we know nothing about.
class EditInode {
 public:
  /// Throws: Corrupt (its checksum is wrong), Io.
  EditInode(ext2_filsys fs, WindowIo& io, std::uint32_t number);

  std::uint32_t number() const { return number_; }
  /// What lies behind the inode size of the filesystem is zero and is not written.
  ext2_inode_large& fields() { return *reinterpret_cast<ext2_inode_large*>(bytes_.data()); }
  const ext2_inode_large& fields() const {
    return *reinterpret_cast<const ext2_inode_large*>(bytes_.data());
  }
  std::byte* data() { return bytes_.data(); }

  bool is(std::uint32_t linux_type) const { return (fields().i_mode & LINUX_S_IFMT) == linux_type; }
  bool has_extents() const { return fields().i_flags & EXT4_EXTENTS_FL; }
  std::uint64_t size() const;
  void set_size(std::uint64_t bytes);
  /// Content, map and xattr blocks, in blocks.
  void set_blocks(std::uint64_t count);
  std::uint64_t xattr_block() const;
  void set_xattr_block(std::uint64_t block);
  /// Bytes behind the fields, where xattrs can be; 0: none.
  std::uint32_t xattr_room() const;
  void set_xattr_area(std::string_view bytes);

  /// Throws: Unsupported (a time that this inode cannot hold).
  void set_mtime(Timestamp time);
  void set_ctime(Timestamp time);
  void set_atime(Timestamp time);

  /// Into the overlay, with its checksum.
  void write();

 private:
  bool holds(std::size_t end) const;
  void set_time(const char* what, Timestamp time, __u32& seconds, __u32& extra);

  ext2_filsys fs_;
  WindowIo& io_;
  std::uint32_t number_, inode_size_;
  std::vector<std::byte> bytes_;
};

}  // namespace rawimg
