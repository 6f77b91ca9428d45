// SPDX-License-Identifier: MIT
// What the tests of this room begin with: first sectors, and files with bytes at chosen places.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <ostream>
#include <string_view>

#include <fmt/format.h>
#include <rawimg/image_file.h>
#include <rawimg/partition_table.h>

#include "support/temp_dir.h"

namespace rawimg {

inline std::ostream& operator<<(std::ostream& out, DiskKind kind) {
  constexpr std::array<const char*, 7> kNames{"Empty",      "Mbr",         "Gpt",    "Filesystem",
                                              "OtherLabel", "OtherFormat", "Unknown"};
  return out << kNames.at(static_cast<std::size_t>(kind));
}
inline std::ostream& operator<<(std::ostream& out, const Partition& p) {
  return out << fmt::format("slot {} type {:02x} bootable {} from {} of {}", p.slot, p.type,
                            p.bootable, p.first_sector, p.sector_count);
}

namespace test {

using Sector = std::array<std::byte, kSectorSize>;

inline constexpr ByteCount mib(std::uint64_t count) { return {count << 20}; }

/// Slots 1 (type 83, bootable, from 63) and 3 (type 82, from 4096), disk id 12345678, on a disk of
/// 4 MiB.
inline Sector valid_mbr() {
  PartitionTable table;
  table.add({.slot = 1, .first_sector = 63, .sector_count = 2000, .bootable = true}, mib(4));
  table.add({.slot = 3, .first_sector = 4096, .sector_count = 4096, .type = 0x82}, mib(4));
  table.set_disk_id(0x12345678);
  Sector sector{};
  table.encode(sector);
  return sector;
}

inline void put(Sector& sector, std::size_t at, std::string_view bytes) {
  std::memcpy(sector.data() + at, bytes.data(), bytes.size());
}

/// A sparse image that is removed with its directory.
class SampleImage {
 public:
  explicit SampleImage(std::uint64_t size) : path_(dir_ / "sample.img") {
    write_file(path_, "");
    std::filesystem::resize_file(path_, size);
  }

  SampleImage& put(std::uint64_t at, std::string_view bytes) {
    open().write_at(ByteOffset{at}, std::as_bytes(std::span(bytes)));
    return *this;
  }
  SampleImage& put(std::uint64_t at, const Sector& sector) {
    open().write_at(ByteOffset{at}, sector);
    return *this;
  }
  ImageFile open() const { return ImageFile::open(path_, Access::ReadWrite); }
  const std::filesystem::path& path() const { return path_; }

 private:
  TempDir dir_;
  std::filesystem::path path_;
};

}  // namespace test
}  // namespace rawimg
