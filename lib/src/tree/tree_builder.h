// SPDX-License-Identifier: MIT
// The rules of the tree: what an entry means for what is already there. Names are in Names, inodes and content in ExtBuilder; this joins them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <rawimg/observer.h>
#include <rawimg/populate.h>

#include "ext/builder.h"
#include "tree/name_tree.h"
#include "tree/source_filter.h"

namespace rawimg {

class TreeBuilder {
 public:
  TreeBuilder(ExtBuilder& builder, const PopulateOptions& options, Observer& observer);

  void begin_source(const SourceSpec& spec);
  /// Applies one entry. `read_content` is called when it is a regular file that was taken: it must hand all chunks to the builder.
  /// Throws: BadInput (the entry makes no sense here), Unsupported (it cannot be stored), and what `read_content` throws. An entry that throws Unsupported before its content has changed
  /// nothing.
  void take(const Entry& entry, const std::function<void()>& read_content);
  /// Says that this entry was left out, so that hard links to it are left out, too.
  void note_skipped(std::string_view path);
  /// Throws: BadInput when a hard link's target never came.
  void end_source();

  /// Gives implied directories the superblock's time, which is settled by now.
  void settle_implied(std::int64_t epoch);

  const Names& names() const { return names_; }
  std::int64_t newest_mtime() const { return newest_mtime_; }
  std::uint64_t skipped() const { return skipped_; }
  std::uint64_t dropped_fractions() const { return dropped_fractions_; }
  /// First 64 bits of a digest of the node's xattrs; 0: none.
  std::uint64_t xattr_digest(NodeId node) const;

 private:
  using Components = std::vector<std::string>;
  struct PendingLink {
    Components link;
    std::string link_path;  // as the source has it
  };

  void take_directory(const Entry& entry, const Components& path);
  void take_hard_link(const Entry& entry, const Components& path);
  void bind_waiting_links(const Components& path, NodeId node);
  void skip_waiting(const std::string& key);
  void set_root(const Entry& entry);

  NodeMeta meta_of(const Entry& entry);
  NodeId make_node(const Entry& entry);
  void update_node(NodeId node, const Entry& entry);
  NodeId add_implied(NodeId parent, std::string_view name);
  void put_name(const Components& path, NodeId node, const Entry* entry);
  void make_way(NodeId directory, std::string_view name, const Components& path);
  void drop_name(NodeId directory, std::string_view name, NodeId node);

  enum class Missing { Imply, Stop };
  /// The directory that path leads to, symlinks followed inside the image. Stop: nothing when a part is missing or not a directory.
  std::optional<NodeId> walk(const Components& path, std::size_t count, Missing missing);
  std::optional<NodeId> follow(NodeId directory, NodeId link);
  std::optional<NodeId> lookup(const Components& path);
  std::optional<NodeId> walk_from(NodeId start, std::vector<std::string> todo, Missing missing, unsigned links);

  void note_time(const NodeMeta& meta);
  void set_xattr_digest(NodeId node, const std::vector<Xattr>& xattrs);

  ExtBuilder& builder_;
  const PopulateOptions& options_;
  Observer& observer_;
  Names names_;
  std::optional<SourceFilter> filter_;
  std::vector<NodeId> implied_;
  std::unordered_set<std::uint32_t> still_implied_;
  std::unordered_map<std::string, std::vector<PendingLink>> waiting_;  // by the target's path
  std::vector<std::string> waiting_order_;
  std::unordered_set<std::string> skipped_paths_;
  std::unordered_map<std::uint32_t, std::uint64_t> xattr_digests_;
  std::int64_t newest_mtime_ = 1;
  std::uint64_t skipped_ = 0, dropped_fractions_ = 0;
};

}  // namespace rawimg
