// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace rawimg {

/// What a file that is no tar archive looks like by its first block, for messages: "a zip archive".
/// Empty when it looks like nothing.
std::string file_kind(std::span<const std::byte> first);

}  // namespace rawimg
