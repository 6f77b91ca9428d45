// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace rawimg {

/// Throws what a libext2fs result code (0: none) stands for: errno values become Io or NoSpace, the
/// library's own codes Corrupt, with its text behind `doing`.
void check_ext(long code, std::string_view doing);

}  // namespace rawimg
