// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include <rawimg/observer.h>
#include <rawimg/partition_table.h>

namespace rawimg {

/// What is read of a GUID partition table.
struct Gpt {
  Uuid disk_guid{};
  ByteRange usable;
  std::vector<Partition> partitions;  ///< ascending by slot
  std::vector<Warning> warnings;
};

/// From the primary copy, or from the backup when that is damaged. Throws: Corrupt (both copies are
/// damaged, or the good one describes partitions that cannot be), Unsupported (slots past 128,
/// sectors of 4096 bytes), Io.
Gpt read_gpt(const ImageFile& image);

}  // namespace rawimg
