// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include <rawimg/image_file.h>
#include <rawimg/observer.h>
#include <rawimg/partition_table.h>

namespace rawimg {

/// Those that Linux counts from 5 up.
struct LogicalPartitions {
  std::vector<Partition> partitions;  ///< ascending by slot, apart from each other and from tables
  std::vector<std::uint64_t> tables;  ///< their sectors, in the order of the chain
  std::vector<Warning> warnings;      ///< "mbr-logical-damaged": what ended a chain before its end
};

/// Walks the chain of tables in each extended one of the `primary` partitions, which lie within the
/// image. A link that cannot be right ends its chain; what was read before it is good. Throws: Io.
LogicalPartitions read_logical(const ImageFile& image, const std::vector<Partition>& primary);

}  // namespace rawimg
