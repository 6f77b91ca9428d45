// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <rawimg/ext_fs.h>

namespace rawimg::cli {

/// Wildcards inside an image: the paths that match, sorted; a name that exists as it is wins.
/// Throws: NotFound (no match).
std::vector<std::string> expand_paths(const ExtReader& fs, const std::string& path);

/// The path of what may be made: as it is, or what its wildcards match, which must be one. `\` in
/// front of a wildcard takes it as it is. Throws: NotFound (no match), Exists (several).
std::string expand_new_path(const ExtReader& fs, const std::string& path);

}  // namespace rawimg::cli
