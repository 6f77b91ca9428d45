// SPDX-License-Identifier: MIT
// What every block of an ext filesystem is used for, for a picture of it. Reads descriptors,
// bitmaps, and the inodes of groups that have directories; content is never read. Time is linear in
// groups and in used inodes of such groups; memory in groups and in the extents of directories.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <rawimg/window.h>

#pragma GCC visibility push(default)

namespace rawimg {

enum class AreaUse : std::uint8_t {
  Superblock,   ///< and its copies
  Descriptors,  ///< of groups, and their copies
  GrowthRoom,   ///< kept for more descriptors
  Bitmaps,
  InodeTable,
  Journal,
  Directories,  ///< and the blocks that map them
  Files,        ///< everything else that is taken: content, maps, attributes
  Free,
};

class ExtMap {
 public:
  /// Does not check: whether a journal must be replayed, after which it may look different. Throws:
  /// Unsupported (no ext filesystem; features that are not read; more than 2^21 groups), Corrupt,
  /// Dirty (marked by an interrupted change), Io.
  static ExtMap open(const Window& where);
  ExtMap(ExtMap&&) noexcept;
  ExtMap& operator=(ExtMap&&) noexcept;
  ~ExtMap();

  std::uint32_t block_size() const;
  std::uint64_t blocks() const;
  std::uint64_t groups() const;
  std::uint32_t blocks_per_group() const;
  std::uint32_t first_block() const;  ///< of the first group: 0 or 1

  /// What does not fit together, and is drawn as it was found.
  struct Doubts {
    std::uint64_t groups = 0;       ///< whose bitmap and descriptor count free blocks differently
    std::uint64_t directories = 0;  ///< whose map is damaged; their blocks pass for files
  };
  using Sink = std::function<void(AreaUse use, std::uint64_t first, std::uint64_t count)>;
  /// Hands out every block once, in ascending order, in runs as long as can be. Throws: Corrupt
  /// (descriptors; directories that claim more blocks than there are), Io, and what `sink` throws.
  Doubts walk(const Sink& sink) const;

 private:
  struct State;
  explicit ExtMap(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace rawimg

#pragma GCC visibility pop
