// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace rawimg {

/// The fields of `line` between colons, if there are exactly N, the first is not empty and no byte
/// is zero: what the account files' readers take for an entry.
template <std::size_t N>
std::optional<std::array<std::string_view, N>> split_entry(std::string_view line) {
  std::array<std::string_view, N> fields;
  if (line.find('\0') != std::string_view::npos) return std::nullopt;
  for (std::size_t i = 0; i < N; ++i) {
    const std::size_t colon = line.find(':');
    if ((colon == std::string_view::npos) != (i + 1 == N)) return std::nullopt;
    fields[i] = line.substr(0, colon);
    line.remove_prefix(i + 1 == N ? line.size() : colon + 1);
  }
  if (fields[0].empty()) return std::nullopt;
  return fields;
}

}  // namespace rawimg
