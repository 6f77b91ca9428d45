// SPDX-License-Identifier: MIT
// The filesystem that a builder adds to. Its inodes become nodes when the directory that names them
// is first looked at; what is never looked at costs nothing.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "ext/builder_state.h"
#include "ext/edit_state.h"

namespace rawimg {

struct Import {
  /// Throws: what Transaction::begin throws.
  Import(const Window& where, const BuilderOptions& how);

  /// Where a node comes from.
  struct Origin {
    std::uint32_t inode = 0;  ///< 0: it is new
    bool names_known = false, meta_known = false, meta_changed = false, xattrs_changed = false;
  };
  /// Null: the node is new.
  Origin* origin(NodeId node);

  /// Root is node kRoot, lost+found node kLostFound, if there is one.
  void adopt_root(ExtBuilder::State& state);
  /// The names that a directory has on disk, the first time; afterwards, and for new ones, none.
  /// Throws: Corrupt (a name twice, a directory with two names), Io.
  std::vector<ExtBuilder::ImportedName> read_names(ExtBuilder::State& state, NodeId directory);
  /// Fills metadata, size and target of an imported node. Throws: Corrupt, Io.
  void read_meta(ExtBuilder::State& state, NodeId node);

  /// What an inode has room for, which older tools may have made smaller.
  XattrRoom room_of(std::uint32_t inode);

  Transaction::State fs;
  std::uint64_t free_blocks, free_inodes;  ///< as it was
  Transaction::Result committed;

 private:
  NodeId adopt(ExtBuilder::State& state, std::uint32_t inode, FileType type);

  std::vector<Origin> origins_;                      // by node
  std::unordered_map<std::uint32_t, NodeId> nodes_;  // by inode
};

}  // namespace rawimg
