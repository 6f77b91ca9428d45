// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include <rawimg/window.h>

#include "ext/block_map.h"
#include "ext/superblock.h"

namespace rawimg {

/// A run of a file; unwritten ones read as zeros.
struct MappedRun : Extent {
  bool unwritten = false;
};

struct MapInput {
  const Window& where;
  const Superblock& super;
  std::uint32_t inode = 0, generation = 0;
  bool has_extents = false;
  std::span<const std::uint32_t, 15> words;  ///< i_block
};

/// Hands out the runs of the first `blocks` logical blocks in ascending order. Every pointer is
/// checked; a tree is walked in time proportional to its size. Throws: Corrupt, Io, and what `sink`
/// throws.
void read_map(const MapInput& input, std::uint64_t blocks,
              const std::function<void(const MappedRun&)>& sink);

}  // namespace rawimg
