// SPDX-License-Identifier: MIT
//
// ExtBuilder::finish: what the builder kept in RAM becomes a filesystem. The order is forced:
//   inode numbers -> directories as bytes (their sizes count) -> geometry and tables -> blocks for
//   everything that is not content -> bytes, in ascending order -> the library's own inodes
//   (journal, resize) -> bitmaps and counters -> commit, superblock last.
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "ext/materializer.h"
#include "ext/merger.h"

namespace rawimg {
namespace {

// mke2fs makes it so large, so that e2fsck needs no free block to use it
constexpr std::uint32_t kLostFoundBytes = 16 * 1024;

}  // namespace

ExtSummary Materializer::run() {
  number_inodes();
  build_directories();
  count_tail();
  make_final_handle();
  if (s_.full) throw_no_space();
  s_.writer.drain();
  // these bytes are no longer the zeros that the overlay takes them for
  s_.io->forget(0, s_.content_end * s_.block_size);
  punch_given_back();
  place_and_write_tail();
  write_inode_tables();
  s_.writer.drain();
  ext2fs_flush_icache(fs());
  write_special_inodes();
  settle_bitmaps();
  settle_superblock();
  const ExtSummary summary = summarize(fs());
  s_.io->check(ext2fs_close2(s_.fs.get(), EXT2_FLAG_FLUSH_NO_SYNC), "write back the filesystem");
  (void)s_.fs.release();
  s_.io->commit(s_.options.durability);
  return summary;
}

void Materializer::number_inodes() {
  inode_of_.assign(s_.nodes.size(), 0);
  node_of_.assign(kFirstInode, SIZE_MAX);
  inode_of_[0] = EXT2_ROOT_INO;
  node_of_[EXT2_ROOT_INO] = 0;
  for (std::size_t i = 1; i < s_.nodes.size(); ++i) {
    if (s_.nodes[i].removed) continue;
    inode_of_[i] = static_cast<std::uint32_t>(node_of_.size());
    node_of_.push_back(i);
  }
}

void Materializer::count_links(NodeId directory, std::span<const NameTree::Name> names) {
  for (const NameTree::Name& name : names) {
    std::uint32_t& links = links_[static_cast<std::size_t>(name.node)];
    if (s_.node(name.node).meta.type == FileType::Directory) {
      ++links_[static_cast<std::size_t>(directory)];
      continue;
    }
    if (++links > kMaxLinks)
      throw Error(Errc::Unsupported, fmt::format("{} has more than {} names (hard links)",
                                                 names_.describe(name.node), kMaxLinks))
          .with_path(names_.describe(name.node));
  }
}

void Materializer::build_one_directory(NodeId id, const DirectoryFormat& format) {
  std::vector<NameTree::Name> names;
  names_.names(id, names);
  count_links(id, names);
  std::vector<DirName> entries;
  entries.reserve(names.size());
  for (const NameTree::Name& name : names)
    entries.push_back(
        {name.name, inode_of(name.node), directory_type_of(s_.node(name.node).meta.type)});
  const bool is_lost_found = id == ExtBuilder::kLostFound;
  const std::uint32_t min_blocks =
      is_lost_found ? std::min<std::uint32_t>(kLostFoundBytes / s_.block_size, EXT2_NDIR_BLOCKS)
                    : 1;
  // The path is asked for only when there is something to say: asking for every directory's would
  // cost the square of the depth.
  try {
    directories_.push_back(
        {id, build_directory(format, inode_of(id), inode_of(names_.parent(id)), entries,
                             is_lost_found ? DirectoryShape::Linear : DirectoryShape::Indexed,
                             min_blocks)});
  } catch (const Error& error) {
    throw error.in("'" + names_.describe(id) + "'");
  }
}

void Materializer::build_directories() {
  links_.assign(s_.nodes.size(), 0);
  indexed_.assign(s_.nodes.size(), false);
  DirectoryFormat format = DirectoryFormat::of(*super(), s_.block_size);
  // the template was never stamped
  format.hash_version = EXT2_HASH_HALF_MD4;
  format.unsigned_hash = false;
  const Uuid seed = s_.plan.hash_seed.value_or(how_.hash_seed);
  std::memcpy(format.hash_seed, seed.data(), seed.size());
  for (const NodeId id : names_.directories()) {
    links_[static_cast<std::size_t>(id)] += 2;
    build_one_directory(id, format);
    indexed_[static_cast<std::size_t>(id)] = directories_.back().blocks.indexed;
  }
  settle_directory_links();
}

void Materializer::settle_directory_links() {
  for (const Directory& directory : directories_) {
    std::uint32_t& links = links_[static_cast<std::size_t>(directory.id)];
    if (links <= kMaxLinks) continue;
    if (!ext2fs_has_feature_dir_nlink(super()) || !directory.blocks.indexed)
      throw Error(
          Errc::Unsupported,
          fmt::format("{} has {} subdirectories: without the feature 'dir_nlink' there can be {}",
                      names_.describe(directory.id), links - 2, kMaxLinks - 2))
          .with_path(names_.describe(directory.id));
    links = 1;  // "too many to count" (dir_nlink)
  }
}

void Materializer::count_tail() {
  xattr_references_.assign(s_.xattr_sets.size(), 0);
  for (const Node& node : s_.nodes) {
    if (node.removed) continue;
    if (node.xattrs != 0 && !s_.xattr_sets[node.xattrs - 1].block.empty())
      ++xattr_references_[node.xattrs - 1];
    if (node.target != 0 && node.size_bytes >= kFastSymlink) ++tail_;
    if (s_.extents_on_disk) tail_ += extent_tree_blocks(s_.extents_of(node), s_.block_size);
  }
  for (const std::uint32_t references : xattr_references_)
    tail_ += div_up(references, kMaxXattrReferences);
  for (const Directory& directory : directories_) {
    const std::uint64_t blocks = directory.blocks.bytes.size() / s_.block_size;
    tail_ += blocks + (s_.extents_on_disk ? 0 : indirect_blocks_for(blocks, s_.block_size));
  }
}

/// All that needs room beside content and per-group tables, in a filesystem of so many blocks.
std::uint64_t Materializer::tail_blocks(std::uint64_t fs_blocks) const {
  return tail_ + own_blocks(fs_blocks, s_.block_size);
}

/// Journal and resize inode.
std::uint64_t Materializer::own_blocks(std::uint64_t fs_blocks, std::uint32_t block_size) const {
  std::uint64_t blocks = ext2fs_has_feature_resize_inode(super()) ? 1 : 0;
  if (s_.plan.has_journal()) {
    const std::uint64_t journal = journal_blocks_for(fs_blocks);
    blocks += journal + (s_.extents_on_disk ? 1 : indirect_blocks_for(journal, block_size));
  }
  return blocks;
}

ExtSummary ExtBuilder::finish(const NameTree& names, const Finish& how) {
  if (state_->import) return Merger(*state_, names, how).run();
  return Materializer(*state_, names, how).run();
}

}  // namespace rawimg
