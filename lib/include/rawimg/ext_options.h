// SPDX-License-Identifier: MIT
// What an ext filesystem shall be, before a byte of it exists.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/units.h>
#include <rawimg/uuid.h>

#pragma GCC visibility push(default)

namespace rawimg {

enum class ExtType { Ext2, Ext3, Ext4 };

/// "ext2", "ext3", "ext4". Throws: Usage.
ExtType parse_ext_type(std::string_view text);
std::string_view to_text(ExtType type);

/// Room in a filesystem that is made as large as its content.
struct Spare {
  std::uint64_t bytes = 0;  ///< what a guest's df shows as available
  double percent = 0;       ///< of what the filesystem has without it, 0 to 1000
};

struct ExtOptions {
  ExtType type = ExtType::Ext2;
  /// 1024, 2048 or 4096 bytes; default 4096 from 16 MiB up, 1024 below
  std::optional<std::uint32_t> block_size;
  /// 128 or 256 bytes; 128 holds neither fractions of seconds nor times after 2038
  std::uint32_t inode_size = 256;
  std::optional<std::uint32_t> inodes;  ///< at least so many; default from inode_ratio
  /// bytes of filesystem per inode, 1024 to 64 MiB; default 16384
  std::optional<std::uint64_t> inode_ratio;
  /// blocks kept for the guest's root, 0 to 50; default 5, and 0 with `fit`
  std::optional<double> reserved_percent;
  /// Of build_ext: the filesystem ends where its content and this room end, and the window is the
  /// most that it may have. Without spare room, it has no inodes to spare, either. Blocks have 4096
  /// bytes unless asked otherwise.
  std::optional<Spare> fit;
  /// on top of the type's set: "name" adds, "^name" removes (mke2fs's names)
  std::vector<std::string> features;
  std::string label;         ///< at most 16 bytes
  std::optional<Uuid> uuid;  ///< default: derived
  /// of directory hashes; default: derived from the UUID
  std::optional<Uuid> hash_seed;
  /// time of the superblock, seconds since 1970, 1 to 2^32-1; default: see the function that takes
  /// this
  std::optional<std::int64_t> created;
};

/// What was made.
struct ExtSummary {
  ExtType type = ExtType::Ext2;
  std::uint32_t block_size = 0;
  std::uint64_t blocks = 0, free_blocks = 0, reserved_blocks = 0;
  std::uint64_t inodes = 0, free_inodes = 0;
  std::uint32_t journal_blocks = 0;
  std::string label;
  Uuid uuid{};
};

}  // namespace rawimg

#pragma GCC visibility pop
