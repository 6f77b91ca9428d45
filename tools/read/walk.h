// SPDX-License-Identifier: MIT
// All that is in a directory of an image, depth first, without recursion: how deep directories are
// nested is the image's business, not our stack's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/ext_fs.h>

namespace rawimg::cli {

/// A file that a walk has come to.
struct WalkStep {
  const std::string& path;  ///< the start's, and the names below it
  std::string_view name;    ///< the last of them; for the start what is behind its last slash
  const InodeInfo& inode;
  std::uint32_t parent = 0;  ///< the directory that it is in; 0 for the start
  std::size_t depth = 0;     ///< of the start: 0
  bool is_last = true;       ///< of its directory
};

enum class Walk { In, Past, Stop };

struct WalkHooks {
  /// Each file, directories before what is in them; Past leaves out what is in a directory.
  std::function<Walk(const WalkStep&)> enter;
  /// A directory's names, sorted by bytes, before the walk goes on to them; may reorder them and
  /// take some out.
  std::function<void(const WalkStep&, std::vector<DirEntry>&)> open = {};
  /// Each directory, after all that is in it, also where that was left out.
  std::function<Walk(const WalkStep&)> leave = {};
};

/// Symlinks are not followed, the start included. Throws: Corrupt (also for a directory that has
/// two names), Io, with the path; what the hooks throw.
void walk_tree(const ExtReader& fs, const std::string& start, std::uint32_t inode,
               const WalkHooks& hooks);

/// "/etc" and "fstab": "/etc/fstab".
std::string join_path(std::string directory, std::string_view name);

}  // namespace rawimg::cli
