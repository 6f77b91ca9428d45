// SPDX-License-Identifier: MIT
// A disk with a GPT that is valid until a test changes something in it, with or without making the
// CRCs right again. Knows the format by itself, so that it can judge the reader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "partition/samples.h"

namespace rawimg::test {

/// What of a GPT a test chooses before it is made.
struct GptShape {
  std::uint64_t sectors = 8192;
  std::uint32_t entry_count = 128, entry_size = 128, header_size = 92;
  std::uint64_t backup_sector = 0;  ///< 0: the last
};

enum class Copy { Primary, Backup, Both };

/// Offsets of what tests change.
struct GptField {
  std::uint64_t at;
  unsigned width;
};
inline constexpr GptField kHeaderSize{12, 4}, kHeaderCrc{16, 4}, kOwnSector{24, 8},
    kOtherSector{32, 8}, kFirstUsable{40, 8}, kLastUsable{48, 8}, kDiskGuid{56, 8},
    kEntriesSector{72, 8}, kEntryCount{80, 4}, kEntrySize{84, 4}, kEntriesCrc{88, 4};
inline constexpr GptField kType{0, 8}, kTypeEnd{8, 8}, kGuid{16, 8}, kFirst{32, 8}, kLast{40, 8},
    kAttributes{48, 8}, kName{56, 2};

/// As gem5's images are: slot 1 for the boot loader (sectors 2048 to 4095), slot 2 for Linux (from
/// sector 4096 to the last usable one).
class GptImage {
 public:
  explicit GptImage(GptShape shape = {});

  /// Sets a field of a header, of an entry, or bytes of an entry; then the CRCs are right again.
  GptImage& header(Copy which, GptField field, std::uint64_t value);
  GptImage& entry(Copy which, unsigned slot, GptField field, std::uint64_t value);
  GptImage& entry(Copy which, unsigned slot, std::uint64_t at, std::string_view bytes);
  /// A partition for Linux in both copies.
  GptImage& add(unsigned slot, std::uint64_t first, std::uint64_t last);
  /// The same without making CRCs right.
  GptImage& spoil_header(Copy which, GptField field, std::uint64_t value);
  GptImage& spoil_entry(Copy which, unsigned slot, GptField field, std::uint64_t value);
  GptImage& put(std::uint64_t at, std::string_view bytes);
  GptImage& resize(std::uint64_t size_bytes);

  std::uint64_t get(Copy which, GptField field) const;
  /// Makes the CRCs of the copy whose header is in `sector` right, as far as its entries exist.
  void seal(std::uint64_t sector);

  const SampleImage& image() const { return image_; }
  PartitionTable read() const { return PartitionTable::read(image_.open()); }
  std::uint64_t backup_sector() const { return backup_sector_; }
  std::uint64_t last_usable() const;

 private:
  template <class Action>
  GptImage& each(Copy which, Action&& action);
  std::uint64_t entry_at(std::uint64_t header_sector, unsigned slot) const;
  std::string get(std::uint64_t at, std::uint64_t count) const;
  std::uint64_t get_number(std::uint64_t at, unsigned width) const;
  void make_protective_mbr(std::uint64_t sectors);
  void make_header(const GptShape& shape, std::uint64_t own, std::uint64_t other,
                   std::uint64_t entries);

  SampleImage image_;
  std::uint64_t backup_sector_;
};

/// Checks that a table is what the default image holds, whichever copy it was read from.
void check_default(const PartitionTable& table);
/// The message of the one warning there is, without the image's name. Checks its code and that.
std::string only_warning(const PartitionTable& table, std::string_view code);

/// Least significant byte first.
std::string little_endian(std::uint64_t value, unsigned width);
/// By its definition, bit by bit.
std::uint32_t slow_crc32(std::string_view bytes);

}  // namespace rawimg::test
