// SPDX-License-Identifier: MIT
// What a builder kept in RAM becomes part of a filesystem that was there before, as one
// transaction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ext/import.h"

namespace rawimg {

class Merger {
 public:
  Merger(ExtBuilder::State& state, const NameTree& names, const ExtBuilder::Finish& how)
      : s_(state), fs_(state.import->fs), names_(names), how_(how) {}

  ExtSummary run();

 private:
  /// How the names of a directory differ from those on disk.
  struct Change {
    NodeId directory;
    struct Removed {
      std::string name;
      std::uint32_t inode;
    };
    struct Added {
      std::string name;
      NodeId node;
    };
    std::vector<Removed> removed;
    std::vector<Added> added;
  };

  bool is_new(NodeId node) const { return s_.import->origin(node) == nullptr; }
  std::uint32_t inode_of(NodeId node) const;

  void find_changes();
  Change difference(NodeId directory);
  void take_content_blocks();
  void number_inodes();
  void write_inodes();
  void write_inode(NodeId id);
  void link_existing();
  void remove_names(const Change& change);
  void add_names(const Change& change);
  void find_changed_inodes();
  void update_metadata();
  std::uint64_t other_blocks() const;
  [[noreturn]] void throw_no_space();

  ExtBuilder::State& s_;
  Transaction::State& fs_;
  const NameTree& names_;
  const ExtBuilder::Finish& how_;
  std::vector<Change> changes_;           // parents first
  std::vector<NodeId> changed_inodes_;    // were there before, and have got an entry of their own
  std::vector<std::uint32_t> inode_of_;   // by node; new ones
  std::vector<std::uint32_t> new_links_;  // by node: names that it has got
};

}  // namespace rawimg
