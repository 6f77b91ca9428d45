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
#include "partition/gpt.h"
#include "partition/logical.h"
#include "partition/mbr_sector.h"
#include "partition/overlap.h"
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

[[noreturn]] void corrupt(const std::string& why) { throw Error(Errc::Corrupt, why); }
[[noreturn]] void usage(const std::string& why) { throw Error(Errc::Usage, why); }

Partition parse_entry(const MbrEntry& entry, unsigned slot, ByteCount image_size) {
  if (entry.status != 0 && entry.status != kBootableStatus)
    corrupt(
        fmt::format("partition {} has boot flag {:02X}: it can be 00 or 80", slot, entry.status));
  const Partition partition{.slot = slot,
                            .type = entry.type,
                            .bootable = entry.status == kBootableStatus,
                            .first_sector = entry.first_sector,
                            .sector_count = entry.sector_count};
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

/// What is in the file as a whole can be reached all the same, without the table.
std::string hint_beside(const MbrSector& sector, const ImageFile& image) {
  const auto at = [&](const std::string& byte) {
    return shell_word(image.path().string() + "?offset=" + byte);
  };
  for (unsigned slot = 1; slot <= kSlots; ++slot) {
    const MbrEntry entry = sector.entry(slot);
    const std::uint64_t first = entry.first_sector, count = entry.sector_count;
    if (entry.type == 0 || is_extended(entry.type) || first == 0 || count == 0) continue;
    if ((first + count) * kSectorSize <= image.size().value)
      return fmt::format("the table is not needed for what is in slot {}: {}", slot,
                         at(fmt::format("{}", first * kSectorSize)));
  }
  return fmt::format("the table is not needed for a filesystem whose place is known: {}",
                     at("BYTES"));
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
    for (const Partition& other : table.partitions_) require_apart(partition, other);
    table.partitions_.push_back(partition);
  }
  return table;
}

PartitionTable PartitionTable::read(const ImageFile& image) {
  const std::string name = image.path().string();
  const DiskIdentity disk = identify_disk(image);
  if (disk.kind == DiskKind::Gpt)
    return with_context(quote(name), [&] { return PartitionTable(read_gpt(image)); });
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
  try {
    PartitionTable table = with_context(quote(name), [&] { return parse(sector, image.size()); });
    const LogicalPartitions logical = read_logical(image, table.partitions_);
    table.partitions_.insert(table.partitions_.end(), logical.partitions.begin(),
                             logical.partitions.end());
    table.logical_tables_ = logical.tables;
    table.warnings_ = logical.warnings;
    return table;
  } catch (const Error& error) {
    if (error.code() != Errc::Corrupt) throw;
    throw Error(error).with_hint(hint_beside(MbrSector(sector), image));
  }
}

PartitionTable::PartitionTable(Gpt gpt)
    : kind_(Kind::Gpt),
      partitions_(std::move(gpt.partitions)),
      disk_guid_(gpt.disk_guid),
      usable_(gpt.usable),
      warnings_(std::move(gpt.warnings)) {}

std::optional<Partition> PartitionTable::slot(unsigned number) const {
  const auto found = std::find_if(partitions_.begin(), partitions_.end(),
                                  [&](const Partition& p) { return p.slot == number; });
  return found == partitions_.end() ? std::nullopt : std::optional(*found);
}

std::string PartitionTable::partuuid(const Partition& partition) const {
  return partition.gpt ? to_text(partition.gpt->guid) : rawimg::partuuid(disk_id_, partition.slot);
}

void PartitionTable::require_mbr() const {
  if (kind_ == Kind::Gpt)
    throw Error(Errc::Unsupported, "the table is a GPT, which rawimg reads and does not change");
}

void PartitionTable::set_disk_id(std::uint32_t id) {
  require_mbr();
  disk_id_ = id;
}

unsigned PartitionTable::choose_slot(std::optional<unsigned> wanted) const {
  if (!wanted) {
    for (unsigned number = 1; number <= kSlots; ++number)
      if (!slot(number)) return number;
    usage(fmt::format("all {} slots of the partition table are in use", kSlots));
  }
  if (*wanted == 0 || *wanted > kSlots)
    usage(fmt::format("slot {}: an MBR has slots 1 to {}, and logical partitions are not made",
                      *wanted, kSlots));
  if (slot(*wanted)) usage(fmt::format("slot {} is in use", *wanted));
  return *wanted;
}

Partition PartitionTable::add(const PartitionRequest& request, ByteCount image_size) {
  require_mbr();
  const unsigned slot = choose_slot(request.slot);
  if (request.type == 0) usage("partition type 0 marks an unused slot");
  if (request.type == kProtectiveType) usage("partition type ee belongs to a GPT");
  if (is_extended(request.type))
    usage(fmt::format("partition type {:02x}: rawimg makes no extended partitions", request.type));

  Sorted others = partitions_;
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

  const Partition partition{.slot = slot,
                            .type = request.type,
                            .bootable = request.bootable,
                            .first_sector = first,
                            .sector_count = count};
  for (const Partition& other : others)
    if (overlap(partition, other))
      throw Error(Errc::NoSpace,
                  fmt::format("partition {} ({}) would overlap partition {} ({})", slot,
                              sectors_of(partition), other.slot, sectors_of(other)));
  partitions_.push_back(partition);
  std::sort(partitions_.begin(), partitions_.end(),
            [](const Partition& a, const Partition& b) { return a.slot < b.slot; });
  return partition;
}

void PartitionTable::encode(std::span<std::byte, kSectorSize> sector) const {
  require_mbr();
  const Le32 id = disk_id_;
  std::memcpy(sector.data() + kDiskIdAt, &id, sizeof id);
  std::memset(sector.data() + kEntriesAt, 0, kSlots * sizeof(MbrEntry));
  for (const Partition& partition : partitions_) {
    if (partition.slot >= kFirstLogicalSlot) break;
    MbrEntry entry{};
    entry.status = partition.bootable ? kBootableStatus : 0;
    entry.type = partition.type;
    // 32 bits are enough: require_within
    entry.first_sector = static_cast<std::uint32_t>(partition.first_sector);
    entry.sector_count = static_cast<std::uint32_t>(partition.sector_count);
    put_chs(partition.first_sector, entry.chs_first);
    put_chs(end_sector(partition) - 1, entry.chs_last);
    std::memcpy(sector.data() + kEntriesAt + sizeof entry * (partition.slot - 1), &entry,
                sizeof entry);
  }
  sector[kMbrSignatureAt] = std::byte{0x55};
  sector[kMbrSignatureAt + 1] = std::byte{0xAA};
}

void PartitionTable::write(ImageFile& image) const {
  require_mbr();
  std::array<std::byte, kSectorSize> sector;
  image.read_at(ByteOffset{0}, sector);
  encode(sector);
  image.write_at(ByteOffset{0}, sector);
}

std::string partuuid(std::uint32_t disk_id, unsigned slot) {
  return fmt::format("{:08x}-{:02x}", disk_id, slot);
}

}  // namespace rawimg
