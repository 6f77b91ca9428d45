// SPDX-License-Identifier: MIT
// UUIDs as filesystems and recipes use them. None is random: a caller that wants a random one
// passes it in.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)

namespace rawimg {

using Uuid = std::array<std::uint8_t, 16>;
/// 8-4-4-4-12 hexadecimal digits, either case. Throws: Usage.
Uuid parse_uuid(std::string_view text);
std::string to_text(const Uuid& uuid);
/// A version 8 UUID whose free bits are the first of SHA-256(`text`): the same text, the same UUID.
Uuid derive_uuid(std::string_view text);

}  // namespace rawimg

#pragma GCC visibility pop
