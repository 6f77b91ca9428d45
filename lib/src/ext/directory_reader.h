// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/ext_fs.h>
#include <rawimg/window.h>

#include "ext/map_reader.h"
#include "ext/superblock.h"

namespace rawimg {

/// One directory of a filesystem that somebody else may have made.
class DirectoryReader {
 public:
  /// Reads the map of its `blocks` blocks. Throws: Corrupt (also for a block that is missing,
  /// unwritten, or there more than once), Io.
  DirectoryReader(const Window& where, const Superblock& super, const MapInput& map, bool indexed,
                  std::uint64_t blocks);

  /// In the directory's own order, without `.` and `..`. Throws: Corrupt, Io.
  std::vector<DirEntry> read_all() const;
  /// By its hash tree where there is a good one, else by looking at every name. Throws: Corrupt,
  /// Io.
  std::optional<std::uint32_t> find(std::string_view name) const;
  /// The blocks, in the order of the index, in which a name is or would be; nothing when there is
  /// no index that can be followed. Throws: Corrupt, Io.
  std::optional<std::vector<std::uint32_t>> leaves_of(std::string_view name) const;
  /// What `..` says, which is the second entry. Throws: Corrupt (it is not), Io.
  std::uint32_t parent() const;
  /// A whole block whose entries are sound. Throws: Corrupt, Io.
  std::vector<std::byte> read_block(std::uint32_t logical) const;
  std::uint64_t physical_of(std::uint32_t logical) const;
  /// The blocks that hold it, in logical order, without holes.
  const std::vector<Extent>& runs() const { return runs_; }

 private:
  struct Block {
    std::vector<std::byte> bytes;
    std::uint32_t logical = 0;
  };
  [[noreturn]] void corrupt(const std::string& why) const;
  const Extent* run_of(std::uint32_t logical) const;
  std::optional<Block> read_logical(std::uint32_t logical) const;
  void check_block(std::span<const std::byte> bytes, std::uint32_t logical) const;
  /// Calls visit(name, inode, type) for each entry in use; false ends it.
  template <class Visit>
  bool visit_block(std::span<const std::byte> bytes, std::uint32_t logical, Visit visit) const;
  template <class Visit>
  void visit_all(Visit visit) const;
  std::optional<std::uint32_t> find_in(const Block& block, std::string_view name) const;

  const Window& where_;
  const Superblock& super_;
  std::uint32_t inode_, generation_;
  bool indexed_;
  std::vector<Extent> runs_;
};

}  // namespace rawimg
