// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rawimg::cli {

/// Bytes from "4096", "63s", "1M", "4G", "2TiB": K M G T (and KiB ...) are powers of 1024, s is
/// sectors of 512 bytes. Throws: Usage (names `what`; KB and the like with the right spelling).
std::uint64_t parse_size(std::string_view text, std::string_view what);
/// A sector from "63s" or a size that is whole sectors. Throws: Usage.
std::uint64_t parse_sector(std::string_view text, std::string_view what);
/// A decimal number from `least` to `most`. Throws: Usage.
std::uint64_t parse_number(std::string_view text, std::string_view what, std::uint64_t least,
                           std::uint64_t most);
/// 0 to 100, with or without fractions and `%`. Throws: Usage.
double parse_percent(std::string_view text, std::string_view what);
/// Hexadecimal with or without 0x, at most 32 bits. Throws: Usage.
std::uint32_t parse_hex32(std::string_view text, std::string_view what);

/// "4.0G", as ls -h and du -h write sizes: rounded up, so that nothing looks smaller than it is.
std::string short_size(std::uint64_t bytes);

}  // namespace rawimg::cli
