// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <rawimg/units.h>

#include "base/endian.h"

namespace rawimg {

/// One partition on disk. Sources: FORMATS.md.
struct MbrEntry {             // 16 bytes at 446 + 16 * (slot - 1)
  std::uint8_t status;        //  0  0x80 bootable, 0x00 not
  std::uint8_t chs_first[3];  //  1  ignored on read
  std::uint8_t type;          //  4  0x00 marks an unused slot
  std::uint8_t chs_last[3];   //  5  ignored on read
  Le32 first_sector;          //  8  512-byte sectors from the image start
  Le32 sector_count;          // 12
};
static_assert(sizeof(MbrEntry) == 16 && alignof(MbrEntry) == 1);

inline constexpr std::size_t kBootCodeSize = 440, kDiskIdAt = 440, kEntriesAt = 446,
                             kMbrSignatureAt = 510;
inline constexpr unsigned kSlots = 4;
inline constexpr std::uint8_t kProtectiveType = 0xEE, kBootableStatus = 0x80;

/// The first sector of a disk. The caller keeps the bytes alive.
class MbrSector {
 public:
  explicit MbrSector(std::span<const std::byte, kSectorSize> bytes) : bytes_(bytes) {}

  bool has_signature() const;           ///< 55 AA
  MbrEntry entry(unsigned slot) const;  ///< 1 to 4
  std::uint32_t disk_id() const;
  unsigned used_slots() const;        ///< how many have a type
  bool has_protective_entry() const;  ///< type EE: the disk has a GPT

  /// The first slot whose boot flag is neither 00 nor 80, else 0. The kernel takes such a sector
  /// for code, not for a table.
  unsigned slot_with_bad_flag() const;

  /// Whether this is the boot sector of a FAT, exFAT or NTFS filesystem, where 55 AA says nothing
  /// about a table. GRUB keeps the FAT parameters that it finds when it is installed, so its boot
  /// code in front of a table that is in use is an MBR all the same.
  bool is_filesystem_boot_sector() const;

 private:
  bool has_fat_parameters() const;
  bool has_grub_code() const;

  std::span<const std::byte, kSectorSize> bytes_;
};

}  // namespace rawimg
