// SPDX-License-Identifier: MIT
// A transaction from the inside. Inodes, maps and xattr blocks go into the overlay as they change;
// what changes of directories is kept as names and becomes blocks when the transaction ends.
//   edit_directory.cpp   names, links
//   store_directory.cpp  changed directories as blocks
//   edit_content.cpp     block maps, content, xattrs
//   transaction.cpp      what callers see
//   commit.cpp           undo file, mark, write, commit point
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <rawimg/transaction.h>

#include "ext/block_map.h"
#include "ext/directory_blocks.h"
#include "ext/directory_reader.h"
#include "ext/edit_inode.h"
#include "ext/edit_space.h"
#include "ext/format.h"
#include "ext/inode_codec.h"
#include "ext/superblock.h"
#include "ext/window_io.h"
#include "ext/xattr_block.h"

namespace rawimg {

/// A name as it will stand in a directory.
struct TypedName {
  std::string name;
  std::uint32_t inode = 0;
  std::uint8_t type = 0;  ///< EXT2_FT_*
};

/// How the names of a directory differ from those on disk.
struct EditDirectory {
  std::uint32_t parent = 0;
  bool is_new = false;           ///< nothing is on disk
  bool moved = false;            ///< `..` on disk is another
  std::vector<TypedName> added;  ///< as they came; those that went again have inode 0
  std::unordered_map<std::string, std::size_t> added_at;
  std::set<std::string> removed;  ///< of those on disk

  void add(std::string name, std::uint32_t inode, std::uint8_t type);
  void remove(std::string_view name);
  std::size_t changes() const { return added.size() + removed.size(); }

  // Who asks often gets all names on disk into RAM.
  mutable std::size_t lookups = 0;
  mutable std::optional<std::unordered_map<std::string, std::uint32_t>> on_disk;
};

/// All blocks of an inode: of its content, and of its map.
struct InodeBlocks {
  std::vector<Extent> extents;
  std::vector<std::uint64_t> map_blocks;
};

struct Transaction::State {
  /// After recover(). Throws: as Transaction::begin.
  State(const Window& where, const TransactionOptions& how);
  void set_now(Timestamp now);

  // Reading; sees changed directories.
  FileType type(std::uint32_t inode) const;
  std::optional<std::uint32_t> find(std::uint32_t directory, std::string_view name) const;
  std::string symlink_target(std::uint32_t inode) const;

  // Names
  EditDirectory& open_directory(std::uint32_t inode);
  EditDirectory& new_directory(std::uint32_t inode, std::uint32_t parent);
  std::uint32_t read_parent(std::uint32_t directory);
  void touch_directory(std::uint32_t inode);
  void add_name(std::uint32_t directory, std::string_view name, std::uint32_t inode, FileType type);
  void remove_name(std::uint32_t directory, std::string_view name);
  void require_room_for_link(std::uint32_t inode, FileType of);
  void add_link(std::uint32_t inode, FileType of);
  void drop_link(std::uint32_t inode, FileType of);
  void require_absent(std::uint32_t directory, std::string_view name);
  std::uint32_t require_present(std::uint32_t directory, std::string_view name) const;
  void unlink(std::uint32_t directory, std::string_view name);
  void remove_directory(std::uint32_t directory, std::string_view name);
  std::vector<DirEntry> read_directory(std::uint32_t number) const;
  void free_inode(std::uint32_t inode);
  void store_directories();
  void discard_given_back();
  void store_directory(std::uint32_t number, const EditDirectory& directory);
  /// Changes the blocks of an indexed directory where they are; false, and nothing has changed,
  /// when it has to be made anew.
  bool edit_index_leaves(const EditInode& inode, const EditDirectory& directory);
  void rebuild_directory(EditInode& inode, const EditDirectory& directory);
  void store_directory_blocks(EditInode& inode, const InodeBlocks& old,
                              const DirectoryBlocks& blocks);
  std::vector<std::uint32_t> read_ancestry(std::uint32_t directory);

  // Inodes
  /// A new one, without content.
  EditInode blank_inode(std::uint32_t number, const NodeMeta& meta, std::uint32_t links);
  void change(std::uint32_t number, const MetadataChange& change);
  /// Mode, access ACL and capabilities of what gets these permissions, or a new owner.
  void set_permissions(EditInode& inode, const MetadataChange& change);

  // Content
  MapInput map_of(const EditInode& inode) const;
  InodeBlocks blocks_of(const EditInode& inode);
  /// Gives the inode a map of these extents, on the map blocks it has and new ones; what is left of
  /// those is given back. Sets i_blocks.
  void store_map(EditInode& inode, std::span<const Extent> extents,
                 std::vector<std::uint64_t> map_blocks);
  void give_back(std::span<const Extent> extents);
  std::vector<Extent> take_run(std::uint64_t goal, std::uint64_t logical, std::uint64_t count);
  void write_target(EditInode& inode, std::string_view target);
  XattrRoom xattr_room(const EditInode& inode) const;
  void store_xattrs(EditInode& inode, const EncodedXattrs& encoded);
  /// As Linux does: new content, or a new owner, does not get what the old one was trusted with.
  /// The inode's xattrs must be those on disk. Throws: NoSpace, and nothing has changed.
  void drop_capability(EditInode& inode);
  std::string read_xattr_block(const EditInode& inode) const;
  void drop_xattr_block(EditInode& inode);
  std::uint64_t take_xattr_block(std::string block);
  void write_block(std::uint64_t block, std::span<const std::byte> bytes);
  /// As Transaction::commit.
  Result commit();
  std::uint32_t block_size() const { return fs->blocksize; }
  std::uint64_t data_blocks(std::span<const Extent> extents) const;
  void clear_tail(const InodeBlocks& blocks, std::uint64_t size);

  Window window;
  TransactionOptions options;
  WindowIo io;
  Window overlay;  ///< the window as it will be
  ExtHandle fs;
  ExtFs view;
  Superblock super;
  KeptUndo kept;
  EditSpace space;
  std::unordered_map<std::uint32_t, EditDirectory> directories;  ///< those that changed
  std::map<std::string, std::uint64_t> xattr_blocks;  ///< by content, reference count and checksum
                                                      ///< zero: those this transaction knows
  RangeSet written;                ///< blocks of content that was written past the overlay
  std::uint64_t bytes_in_ram = 0;  ///< content of a dry run
  bool changed = false, committed = false;
};

/// Writes chunks into new blocks, as edit_content.cpp needs it.
class ContentWriter {
 public:
  ContentWriter(Transaction::State& state, std::uint64_t goal, std::uint64_t size_bytes);
  /// Throws: BadInput (out of order, past the size), NoSpace.
  void append(const DataChunk& chunk);
  std::uint64_t position() const { return position_; }  ///< behind the last byte that came
  std::vector<Extent> finish();

 private:
  void add(std::span<const std::byte> bytes);
  void flush(std::uint64_t count);
  void place(std::uint64_t first_block, std::span<const std::byte> bytes);
  void write(std::uint64_t at, std::span<const std::byte> bytes);

  Transaction::State& state_;
  std::uint64_t goal_, size_, position_ = 0;
  std::vector<std::byte> buffer_;  // from the last multiple of its size on
  std::vector<Extent> extents_;
};

}  // namespace rawimg
