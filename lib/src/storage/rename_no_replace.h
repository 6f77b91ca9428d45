// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

namespace rawimg {

/// rename(2) that fails with EEXIST in place of replacing, on file systems with and without
/// RENAME_NOREPLACE. Gives the errno, or 0.
int rename_no_replace(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace rawimg
