// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace rawimg {

/// An unsigned number in little-endian bytes without alignment, for structures on disk.
template <class Value>
class LittleEndian {
 public:
  LittleEndian() = default;
  LittleEndian(Value value) { *this = value; }  // NOLINT: stands in for the number
  LittleEndian& operator=(Value value) {
    for (std::size_t i = 0; i < sizeof(Value); ++i)
      bytes_[i] = static_cast<std::uint8_t>(value >> 8 * i);
    return *this;
  }
  operator Value() const {  // NOLINT: likewise
    Value value = 0;
    for (std::size_t i = 0; i < sizeof(Value); ++i)
      value = static_cast<Value>(value | static_cast<Value>(bytes_[i]) << 8 * i);
    return value;
  }

 private:
  std::array<std::uint8_t, sizeof(Value)> bytes_{};
};

using Le16 = LittleEndian<std::uint16_t>;
using Le32 = LittleEndian<std::uint32_t>;
using Le64 = LittleEndian<std::uint64_t>;
static_assert(sizeof(Le32) == 4 && alignof(Le32) == 1);
static_assert(sizeof(Le64) == 8 && alignof(Le64) == 1);

}  // namespace rawimg
