// SPDX-License-Identifier: MIT
// The rules of the tree: what an entry means for what is already there. Names are in Names, inodes
// and content in ExtBuilder; this joins them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/observer.h>
#include <rawimg/populate.h>

#include "ext/builder.h"
#include "tree/link_book.h"
#include "tree/name_tree.h"
#include "tree/source_filter.h"

namespace rawimg {

class TreeBuilder {
 public:
  TreeBuilder(ExtBuilder& builder, const PopulateOptions& options, Observer& observer);

  /// `spec` must live until end_source. Throws: BadInput when `at` cannot be a directory.
  void begin_source(const SourceSpec& spec);
  /// Applies one entry; false when it is left out. `read_content` is called when it is a regular
  /// file that was taken: it must hand all chunks to the builder. Throws: BadInput (the entry makes
  /// no sense here), Unsupported (it cannot be stored), and what `read_content` throws. Errors
  /// without a path are about the entry itself. Guarantee: Unsupported has changed nothing, except
  /// that the file which the entry was to replace is gone when `read_content` threw it. None for
  /// the others.
  bool take(const Entry& entry, const std::function<void()>& read_content);
  /// Whether the source's filter leaves this path out. Throws nothing: a path that cannot be told
  /// is not left out.
  bool leaves_out(std::string_view path) const;
  /// Says that an entry was left out because it cannot be stored, so that hard links to it are left
  /// out, too.
  void note_skipped(std::string_view path);
  /// Throws: BadInput when a hard link's target never came.
  void end_source();

  /// Gives implied directories the superblock's time, which is settled by now. Throws: Unsupported
  /// when inodes cannot hold it.
  void settle_implied(std::int64_t epoch);
  /// Whether no source has had an entry for this directory.
  bool is_implied(NodeId node) const;

  const Names& names() const { return names_; }
  /// within 1 to 2^32-1; 1 before the first entry
  std::int64_t newest_mtime() const { return newest_mtime_; }
  std::uint64_t skipped() const { return skipped_; }
  std::uint64_t dropped_fractions() const { return dropped_fractions_; }
  /// The file whose content `take` has read last.
  NodeId last_file() const { return last_file_; }
  enum class Follow { All, AllButLast };
  /// A node, and by which name it was found; of a directory that `..` led to, by none.
  struct Found {
    NodeId node, directory;
    std::string name;
  };
  /// What a path as a guest would type it leads to, with symlinks resolved inside the image.
  std::optional<Found> resolve(std::string_view path, Follow follow);
  /// First 64 bits of a digest of the node's xattrs; 0: none.
  std::uint64_t xattr_digest(NodeId node) const;

 private:
  enum class Missing { Imply, Stop };
  struct Place {  // where a name is put
    NodeId directory;
    std::string_view name;
  };

  void take_root(const Entry& entry);
  void take_directory(const Entry& entry, const Components& path);
  void take_other(const Entry& entry, const Components& path,
                  const std::function<void()>& read_content);
  bool take_hard_link(const Entry& entry, const Components& path);

  void note_arrival(const Components& path, NodeId node);
  void put_link(const Components& path, NodeId node);
  void skip_link(const std::string& link_path, const std::string& target_path);
  void skip_waiting_for(Components path);
  std::string key_of(const Components& path);
  std::vector<std::string> keys_of(const Components& path);

  NodeMeta meta_of(const Entry& entry) const;
  NodeId make_node(const Entry& entry);
  void update_node(NodeId node, const Entry& entry);
  NodeId add_implied(NodeId parent, std::string_view name);
  void note_times(NodeId node);
  void set_xattr_digest(NodeId node, const std::vector<Xattr>& xattrs);

  void import(NodeId directory);
  std::optional<NodeId> find(NodeId directory, std::string_view name);
  Place clear_place(const Components& path);
  void drop_name(Place place, NodeId node);
  bool leads_to_directory(const Components& path, NodeId link);
  std::optional<NodeId> lookup(const Components& path);
  std::optional<NodeId> parent_of(const Components& path, Missing missing) {
    return walk(path, path.size() - 1, missing);
  }
  std::optional<NodeId> walk(const Components& path, std::size_t count, Missing missing);
  std::optional<NodeId> walk_on(NodeId at, std::vector<std::string> todo, Missing missing);

  ExtBuilder& builder_;
  const PopulateOptions& options_;
  Observer& observer_;
  Names names_;
  std::optional<SourceFilter> filter_;
  LinkBook links_;
  std::vector<NodeId> implied_;               ///< in the order of their making
  std::vector<bool> is_implied_;              ///< by node: no entry of its own so far
  std::vector<std::uint64_t> xattr_digests_;  ///< by node, up to the last one that has xattrs
  NodeId last_file_ = ExtBuilder::kRoot;
  std::int64_t newest_mtime_ = 1;
  std::uint64_t skipped_ = 0, dropped_fractions_ = 0;
};

}  // namespace rawimg
