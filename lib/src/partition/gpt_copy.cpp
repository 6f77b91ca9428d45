// SPDX-License-Identifier: MIT
#include "partition/gpt_copy.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/digest.h"

namespace rawimg {
namespace {

using Sector = std::array<std::byte, kSectorSize>;

constexpr std::uint32_t kMinEntrySize = sizeof(GptEntry), kMaxEntrySize = 4096;
// Room for 128 of the largest entries. A CRC is of all entries, used or not, and a header can say
// 2^32 of them: a limit keeps a small image from making us read terabytes of hole.
constexpr std::uint64_t kMaxEntryBytes = 128 * std::uint64_t{kMaxEntrySize};

[[noreturn]] void corrupt(const std::string& why) { throw Error(Errc::Corrupt, why); }

std::uint64_t sectors_of(const ImageFile& image) { return image.size().value / kSectorSize; }
std::uint64_t entry_bytes(const GptHeader& header) {
  return std::uint64_t{header.entry_count} * header.entry_size;
}
std::uint64_t entry_sectors(const GptHeader& header) {
  return (entry_bytes(header) + kSectorSize - 1) / kSectorSize;
}

Sector read_sector(const ImageFile& image, std::uint64_t sector) {
  if (sector >= sectors_of(image))
    corrupt(fmt::format("sector {} is past the end of the image, which has {} sectors", sector,
                        sectors_of(image)));
  Sector bytes;
  image.read_at(ByteOffset{sector * kSectorSize}, bytes);
  return bytes;
}

GptHeader header_in(const Sector& sector) {
  GptHeader header;
  std::memcpy(&header, sector.data(), sizeof header);
  return header;
}

void require_header_crc(Sector sector) {
  const GptHeader header = header_in(sector);
  const std::uint32_t size = header.header_size;
  if (size < sizeof header || size > kSectorSize)
    corrupt(fmt::format("its header has {} bytes, and {} to {} can be right", size, sizeof header,
                        kSectorSize));
  std::memset(sector.data() + offsetof(GptHeader, header_crc), 0, sizeof header.header_crc);
  const std::uint32_t crc = crc32(std::span(sector).first(size));
  if (crc != header.header_crc)
    corrupt(fmt::format("the CRC of its header is {:08x} and should be {:08x}", crc,
                        std::uint32_t{header.header_crc}));
}

void require_usable_sectors(const GptHeader& header, std::uint64_t sectors) {
  const std::uint64_t first = header.first_usable, last = header.last_usable;
  if (first > last) corrupt(fmt::format("its usable sectors are {} to {}", first, last));
  if (first <= kGptPrimarySector)
    corrupt(fmt::format("its usable sectors {} to {} begin where the table is", first, last));
  if (last >= sectors)
    corrupt(fmt::format("its usable sectors {} to {} end past the image, which has {} sectors",
                        first, last, sectors));
  const std::uint64_t own = header.own_sector;
  if (own >= first && own <= last)
    corrupt(
        fmt::format("its usable sectors {} to {} hold its header (sector {})", first, last, own));
}

void require_entry_sizes(const GptHeader& header) {
  const std::uint32_t count = header.entry_count, size = header.entry_size;
  if (count == 0) corrupt("it has no entries");
  if (size < kMinEntrySize || !std::has_single_bit(size))
    corrupt(fmt::format("its entries have {} bytes: 128, 256, 512 and so on can be right", size));
  if (size > kMaxEntrySize || entry_bytes(header) > kMaxEntryBytes)
    throw Error(
        Errc::Unsupported,
        fmt::format("it has {} entries of {} bytes: rawimg reads entries of up to {} bytes, "
                    "and {} bytes of them",
                    count, size, kMaxEntrySize, kMaxEntryBytes));
}

void require_entries_apart(const GptHeader& header, std::uint64_t sectors) {
  const std::uint64_t at = header.entries_sector, count = entry_sectors(header);
  if (at >= sectors || count > sectors - at)
    corrupt(
        fmt::format("its {} sectors of entries at sector {} end past the image, which has {} "
                    "sectors",
                    count, at, sectors));
  const auto in_entries = [&](std::uint64_t first, std::uint64_t last) {
    return first < at + count && at <= last;
  };
  if (in_entries(0, kGptPrimarySector) || in_entries(header.own_sector, header.own_sector))
    corrupt(fmt::format("its {} sectors of entries at sector {} overlap a header", count, at));
  if (in_entries(header.first_usable, header.last_usable))
    corrupt(fmt::format(
        "its {} sectors of entries at sector {} overlap its usable sectors {} to {}", count, at,
        std::uint64_t{header.first_usable}, std::uint64_t{header.last_usable}));
}

std::vector<std::byte> read_entries(const ImageFile& image, const GptHeader& header) {
  std::vector<std::byte> entries(entry_bytes(header));
  image.read_at(ByteOffset{header.entries_sector * kSectorSize}, entries);
  const std::uint32_t crc = crc32(entries);
  if (crc != header.entries_crc)
    corrupt(fmt::format("the CRC of its entries is {:08x} and should be {:08x}", crc,
                        std::uint32_t{header.entries_crc}));
  return entries;
}

}  // namespace

GptEntry GptCopy::entry(unsigned slot) const {
  GptEntry entry;
  std::memcpy(&entry, entries.data() + std::size_t{slot - 1} * header.entry_size, sizeof entry);
  return entry;
}

bool has_gpt_signature(const GptHeader& header) {
  return std::string_view(header.signature.data(), header.signature.size()) == "EFI PART";
}

GptHeader read_gpt_header(const ImageFile& image, std::uint64_t sector) {
  return header_in(read_sector(image, sector));
}

namespace {

/// A header as it was written. Throws: Corrupt.
GptHeader read_sealed_header(const ImageFile& image, std::uint64_t sector) {
  const Sector bytes = read_sector(image, sector);
  const GptHeader header = header_in(bytes);
  if (!has_gpt_signature(header))
    corrupt(fmt::format("no signature 'EFI PART' in sector {}", sector));
  require_header_crc(bytes);
  if (header.own_sector != sector)
    corrupt(fmt::format("the header in sector {} says that it is in sector {}", sector,
                        std::uint64_t{header.own_sector}));
  return header;
}

}  // namespace

std::vector<GptSectors> gpt_table_at(const ImageFile& image, std::uint64_t sector) {
  try {
    const GptHeader header = read_sealed_header(image, sector);
    std::vector<GptSectors> table{{sector, sector}};
    const std::uint64_t at = header.entries_sector, sectors = sectors_of(image);
    const std::uint64_t count = entry_sectors(header);
    if (count != 0 && entry_bytes(header) <= kMaxEntryBytes && at < sectors)
      table.push_back({at, at + std::min(count, sectors - at) - 1});
    return table;
  } catch (const Error& error) {
    if (error.code() != Errc::Corrupt) throw;
    return {};
  }
}

GptCopy read_gpt_copy(const ImageFile& image, std::uint64_t sector) {
  const GptHeader header = read_sealed_header(image, sector);
  // From here on the numbers are those that were written, which does not make them sane.
  require_usable_sectors(header, sectors_of(image));
  require_entry_sizes(header);
  require_entries_apart(header, sectors_of(image));
  return {header, read_entries(image, header)};
}

}  // namespace rawimg
