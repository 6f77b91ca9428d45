// SPDX-License-Identifier: MIT
// A whole directory at once, in RAM: one block as it is, more as a hash tree (htree), which
// libext2fs can read and extend but not make.
//
// Block 0 of an indexed directory holds '.', '..' and, inside the latter's length, the root of the
// tree: pairs of (lowest hash, block), sorted. Leaves are ordinary directory blocks whose names all
// hash into one interval. Sources: FORMATS.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ext/libext2fs.h"

namespace rawimg {

struct DirName {
  std::string_view name;
  std::uint32_t inode = 0;
  std::uint8_t type = 0;  ///< EXT2_FT_*
};

/// What of a filesystem decides how its directories look.
struct DirectoryFormat {
  std::uint32_t block_size = 4096;
  bool file_types = true, indexes = true, checksums = false, large = false;
  int hash_version = EXT2_HASH_HALF_MD4;  ///< as the superblock has it
  bool unsigned_hash = false;
  std::uint32_t hash_seed[4] = {};

  static DirectoryFormat of(const ext2_super_block& super, std::uint32_t block_size);
};

struct DirectoryBlocks {
  std::vector<std::byte> bytes;  ///< whole blocks, checksums still zero
  bool indexed = false;
};

/// Linear: never an index (lost+found, so that e2fsck finds empty blocks)
enum class DirectoryShape { Indexed, Linear };

/// `names` without '.' and '..'; is reordered. At least `min_blocks` long. Throws: Unsupported when
/// the index would pass its depth.
DirectoryBlocks build_directory(const DirectoryFormat& format, std::uint32_t self,
                                std::uint32_t parent, std::span<DirName> names,
                                DirectoryShape shape = DirectoryShape::Indexed,
                                std::uint32_t min_blocks = 1);

enum class BlockKind { Names, IndexRoot, IndexNode };

/// Fills in the checksum (metadata_csum) of one block of a directory.
void set_block_checksum(const DirectoryFormat& format, std::uint32_t inode_seed, BlockKind kind,
                        std::span<std::byte> block);

/// Fills in the checksums (metadata_csum) of one directory's blocks. `inode_seed`: its inode's.
void set_directory_checksums(const DirectoryFormat& format, std::uint32_t inode_seed,
                             DirectoryBlocks& directory);

/// The seed of everything that is checksummed per inode. New inodes have generation 0; kernels give
/// them others.
std::uint32_t inode_checksum_seed(std::uint32_t checksum_seed, std::uint32_t inode,
                                  std::uint32_t generation = 0);

}  // namespace rawimg
