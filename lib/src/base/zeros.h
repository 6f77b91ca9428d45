// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

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

/// They live for ever, and nobody has to make them: a MiB on the heap was a quarter of a `cat`.
alignas(64) inline constexpr std::array<std::byte, 64 * 1024> kZeros{};

/// Calls sink(bytes) with `count` of kZeros in all.
template <class Sink>
void put_zeros(std::uint64_t count, Sink sink) {
  for (std::uint64_t n = 0; count != 0; count -= n) {
    n = std::min<std::uint64_t>(count, kZeros.size());
    sink(std::span<const std::byte>(kZeros).first(n));
  }
}

}  // namespace rawimg
