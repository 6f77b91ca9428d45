// SPDX-License-Identifier: MIT
// The names of a filesystem under construction: which name in which directory is which node. Knows
// nothing of metadata or content.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ext/builder.h"

namespace rawimg {

/// Names in RAM, built for millions: bytes of names in an arena, one hash table over all
/// (directory, name) pairs.
class Names : public NameTree {
 public:
  /// Holds the root alone.
  Names();

  std::optional<NodeId> find(NodeId directory, std::string_view name) const;
  /// One more name for a node that is no directory. The name must be free. Throws: BadInput (names
  /// made to collide); nothing has changed then.
  void add(NodeId directory, std::string_view name, NodeId node) {
    (void)add_link(directory, name, node);
  }
  /// The name of a new directory. Like add.
  void add_directory(NodeId directory, std::string_view name, NodeId node);
  /// Takes a name away (of a directory: an empty one). The node stays, with one name less.
  void remove(NodeId directory, std::string_view name);

  bool is_directory(NodeId node) const { return directory_index(node).has_value(); }
  std::uint32_t child_count(NodeId directory) const {
    return directories_[*directory_index(directory)].children;
  }
  std::uint32_t name_count(NodeId node) const;

  // NameTree
  std::vector<NodeId> directories() const override;
  NodeId parent(NodeId directory) const override;
  void names(NodeId directory, std::vector<Name>& out) const override;
  std::string describe(NodeId node) const override;
  /// A path of the node as bytes, with a leading slash.
  std::string path_of(NodeId node) const;

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  struct Link {  // a name; links of one directory form a list in the order of their making
    std::string_view name;
    NodeId directory, node;
    std::uint32_t next = kNone, previous = kNone;
    bool is_gone() const { return name.empty(); }
  };
  struct Directory {
    NodeId node, parent;
    std::uint32_t first = kNone, last = kNone, children = 0;
    std::uint32_t own_link = kNone;
    bool gone = false;
  };

  std::uint32_t add_link(NodeId directory, std::string_view name, NodeId node);
  std::optional<std::uint32_t> directory_index(NodeId node) const;
  std::uint64_t hash(NodeId directory, std::string_view name) const;
  /// of the table: where it is, or would be
  std::uint32_t slot_of(NodeId directory, std::string_view name) const;
  std::uint32_t some_link_of(NodeId node) const;
  std::string_view keep(std::string_view name);
  void grow();

  std::vector<Link> links_;
  std::vector<std::uint32_t> table_;  ///< open addressing; kNone: free, kGone: was in use
  std::size_t table_used_ = 0;
  std::vector<Directory> directories_;
  std::vector<std::uint32_t> directory_of_;  ///< by node
  std::vector<std::uint32_t> name_counts_;   ///< by node
  std::vector<std::uint32_t> last_link_of_;  ///< by node: the newest link, for messages
  std::deque<std::string> arena_;
};

}  // namespace rawimg
