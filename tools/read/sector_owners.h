// SPDX-License-Identifier: MIT
// What sectors of an image belong to: a table, the structures of a filesystem, a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <rawimg/cow_file.h>
#include <rawimg/observer.h>

namespace rawimg::cli {

/// Whose a sector is. Equal ones are one line of a listing.
struct SectorOwner {
  std::optional<unsigned> slot;  ///< none outside of slots
  /// "table", "gap"; "data" of a slot that is no ext filesystem; "boot", "superblock",
  /// "descriptor", "bitmap", "inode table", "journal", "free", "unknown" (in use, and of no file
  /// that has a name); of a path: "file", "directory", "symlink", "map", "attributes"
  std::string what;
  std::string path;
  bool before = false;  ///< it was so without the layer; with it, the sector is free

  bool operator==(const SectorOwner&) const = default;
};

/// Neighbouring sectors of one owner.
struct OwnedRun {
  std::uint64_t first = 0, count = 0;
  SectorOwner owner;
};

struct OwnedSectors {
  std::vector<OwnedRun> runs;
  std::vector<Warning> warnings;
};

/// The sectors of a layer, ascending, as the filesystems have them with the layer in place; where
/// the guest left one that cannot be read, as they are without it, with a warning. Throws: Corrupt,
/// Io.
OwnedSectors find_owners(ImageFile& image, const CowFile& layer);

}  // namespace rawimg::cli
