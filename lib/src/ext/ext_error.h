// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace rawimg {

/// What helps where a filesystem is damaged. e2fsck on one that is in use would damage it more.
inline constexpr const char* kCheckHint =
    "when no guest runs from it and nothing has it mounted: e2fsck -f IMG";
inline constexpr const char* kReplayHint =
    "when no guest runs from it and nothing has it mounted: e2fsck -E journal_only IMG";

/// Throws what a libext2fs result code (0: none) stands for: errno values become Io or NoSpace, the
/// library's own codes Corrupt, with its text behind `doing`.
void check_ext(long code, std::string_view doing);

}  // namespace rawimg
