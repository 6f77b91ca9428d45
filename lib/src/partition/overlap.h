// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include <rawimg/partition_table.h>

namespace rawimg {

/// The sector behind the last one.
std::uint64_t end_sector(const Partition& partition);
bool overlap(const Partition& a, const Partition& b);
/// "sectors 63 to 2062"
std::string sectors_of(const Partition& partition);
/// Throws: Corrupt when they share a sector.
void require_apart(const Partition& partition, const Partition& other);

}  // namespace rawimg
