// SPDX-License-Identifier: MIT
// The bytes of a COW file; cow_file.cpp tells where they come from.
#pragma once

#include <cstdint>
#include <string_view>

#include <rawimg/cow_file.h>

#include "base/endian.h"

namespace rawimg {

inline constexpr std::string_view kCowMagic = "COWDISK!";
inline constexpr std::uint32_t kCowMajor = 1, kCowMinor = 0;

struct CowHeader {
  char magic[8];       //  0
  Le32 major_version;  //  8
  Le32 minor_version;  // 12
  Le64 count;          // 16  of records
};
static_assert(sizeof(CowHeader) == 24 && alignof(CowHeader) == 1);

struct CowSector {
  Le64 sector;                     //  0  of the image
  std::byte content[kSectorSize];  //  8
};
static_assert(sizeof(CowSector) == 520 && alignof(CowSector) == 1);

}  // namespace rawimg
