// SPDX-License-Identifier: MIT
// Offsets, sizes and ranges in bytes, as types: an offset and a size cannot be swapped, and a range
// never passes 2^64.
#pragma once

#include <compare>
#include <cstdint>

#pragma GCC visibility push(default)

namespace rawimg {

inline constexpr std::uint64_t kSectorSize = 512;

/// Bytes from the start of an image, or of the window where a header says so.
struct ByteOffset {
  std::uint64_t value = 0;
  auto operator<=>(const ByteOffset&) const = default;
};

struct ByteCount {
  std::uint64_t value = 0;
  auto operator<=>(const ByteCount&) const = default;
};

/// Half-open [start, end).
class ByteRange {
 public:
  ByteRange() = default;
  /// Throws: BadInput when the end passes 2^64 - 1.
  ByteRange(ByteOffset start, ByteCount size);

  std::uint64_t start() const { return start_; }
  std::uint64_t size() const { return size_; }
  std::uint64_t end() const { return start_ + size_; }
  bool contains(const ByteRange& other) const {
    return other.start_ >= start_ && other.end() <= end();
  }
  bool overlaps(const ByteRange& other) const {
    return start_ < other.end() && other.start_ < end();
  }
  bool operator==(const ByteRange&) const = default;

 private:
  std::uint64_t start_ = 0, size_ = 0;
};

}  // namespace rawimg

#pragma GCC visibility pop
