// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/error.h>
#include <rawimg/ext_fs.h>
#include <rawimg/observer.h>

namespace rawimg::cli {

/// Wildcards inside an image: the paths that match, sorted; a name that exists as it is wins. With
/// a slash at the end, directories only, with a slash each. Throws: NotFound (no match).
std::vector<std::string> expand_paths(const ExtReader& fs, const std::string& path);

/// The code of the warning about what is left out.
inline constexpr std::string_view kDanglingSymlink = "dangling-symlink";

/// The inode of what a wildcard has matched. A symlink that leads nowhere was not meant: nothing,
/// with a warning that calls it `word`. Throws: as ExtReader::resolve.
std::optional<std::uint32_t> resolve_match(const ExtReader& fs, const std::string& path,
                                           ExtReader::Follow follow, const std::string& word,
                                           std::vector<Warning>& warnings);

/// For a wildcard that has matched nothing else.
Error all_dangling(const std::string& word);

/// The path of what may be made: as it is, or what its wildcards match, which must be one. `\` in
/// front of a wildcard takes it as it is. Throws: NotFound (no match), Exists (several).
std::string expand_new_path(const ExtReader& fs, const std::string& path);

}  // namespace rawimg::cli
