// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rawimg {

/// A type as people write it: "83", "0x83", sfdisk's letters and words ("L", "swap"), or its full
/// name ("Linux LVM"), in any case. Nothing when it is none of these.
std::optional<std::uint8_t> parse_partition_type(std::string_view text);

/// Whether it is a container of logical partitions, which rawimg reads and does not make.
bool is_extended(std::uint8_t type);

}  // namespace rawimg
