// SPDX-License-Identifier: MIT
// The faithful judge: Debian's kernel mounts the filesystem read-only in a guest and lists what it
// sees.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace rawimg::test {

/// A filesystem in an image: slot 1 to 4, or 0 when it fills the whole file.
struct Mountable {
  std::filesystem::path image;
  std::string type;  ///< what mount -t gets
  int slot = 1;
};

/// The canonical listings of several filesystems, in one guest. Throws: std::runtime_error with the
/// console when a mount or listing fails.
std::vector<std::string> kernel_listings(const std::vector<Mountable>& filesystems);

/// What mke2fs puts into the root by itself is not in a tarball: its line is taken out, after a
/// look at its type, mode and owner. Throws when it is missing or wrong.
std::string without_lost_and_found(const std::string& listing);
/// Times as an inode of 128 bytes keeps them.
std::string without_fractions(const std::string& listing);
/// Empty when equal; else the first lines that differ, "-" expected and "+" found.
std::string difference(const std::string& expected, const std::string& found);

}  // namespace rawimg::test
