// SPDX-License-Identifier: MIT
// Partition tables. The MBR is read, made and written: four primary slots, disk id, boot code kept.
// Logical partitions are read, and neither made nor changed.
// A GPT is read only, from its backup where the primary is damaged, and nothing in it is repaired.
// Other labels are recognised and named, never mistaken for an MBR. Sectors have 512 bytes. What a
// partition holds is others' business. Sources of the format facts: lib/src/partition/FORMATS.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/image_file.h>
#include <rawimg/observer.h>
#include <rawimg/units.h>
#include <rawimg/uuid.h>

#pragma GCC visibility push(default)

namespace rawimg {

/// The last slot that rawimg reads, of a GPT and of logical partitions.
inline constexpr unsigned kMaxSlot = 128;
/// From here up Linux counts the logical partitions of an MBR, in the order of their chain.
inline constexpr unsigned kFirstLogicalSlot = 5;

/// What a GPT says of a partition and an MBR does not.
struct GptDetails {
  Uuid type{};                   ///< what it is for: see partition_type_name
  Uuid guid{};                   ///< of this partition alone: its PARTUUID
  std::uint64_t attributes = 0;  ///< bit 0: required by the platform; 2: bootable by a legacy BIOS
  std::string name;              ///< UTF-8; what was no UTF-16 is U+FFFD

  bool operator==(const GptDetails&) const = default;
};

struct Partition {
  unsigned slot = 0;  ///< 1 to 4, a logical one from kFirstLogicalSlot; 1 to kMaxSlot in a GPT
  std::uint8_t type = 0x83;  ///< 0 in a GPT
  bool bootable = false;     ///< in a GPT: attribute bit 2
  std::uint64_t first_sector = 0, sector_count = 0;
  std::optional<GptDetails> gpt = std::nullopt;  ///< in a GPT always, in an MBR never

  ByteRange range() const {
    return {ByteOffset{kSectorSize * first_sector}, ByteCount{kSectorSize * sector_count}};
  }
  bool operator==(const Partition&) const = default;
};

/// Whether it is an MBR's extended partition: what logical ones lie in, and no filesystem.
bool is_extended(const Partition& partition);

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

struct Gpt;

/// A value: copies are independent, and nothing is read or written behind its back.
class PartitionTable {
 public:
  enum class Kind { Mbr, Gpt };

  /// An MBR without partitions.
  PartitionTable() = default;

  /// An MBR. Checks the signature, boot flags, bounds against `image_size` and overlaps. Throws:
  /// Corrupt (says which slot and why), Unsupported (GPT, other labels, a filesystem's boot
  /// sector).
  static PartitionTable parse(std::span<const std::byte, kSectorSize> sector, ByteCount image_size);
  /// An MBR with its logical partitions, or a GPT, as identify_disk finds. A chain of logical
  /// partitions ends where it cannot be right: warnings() says so. Of a GPT every CRC and every
  /// place is checked, and the backup is used where the primary is damaged: warnings() says so.
  /// Throws: like parse; Corrupt (both copies are damaged: both reasons; partitions that overlap or
  /// lie outside of the usable sectors), Unsupported (a GPT with a slot past kMaxSlot in use, with
  /// entries larger than 4096 or longer than 524288 bytes together, or for sectors of 4096 bytes),
  /// Io.
  static PartitionTable read(const ImageFile& image);

  Kind kind() const { return kind_; }
  std::optional<Partition> slot(unsigned number) const;  ///< nothing where no partition is
  std::vector<Partition> partitions() const { return partitions_; }  ///< ascending by slot
  std::uint32_t disk_id() const { return disk_id_; }                 ///< of an MBR; 0 in a GPT
  const Uuid& disk_guid() const { return disk_guid_; }               ///< of a GPT; zeros in an MBR
  /// Of a GPT: where partitions may lie, and nothing of the table does. Empty in an MBR.
  ByteRange usable() const { return usable_; }
  /// The sectors of the tables that logical partitions have, in the order of their chain.
  const std::vector<std::uint64_t>& logical_tables() const { return logical_tables_; }
  /// What a kernel calls a partition of this table in `PARTUUID=`: `<disk id>-<slot>`, or its GUID,
  /// in lower case.
  std::string partuuid(const Partition& partition) const;
  /// What was wrong with a table that could be read all the same, for the user to know:
  /// "mbr-logical-damaged"; "gpt-primary-damaged" (the backup is used), "gpt-backup-damaged",
  /// "gpt-copies-differ", "gpt-usable-sectors" (they hold the other copy's table: fewer are used),
  /// "gpt-without-protective-mbr". Each names the image.
  const std::vector<Warning>& warnings() const { return warnings_; }

  /// Throws: Unsupported (a GPT).
  void set_disk_id(std::uint32_t id);
  /// Adds one, choosing what the request leaves open. Throws: Unsupported (a GPT), Usage (slot
  /// taken, sector 0, no free slot), NoSpace (overlap, past the end of the image, past 2^32
  /// sectors, also when `+` would reach past them; numbers in the message). Strong.
  Partition add(const PartitionRequest& request, ByteCount image_size);

  /// Writes slots, disk id and signature into `sector`; the boot code in it stays. CHS fields for
  /// 16 heads and 63 sectors while the cylinder fits 10 bits, else FE FF FF. Guarantee: strong.
  /// Throws: Unsupported (a GPT).
  void encode(std::span<std::byte, kSectorSize> sector) const;
  /// encode into the first sector of a file. Logical partitions stay as they are. Guarantee: strong
  /// (one sector is written). Throws: Unsupported (a GPT), Io, NoSpace. Does not check: what else
  /// the file is; a GPT that is left there hides this table (erase_signatures).
  void write(ImageFile& image) const;

 private:
  explicit PartitionTable(Gpt gpt);
  unsigned choose_slot(std::optional<unsigned> wanted) const;
  void require_mbr() const;

  Kind kind_ = Kind::Mbr;
  std::vector<Partition> partitions_;
  std::uint32_t disk_id_ = 0;
  Uuid disk_guid_{};
  ByteRange usable_;
  std::vector<std::uint64_t> logical_tables_;
  std::vector<Warning> warnings_;
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
/// Gpt: there are parts of one, good or damaged. Throws: Io.
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
/// "EFI System", "Linux filesystem", "Linux root (x86-64)", ... by the GUID of a GPT's type; empty
/// when unknown.
std::string_view partition_type_name(const Uuid& type);

}  // namespace rawimg

#pragma GCC visibility pop
