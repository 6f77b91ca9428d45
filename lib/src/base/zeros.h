// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace rawimg {

/// Whether there are only zeros. The first word decides for nearly everything that is not; the rest
/// is compared with itself, one word on, at the speed of memcmp.
inline bool is_zeros(std::span<const std::byte> bytes) {
  std::uint64_t word = 0;
  if (bytes.size() < sizeof word) {
    if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
    return word == 0;
  }
  std::memcpy(&word, bytes.data(), sizeof word);
  return word == 0 &&
         std::memcmp(bytes.data(), bytes.data() + sizeof word, bytes.size() - sizeof word) == 0;
}

/// Calls sink(bytes) with `count` zeros in all, at most 1 MiB at a time.
template <class Sink>
void put_zeros(std::uint64_t count, Sink sink) {
  static const std::vector<std::byte> zeros(1u << 20);
  for (std::uint64_t n = 0; count != 0; count -= n) {
    n = std::min<std::uint64_t>(count, zeros.size());
    sink(std::span(zeros).first(n));
  }
}

}  // namespace rawimg
