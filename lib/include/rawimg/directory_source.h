// SPDX-License-Identifier: MIT
// A directory of the host as a source.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include <rawimg/entry.h>

#pragma GCC visibility push(default)

namespace rawimg {

struct DirectoryOptions {
  bool one_file_system = false;  ///< where something is mounted, the directory alone
  /// owners that become root: who calls, who builds an image of files that are his
  std::optional<std::uint32_t> root_for_uid = std::nullopt, root_for_gid = std::nullopt;
  /// files that are no part of it: the image that is made there
  std::vector<std::filesystem::path> leave_out = {};
  std::stop_token stop = {};
};

/// Everything below a directory, and the directory itself as ".", depth first, names sorted by
/// their bytes; holes and hard links are kept. Access times are not: reading changes them. Throws:
/// Io (missing, no directory); at next(): Io (cannot be read, changed while it was read),
/// Interrupted.
std::unique_ptr<EntrySource> open_directory(const std::filesystem::path& directory,
                                            const DirectoryOptions& options = {});

}  // namespace rawimg

#pragma GCC visibility pop
