// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <rawimg/partition_table.h>

#include "base/endian.h"

namespace rawimg {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::uint64_t at;  // byte from the start
  std::string_view magic;
  DiskKind kind;
  std::string_view name;
};

// Sources: FORMATS.md. Order matters where several can hold: what is more specific comes first.
constexpr std::array kSignatures{
    Signature{0, "QFI\xFB"sv, DiskKind::OtherFormat, "qcow2 image"},
    Signature{0, "KDMV"sv, DiskKind::OtherFormat, "VMDK image"},
    Signature{0, "COWD"sv, DiskKind::OtherFormat, "VMDK image"},
    Signature{0, "# Disk DescriptorFile"sv, DiskKind::OtherFormat, "VMDK descriptor"},
    Signature{0, "COWDISK!"sv, DiskKind::OtherFormat, "gem5 COW file"},
    Signature{0, "conectix"sv, DiskKind::OtherFormat, "VHD image"},
    Signature{0, "vhdxfile"sv, DiskKind::OtherFormat, "VHDX image"},
    Signature{0x40, "\x7F\x10\xDA\xBE"sv, DiskKind::OtherFormat, "VDI image"},
    Signature{0, "\x3A\xFF\x26\xED"sv, DiskKind::OtherFormat, "Android sparse image"},
    Signature{0, "\x1F\x8B"sv, DiskKind::OtherFormat, "gzip file"},
    Signature{0, "\xFD" "7zXZ\0"sv, DiskKind::OtherFormat, "xz file"},
    Signature{0, "\x28\xB5\x2F\xFD"sv, DiskKind::OtherFormat, "zstd file"},
    Signature{0, "BZh"sv, DiskKind::OtherFormat, "bzip2 file"},
    Signature{0, "\x04\x22\x4D\x18"sv, DiskKind::OtherFormat, "lz4 file"},
    Signature{0, "LZIP"sv, DiskKind::OtherFormat, "lzip file"},
    Signature{0, "PK\x03\x04"sv, DiskKind::OtherFormat, "zip archive"},
    Signature{0, "!<arch>\n"sv, DiskKind::OtherFormat, "ar archive"},
    Signature{257, "ustar"sv, DiskKind::OtherFormat, "tar archive"},
    Signature{0, "\x7F" "ELF"sv, DiskKind::OtherFormat, "ELF program"},
    Signature{0, "hsqs"sv, DiskKind::Filesystem, "squashfs filesystem"},
    Signature{0, "XFSB"sv, DiskKind::Filesystem, "XFS filesystem"},
    Signature{0, "LUKS\xBA\xBE"sv, DiskKind::Filesystem, "LUKS container"},
    Signature{0, "-rom1fs-"sv, DiskKind::Filesystem, "romfs filesystem"},
    Signature{0, "\x45\x3D\xCD\x28"sv, DiskKind::Filesystem, "cramfs filesystem"},
    Signature{1024, "\xE2\xE1\xF5\xE0"sv, DiskKind::Filesystem, "EROFS filesystem"},
    Signature{1024, "\x10\x20\xF5\xF2"sv, DiskKind::Filesystem, "F2FS filesystem"},
    Signature{1080, "\x53\xEF"sv, DiskKind::Filesystem, "ext2, ext3 or ext4 filesystem"},
    Signature{4086, "SWAPSPACE2"sv, DiskKind::Filesystem, "swap space"},
    Signature{4086, "SWAP-SPACE"sv, DiskKind::Filesystem, "swap space"},
    Signature{0x10040, "_BHRfS_M"sv, DiskKind::Filesystem, "btrfs filesystem"},
    Signature{0x10034, "ReIsEr"sv, DiskKind::Filesystem, "reiserfs filesystem"},
    Signature{0x8000, "JFS1"sv, DiskKind::Filesystem, "JFS filesystem"},
    Signature{512, "LABELONE"sv, DiskKind::Filesystem, "LVM physical volume"},
    Signature{4096, "\xFC\x4E\x2B\xA9"sv, DiskKind::Filesystem, "Linux RAID member"},
    Signature{3, "NTFS    "sv, DiskKind::Filesystem, "NTFS filesystem"},
    Signature{3, "EXFAT   "sv, DiskKind::Filesystem, "exFAT filesystem"},
    Signature{54, "FAT12   "sv, DiskKind::Filesystem, "FAT12 filesystem"},
    Signature{54, "FAT16   "sv, DiskKind::Filesystem, "FAT16 filesystem"},
    Signature{82, "FAT32   "sv, DiskKind::Filesystem, "FAT32 filesystem"},
    Signature{508, "\xDA\xBE"sv, DiskKind::OtherLabel, "Sun disk label"},
    Signature{0, "\x0B\xE5\xA9\x41"sv, DiskKind::OtherLabel, "SGI disk label"},
    Signature{0, "\x57\x45\x56\x82"sv, DiskKind::OtherLabel, "BSD disk label"},
    Signature{512, "\x57\x45\x56\x82"sv, DiskKind::OtherLabel, "BSD disk label"},
    Signature{512, "PM\0\0"sv, DiskKind::OtherLabel, "Apple partition map"},
    Signature{0x8001, "CD001"sv, DiskKind::OtherFormat, "ISO 9660 image"},
};

constexpr std::uint64_t kHead = 0x10000 + 4096;  // reaches behind every signature
constexpr std::uint64_t kEmptyHead = 128 * 1024;

bool holds(std::span<const std::byte> bytes, std::uint64_t at, std::string_view magic) {
  return at + magic.size() <= bytes.size() && std::memcmp(bytes.data() + at, magic.data(), magic.size()) == 0;
}

std::vector<std::byte> read_part(const ImageFile& image, std::uint64_t start, std::uint64_t size) {
  std::vector<std::byte> bytes(size);
  if (size != 0) image.read_at(ByteOffset{start}, bytes);
  return bytes;
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

/// A GPT has a header in the second sector (of 512 or 4096 bytes), and a copy in the last one.
bool has_gpt(const ImageFile& image, std::span<const std::byte> head, ByteRange range) {
  constexpr std::string_view kHeader = "EFI PART";
  if (holds(head, 512, kHeader) || holds(head, 4096, kHeader)) return true;
  for (const std::uint64_t sector : {std::uint64_t{512}, std::uint64_t{4096}})
    if (range.size() >= 2 * sector && holds(read_part(image, range.end() - sector, 8), 0, kHeader)) return true;
  return false;
}

std::array<std::uint8_t, 4> partition_types(std::span<const std::byte> head) {
  std::array<std::uint8_t, 4> types{};
  for (std::size_t i = 0; i < types.size(); ++i) types[i] = static_cast<std::uint8_t>(head[446 + 16 * i + 4]);
  return types;
}

/// Whether the four entries could be a table: boot flags, and no used slot without sectors. A boot sector has code or text there.
bool plausible_table(std::span<const std::byte> head) {
  bool any = false;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::byte* entry = head.data() + 446 + 16 * i;
    Le32 first, count;
    std::memcpy(&first, entry + 8, sizeof first);
    std::memcpy(&count, entry + 12, sizeof count);
    if (entry[0] != std::byte{0} && entry[0] != std::byte{0x80}) return false;
    const bool used = entry[4] != std::byte{0};
    if (used && (count == 0 || first == 0)) return false;
    any = any || used;
  }
  return any || all_zero(head.subspan(446, 64));
}

/// The jump and the sector size of a FAT or NTFS boot sector. GRUB's boot.img has a jump, too, but leaves the fields behind it zero.
bool looks_like_boot_sector(std::span<const std::byte> head) {
  const bool jump = (head[0] == std::byte{0xEB} && head[2] == std::byte{0x90}) || head[0] == std::byte{0xE9};
  const unsigned bytes_per_sector = static_cast<unsigned>(head[11]) | static_cast<unsigned>(head[12]) << 8;
  const bool sane_sector = bytes_per_sector == 512 || bytes_per_sector == 1024 || bytes_per_sector == 2048 || bytes_per_sector == 4096;
  return jump && sane_sector && head[16] != std::byte{0};  // byte 16: number of FATs
}

DiskIdentity find_signature(std::span<const std::byte> head, bool behind_mbr) {
  for (const Signature& signature : kSignatures) {
    if (!holds(head, signature.at, signature.magic)) continue;
    // Behind a good partition table only what lies outside of its sector's fields can be believed; an isohybrid is both.
    if (behind_mbr && signature.kind != DiskKind::OtherFormat) continue;
    return {signature.kind, std::string(signature.name)};
  }
  return {};
}

DiskIdentity identify_ends(const ImageFile& image, ByteRange range) {
  if (range.size() >= 512 && holds(read_part(image, range.end() - 512, 8), 0, "conectix")) return {DiskKind::OtherFormat, "VHD image"};
  if (range.size() >= 128 * 1024) {  // version 0.90 superblock of Linux RAID: 64 KiB aligned, at least 64 KiB from the end
    const std::uint64_t at = range.start() + (range.size() / 65536 - 1) * 65536;
    if (holds(read_part(image, at, 4), 0, "\xFC\x4E\x2B\xA9")) return {DiskKind::Filesystem, "Linux RAID member"};
  }
  return {};
}

bool is_empty(const ImageFile& image, std::span<const std::byte> head, ByteRange range) {
  if (!all_zero(head)) return false;
  return range.size() <= head.size() || all_zero(read_part(image, range.start() + head.size(), std::min(range.size(), kEmptyHead) - std::min<std::uint64_t>(range.size(), head.size())));
}

}  // namespace

DiskIdentity identify_range(const ImageFile& image, ByteRange range) {
  const std::vector<std::byte> head = read_part(image, range.start(), std::min(range.size(), kHead));
  if (DiskIdentity found = find_signature(head, false); found.kind != DiskKind::Unknown) return found;
  if (DiskIdentity found = identify_ends(image, range); found.kind != DiskKind::Unknown) return found;
  if (head.size() >= kSectorSize && looks_like_boot_sector(head)) return {DiskKind::Filesystem, "FAT filesystem"};
  return {is_empty(image, head, range) ? DiskKind::Empty : DiskKind::Unknown, ""};
}

DiskIdentity identify_disk(const ImageFile& image) {
  const ByteRange range{ByteOffset{0}, image.size()};
  const std::vector<std::byte> head = read_part(image, 0, std::min(range.size(), kHead));
  if (head.size() < kSectorSize) return identify_range(image, range);
  const bool signature = head[510] == std::byte{0x55} && head[511] == std::byte{0xAA};
  const auto types = partition_types(head);
  const bool protective = signature && std::find(types.begin(), types.end(), 0xEE) != types.end();
  if (has_gpt(image, head, range) || protective) {
    const bool hybrid = protective && std::count_if(types.begin(), types.end(), [](std::uint8_t type) { return type != 0; }) > 1;
    return {DiskKind::Gpt, hybrid ? "GPT with a hybrid MBR" : "GPT"};
  }
  if (!signature) return identify_range(image, range);
  const bool table = plausible_table(head) && !looks_like_boot_sector(head) && !holds(head, 3, "NTFS    ") && !holds(head, 3, "EXFAT   ");
  if (!table) {
    DiskIdentity found = identify_range(image, range);
    return found.kind != DiskKind::Unknown ? found : DiskIdentity{DiskKind::Filesystem, "boot sector"};
  }
  if (DiskIdentity found = find_signature(head, true); found.kind != DiskKind::Unknown) return found;
  const bool any = std::any_of(types.begin(), types.end(), [](std::uint8_t type) { return type != 0; });
  if (!any)  // 55 AA and no partition: an MBR that was just initialised, or the boot sector of a filesystem
    if (DiskIdentity found = find_signature(head, false); found.kind == DiskKind::Filesystem) return found;
  return {DiskKind::Mbr, "MBR"};
}

}  // namespace rawimg
