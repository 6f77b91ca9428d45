// SPDX-License-Identifier: MIT
// What the bytes of an ext filesystem are for: its own structures, and those of an inode. Which
// path an inode has is found by walking the tree (ext_fs.h). Reading only; journals that must be
// replayed are looked past.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <rawimg/units.h>
#include <rawimg/window.h>

#pragma GCC visibility push(default)

namespace rawimg {

enum class BlockUse {
  Boot,         ///< the first 1024 bytes
  Superblock,   ///< also a copy
  Descriptors,  ///< of the groups, also copies, and the room for more
  Bitmap,       ///< of blocks or inodes
  InodeTable,
  Journal,
  Content,    ///< of a file, a directory or a symlink
  Map,        ///< where the content of a file lies: indirect blocks, extents
  Attributes  ///< extended attributes; files with the same ones share them
};

class BlockOwners {
 public:
  /// Ranges are bytes of the window.
  using Sink = std::function<void(ByteRange, BlockUse)>;

  /// Throws: as ExtFs::open, but for Dirty journals.
  explicit BlockOwners(const Window& where);
  BlockOwners(BlockOwners&&) noexcept;
  ~BlockOwners();

  /// The filesystem's bytes; what the window has behind them belongs to nobody.
  ByteCount size() const;
  /// All that the filesystem keeps for itself, at a cost in proportion to its groups. Throws:
  /// Corrupt, Io, and what the sink throws.
  void read_own(const Sink& sink) const;
  /// All that an inode has outside of its table. Throws: as read_own.
  void read_inode(std::uint32_t number, const Sink& sink) const;
  /// Whether the block bitmap has the block of this byte as free. Fast for neighbours. Throws:
  /// Corrupt, Io.
  bool is_free(ByteOffset at) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rawimg

#pragma GCC visibility pop
