// SPDX-License-Identifier: MIT
// The MBR: four primary slots, disk id, boot code kept. GPT and other labels are recognised and
// named, never mistaken for an MBR. Sectors have 512 bytes. Sources of the format facts:
// lib/src/partition/FORMATS.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/image_file.h>
#include <rawimg/units.h>

namespace rawimg {

struct Partition {
  unsigned slot = 0;  ///< 1 to 4
  std::uint8_t type = 0x83;
  bool bootable = false;
  std::uint32_t first_sector = 0, sector_count = 0;

  ByteRange range() const {
    return {ByteOffset{kSectorSize * first_sector}, ByteCount{kSectorSize * sector_count}};
  }
  bool operator==(const Partition&) const = default;
};

/// One partition as asked for, in sfdisk's words; what is absent is chosen by PartitionTable::add.
struct PartitionRequest {
  std::optional<unsigned> slot = std::nullopt;
  /// default: from 1 MiB up, aligned to 1 MiB, the first where sector_count (or else 1 MiB) is free
  std::optional<std::uint64_t> first_sector = std::nullopt;
  /// default (or `+`): up to the next partition or the end
  std::optional<std::uint64_t> sector_count = std::nullopt;
  std::uint8_t type = 0x83;
  bool bootable = false;
};

/// One line of sfdisk's script language: `start=63,type=83`, `start=1M, size=+, type=L, bootable`,
/// `,1G,82`, `63 2000 83 *`. Names and units are case-insensitive, the types `E` (extended) and `e`
/// (a FAT16) excepted. Throws: Usage (names the word).
PartitionRequest parse_partition_request(std::string_view line);

class PartitionTable {
 public:
  PartitionTable() = default;

  /// Checks the signature, boot flags, bounds against `image_size` and overlaps. Throws: Corrupt
  /// (says which slot and why), Unsupported (GPT, other labels, a filesystem's boot sector).
  static PartitionTable parse(std::span<const std::byte, kSectorSize> sector, ByteCount image_size);
  /// The same, from a file, after identify_disk found an MBR. Throws: like parse, and Io.
  static PartitionTable read(const ImageFile& image);

  /// 1 to 4
  /// 1 to 4; another number is a bug of the caller's
  const std::optional<Partition>& slot(unsigned number) const { return slots_.at(number - 1); }
  std::vector<Partition> partitions() const;  ///< the used slots, ascending
  std::uint32_t disk_id() const { return disk_id_; }
  void set_disk_id(std::uint32_t id) { disk_id_ = id; }

  /// Adds one, choosing what the request leaves open. Throws: Usage (slot taken, sector 0, no free
  /// slot), NoSpace (overlap, past the end of the image, past 2^32 sectors, also when `+` would
  /// reach past them; numbers in the message). Strong.
  Partition add(const PartitionRequest& request, ByteCount image_size);

  /// Writes slots, disk id and signature into `sector`; the boot code in it stays. CHS fields for
  /// 16 heads and 63 sectors while the cylinder fits 10 bits, else FE FF FF.
  void encode(std::span<std::byte, kSectorSize> sector) const;
  /// encode into the first sector of a file. Guarantee: strong (one sector is written). Throws: Io,
  /// NoSpace. Does not check: what else the file is; a GPT that is left there hides this table.
  void write(ImageFile& image) const;

 private:
  unsigned choose_slot(std::optional<unsigned> wanted) const;

  std::array<std::optional<Partition>, 4> slots_;
  std::uint32_t disk_id_ = 0;
};

/// What the beginning (and end) of a file is, as far as rawimg needs to know.
enum class DiskKind { Empty, Mbr, Gpt, Filesystem, OtherLabel, OtherFormat, Unknown };
struct DiskIdentity {
  DiskKind kind = DiskKind::Unknown;
  /// "ext4 filesystem", "GPT", "qcow2 image", "gzip data", "NTFS boot sector", ...; empty for Empty
  /// and Unknown
  std::string name;
};
/// Reads a few KiB. Empty: the first 128 KiB and what lies at known places are zeros (or the file
/// is shorter and zeros). Mbr: its boot flags are good; the rest of it may still be damaged.
/// Throws: Io.
DiskIdentity identify_disk(const ImageFile& image);
/// The same for a part of a file: a filesystem, a label or other signature at the start of `range`
/// (or one that lies at its end), for refusing to overwrite it. Throws: Io, Corrupt (range past the
/// file).
DiskIdentity identify_range(const ImageFile& image, ByteRange range);

/// Zeroes the bytes by which identify_disk knows the file as anything but an MBR, until it is Mbr,
/// Empty or Unknown: for `--force`, before a table is written. Content that is not a signature
/// stays, and so does everything on a disk that is an MBR already. Guarantee: none. Throws: Io,
/// NoSpace.
void erase_signatures(ImageFile& image);
/// The same for identify_range: for `--force`, before a filesystem is made in `range`.
void erase_signatures(ImageFile& image, ByteRange range);

/// `PARTUUID=<disk id>-<slot>` and so on.
std::string partuuid(std::uint32_t disk_id, unsigned slot);
/// "Linux", "W95 FAT32 (LBA)", ...; empty when unknown.
std::string_view partition_type_name(std::uint8_t type);

}  // namespace rawimg
