// SPDX-License-Identifier: MIT
// Following a path inside an image as the guest's kernel would, never on the host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <rawimg/entry.h>
#include <rawimg/ext_fs.h>

namespace rawimg {

/// What a walk asks of a filesystem. All throw Corrupt and Io.
class WalkSource {
 public:
  virtual ~WalkSource() = default;
  virtual FileType type(std::uint32_t inode) const = 0;
  virtual std::optional<std::uint32_t> find(std::uint32_t directory,
                                            std::string_view name) const = 0;
  /// Throws: Unsupported (it cannot be read).
  virtual std::string symlink_target(std::uint32_t inode) const = 0;
};

/// Throws: NotFound (names the component; also for a loop or a file used as a directory), and what
/// the source throws.
std::uint32_t walk_path(const WalkSource& source, std::string_view path, ExtFs::Follow follow);

}  // namespace rawimg
