// SPDX-License-Identifier: MIT
//
// An extended partition (sources: FORMATS.md) is a chain of tables, each in a sector like the first
// of the disk. An entry of one is
//   a logical partition, which begins so many sectors behind this table,
//   the next table (of an extended type), so many sectors behind the extended partition's start,
//   or nothing (no sectors).
#include "partition/logical.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "partition/mbr_sector.h"
#include "partition/overlap.h"
#include "partition/partition_type.h"

namespace rawimg {
namespace {

[[noreturn]] void corrupt(const std::string& why) { throw Error(Errc::Corrupt, why); }

class Chain {
 public:
  Chain(const ImageFile& image, const Partition& extended, LogicalPartitions& out)
      : image_(image), extended_(extended), out_(out) {}

  /// Throws: Corrupt at what ends it too early, Io.
  void walk() {
    for (std::optional<std::uint64_t> table = extended_.first_sector; table;)
      table = take_table(*table);
  }

 private:
  /// The next table, if there is one.
  std::optional<std::uint64_t> take_table(std::uint64_t at) {
    require_new_place(at);
    tables_.push_back(at);
    std::array<std::byte, kSectorSize> bytes;
    image_.read_at(ByteOffset{at * kSectorSize}, bytes);
    const MbrSector sector(bytes);
    if (!sector.has_signature())
      corrupt(fmt::format(
          "no 55 AA at the end of sector {}, where a table of logical partitions is wanted", at));
    out_.tables.push_back(at);
    std::optional<std::uint64_t> next;
    for (unsigned number = 1; number <= kSlots; ++number) {
      const MbrEntry entry = sector.entry(number);
      if (entry.sector_count == 0) continue;
      if (!is_extended(entry.type)) {
        // nobody uses the last two, and some have left anything there
        if (number <= 2 || is_within(at, entry)) take_partition(at, entry);
      } else if (!next) {
        next = extended_.first_sector + entry.first_sector;
      }
    }
    return next;
  }

  /// A table lies in no partition, and in no place twice: a chain can be a circle.
  void require_new_place(std::uint64_t at) const {
    if (at >= end_sector(extended_))
      corrupt(
          fmt::format("a table of logical partitions at sector {} is outside of partition {} ({})",
                      at, extended_.slot, sectors_of(extended_)));
    if (std::find(tables_.begin(), tables_.end(), at) != tables_.end())
      corrupt(
          fmt::format("the tables of logical partitions are a circle: sector {} comes again", at));
    if (tables_.size() == kMaxSlot)
      corrupt(fmt::format("there are more than {} tables of logical partitions", kMaxSlot));
    for (const Partition& other : out_.partitions) require_outside(at, other);
  }

  bool is_within(std::uint64_t table, const MbrEntry& entry) const {
    return table + entry.first_sector + entry.sector_count <= end_sector(extended_);
  }

  static void require_outside(std::uint64_t table, const Partition& partition) {
    if (partition.first_sector <= table && table < end_sector(partition))
      corrupt(fmt::format("partition {} ({}) holds the table of logical partitions at sector {}",
                          partition.slot, sectors_of(partition), table));
  }

  void take_partition(std::uint64_t table, const MbrEntry& entry) {
    const std::size_t slot = kFirstLogicalSlot + out_.partitions.size();
    if (slot > kMaxSlot)
      corrupt(fmt::format("there are logical partitions past slot {}", kMaxSlot));
    const Partition partition{.slot = static_cast<unsigned>(slot),
                              .type = entry.type,
                              .bootable = entry.status == kBootableStatus,
                              .first_sector = table + entry.first_sector,
                              .sector_count = entry.sector_count};
    if (!is_within(table, entry))
      corrupt(fmt::format("partition {} ({}) is outside of partition {} ({})", slot,
                          sectors_of(partition), extended_.slot, sectors_of(extended_)));
    for (const std::uint64_t at : tables_) require_outside(at, partition);
    for (const Partition& other : out_.partitions) require_apart(partition, other);
    out_.partitions.push_back(partition);
  }

  const ImageFile& image_;
  const Partition& extended_;
  LogicalPartitions& out_;
  std::vector<std::uint64_t> tables_;
};

}  // namespace

LogicalPartitions read_logical(const ImageFile& image, const std::vector<Partition>& primary) {
  LogicalPartitions result;
  for (const Partition& partition : primary) {
    if (!is_extended(partition.type)) continue;
    try {
      Chain(image, partition, result).walk();
    } catch (const Error& error) {
      if (error.code() != Errc::Corrupt) throw;
      const std::string name = image.path().string();
      result.warnings.push_back({"mbr-logical-damaged", name,
                                 fmt::format("{}: {}; no logical partition is known behind that",
                                             quote(name), error.what())});
    }
  }
  return result;
}

}  // namespace rawimg
