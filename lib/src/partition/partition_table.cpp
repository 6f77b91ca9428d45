// SPDX-License-Identifier: MIT
//
// The master boot record (sources: FORMATS.md):
//   0    boot code, kept as it is
//   440  disk id, 32 bits; PARTUUID of slot n is <id in 8 hexadecimal digits>-<n in 2>
//   444  0, or 0x5A5A for copy-protected; kept
//   446  four entries of 16 bytes
//   510  55 AA
#include <rawimg/partition_table.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "partition/mbr_sector.h"
#include "partition/partition_type.h"

namespace rawimg {
namespace {

constexpr std::uint64_t kMaxSectors = UINT32_MAX;  // of a start and of a length
constexpr std::uint64_t kEndOfMbr = 1ULL << 32;    // 2 TiB: behind it no sector can be named
constexpr std::uint64_t kAlignment = 2048;         // 1 MiB
constexpr std::uint64_t kHeads = 16, kSectorsPerTrack = 63, kMaxCylinder = 1023;

/// Head, sector and cylinder for 16 heads of 63 sectors, as gem5's and QEMU's IDE disks have; FE FF
/// FF where 10 bits of cylinder are not enough.
void put_chs(std::uint64_t sector, std::uint8_t (&out)[3]) {
  const std::uint64_t cylinder = sector / (kHeads * kSectorsPerTrack);
  if (cylinder > kMaxCylinder) {
    out[0] = 0xFE;
    out[1] = out[2] = 0xFF;
    return;
  }
  out[0] = static_cast<std::uint8_t>(sector / kSectorsPerTrack % kHeads);
  out[1] = static_cast<std::uint8_t>((sector % kSectorsPerTrack + 1) | (cylinder >> 8) << 6);
  out[2] = static_cast<std::uint8_t>(cylinder);
}

std::uint64_t end_sector(const Partition& partition) {
  return std::uint64_t{partition.first_sector} + partition.sector_count;
}
bool overlap(const Partition& a, const Partition& b) {
  return a.first_sector < end_sector(b) && b.first_sector < end_sector(a);
}

std::string sectors_of(const Partition& partition) {
  return fmt::format("sectors {} to {}", partition.first_sector, end_sector(partition) - 1);
}

[[noreturn]] void corrupt(const std::string& why) { throw Error(Errc::Corrupt, why); }
[[noreturn]] void usage(const std::string& why) { throw Error(Errc::Usage, why); }

Partition parse_entry(const MbrEntry& entry, unsigned slot, ByteCount image_size) {
  if (entry.status != 0 && entry.status != kBootableStatus)
    corrupt(
        fmt::format("partition {} has boot flag {:02X}: it can be 00 or 80", slot, entry.status));
  const Partition partition{slot, entry.type, entry.status == kBootableStatus, entry.first_sector,
                            entry.sector_count};
  if (partition.first_sector == 0)
    corrupt(fmt::format("partition {} starts at sector 0, where the table is", slot));
  if (partition.sector_count == 0) corrupt(fmt::format("partition {} has no sectors", slot));
  if (partition.range().end() > image_size.value)
    corrupt(fmt::format("partition {} ends at byte {} but the image has {}", slot,
                        partition.range().end(), image_size.value));
  return partition;
}

using Sorted = std::vector<Partition>;  // by first sector

/// The first sector on the 1 MiB grid with `wanted` free sectors behind it; when there is none,
/// where the last partition ends.
std::uint64_t find_start(const Sorted& others, std::uint64_t wanted) {
  std::uint64_t first = kAlignment;
  for (const Partition& other : others) {
    if (first < other.first_sector && wanted <= other.first_sector - first) break;
    first = std::max(first, (end_sector(other) + kAlignment - 1) / kAlignment * kAlignment);
  }
  return first;
}

/// Up to the next partition or the end. Throws: NoSpace where the end cannot be named: what is left
/// of the disk would be lost in silence.
std::uint64_t rest_from(std::uint64_t first, const Sorted& others, std::uint64_t sectors) {
  for (const Partition& other : others)
    if (other.first_sector > first) return other.first_sector - first;
  if (sectors > kEndOfMbr && first <= kMaxSectors)
    throw Error(Errc::NoSpace,
                fmt::format("the image has {} sectors and an MBR reaches {} of them (2 TiB)",
                            sectors, kEndOfMbr))
        .with_hint(
            fmt::format("give a size (here at most {}s), or use no table at all (--table none)",
                        std::min(kMaxSectors, kEndOfMbr - first)));
  return sectors - first;
}

/// Whether the sectors exist, and 32 bits can name them. Throws: Usage, NoSpace.
void require_within(unsigned slot, std::uint64_t first, std::uint64_t count, ByteCount image_size) {
  const std::uint64_t sectors = image_size.value / kSectorSize;
  if (count == 0) usage(fmt::format("partition {} would have no sectors", slot));
  if (first > kMaxSectors || count > kMaxSectors || count > kEndOfMbr - first)
    throw Error(
        Errc::NoSpace,
        fmt::format("partition {} of {} sectors at sector {}: an MBR reaches {} sectors (2 TiB)",
                    slot, count, first, kEndOfMbr))
        .with_hint("no table at all (--table none) has no such limit");
  if (count > sectors - first)
    throw Error(Errc::NoSpace,
                fmt::format("partition {} would end at byte {} but the image has {} bytes", slot,
                            (first + count) * kSectorSize, image_size.value));
}

}  // namespace

PartitionTable PartitionTable::parse(std::span<const std::byte, kSectorSize> bytes,
                                     ByteCount image_size) {
  const MbrSector sector(bytes);
  if (!sector.has_signature()) corrupt("no MBR signature 55 AA at byte 510");
  if (sector.is_filesystem_boot_sector())
    throw Error(Errc::Unsupported,
                "the first sector is the boot sector of a filesystem, not an MBR");
  PartitionTable table;
  table.disk_id_ = sector.disk_id();
  for (unsigned slot = 1; slot <= kSlots; ++slot) {
    const MbrEntry entry = sector.entry(slot);
    if (entry.type == 0) continue;
    if (entry.type == kProtectiveType)
      throw Error(Errc::Unsupported,
                  fmt::format("partition {} is the protective entry of a GPT", slot));
    const Partition partition = parse_entry(entry, slot, image_size);
    for (const Partition& other : table.partitions())
      if (overlap(partition, other))
        corrupt(fmt::format("partition {} ({}) overlaps partition {} ({})", slot,
                            sectors_of(partition), other.slot, sectors_of(other)));
    table.slots_[slot - 1] = partition;
  }
  return table;
}

PartitionTable PartitionTable::read(const ImageFile& image) {
  const std::string name = image.path().string();
  const DiskIdentity disk = identify_disk(image);
  if (disk.kind != DiskKind::Mbr) {
    const std::string what = disk.kind == DiskKind::Empty ? "it is empty"
                             : disk.name.empty()          ? "its content is not known"
                                                          : fmt::format("found {}", disk.name);
    throw Error(Errc::Unsupported,
                fmt::format("{} has no partition table that rawimg reads: {}", quote(name), what))
        .with_path(name);
  }
  std::array<std::byte, kSectorSize> sector;
  image.read_at(ByteOffset{0}, sector);
  return with_context(quote(name), [&] { return parse(sector, image.size()); });
}

std::vector<Partition> PartitionTable::partitions() const {
  std::vector<Partition> used;
  for (const auto& slot : slots_)
    if (slot) used.push_back(*slot);
  return used;
}

unsigned PartitionTable::choose_slot(std::optional<unsigned> wanted) const {
  if (!wanted) {
    const auto unused = std::find(slots_.begin(), slots_.end(), std::nullopt);
    if (unused == slots_.end())
      usage(fmt::format("all {} slots of the partition table are in use", kSlots));
    return static_cast<unsigned>(unused - slots_.begin()) + 1;
  }
  if (*wanted == 0 || *wanted > kSlots)
    usage(fmt::format("slot {}: an MBR has slots 1 to {}", *wanted, kSlots));
  if (slots_[*wanted - 1]) usage(fmt::format("slot {} is in use", *wanted));
  return *wanted;
}

Partition PartitionTable::add(const PartitionRequest& request, ByteCount image_size) {
  const unsigned slot = choose_slot(request.slot);
  if (request.type == 0) usage("partition type 0 marks an unused slot");
  if (request.type == kProtectiveType) usage("partition type ee belongs to a GPT");
  if (is_extended(request.type))
    usage(fmt::format("partition type {:02x}: rawimg makes no extended partitions", request.type));

  Sorted others = partitions();
  std::sort(others.begin(), others.end(),
            [](const Partition& a, const Partition& b) { return a.first_sector < b.first_sector; });
  const std::uint64_t sectors = image_size.value / kSectorSize;
  const std::uint64_t first = request.first_sector
                                  ? *request.first_sector
                                  : find_start(others, request.sector_count.value_or(kAlignment));
  if (first == 0) usage("a partition cannot start at sector 0, where the table is");
  if (first >= sectors)
    throw Error(Errc::NoSpace,
                fmt::format("partition {} would start at sector {} but the image has {} sectors",
                            slot, first, sectors))
        .with_hint("a larger image, or a partition that starts earlier (start=63)");
  const std::uint64_t count =
      request.sector_count ? *request.sector_count : rest_from(first, others, sectors);
  require_within(slot, first, count, image_size);

  const Partition partition{slot, request.type, request.bootable, static_cast<std::uint32_t>(first),
                            static_cast<std::uint32_t>(count)};
  for (const Partition& other : others)
    if (overlap(partition, other))
      throw Error(Errc::NoSpace,
                  fmt::format("partition {} ({}) would overlap partition {} ({})", slot,
                              sectors_of(partition), other.slot, sectors_of(other)));
  slots_[slot - 1] = partition;
  return partition;
}

void PartitionTable::encode(std::span<std::byte, kSectorSize> sector) const {
  const Le32 id = disk_id_;
  std::memcpy(sector.data() + kDiskIdAt, &id, sizeof id);
  for (unsigned slot = 1; slot <= kSlots; ++slot) {
    MbrEntry entry{};
    if (const auto& partition = slots_[slot - 1]) {
      entry.status = partition->bootable ? kBootableStatus : 0;
      entry.type = partition->type;
      entry.first_sector = partition->first_sector;
      entry.sector_count = partition->sector_count;
      put_chs(partition->first_sector, entry.chs_first);
      put_chs(end_sector(*partition) - 1, entry.chs_last);
    }
    std::memcpy(sector.data() + kEntriesAt + sizeof entry * (slot - 1), &entry, sizeof entry);
  }
  sector[kMbrSignatureAt] = std::byte{0x55};
  sector[kMbrSignatureAt + 1] = std::byte{0xAA};
}

void PartitionTable::write(ImageFile& image) const {
  std::array<std::byte, kSectorSize> sector;
  image.read_at(ByteOffset{0}, sector);
  encode(sector);
  image.write_at(ByteOffset{0}, sector);
}

std::string partuuid(std::uint32_t disk_id, unsigned slot) {
  return fmt::format("{:08x}-{:02x}", disk_id, slot);
}

}  // namespace rawimg
