// SPDX-License-Identifier: MIT
// What 'info' says of an image, before it is put into words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <rawimg/ext_fs.h>
#include <rawimg/partition_table.h>

#include "cli/address.h"
#include "cli/output.h"

namespace rawimg::cli {

/// A slot and what is in it.
struct SlotReport {
  unsigned slot = 0;
  ByteRange range;
  std::optional<Partition> partition;
  std::optional<ExtInfo> ext;
  std::string other;    ///< what is there when it is no ext filesystem
  std::string problem;  ///< why it cannot be read
};

struct DiskReport {
  std::string image;
  std::uint64_t size = 0, allocated = 0;
  std::optional<PartitionTable> table;
  std::vector<SlotReport> slots;
};

/// Slots in the table's order, or the one that is addressed. Throws: like find_filesystem; what is
/// damaged or refused in a slot is in its report.
DiskReport examine(ImageFile& image, const Address& address);

/// For people.
void print_report(const DiskReport& report, Streams& io);
Json to_json(const DiskReport& report);

/// What a guest may call its root filesystem, best first; nothing for what cannot be one.
std::vector<std::string> root_names(const DiskReport& report, const SlotReport& slot);

}  // namespace rawimg::cli
