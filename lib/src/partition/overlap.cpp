// SPDX-License-Identifier: MIT
#include "partition/overlap.h"

#include <fmt/format.h>
#include <rawimg/error.h>

namespace rawimg {

std::uint64_t end_sector(const Partition& partition) {
  return partition.first_sector + partition.sector_count;
}

bool overlap(const Partition& a, const Partition& b) {
  return a.first_sector < end_sector(b) && b.first_sector < end_sector(a);
}

std::string sectors_of(const Partition& partition) {
  return fmt::format("sectors {} to {}", partition.first_sector, end_sector(partition) - 1);
}

void require_apart(const Partition& partition, const Partition& other) {
  if (!overlap(partition, other)) return;
  throw Error(Errc::Corrupt,
              fmt::format("partition {} ({}) overlaps partition {} ({})", partition.slot,
                          sectors_of(partition), other.slot, sectors_of(other)));
}

}  // namespace rawimg
