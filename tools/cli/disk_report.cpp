// SPDX-License-Identifier: MIT
#include "cli/disk_report.h"

#include <utility>

#include <rawimg/error.h>
#include <rawimg/ext_fs.h>

#include "cli/summary.h"

namespace rawimg::cli {
namespace {

SlotReport examine(ImageFile& image, unsigned slot, ByteRange range,
                   std::optional<Partition> partition) {
  SlotReport report{slot, range, partition, std::nullopt, "", ""};
  if (partition && is_extended(*partition)) {
    report.other = "logical partitions";
    return report;
  }
  try {
    report.ext = probe_ext(Window(image, range));
    // what is half written, or in the journal, is not damaged
    if (report.ext && !report.ext->interrupted && !report.ext->needs_recovery)
      require_descriptors(Window(image, range));
    if (!report.ext) report.other = identify_range(image, range).name;
  } catch (const Error& error) {
    if (error.code() == Errc::Unsupported)
      report.other = error.what();
    else if (error.code() == Errc::Corrupt)
      report.problem = error.what();
    else
      throw;
  }
  return report;
}

/// One somewhere in a file that no partition is for has no name in a guest.
bool has_root_names(const SlotReport& slot) {
  return slot.ext && (slot.slot != 0 || slot.range.start() == 0);
}

}  // namespace

DiskReport examine(ImageFile& image, const Address& address) {
  DiskReport report{
      image.path().string(), image.size().value, image.allocated().value, std::nullopt, {}};
  if (address.offset || address.slot == 0U) {
    const FoundWindow found = find_filesystem(image, address);
    if (found.slot != 0) report.table = PartitionTable::read(image);
    report.slots.push_back(
        examine(image, found.slot, found.window.range(),
                found.slot != 0 ? report.table->slot(found.slot) : std::nullopt));
    return report;
  }
  if (!has_partition_table(image)) {
    if (address.slot) (void)find_filesystem(image, address);  // says that there are no slots
    SlotReport whole = examine(image, 0, ByteRange{ByteOffset{0}, image.size()}, std::nullopt);
    // says what the file is
    if (!whole.ext && whole.problem.empty() && identify_disk(image).kind != DiskKind::Empty)
      (void)PartitionTable::read(image);
    report.slots.push_back(std::move(whole));
    return report;
  }
  report.table = PartitionTable::read(image);
  for (const Partition& partition : report.table->partitions())
    if (!address.slot || *address.slot == partition.slot)
      report.slots.push_back(examine(image, partition.slot, partition.range(), partition));
  // says which slots there are
  if (address.slot && report.slots.empty()) (void)find_filesystem(image, address);
  return report;
}

std::vector<std::string> root_names(const DiskReport& report, const SlotReport& slot) {
  if (!has_root_names(slot)) return {};
  return root_names(slot.partition ? report.table->partuuid(*slot.partition) : "", slot.slot);
}

}  // namespace rawimg::cli
