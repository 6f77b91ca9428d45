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

#include "base/endian.h"
#include "base/text.h"

namespace rawimg {
namespace {

struct MbrEntry {             // 16 bytes at 446 + 16 * (slot - 1)
  std::uint8_t status;        //  0  0x80 bootable, 0x00 not
  std::uint8_t chs_first[3];  //  1  ignored on read
  std::uint8_t type;          //  4  0x00 marks an unused slot
  std::uint8_t chs_last[3];   //  5  ignored on read
  Le32 first_sector;          //  8  512-byte sectors from the image start
  Le32 sector_count;          // 12
};
static_assert(sizeof(MbrEntry) == 16 && alignof(MbrEntry) == 1);

constexpr std::size_t kDiskIdAt = 440, kEntriesAt = 446, kSignatureAt = 510;
constexpr unsigned kSlots = 4;
constexpr std::uint64_t kMaxSectors = UINT32_MAX;    // of a start and of a length: 2 TiB
constexpr std::uint64_t kAlignment = 2048;           // 1 MiB
constexpr std::uint32_t kHeads = 16, kSectorsPerTrack = 63, kMaxCylinder = 1023;
constexpr std::uint8_t kProtective = 0xEE, kBootable = 0x80;

/// Head, sector and cylinder for 16 heads of 63 sectors, as gem5's and QEMU's IDE disks have; FE FF FF where 10 bits of cylinder are not enough.
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

MbrEntry entry_at(std::span<const std::byte, kSectorSize> sector, unsigned slot) {
  MbrEntry entry;
  std::memcpy(&entry, sector.data() + kEntriesAt + sizeof entry * (slot - 1), sizeof entry);
  return entry;
}

std::uint64_t end_sector(const Partition& partition) { return std::uint64_t{partition.first_sector} + partition.sector_count; }
bool overlap(const Partition& a, const Partition& b) { return a.first_sector < end_sector(b) && b.first_sector < end_sector(a); }

[[noreturn]] void corrupt(const std::string& why) { throw Error(Errc::Corrupt, why); }

Partition parse_entry(const MbrEntry& entry, unsigned slot, ByteCount image_size) {
  if (entry.status != 0 && entry.status != kBootable) corrupt(fmt::format("partition {} has boot flag {:02X}: it can be 00 or 80", slot, entry.status));
  const Partition partition{slot, entry.type, entry.status == kBootable, entry.first_sector, entry.sector_count};
  if (partition.first_sector == 0) corrupt(fmt::format("partition {} starts at sector 0, where the table is", slot));
  if (partition.sector_count == 0) corrupt(fmt::format("partition {} has no sectors", slot));
  if (partition.range().end() > image_size.value) corrupt(fmt::format("partition {} ends at byte {} but the image has {}", slot, partition.range().end(), image_size.value));
  return partition;
}

}  // namespace

PartitionTable PartitionTable::parse(std::span<const std::byte, kSectorSize> sector, ByteCount image_size) {
  if (sector[kSignatureAt] != std::byte{0x55} || sector[kSignatureAt + 1] != std::byte{0xAA}) corrupt("no MBR signature 55 AA at byte 510");
  PartitionTable table;
  Le32 id;
  std::memcpy(&id, sector.data() + kDiskIdAt, sizeof id);
  table.disk_id_ = id;
  for (unsigned slot = 1; slot <= kSlots; ++slot) {
    const MbrEntry entry = entry_at(sector, slot);
    if (entry.type == 0) continue;
    if (entry.type == kProtective) throw Error(Errc::Unsupported, fmt::format("partition {} is the protective entry of a GPT", slot));
    const Partition partition = parse_entry(entry, slot, image_size);
    for (const Partition& other : table.partitions())
      if (overlap(partition, other)) corrupt(fmt::format("partition {} (sectors {} to {}) overlaps partition {} (sectors {} to {})", slot, partition.first_sector, end_sector(partition) - 1, other.slot, other.first_sector, end_sector(other) - 1));
    table.slots_[slot - 1] = partition;
  }
  return table;
}

PartitionTable PartitionTable::read(const ImageFile& image) {
  const std::string name = image.path().string();
  const DiskIdentity disk = identify_disk(image);
  if (disk.kind != DiskKind::Mbr) {
    const std::string what = disk.kind == DiskKind::Empty ? "it is empty" : disk.name.empty() ? "its content is not known" : fmt::format("it is a {}", disk.name);
    throw Error(Errc::Unsupported, fmt::format("{} has no partition table that rawimg reads: {}", quote(name), what)).with_path(name);
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

Partition PartitionTable::add(const PartitionRequest& request, ByteCount image_size) {
  const auto usage = [](const std::string& why) { throw Error(Errc::Usage, why); };
  unsigned slot = request.slot.value_or(0);
  for (unsigned n = 1; slot == 0 && n <= kSlots; ++n)
    if (!slots_[n - 1]) slot = n;
  if (slot == 0) usage(fmt::format("all {} slots of the partition table are in use", kSlots));
  if (slot > kSlots) usage(fmt::format("slot {}: an MBR has slots 1 to {}", slot, kSlots));
  if (slots_[slot - 1]) usage(fmt::format("slot {} is in use", slot));
  if (request.type == 0) usage("partition type 0 marks an unused slot");
  if (request.type == kProtective) usage("partition type ee belongs to a GPT");

  std::vector<Partition> others = partitions();
  std::sort(others.begin(), others.end(), [](const Partition& a, const Partition& b) { return a.first_sector < b.first_sector; });
  const std::uint64_t sectors = image_size.value / kSectorSize;
  std::uint64_t first = request.first_sector.value_or(kAlignment);
  if (!request.first_sector)
    for (const Partition& other : others)
      if (first < end_sector(other) && (first >= other.first_sector || other.first_sector - first < kAlignment)) first = (end_sector(other) + kAlignment - 1) / kAlignment * kAlignment;
  if (first == 0) usage("a partition cannot start at sector 0, where the table is");
  if (first >= sectors) throw Error(Errc::NoSpace, fmt::format("partition {} would start at sector {} but the image has {} sectors", slot, first, sectors));
  std::uint64_t limit = sectors;
  for (const Partition& other : others)
    if (other.first_sector > first) limit = std::min<std::uint64_t>(limit, other.first_sector);
  const std::uint64_t count = request.sector_count.value_or(std::min(limit - first, kMaxSectors));
  if (count == 0) usage(fmt::format("partition {} would have no sectors", slot));
  if (first > kMaxSectors || count > kMaxSectors)
    throw Error(Errc::NoSpace, fmt::format("partition {} of {} sectors at sector {}: an MBR counts to {} (2 TiB)", slot, count, first, kMaxSectors)).with_hint("no table at all (--table none) has no such limit");
  if (count > sectors - first) throw Error(Errc::NoSpace, fmt::format("partition {} would end at byte {} but the image has {} bytes", slot, (first + count) * kSectorSize, image_size.value));
  const Partition partition{slot, request.type, request.bootable, static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(count)};
  for (const Partition& other : others)
    if (overlap(partition, other)) throw Error(Errc::NoSpace, fmt::format("partition {} (sectors {} to {}) would overlap partition {} (sectors {} to {})", slot, first, first + count - 1, other.slot, other.first_sector, end_sector(other) - 1));
  slots_[slot - 1] = partition;
  return partition;
}

void PartitionTable::encode(std::span<std::byte, kSectorSize> sector) const {
  const Le32 id = disk_id_;
  std::memcpy(sector.data() + kDiskIdAt, &id, sizeof id);
  for (unsigned slot = 1; slot <= kSlots; ++slot) {
    MbrEntry entry{};
    if (const auto& partition = slots_[slot - 1]) {
      entry.status = partition->bootable ? kBootable : 0;
      entry.type = partition->type;
      entry.first_sector = partition->first_sector;
      entry.sector_count = partition->sector_count;
      put_chs(partition->first_sector, entry.chs_first);
      put_chs(end_sector(*partition) - 1, entry.chs_last);
    }
    std::memcpy(sector.data() + kEntriesAt + sizeof entry * (slot - 1), &entry, sizeof entry);
  }
  sector[kSignatureAt] = std::byte{0x55};
  sector[kSignatureAt + 1] = std::byte{0xAA};
}

void PartitionTable::write(ImageFile& image) const {
  std::array<std::byte, kSectorSize> sector;
  image.read_at(ByteOffset{0}, sector);
  encode(sector);
  image.write_at(ByteOffset{0}, sector);
}

std::string partuuid(std::uint32_t disk_id, unsigned slot) { return fmt::format("{:08x}-{:02x}", disk_id, slot); }

std::string_view partition_type_name(std::uint8_t type) {
  struct Name {
    std::uint8_t type;
    std::string_view name;
  };
  constexpr std::array kNames{Name{0x01, "FAT12"}, Name{0x04, "FAT16 <32M"}, Name{0x05, "Extended"}, Name{0x06, "FAT16"}, Name{0x07, "HPFS/NTFS/exFAT"}, Name{0x0B, "W95 FAT32"}, Name{0x0C, "W95 FAT32 (LBA)"},
                              Name{0x0E, "W95 FAT16 (LBA)"}, Name{0x0F, "W95 Ext'd (LBA)"}, Name{0x82, "Linux swap / Solaris"}, Name{0x83, "Linux"}, Name{0x85, "Linux extended"}, Name{0x8E, "Linux LVM"},
                              Name{0xA5, "FreeBSD"}, Name{0xA6, "OpenBSD"}, Name{0xA9, "NetBSD"}, Name{0xDA, "Non-FS data"}, Name{0xEE, "GPT"}, Name{0xEF, "EFI (FAT-12/16/32)"}, Name{0xFD, "Linux raid autodetect"}};
  for (const Name& known : kNames)
    if (known.type == type) return known.name;
  return "";
}

}  // namespace rawimg
