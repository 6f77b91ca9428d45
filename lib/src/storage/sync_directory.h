// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

namespace rawimg {

/// Makes the name of `file` in its directory durable. File systems that cannot sync directories are
/// taken as they are: they lose at most the name in a power cut. Throws: Io.
void sync_directory_of(const std::filesystem::path& file);

}  // namespace rawimg
