// SPDX-License-Identifier: MIT
//
// The GUID partition table (sources: FORMATS.md):
//   sector 0     the protective MBR: one entry of type EE, so that those who know no GPT keep off
//   sector 1     the primary header; its entries are most often in sectors 2 to 33
//   ...          the usable sectors, in which every partition lies
//   last sector  the backup's header; its entries are most often the 32 sectors in front of it
// Nothing is ever repaired here: a copy that is damaged stays so, and the caller is told.
#include "partition/gpt.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "partition/gpt_copy.h"
#include "partition/mbr_sector.h"
#include "partition/overlap.h"
#include "partition/signature.h"

namespace rawimg {
namespace {

constexpr std::uint64_t kLegacyBootable = 1 << 2;

/// A copy, or why there is none.
struct Attempt {
  std::uint64_t sector = 0;
  std::optional<GptCopy> copy;
  std::optional<Error> problem;
};

Attempt try_copy(const ImageFile& image, std::uint64_t sector) {
  try {
    return {sector, read_gpt_copy(image, sector), std::nullopt};
  } catch (const Error& error) {
    if (error.code() != Errc::Corrupt && error.code() != Errc::Unsupported) throw;
    return {sector, std::nullopt, error};
  }
}

std::uint64_t last_sector(const ImageFile& image) {
  return std::max<std::uint64_t>(image.size().value / kSectorSize, 1) - 1;
}

/// Where a damaged primary says the backup is: even a header whose CRC is wrong is most often wrong
/// elsewhere, and what is found is believed for its own CRCs.
std::optional<std::uint64_t> place_of_backup(const ImageFile& image) {
  if (last_sector(image) < kGptPrimarySector) return std::nullopt;
  const GptHeader header = read_gpt_header(image, kGptPrimarySector);
  const std::uint64_t named = header.other_sector;
  if (!has_gpt_signature(header) || named <= kGptPrimarySector || named > last_sector(image))
    return std::nullopt;
  return named;
}

Attempt try_backup(const ImageFile& image) {
  const std::uint64_t last = last_sector(image);
  const std::uint64_t named = place_of_backup(image).value_or(last);
  Attempt attempt = try_copy(image, named);
  if (attempt.copy || named == last) return attempt;
  Attempt at_end = try_copy(image, last);
  return at_end.copy ? at_end : attempt;
}

bool is_good_mbr_without_gpt(const MbrSector& sector) {
  return sector.has_signature() && !sector.is_filesystem_boot_sector() &&
         sector.slot_with_bad_flag() == 0 && sector.used_slots() != 0;
}

/// Linux looks for a GPT only behind a protective MBR; with another MBR there, that is what counts.
void check_protective_mbr(const ImageFile& image, std::vector<Warning>& warnings) {
  std::array<std::byte, kSectorSize> bytes;
  image.read_at(ByteOffset{0}, bytes);
  const MbrSector sector(bytes);
  if (sector.has_signature() && sector.has_protective_entry()) return;
  if (is_good_mbr_without_gpt(sector))
    throw Error(Errc::Corrupt,
                "there are a GPT and an MBR that has partitions but no protective entry (type ee), "
                "and only one of them can be right")
        .with_hint("wipefs or sfdisk can take one of them away");
  warnings.push_back({"gpt-without-protective-mbr", "",
                      "the GPT has no protective MBR in front of it: Linux would not see it"});
}

void warn_of_backup(const ImageFile& image, const GptCopy& primary,
                    std::vector<Warning>& warnings) {
  const std::uint64_t sector = primary.header.other_sector;
  if (sector <= kGptPrimarySector) {
    warnings.push_back(
        {"gpt-backup-damaged", "",
         fmt::format("the primary GPT says that its backup is in sector {}", sector)});
    return;
  }
  const Attempt backup = try_copy(image, sector);
  if (!backup.copy) {
    warnings.push_back({"gpt-backup-damaged", "",
                        fmt::format("the backup GPT is damaged ({}); the primary is used",
                                    backup.problem->what())});
  } else if (backup.copy->entries != primary.entries ||
             backup.copy->header.disk_guid != primary.header.disk_guid) {
    warnings.push_back(
        {"gpt-copies-differ", "",
         fmt::format(
             "the backup GPT (sector {}) is not the same as the primary; the primary is used",
             sector)});
  }
}

const char* state_of(const Attempt& attempt) {
  return attempt.problem->code() == Errc::Unsupported ? "too large" : "damaged";
}

[[noreturn]] void refuse_both(const ImageFile& image, const Attempt& primary,
                              const Attempt& backup) {
  constexpr std::uint64_t kLargeSector = 4096;
  std::array<std::byte, 8> magic{};
  if (image.size().value >= kLargeSector + magic.size())
    image.read_at(ByteOffset{kLargeSector}, magic);
  if (holds(magic, 0, "EFI PART"))
    throw Error(Errc::Unsupported, "its GPT has sectors of 4096 bytes: rawimg reads those of 512");
  const bool same = primary.problem->code() == backup.problem->code();
  throw Error(
      primary.problem->code(),
      fmt::format("the primary GPT is {} ({}), and {} ({})", state_of(primary),
                  primary.problem->what(),
                  same ? "so is the backup" : fmt::format("the backup is {}", state_of(backup)),
                  backup.problem->what()))
      .with_hint("a filesystem whose start is known is reached as IMG?offset=BYTES");
}

/// The copy to go by. Throws: Corrupt or Unsupported, of which kind the primary's fault is.
GptCopy choose_copy(const ImageFile& image, std::vector<Warning>& warnings) {
  Attempt primary = try_copy(image, kGptPrimarySector);
  if (primary.copy) {
    warn_of_backup(image, *primary.copy, warnings);
    return *std::move(primary.copy);
  }
  // Also one that says too many entries: most often a number that is as wrong as a broken CRC.
  Attempt backup = try_backup(image);
  if (!backup.copy) refuse_both(image, primary, backup);
  warnings.push_back(
      {"gpt-primary-damaged", "",
       fmt::format("the primary GPT is {} ({}); the backup {} (sector {}) is used",
                   state_of(primary), primary.problem->what(),
                   backup.sector == last_sector(image) ? "at the end" : "that it names",
                   backup.sector)});
  return *std::move(backup.copy);
}

/// The sectors that the header calls usable, less what the other copy's table has of them: a copy
/// has been read without a look at the other one.
GptSectors usable_sectors(const ImageFile& image, const GptHeader& header,
                          std::vector<Warning>& warnings) {
  GptSectors usable{header.first_usable, header.last_usable};
  const bool is_primary = header.own_sector == kGptPrimarySector;
  const std::uint64_t backup = header.other_sector;
  for (const GptSectors& table : gpt_table_at(image, is_primary ? backup : kGptPrimarySector)) {
    if (table.last < usable.first || table.first > usable.last) continue;
    const std::string what = fmt::format(
        "the usable sectors {} to {} of the {} GPT hold sectors {} to {} of the {}'s table",
        usable.first, usable.last, is_primary ? "primary" : "backup", table.first, table.last,
        is_primary ? "backup" : "primary");
    if (is_primary ? table.first <= usable.first : table.last >= usable.last)
      throw Error(Errc::Corrupt, what);
    (is_primary ? usable.last : usable.first) = is_primary ? table.first - 1 : table.last + 1;
    warnings.push_back({"gpt-usable-sectors", "",
                        fmt::format("{}; {} to {} are used", what, usable.first, usable.last)});
  }
  return usable;
}

/// In the image.
ByteRange range_of(const GptSectors& sectors) {
  return {ByteOffset{sectors.first * kSectorSize},
          ByteCount{(sectors.last - sectors.first + 1) * kSectorSize}};
}

/// On disk the first three fields of a GUID are little-endian, and in its text they are not.
Uuid guid_of(std::array<std::uint8_t, 16> bytes) {
  std::reverse(bytes.begin(), bytes.begin() + 4);
  std::reverse(bytes.begin() + 4, bytes.begin() + 6);
  std::reverse(bytes.begin() + 6, bytes.begin() + 8);
  return bytes;
}

std::string name_of(const GptEntry& entry) {
  std::u16string units;
  for (const std::uint16_t unit : entry.name) {
    if (unit == 0) break;
    units += static_cast<char16_t>(unit);
  }
  return utf16_to_utf8(units);
}

Partition parse_entry(const GptEntry& entry, unsigned slot, const GptSectors& usable) {
  const std::uint64_t first = entry.first_sector, last = entry.last_sector;
  if (slot > kMaxSlot)
    throw Error(
        Errc::Unsupported,
        fmt::format("slot {} of the GPT is in use: rawimg reads slots 1 to {}", slot, kMaxSlot));
  if (first > last)
    throw Error(Errc::Corrupt, fmt::format("partition {} begins at sector {} and ends at sector {}",
                                           slot, first, last));
  if (first < usable.first || last > usable.last)
    throw Error(
        Errc::Corrupt,
        fmt::format("partition {} (sectors {} to {}) is not within the usable sectors {} to "
                    "{} of the GPT",
                    slot, first, last, usable.first, usable.last));
  const std::uint64_t attributes = entry.attributes;
  return {.slot = slot,
          .type = 0,
          .bootable = (attributes & kLegacyBootable) != 0,
          .first_sector = first,
          .sector_count = last - first + 1,
          .gpt = GptDetails{guid_of(entry.type), guid_of(entry.guid), attributes, name_of(entry)}};
}

std::vector<Partition> partitions_of(const GptCopy& copy, const GptSectors& usable) {
  std::vector<Partition> found;
  for (unsigned slot = 1; slot <= copy.slots(); ++slot) {
    const GptEntry entry = copy.entry(slot);
    if (entry.type == std::array<std::uint8_t, 16>{}) continue;
    Partition partition = parse_entry(entry, slot, usable);
    for (const Partition& other : found) require_apart(partition, other);
    found.push_back(std::move(partition));
  }
  return found;
}

}  // namespace

Gpt read_gpt(const ImageFile& image) {
  const std::string name = image.path().string();
  Gpt gpt;
  check_protective_mbr(image, gpt.warnings);
  const GptCopy copy = choose_copy(image, gpt.warnings);
  gpt.disk_guid = guid_of(copy.header.disk_guid);
  const GptSectors usable = usable_sectors(image, copy.header, gpt.warnings);
  gpt.usable = range_of(usable);
  gpt.partitions = partitions_of(copy, usable);
  for (Warning& warning : gpt.warnings) {
    warning.path = name;
    warning.message = quote(name) + ": " + warning.message;
  }
  return gpt;
}

}  // namespace rawimg
