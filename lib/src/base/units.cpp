// SPDX-License-Identifier: MIT
#include <rawimg/units.h>

#include <cstdint>

#include <fmt/format.h>
#include <rawimg/error.h>

namespace rawimg {

ByteRange::ByteRange(ByteOffset start, ByteCount size) : start_(start.value), size_(size.value) {
  if (size.value > UINT64_MAX - start.value)
    throw Error(Errc::BadInput,
                fmt::format("range at byte {} of {} bytes passes 2^64", start.value, size.value));
}

}  // namespace rawimg
