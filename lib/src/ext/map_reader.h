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

struct MapInput {
  const Window& where;
  const Superblock& super;
  std::uint32_t inode = 0, generation = 0;
  bool has_extents = false;
  std::span<const std::uint32_t, 15> words;  ///< i_block
};

/// Hands out the runs of the first `blocks` logical blocks in ascending order. Every pointer is
/// checked; a map is walked in time proportional to its size, which is that of the filesystem at
/// most. `map_block`, if there is one, gets the blocks of the map itself. Throws: Corrupt, Io, and
/// what the two throw.
void read_map(const MapInput& input, std::uint64_t blocks,
              const std::function<void(const Extent&)>& sink,
              const std::function<void(std::uint64_t)>& map_block = nullptr);

}  // namespace rawimg
