// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <rawimg/image_file.h>

#include "base/endian.h"

namespace rawimg {

/// Sources of all of these: FORMATS.md. Sectors are counted from the start of the disk.
struct GptHeader {
  std::array<char, 8> signature;           //  0  "EFI PART"
  Le32 revision;                           //  8  1.0 so far; not checked, as Linux does not
  Le32 header_size;                        // 12  92 to 512, what the CRC is of
  Le32 header_crc;                         // 16  with this field as 0
  Le32 reserved;                           // 20
  Le64 own_sector;                         // 24
  Le64 other_sector;                       // 32  of the other copy's header
  Le64 first_usable;                       // 40  partitions lie from here
  Le64 last_usable;                        // 48  to here, inclusive
  std::array<std::uint8_t, 16> disk_guid;  // 56
  Le64 entries_sector;                     // 72
  Le32 entry_count;                        // 80  used and unused
  Le32 entry_size;                         // 84  128, 256, 512, ...
  Le32 entries_crc;                        // 88
};
static_assert(sizeof(GptHeader) == 92 && alignof(GptHeader) == 1);

struct GptEntry {
  std::array<std::uint8_t, 16> type;  //  0  zeros mark an unused slot
  std::array<std::uint8_t, 16> guid;  // 16  of this partition alone
  Le64 first_sector;                  // 32
  Le64 last_sector;                   // 40  inclusive
  Le64 attributes;                    // 48
  std::array<Le16, 36> name;          // 56  UTF-16, ends at a 0 or at the end
};
static_assert(sizeof(GptEntry) == 128 && alignof(GptEntry) == 1);

inline constexpr std::uint64_t kGptPrimarySector = 1;

/// One of the two copies of a GPT, in which nothing is wrong as far as one copy alone can tell: its
/// signature, both CRCs, and that its places are in the image and apart.
struct GptCopy {
  GptHeader header;
  std::vector<std::byte> entries;  ///< entry_count of entry_size bytes

  unsigned slots() const { return header.entry_count; }
  GptEntry entry(unsigned slot) const;  ///< from 1 to slots()
};

/// The copy whose header is in `sector`. Throws: Corrupt (why it is not to be believed, without a
/// subject), Unsupported (good, but larger than what rawimg reads), Io.
GptCopy read_gpt_copy(const ImageFile& image, std::uint64_t sector);

/// Both inclusive.
struct GptSectors {
  std::uint64_t first, last;
};
/// Where the copy whose header is in `sector` lies: its header and, as far as they are in the
/// image, its entries. Nothing where no header with a right CRC is. Throws: Io. Does not check: the
/// rest.
std::vector<GptSectors> gpt_table_at(const ImageFile& image, std::uint64_t sector);

/// What the header in `sector` says, unchecked. Throws: Corrupt when it lies past the end, Io.
GptHeader read_gpt_header(const ImageFile& image, std::uint64_t sector);
bool has_gpt_signature(const GptHeader& header);

}  // namespace rawimg
