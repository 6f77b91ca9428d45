// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "cli/args.h"

namespace rawimg::cli {

inline constexpr OptionSpec kBlockOptions[] = {
    {"human-readable", "", "sizes such as 1.5K and 20M", 'h'},
    {"block-size", "SIZE", "in units of this, rounded up: 1, 512, 4K, 1M", 'B'},
    {"kib", "", "in units of 1K, as always", 'k'},
    {"mib", "", "in units of 1M", 'm'},
};

/// How du and df write sizes; of several options the last one counts.
struct BlockUnit {
  std::uint64_t bytes = 1024;
  bool human = false;

  std::string text(std::uint64_t size_bytes) const;
  std::string name() const;  ///< "1K", "4K", "512B"
};

/// Throws: Usage.
BlockUnit read_block_unit(const Args& args);

}  // namespace rawimg::cli
