// SPDX-License-Identifier: MIT
#include "partition/signature.h"

#include <array>
#include <cstring>

#include "base/endian.h"

namespace rawimg {
namespace {

using namespace std::string_view_literals;
constexpr DiskKind kFs = DiskKind::Filesystem, kLabel = DiskKind::OtherLabel,
                   kFormat = DiskKind::OtherFormat;

constexpr std::string_view kRaidMagic = "\xFC\x4E\x2B\xA9"sv;

// Sources: FORMATS.md. A magic of two bytes comes after every longer one that could lie in the same
// file.
constexpr std::array kSignatures{
    // Disk images in a container.
    Signature{0, "QFI\xFB\0\0\0\x01"sv, kFormat, "qcow image"},
    Signature{0, "QFI\xFB"sv, kFormat, "qcow2 image"},
    Signature{0, "QED\0"sv, kFormat, "QED image"},
    Signature{0, "KDMV"sv, kFormat, "VMDK image"},
    Signature{0, "COWDISK!"sv, kFormat, "gem5 COW file"},
    Signature{0, "COWD"sv, kFormat, "VMDK image"},
    Signature{0, "# Disk DescriptorFile"sv, kFormat, "VMDK descriptor"},
    Signature{0, "conectix"sv, kFormat, "VHD image"},
    Signature{0, "vhdxfile"sv, kFormat, "VHDX image"},
    Signature{0x40, "\x7F\x10\xDA\xBE"sv, kFormat, "VDI image"},
    Signature{0, "\x3A\xFF\x26\xED"sv, kFormat, "Android sparse image"},
    // Compressed files and archives.
    Signature{0,
              "\xFD"
              "7zXZ\0"sv,
              kFormat, "xz file"},
    Signature{0, "\x28\xB5\x2F\xFD"sv, kFormat, "zstd file"},
    Signature{0, "\x04\x22\x4D\x18"sv, kFormat, "lz4 file"},
    Signature{0, "\x02\x21\x4C\x18"sv, kFormat, "lz4 file (legacy)"},
    Signature{0, "LZIP"sv, kFormat, "lzip file"},
    Signature{0, "\x89LZO\0\r\n\x1A\n"sv, kFormat, "lzop file"},
    Signature{0, "\x5D\0\0"sv, kFormat, "lzma file"},
    Signature{0, "BZh"sv, kFormat, "bzip2 file"},
    Signature{0, "\x1F\x8B\x08"sv, kFormat, "gzip file"},
    Signature{0, "\x1F\x9D"sv, kFormat, "compress (.Z) file"},
    Signature{0, "PK\x03\x04"sv, kFormat, "zip archive"},
    Signature{0, "7z\xBC\xAF\x27\x1C"sv, kFormat, "7-Zip archive"},
    Signature{0, "Rar!\x1A\x07"sv, kFormat, "RAR archive"},
    Signature{0, "!<arch>\n"sv, kFormat, "ar archive"},
    Signature{0, "070701"sv, kFormat, "cpio archive"},
    Signature{0, "070702"sv, kFormat, "cpio archive"},
    Signature{0, "070707"sv, kFormat, "cpio archive"},
    Signature{257, "ustar"sv, kFormat, "tar archive"},
    Signature{0,
              "\x7F"
              "ELF"sv,
              kFormat, "ELF program"},
    // Filesystems and what else lives in a partition.
    Signature{3, "NTFS    "sv, kFs, "NTFS filesystem"},
    Signature{3, "EXFAT   "sv, kFs, "exFAT filesystem"},
    Signature{3, "-FVE-FS-"sv, kFs, "BitLocker volume"},
    Signature{54, "FAT12   "sv, kFs, "FAT12 filesystem"},
    Signature{54, "FAT16   "sv, kFs, "FAT16 filesystem"},
    Signature{82, "FAT32   "sv, kFs, "FAT32 filesystem"},
    Signature{0, "LUKS\xBA\xBE"sv, kFs, "LUKS container"},
    Signature{0, kRaidMagic, kFs, "Linux RAID member"},
    Signature{4096, kRaidMagic, kFs, "Linux RAID member"},
    Signature{0, "LABELONE"sv, kFs, "LVM physical volume"},
    Signature{512, "LABELONE"sv, kFs, "LVM physical volume"},
    Signature{1024, "LABELONE"sv, kFs, "LVM physical volume"},
    Signature{1536, "LABELONE"sv, kFs, "LVM physical volume"},
    Signature{4120, "\xC6\x85\x73\xF6\x4E\x1A\x45\xCA\x82\x65\xF5\x7F\x48\xBA\x6D\x81"sv, kFs,
              "bcache device"},
    Signature{0, "hsqs"sv, kFs, "squashfs filesystem"},
    Signature{0, "XFSB"sv, kFs, "XFS filesystem"},
    Signature{0, "-rom1fs-"sv, kFs, "romfs filesystem"},
    Signature{0, "\x45\x3D\xCD\x28"sv, kFs, "cramfs filesystem"},
    Signature{0, "UBI#"sv, kFs, "UBI image"},
    Signature{1024, "\xE2\xE1\xF5\xE0"sv, kFs, "EROFS filesystem"},
    Signature{1024, "\x10\x20\xF5\xF2"sv, kFs, "F2FS filesystem"},
    Signature{1024, "H+\0\x04"sv, kFs, "HFS+ filesystem"},
    Signature{1024, "HX\0\x05"sv, kFs, "HFSX filesystem"},
    Signature{32, "NXSB"sv, kFs, "APFS container"},
    Signature{0x8000, "JFS1"sv, kFs, "JFS filesystem"},
    Signature{0x10040, "_BHRfS_M"sv, kFs, "btrfs filesystem"},
    Signature{0x10034, "ReIsEr"sv, kFs, "reiserfs filesystem"},
    Signature{0x10000, "\x01\x16\x19\x70"sv, kFs, "GFS2 filesystem"},
    Signature{0x1000 - 10, "SWAPSPACE2"sv, kFs,
              "swap space"},  // the last bytes of the first page: 4 KiB to 64 KiB
    Signature{0x2000 - 10, "SWAPSPACE2"sv, kFs, "swap space"},
    Signature{0x4000 - 10, "SWAPSPACE2"sv, kFs, "swap space"},
    Signature{0x8000 - 10, "SWAPSPACE2"sv, kFs, "swap space"},
    Signature{0x10000 - 10, "SWAPSPACE2"sv, kFs, "swap space"},
    Signature{0x1000 - 10, "SWAP-SPACE"sv, kFs, "swap space"},
    Signature{0x1000 - 10, "S1SUSPEND"sv, kFs, "suspended system in swap space"},
    Signature{0x1000 - 10, "LINHIB0001"sv, kFs, "suspended system in swap space"},
    Signature{1080, "\x53\xEF"sv, kFs, "ext filesystem"},  // named by ext_name
    // Partition tables that are no MBR; GPT is told apart elsewhere.
    Signature{0, "\xC9\xC2\xD4\xC1"sv, kLabel, "AIX disk label"},
    Signature{0, "\x0B\xE5\xA9\x41"sv, kLabel, "SGI disk label"},
    Signature{0, "\x57\x45\x56\x82"sv, kLabel, "BSD disk label"},
    Signature{512, "\x57\x45\x56\x82"sv, kLabel, "BSD disk label"},
    Signature{512, "PM\0\0"sv, kLabel, "Apple partition map"},
    Signature{3072, "PRIVHEAD"sv, kLabel, "Windows dynamic disk"},
    Signature{0, "RDSK"sv, kLabel, "Amiga disk label"},
    Signature{512, "RDSK"sv, kLabel, "Amiga disk label"},
    Signature{508, "\xDA\xBE"sv, kLabel, "Sun disk label"},
    // Last: what lies in front of 32 KiB is not theirs, and a filesystem made over an ISO image
    // does not touch this place.
    Signature{0x8001, "CD001"sv, kFormat, "ISO 9660 image"},
    Signature{0x8001, "BEA01"sv, kFormat, "UDF image"},
};

constexpr bool all_within_reach() {
  for (const Signature& signature : kSignatures)
    if (signature.at + signature.magic.size() > kSignatureReach) return false;
  return true;
}
static_assert(all_within_reach());

std::uint32_t word_at(std::span<const std::byte> bytes, std::size_t at) {
  Le32 word;
  std::memcpy(&word, bytes.data() + at, sizeof word);
  return word;
}

}  // namespace

std::span<const Signature> signatures() { return kSignatures; }

std::vector<Signature> end_signatures(ByteCount size) {
  std::vector<Signature> found;
  const std::uint64_t sectors_end = size.value / kSectorSize * kSectorSize;
  const auto add = [&](std::uint64_t at, std::string_view magic, DiskKind kind,
                       std::string_view name) {
    found.push_back({at, magic, kind, name});
  };
  if (sectors_end >= 0x10000) {  // smaller ones are not valid members
    add(sectors_end - 0x400, "Intel Raid ISM Cfg Sig. "sv, kFs, "Intel RAID member");
    add(sectors_end - 0x200, "\xDE\x11\xDE\x11"sv, kFs, "DDF RAID member");
    add(sectors_end - 0x200, "\x11\xDE\x11\xDE"sv, kFs, "DDF RAID member");
    add((size.value & ~0xFFFULL) - 0x2000, kRaidMagic, kFs, "Linux RAID member");  // version 1.0
  }
  // version 0.90
  if (sectors_end >= 0x20000)
    add((size.value & ~0xFFFFULL) - 0x10000, kRaidMagic, kFs, "Linux RAID member");
  if (sectors_end >= 512) add(sectors_end - 512, "koly"sv, kFormat, "Apple disk image");
  return found;
}

bool outranks_mbr(const Signature& signature) {
  return signature.kind == kFormat || (signature.kind == kLabel && signature.at >= kSectorSize);
}

bool holds(std::span<const std::byte> bytes, std::uint64_t at, std::string_view magic) {
  return magic.size() <= bytes.size() && at <= bytes.size() - magic.size() &&
         std::memcmp(bytes.data() + at, magic.data(), magic.size()) == 0;
}

std::string_view ext_name(std::span<const std::byte> head) {
  constexpr std::size_t kCompat = 1024 + 92, kIncompat = 1024 + 96, kRoCompat = 1024 + 100;
  constexpr std::uint32_t kHasJournal = 0x4, kJournalDevice = 0x8, kExt3Incompat = 0x16,
                          kExt3RoCompat = 0x7;
  if (head.size() < kRoCompat + 4) return "ext filesystem";
  if ((word_at(head, kIncompat) & kJournalDevice) != 0) return "ext journal";
  if ((word_at(head, kIncompat) & ~kExt3Incompat) != 0 ||
      (word_at(head, kRoCompat) & ~kExt3RoCompat) != 0)
    return "ext4 filesystem";
  return (word_at(head, kCompat) & kHasJournal) != 0 ? "ext3 filesystem" : "ext2 filesystem";
}

}  // namespace rawimg
