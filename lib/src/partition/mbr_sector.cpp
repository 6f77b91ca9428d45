// SPDX-License-Identifier: MIT
#include "partition/mbr_sector.h"

#include <cstring>
#include <string_view>

#include "partition/signature.h"

namespace rawimg {
namespace {

/// The head of a FAT boot sector; exFAT and NTFS have the same jump and OEM name, and zeros where
/// FAT counts its tables.
struct FatParameters {
  std::uint8_t jump[3];          //  0  EB xx 90 or E9 xx xx
  char oem_name[8];              //  3
  Le16 bytes_per_sector;         // 11
  std::uint8_t cluster_sectors;  // 13  a power of two
  Le16 reserved_sectors;         // 14  at least 1: this one
  std::uint8_t fats;             // 16  1 or 2
  Le16 root_entries;             // 17
  Le16 sectors;                  // 19
  std::uint8_t media;            // 21  F0, or F8 to FF
};
static_assert(sizeof(FatParameters) == 22 && alignof(FatParameters) == 1);

}  // namespace

bool MbrSector::has_signature() const {
  return bytes_[kMbrSignatureAt] == std::byte{0x55} &&
         bytes_[kMbrSignatureAt + 1] == std::byte{0xAA};
}

MbrEntry MbrSector::entry(unsigned slot) const {
  MbrEntry entry;
  std::memcpy(&entry, bytes_.data() + kEntriesAt + sizeof entry * (slot - 1), sizeof entry);
  return entry;
}

std::uint32_t MbrSector::disk_id() const {
  Le32 id;
  std::memcpy(&id, bytes_.data() + kDiskIdAt, sizeof id);
  return id;
}

unsigned MbrSector::used_slots() const {
  unsigned used = 0;
  for (unsigned slot = 1; slot <= kSlots; ++slot) used += entry(slot).type != 0;
  return used;
}

bool MbrSector::has_protective_entry() const {
  for (unsigned slot = 1; slot <= kSlots; ++slot)
    if (entry(slot).type == kProtectiveType) return true;
  return false;
}

unsigned MbrSector::slot_with_bad_flag() const {
  for (unsigned slot = 1; slot <= kSlots; ++slot)
    if (const std::uint8_t status = entry(slot).status; status != 0 && status != kBootableStatus)
      return slot;
  return 0;
}

bool MbrSector::has_fat_parameters() const {
  FatParameters fat;
  std::memcpy(&fat, bytes_.data(), sizeof fat);
  const bool jump = (fat.jump[0] == 0xEB && fat.jump[2] == 0x90) || fat.jump[0] == 0xE9;
  const unsigned sector = fat.bytes_per_sector;
  const bool sane_sector = sector == 512 || sector == 1024 || sector == 2048 || sector == 4096;
  const bool sane_cluster =
      fat.cluster_sectors != 0 && (fat.cluster_sectors & (fat.cluster_sectors - 1)) == 0;
  return jump && sane_sector && sane_cluster && fat.reserved_sectors != 0 &&
         (fat.fats == 1 || fat.fats == 2) && (fat.media == 0xF0 || fat.media >= 0xF8);
}

bool MbrSector::has_grub_code() const {
  return holds(bytes_, 0x180, std::string_view("GRUB \0", 6));
}

bool MbrSector::is_filesystem_boot_sector() const {
  if (holds(bytes_, 3, "NTFS    ") || holds(bytes_, 3, "EXFAT   ")) return true;
  if (!has_fat_parameters()) return false;
  const bool table_in_use = slot_with_bad_flag() == 0 && used_slots() != 0;
  return !(has_grub_code() && table_in_use);
}

}  // namespace rawimg
