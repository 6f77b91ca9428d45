// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <rawimg/ext_fs.h>

namespace rawimg::cli {

/// Wildcards inside an image: the paths that match, sorted; a name that exists as it is wins.
/// Throws: NotFound (no match).
std::vector<std::string> expand_paths(const ExtReader& fs, const std::string& path);

}  // namespace rawimg::cli
