// SPDX-License-Identifier: MIT
//
// What a file or a part of it is. 55 AA at byte 510 alone says little: an MBR, the boot sector of a
// filesystem, and the cover sheet of a GPT, an ISO image or a fixed VHD all have it. So what is
// around a disk is looked for first, then what is beside the MBR, then the table itself.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <rawimg/partition_table.h>

#include "base/zeros.h"

#include "partition/mbr_sector.h"
#include "partition/signature.h"

namespace rawimg {
namespace {

constexpr std::uint64_t kEmptyHead = 0x20000;
constexpr std::string_view kGptMagic = "EFI PART";

/// The answer, and the bytes it rests on: with them zeroed, the next best answer holds. Positions
/// are from the start of the file.
struct Finding {
  DiskIdentity identity;
  std::vector<ByteRange> marks = {};
};

/// A part of the file, and its beginning.
class Probe {
 public:
  Probe(const ImageFile& image, ByteRange range)
      : image_(image), range_(range), head_(read(0, std::min(range.size(), kSignatureReach))) {}

  std::uint64_t size() const { return range_.size(); }
  std::span<const std::byte> head() const { return head_; }
  bool has_sector() const { return head_.size() >= kSectorSize; }
  MbrSector sector() const { return MbrSector(head().first<kSectorSize>()); }

  std::vector<std::byte> read(std::uint64_t at, std::uint64_t count) const {
    std::vector<std::byte> bytes(count);
    if (count != 0) image_.read_at(ByteOffset{range_.start() + at}, bytes);
    return bytes;
  }
  bool holds_at(std::uint64_t at, std::string_view magic) const {
    if (at + magic.size() <= head_.size()) return holds(head_, at, magic);
    return magic.size() <= size() && at <= size() - magic.size() &&
           holds(read(at, magic.size()), 0, magic);
  }
  ByteRange mark(std::uint64_t at, std::uint64_t count) const {
    return {ByteOffset{range_.start() + at}, ByteCount{count}};
  }

 private:
  const ImageFile& image_;
  ByteRange range_;
  std::vector<std::byte> head_;
};

template <class Bytes>
std::uint64_t number(const Bytes& first, const Bytes& last) {  // most significant byte first
  std::uint64_t value = 0;
  for (Bytes byte = first; byte != last; ++byte)
    value = value << 8 | std::to_integer<std::uint64_t>(*byte);
  return value;
}

Finding found(const Probe& probe, const Signature& signature) {
  const std::string_view name =
      signature.name == "ext filesystem" ? ext_name(probe.head()) : signature.name;
  return {{signature.kind, std::string(name)}, {probe.mark(signature.at, signature.magic.size())}};
}

/// A fixed VHD is a raw disk with a footer. The footer has to fit the file: the last block of a
/// filesystem may hold a copy of one.
bool has_vhd_footer(const Probe& probe) {
  if (probe.size() < 2 * kSectorSize || probe.size() % kSectorSize != 0) return false;
  const std::vector<std::byte> footer = probe.read(probe.size() - kSectorSize, kSectorSize);
  constexpr std::uint64_t kFixed = 2;
  return holds(footer, 0, "conectix") &&
         number(footer.begin() + 48, footer.begin() + 56) == probe.size() - kSectorSize &&
         number(footer.begin() + 60, footer.begin() + 64) == kFixed;
}

/// GPT headers: in the second sector and in the last one, for both sizes of sectors. The last one
/// counts when it says where it is, or the last block of a filesystem could pass for one.
std::vector<ByteRange> gpt_headers(const Probe& probe) {
  std::vector<ByteRange> headers;
  for (const std::uint64_t sector : {std::uint64_t{512}, std::uint64_t{4096}}) {
    if (probe.holds_at(sector, kGptMagic)) headers.push_back(probe.mark(sector, kGptMagic.size()));
    const std::uint64_t sectors = probe.size() / sector;
    if (sectors < 3) continue;
    const std::vector<std::byte> last = probe.read((sectors - 1) * sector, 32);
    // bytes 24 to 31, least significant first
    const bool names_itself = number(last.rbegin(), last.rbegin() + 8) == sectors - 1;
    if (holds(last, 0, kGptMagic) && names_itself)
      headers.push_back(probe.mark((sectors - 1) * sector, kGptMagic.size()));
  }
  return headers;
}

bool has_protective_mbr(const Probe& probe) {
  return probe.has_sector() && probe.sector().has_signature() &&
         probe.sector().has_protective_entry();
}

std::optional<Finding> find_gpt(const Probe& probe) {
  std::vector<ByteRange> marks = gpt_headers(probe);
  const bool protective = has_protective_mbr(probe);
  if (protective) marks.push_back(probe.mark(kEntriesAt, kSlots * sizeof(MbrEntry)));
  if (marks.empty()) return std::nullopt;
  const bool hybrid = protective && probe.sector().used_slots() > 1;
  return Finding{{DiskKind::Gpt, hybrid ? "GPT with a hybrid MBR" : "GPT"}, std::move(marks)};
}

std::optional<Finding> find_vhd(const Probe& probe) {
  if (!has_vhd_footer(probe)) return std::nullopt;
  return Finding{{DiskKind::OtherFormat, "VHD image"}, {probe.mark(probe.size() - kSectorSize, 8)}};
}

template <class Accept>
std::optional<Finding> find_signature(const Probe& probe, Accept&& accept) {
  for (const Signature& signature : signatures())
    if (accept(signature) && holds(probe.head(), signature.at, signature.magic))
      return found(probe, signature);
  return std::nullopt;
}

std::optional<Finding> find_filesystem(const Probe& probe) {
  return find_signature(
      probe, [](const Signature& signature) { return signature.kind == DiskKind::Filesystem; });
}

std::optional<Finding> find_end_signature(const Probe& probe) {
  for (const Signature& signature : end_signatures(ByteCount{probe.size()}))
    if (probe.holds_at(signature.at, signature.magic)) return found(probe, signature);
  return std::nullopt;
}

Finding find_nothing(const Probe& probe) {
  const std::uint64_t rest = std::min(probe.size(), kEmptyHead) -
                             std::min<std::uint64_t>(probe.size(), probe.head().size());
  const bool empty = is_zeros(probe.head()) && is_zeros(probe.read(probe.head().size(), rest));
  return {{empty ? DiskKind::Empty : DiskKind::Unknown, ""}};
}

/// Everything but partition tables.
Finding find_content(const Probe& probe) {
  if (auto finding = find_signature(probe, [](const Signature&) { return true; })) return *finding;
  if (auto finding = find_vhd(probe)) return *finding;
  if (auto finding = find_end_signature(probe)) return *finding;
  if (probe.has_sector() && probe.sector().is_filesystem_boot_sector())
    return {{DiskKind::Filesystem, "FAT filesystem"}, {probe.mark(0, kBootCodeSize)}};
  return find_nothing(probe);
}

/// A filesystem that was made over all of a GPT disk: the backup at the end is still there, and
/// nothing at the beginning knows of it.
std::optional<Finding> under_stale_backup(const Probe& probe) {
  if (probe.holds_at(512, kGptMagic) || probe.holds_at(4096, kGptMagic) ||
      has_protective_mbr(probe))
    return std::nullopt;
  return find_filesystem(probe);
}

Finding find_in_disk(const Probe& probe) {
  if (auto finding = find_vhd(probe)) return *finding;
  if (auto finding = find_gpt(probe)) return under_stale_backup(probe).value_or(*finding);
  if (!probe.has_sector() || !probe.sector().has_signature() ||
      probe.sector().is_filesystem_boot_sector())
    return find_content(probe);
  const MbrSector sector = probe.sector();
  if (const unsigned slot = sector.slot_with_bad_flag()) {
    Finding finding = find_content(probe);
    if (finding.identity.kind != DiskKind::Unknown) return finding;
    return {
        {DiskKind::Filesystem,
         fmt::format(
             "boot sector, or a damaged MBR (boot flag of slot {} is {:02x}, neither 00 nor 80)",
             slot, sector.entry(slot).status)},
        {probe.mark(kEntriesAt, kSlots * sizeof(MbrEntry))}};
  }
  if (auto finding = find_signature(probe, outranks_mbr)) return *finding;
  // 55 AA and no partition: an MBR that was just made, or the boot block of a filesystem.
  if (sector.used_slots() == 0)
    if (auto finding = find_filesystem(probe)) return *finding;
  return {{DiskKind::Mbr, "MBR"}};
}

Finding find_in_range(const Probe& probe) {
  Finding finding = find_content(probe);
  if (finding.identity.kind != DiskKind::Unknown) return finding;
  if (auto gpt = find_gpt(probe)) return *gpt;
  if (!probe.has_sector() || !probe.sector().has_signature() ||
      probe.sector().slot_with_bad_flag() != 0)
    return finding;
  return {{DiskKind::OtherLabel, "partition table of its own"}, {probe.mark(kMbrSignatureAt, 2)}};
}

ByteRange whole(const ImageFile& image) { return {ByteOffset{0}, image.size()}; }

void erase(ImageFile& image, ByteRange range, Finding (*find)(const Probe&)) {
  constexpr unsigned kMostLayers = 64;  // each pass takes one answer away; nothing has more
  for (unsigned pass = 0; pass < kMostLayers; ++pass) {
    const Finding finding = find(Probe(image, range));
    for (const ByteRange& mark : finding.marks)
      image.write_at(ByteOffset{mark.start()}, std::vector<std::byte>(mark.size()));
    if (finding.marks.empty()) return;
  }
}

}  // namespace

DiskIdentity identify_disk(const ImageFile& image) {
  return find_in_disk(Probe(image, whole(image))).identity;
}

DiskIdentity identify_range(const ImageFile& image, ByteRange range) {
  return find_in_range(Probe(image, range)).identity;
}

void erase_signatures(ImageFile& image) { erase(image, whole(image), find_in_disk); }

void erase_signatures(ImageFile& image, ByteRange range) { erase(image, range, find_in_range); }

}  // namespace rawimg
