// SPDX-License-Identifier: MIT
// The second half of the builder: what was kept in RAM becomes a filesystem (materialize.cpp:
// order, numbers, names; materialize_geometry.cpp: where everything will be; materialize_bytes.cpp:
// writing it).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ext/builder_state.h"
#include "ext/directory_blocks.h"
#include "ext/inode_codec.h"

namespace rawimg {

constexpr std::uint32_t kMaxXattrReferences = 1024;  // EXT4_XATTR_REFCOUNT_MAX
// 11, lost+found's; 1 to 10 are reserved
constexpr std::uint32_t kFirstInode = EXT2_GOOD_OLD_FIRST_INO;

inline std::uint64_t div_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

/// Free blocks for what is not content: from behind the content to the end, then from the front.
class TailSpace {
 public:
  TailSpace(ext2_filsys fs, std::uint64_t goal);

  BlockRun take(std::uint64_t want);  ///< Throws: NoSpace.

 private:
  ext2_filsys fs_;
  std::uint64_t cursor_;
  bool wrapped_ = false;
};

class Materializer {
 public:
  using State = ExtBuilder::State;

  Materializer(State& state, const NameTree& names, const ExtBuilder::Finish& how)
      : s_(state), names_(names), how_(how) {}

  ExtSummary run();

 private:
  ext2_filsys fs() const { return s_.fs.get(); }
  ext2_super_block* super() const { return s_.fs->super; }
  std::uint32_t inode_of(NodeId id) const { return inode_of_[static_cast<std::size_t>(id)]; }
  bool has_csum() const { return ext2fs_has_feature_metadata_csum(super()); }

  // Numbers, names, sizes
  void number_inodes();
  void build_directories();
  void build_one_directory(NodeId id, const DirectoryFormat& format);
  void count_links(NodeId directory, std::span<const NameTree::Name> names);
  void settle_directory_links();
  void count_tail();
  std::uint64_t tail_blocks(std::uint64_t fs_blocks) const;
  std::uint64_t own_blocks(std::uint64_t fs_blocks, std::uint32_t block_size) const;

  // Geometry
  void make_final_handle();
  bool try_handle(std::uint64_t blocks, std::uint64_t inodes_per_group);
  bool make_handle(std::uint64_t blocks, std::uint64_t inodes);
  void make_fitting_handle();
  struct Shape {
    std::uint64_t blocks, inodes_per_group;
  };
  Shape smallest_shape(std::uint64_t at_least) const;
  std::uint64_t groups_of(std::uint64_t blocks) const;
  std::uint64_t needed_blocks(const Shape& shape) const;
  std::uint64_t with_more_inodes(const Shape& shape) const;
  std::uint64_t most_inodes_per_group() const;
  std::uint64_t inodes_for(std::uint64_t blocks) const;
  std::uint64_t metadata_blocks(const Shape& shape) const;
  std::uint64_t spare_blocks(std::uint64_t fs_blocks) const;
  bool place_tables_behind(std::uint64_t from);
  void mark_content(ext2_filsys fs);
  std::uint64_t free_blocks(ext2_filsys fs) const;
  std::uint64_t free_in_group(ext2_filsys fs, std::uint64_t group) const;
  [[noreturn]] void throw_no_space();
  /// Blocks of content with its maps, and of what comes behind it.
  struct Needs {
    std::uint32_t block_size;
    std::uint64_t content, tail;
  };
  Needs needs_with(std::uint32_t block_size);
  std::optional<std::uint64_t> smallest_window(std::uint64_t content);
  std::optional<std::uint64_t> smallest_size(const Needs& needs);
  std::string hint_for_build(std::uint64_t content);
  bool would_fit(const Needs& needs, std::uint64_t blocks);

  // Bytes
  void place_and_write_tail();
  void place_blocks(Node& node, std::uint64_t count, TailSpace& space);
  void place_extent_tree(Node& node, TailSpace& space);
  void write_directory(std::size_t index, TailSpace& space);
  void write_symlink(Node& node, TailSpace& space);
  void write_xattr_blocks(TailSpace& space);
  void write_blocks(std::span<const Extent> extents, std::span<const std::byte> bytes,
                    const std::shared_ptr<const void>& owner);
  void write_one_block(std::uint64_t block, std::span<const std::byte> bytes);
  MapRoot write_map(const Node& node, std::uint32_t inode, const MapSink& sink);
  void write_inode_tables();
  void encode_node(std::size_t index, std::byte* out, const MapSink& sink);
  void write_special_inodes();
  void write_journal();
  void settle_bitmaps();
  void settle_superblock();
  void punch_given_back();

  State& s_;
  const NameTree& names_;
  const ExtBuilder::Finish& how_;

  std::vector<std::uint32_t> inode_of_;  // by node; 0: removed
  std::vector<std::size_t> node_of_;     // by inode number; SIZE_MAX: reserved
  std::vector<std::uint32_t> links_;     // by node
  std::vector<bool> indexed_;            // by node: has an hash tree
  struct Directory {
    NodeId id;
    DirectoryBlocks blocks;
  };
  std::vector<Directory> directories_;
  std::vector<std::uint32_t> xattr_references_;  // by xattr set
  // by xattr set: one for every kMaxXattrReferences inodes
  std::vector<std::vector<std::uint64_t>> xattr_blocks_;
  std::vector<std::uint32_t> xattr_handed_out_;
  std::uint64_t tail_ = 0;  // blocks beside content, tables, journal and resize inode
  std::uint64_t journal_ = 0;
  bool has_template_ = true;      // nothing is in the handle yet: it can be the final one
  std::uint64_t super_room_ = 0;  // of a superblock copy with descriptors, when content was placed
};

}  // namespace rawimg
