// SPDX-License-Identifier: MIT
//
// ExtBuilder::finish: what the builder kept in RAM becomes a filesystem. The order is forced:
//   inode numbers -> directories as bytes (their sizes count) -> geometry and tables -> blocks for everything that is not content -> bytes, in ascending order -> the library's own
//   inodes (journal, resize) -> bitmaps and counters -> commit, superblock last.
#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "ext/builder_state.h"
#include "ext/directory_blocks.h"
#include "ext/ext_error.h"
#include "ext/inode_codec.h"

namespace rawimg {
namespace {

constexpr std::uint32_t kMaxLinks = 65000;              // EXT4_LINK_MAX of Linux
constexpr std::uint32_t kMaxXattrReferences = 1024;     // EXT4_XATTR_REFCOUNT_MAX
constexpr std::uint32_t kFirstInode = EXT2_GOOD_OLD_FIRST_INO;  // 11, lost+found's; 1 to 10 are reserved
constexpr std::size_t kFastSymlink = 60;                // a shorter target lives in the inode's block pointers
constexpr std::uint32_t kLostFoundBytes = 16 * 1024;    // mke2fs makes it so large, so that e2fsck needs no free block to use it
constexpr std::uint32_t kSuperblockOffset = 1024;
constexpr std::uint32_t kUnusableMark = 0x40000000;     // an INCOMPAT bit that no kernel and no e2fsprogs knows: both refuse the filesystem
constexpr std::uint64_t kTableRun = 1u << 20;           // bytes of inode table per write

using State = ExtBuilder::State;

std::uint64_t div_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

/// Free blocks for what is not content: from behind the content to the end, then from the front.
class TailSpace {
 public:
  TailSpace(ext2_filsys fs, std::uint64_t goal) : fs_(fs), cursor_(std::min<std::uint64_t>(std::max<std::uint64_t>(goal, fs->super->s_first_data_block), ext2fs_blocks_count(fs->super) - 1)) {}

  BlockRun take(std::uint64_t want) {
    const std::uint64_t end = ext2fs_blocks_count(fs_->super);
    blk64_t begin = 0, after = 0;
    if (cursor_ >= end || ext2fs_find_first_zero_block_bitmap2(fs_->block_map, cursor_, end - 1, &begin) != 0) {
      if (wrapped_) throw Error(Errc::NoSpace, "no free block is left");
      wrapped_ = true;
      cursor_ = fs_->super->s_first_data_block;
      return take(want);
    }
    const std::uint64_t last = std::min<std::uint64_t>(end - 1, begin + want - 1);
    if (ext2fs_find_first_set_block_bitmap2(fs_->block_map, begin, last, &after) != 0) after = last + 1;
    ext2fs_mark_block_bitmap_range2(fs_->block_map, begin, static_cast<unsigned>(after - begin));
    cursor_ = after;
    return {begin, after - begin};
  }

 private:
  ext2_filsys fs_;
  std::uint64_t cursor_;
  bool wrapped_ = false;
};

class Materializer {
 public:
  Materializer(State& state, const NameTree& names, const ExtBuilder::Finish& how) : s_(state), names_(names), how_(how) {}

  ExtSummary run() {
    number_inodes();
    build_directories();
    count_tail();
    if (s_.populates) require_room_in_place();
    else make_final_handle();
    if (s_.full) throw_no_space();
    s_.writer.drain();
    s_.io.forget(0, s_.content_end * s_.block_size);  // these bytes are no longer the zeros that the overlay takes them for
    if (s_.populates) mark_unusable();
    if (s_.populates) free_old_directories();
    place_and_write_tail();
    write_inode_tables();
    s_.writer.drain();
    ext2fs_flush_icache(fs());
    if (!s_.populates) write_special_inodes();
    settle_bitmaps();
    settle_superblock();
    punch_given_back();
    const ExtSummary summary = summarize(fs());
    s_.io.check(ext2fs_close2(s_.fs.get(), EXT2_FLAG_FLUSH_NO_SYNC), "write back the filesystem");
    (void)s_.fs.release();
    s_.io.commit(s_.options.durability);
    return summary;
  }

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

  // Geometry
  void make_final_handle();
  bool try_handle(std::uint64_t inodes_per_group);
  bool place_tables_behind(std::uint64_t from);
  void mark_content(ext2_filsys fs);
  std::uint64_t free_blocks(ext2_filsys fs) const;
  std::uint64_t free_in_group(ext2_filsys fs, std::uint64_t group) const;
  void require_room_in_place();
  [[noreturn]] void throw_no_space();
  std::uint64_t smallest_size(std::uint64_t content);
  bool would_fit(std::uint64_t blocks, std::uint64_t content);

  // Bytes
  void mark_unusable();
  void free_old_directories();
  void place_and_write_tail();
  void place_blocks(Node& node, std::uint64_t count, TailSpace& space);
  void place_extent_tree(Node& node, TailSpace& space);
  void write_directory(std::size_t index, TailSpace& space);
  void write_symlink(Node& node, TailSpace& space);
  void write_xattr_blocks(TailSpace& space);
  void write_blocks(std::span<const Extent> extents, std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner);
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

  std::vector<std::uint32_t> inode_of_;      // by node; 0: removed
  std::vector<std::size_t> node_of_;         // by inode number; SIZE_MAX: reserved
  std::vector<std::uint32_t> links_;         // by node
  std::vector<bool> indexed_;                // by node: has an hash tree
  struct Directory {
    NodeId id;
    DirectoryBlocks blocks;
  };
  std::vector<Directory> directories_;
  std::vector<std::uint32_t> xattr_references_;              // by xattr set
  std::vector<std::vector<std::uint64_t>> xattr_blocks_;     // by xattr set: one for every kMaxXattrReferences inodes
  std::vector<std::uint32_t> xattr_handed_out_;
  std::uint64_t tail_ = 0;  // blocks beside content, tables, journal and resize inode
  std::uint64_t journal_ = 0;
};

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
      throw Error(Errc::Unsupported, fmt::format("{} has more than {} names (hard links)", names_.describe(name.node), kMaxLinks)).with_path(names_.describe(name.node));
  }
}

void Materializer::build_one_directory(NodeId id, const DirectoryFormat& format) {
  std::vector<NameTree::Name> names;
  names_.names(id, names);
  count_links(id, names);
  std::vector<DirName> entries;
  entries.reserve(names.size());
  for (const NameTree::Name& name : names) entries.push_back({name.name, inode_of(name.node), directory_type_of(s_.node(name.node).meta.type)});
  const bool is_lost_found = id == ExtBuilder::kLostFound;
  const std::uint32_t min_blocks = is_lost_found ? std::min<std::uint32_t>(kLostFoundBytes / s_.block_size, EXT2_NDIR_BLOCKS) : 1;
  // The path is asked for only when there is something to say: asking for every directory's would cost the square of the depth.
  try {
    directories_.push_back({id, build_directory(format, inode_of(id), inode_of(names_.parent(id)), entries, is_lost_found ? DirectoryShape::Linear : DirectoryShape::Indexed, min_blocks)});
  } catch (const Error& error) {
    throw error.in("'" + names_.describe(id) + "'");
  }
}

void Materializer::build_directories() {
  links_.assign(s_.nodes.size(), 0);
  indexed_.assign(s_.nodes.size(), false);
  DirectoryFormat format = DirectoryFormat::of(*super(), s_.block_size);
  if (!s_.populates) {  // the template was never stamped
    format.hash_version = EXT2_HASH_HALF_MD4;
    format.unsigned_hash = false;
    const Uuid seed = s_.plan.hash_seed.value_or(how_.hash_seed);
    std::memcpy(format.hash_seed, seed.data(), seed.size());
  }
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
      throw Error(Errc::Unsupported, fmt::format("{} has {} subdirectories: without the feature 'dir_nlink' there can be {}", names_.describe(directory.id), links - 2, kMaxLinks - 2))
          .with_path(names_.describe(directory.id));
    links = 1;  // "too many to count" (dir_nlink)
  }
}

void Materializer::count_tail() {
  xattr_references_.assign(s_.xattr_sets.size(), 0);
  for (const Node& node : s_.nodes) {
    if (node.removed) continue;
    if (node.xattrs != 0 && !s_.xattr_sets[node.xattrs - 1].block.empty()) ++xattr_references_[node.xattrs - 1];
    if (node.target != 0 && node.size_bytes >= kFastSymlink) ++tail_;
    if (s_.extents_on_disk) tail_ += extent_tree_blocks(s_.extents_of(node), s_.block_size);
  }
  for (const std::uint32_t references : xattr_references_) tail_ += div_up(references, kMaxXattrReferences);
  for (const Directory& directory : directories_) {
    const std::uint64_t blocks = directory.blocks.bytes.size() / s_.block_size;
    tail_ += blocks + (s_.extents_on_disk ? 0 : indirect_blocks_for(blocks, s_.block_size));
  }
}

/// All that needs room beside content and per-group tables, in a filesystem of so many blocks.
std::uint64_t Materializer::tail_blocks(std::uint64_t fs_blocks) const {
  std::uint64_t blocks = tail_;
  if (s_.populates) return blocks;
  if (s_.plan.has_journal()) {
    const std::uint64_t journal = journal_blocks_for(fs_blocks);
    blocks += journal + (s_.extents_on_disk ? 1 : indirect_blocks_for(journal, s_.block_size));
  }
  if (ext2fs_has_feature_resize_inode(super())) ++blocks;
  return blocks;
}

// Geometry

std::uint64_t Materializer::free_in_group(ext2_filsys fs, std::uint64_t group) const {
  const std::uint64_t first = ext2fs_group_first_block2(fs, static_cast<dgrp_t>(group)), count = ext2fs_group_last_block2(fs, static_cast<dgrp_t>(group)) - first + 1;
  std::vector<std::uint8_t> bits(fs->super->s_blocks_per_group / 8);
  check_ext(ext2fs_get_block_bitmap_range2(fs->block_map, first, count, bits.data()), "read the block bitmap");
  std::uint64_t used = 0;
  for (std::uint64_t i = 0; i < count / 8; ++i) used += static_cast<std::uint64_t>(std::popcount(bits[i]));
  if (count % 8 != 0) used += static_cast<std::uint64_t>(std::popcount(static_cast<std::uint8_t>(bits[count / 8] & ((1U << count % 8) - 1))));
  return count - used;
}

std::uint64_t Materializer::free_blocks(ext2_filsys fs) const {
  std::uint64_t blocks = 0;
  for (std::uint64_t g = 0; g < fs->group_desc_count; ++g) blocks += free_in_group(fs, g);
  return blocks;
}

void Materializer::mark_content(ext2_filsys fs) {
  for (const Node& node : s_.nodes) {
    if (node.removed) continue;
    for (const Extent& extent : s_.extents_of(node)) ext2fs_mark_block_bitmap_range2(fs->block_map, extent.physical, extent.count);
    for (const std::uint64_t block : s_.maps_of(node)) ext2fs_mark_block_bitmap_range2(fs->block_map, block, 1);
  }
}

/// flex_bg: bitmaps of all groups, then all inode tables, from `from` on; each table is contiguous.
bool Materializer::place_tables_behind(std::uint64_t from) {
  const std::uint64_t end = ext2fs_blocks_count(super()), start = from;
  bool wrapped = false;
  const auto next = [&](std::uint64_t want) -> std::uint64_t {
    for (;;) {
      blk64_t begin = 0, used = 0;
      if (from >= end || ext2fs_find_first_zero_block_bitmap2(fs()->block_map, from, end - 1, &begin) != 0 || begin + want > end) {
        if (wrapped) return 0;
        wrapped = true;
        from = s_.group_start(0);
        if (from >= start) return 0;
        continue;
      }
      if (ext2fs_find_first_set_block_bitmap2(fs()->block_map, begin, begin + want - 1, &used) != 0) {
        from = begin + want;
        ext2fs_mark_block_bitmap_range2(fs()->block_map, begin, static_cast<unsigned>(want));
        return begin;
      }
      from = used;
    }
  };
  using Setter = void (*)(ext2_filsys, dgrp_t, blk64_t);
  const auto place = [&](Setter set, std::uint64_t want) {
    for (dgrp_t g = 0; g < fs()->group_desc_count; ++g) {
      const std::uint64_t at = next(want);
      if (at == 0) return false;
      set(fs(), g, at);
    }
    return true;
  };
  return place(ext2fs_block_bitmap_loc_set, 1) && place(ext2fs_inode_bitmap_loc_set, 1) && place(ext2fs_inode_table_loc_set, fs()->inode_blocks_per_group);
}

/// Replaces the template by a handle with so many inodes per group; false when content, tables and the tail do not all fit.
bool Materializer::try_handle(std::uint64_t inodes_per_group) {
  const std::uint64_t blocks = ext2fs_blocks_count(super()), groups = s_.groups();
  const std::uint32_t descriptors = static_cast<std::uint32_t>(fs()->desc_blocks), growth = super()->s_reserved_gdt_blocks;
  const std::uint64_t inodes = inodes_per_group * groups;
  if (inodes > UINT32_MAX) return false;
  ExtHandle handle = initialize_ext(s_.io, s_.plan, blocks, inodes, growth != 0 ? std::optional(growth) : std::nullopt);
  // Content was placed by the template's geometry: only its inode count may change.
  if (ext2fs_blocks_count(handle->super) != blocks || handle->desc_blocks != descriptors || handle->super->s_reserved_gdt_blocks != growth) return false;
  s_.fs = std::move(handle);
  const std::uint64_t table = fs()->inode_blocks_per_group;
  if (s_.tables.in_group && table > (s_.tables.opened ? s_.tables.final_blocks : s_.tables.reserved)) return false;
  stamp_ext(fs(), s_.plan.uuid.value_or(how_.uuid), s_.plan.hash_seed.value_or(how_.hash_seed), how_.created);
  mark_content(fs());
  if (s_.tables.in_group || s_.content_end == 0) {
    if (ext2fs_allocate_tables(fs()) != 0) return false;
  } else if (!place_tables_behind(s_.content_end)) {
    return false;
  }
  for (dgrp_t g = 0; s_.tables.in_group && g < fs()->group_desc_count; ++g)
    if (ext2fs_inode_table_loc(fs(), g) != s_.group_start(g) + s_.super_blocks(g) + 2) throw Error(Errc::Corrupt, fmt::format("libext2fs puts the inode table of group {} at block {}", g, ext2fs_inode_table_loc(fs(), g)));
  return free_blocks(fs()) >= tail_blocks(blocks);
}

void Materializer::make_final_handle() {
  const std::uint64_t groups = s_.groups(), unit = std::max<std::uint64_t>(8, s_.block_size / s_.inode_size);
  const auto per_group = [&](std::uint64_t inodes) { return div_up(div_up(inodes, groups), unit) * unit; };
  const std::uint64_t used = node_of_.size() - 1, most = 8 * std::uint64_t{s_.block_size} - unit;
  const std::uint64_t asked = std::min(per_group(s_.plan.inodes), most), needed = per_group(used);
  const bool too_many = needed > most || (s_.plan.inodes_asked_for && used > asked * groups);
  if (s_.full || too_many) throw_no_space();
  if (s_.plan.inodes_asked_for) {
    if (try_handle(std::max(asked, needed))) return;
    throw_no_space();
  }
  // A wish: the default ratio, and a quarter to spare where entries are many, or the guest could not make a single file. Rather fewer than no image.
  const std::uint64_t room = s_.tables.in_group ? (s_.tables.opened ? s_.tables.final_blocks : s_.tables.reserved) * (s_.block_size / s_.inode_size) / unit * unit : most;
  const std::uint64_t wish = std::min({std::max(asked, per_group(used + used / 4)), most, room});
  for (const std::uint64_t count : {std::max(wish, needed), std::max(asked, needed), needed})
    if (try_handle(count)) return;
  throw_no_space();
}

void Materializer::require_room_in_place() {
  const std::uint64_t used = node_of_.size() - 1;
  // Old root and lost+found blocks come back, but only once the new ones are written.
  if (s_.full || used > super()->s_inodes_count) throw_no_space();
  mark_content(fs());
  if (free_blocks(fs()) < tail_blocks(0)) throw_no_space();
}

bool Materializer::would_fit(std::uint64_t blocks, std::uint64_t content) {
  ExtPlan plan = s_.plan;
  plan.blocks = blocks;
  const std::uint64_t used = node_of_.size() - 1;
  const std::uint64_t ratio = std::max<std::uint64_t>(1, s_.plan.blocks / std::max<std::uint64_t>(1, s_.plan.inodes));
  plan.inodes = std::max(used, s_.plan.inodes_asked_for ? used : blocks / ratio);
  const ExtHandle handle = initialize_ext(s_.io, plan, blocks, plan.inodes);
  const std::uint64_t groups = handle->group_desc_count, table = handle->inode_blocks_per_group, per_block = s_.block_size / s_.inode_size;
  std::uint64_t metadata = handle->super->s_first_data_block + 2 * groups;
  for (dgrp_t g = 0; g < handle->group_desc_count; ++g)
    if (ext2fs_bg_has_super(handle.get(), g)) metadata += 1 + handle->desc_blocks + handle->super->s_reserved_gdt_blocks;
  const std::uint64_t have = ext2fs_blocks_count(handle->super);
  if (s_.tables.in_group && !s_.plan.inodes_asked_for) {
    // Content must not run into the room for tables: it would be opened before all inodes are known, and might then be too small for them.
    const std::uint64_t room = generous_table_blocks(plan, groups);
    if (metadata + groups * room + content > have || groups * room * per_block < used) return false;
  }
  return handle->super->s_inodes_count >= used && metadata + groups * table + content + tail_blocks(blocks) <= have;
}

/// Blocks of the smallest filesystem, in steps of about 1 %, that holds everything.
std::uint64_t Materializer::smallest_size(std::uint64_t content) {
  std::uint64_t blocks = std::max<std::uint64_t>(content + tail_blocks(content), 64);
  for (int step = 0; step < 1000; ++step) {
    try {
      if (would_fit(blocks, content)) return blocks;
    } catch (const Error& error) {
      if (error.code() != Errc::NoSpace && error.code() != Errc::Usage) throw;  // too small for its own structures or so many inodes: larger
    }
    blocks += blocks / 100 + 16;
  }
  return blocks;
}

void Materializer::throw_no_space() {
  constexpr std::uint64_t kMiB = 1u << 20;
  const std::uint64_t content = s_.space.taken() + s_.counted_blocks, used = node_of_.size() - 1;
  const std::uint64_t have = ext2fs_blocks_count(super());
  const std::string least = how_.counting_complete ? "" : "at least ";
  const std::string needs = fmt::format("{}{} blocks of {} bytes for content and directories and {} inodes", least, content + tail_, s_.block_size, used);
  if (s_.populates) {
    const std::uint64_t blocks = ext2fs_free_blocks_count(super()), inodes = super()->s_inodes_count;
    const std::string hint = used > inodes ? fmt::format("make the filesystem with --inodes {} or more", used) : fmt::format("make it larger by about {} MiB", div_up((content + tail_ - std::min(blocks, content + tail_)) * s_.block_size * 105 / 100 + kMiB, kMiB));
    throw Error(Errc::NoSpace, fmt::format("the filesystem is too small: needed are {}; it has {} free blocks and {} inodes", needs, blocks, inodes)).with_hint(hint);
  }
  const std::uint64_t bytes = s_.window.range().start() + smallest_size(content) * s_.block_size;
  Error error(Errc::NoSpace, fmt::format("the filesystem is too small: needed are {}; it has {} blocks and {} inodes in all", needs, have, super()->s_inodes_count));
  const bool inodes_only = !s_.full && s_.plan.inodes_asked_for && used > super()->s_inodes_count;
  throw std::move(error).with_hint(inodes_only ? fmt::format("--inodes {} or more would do", used) : fmt::format("{}--size {}M would do", least, div_up(bytes, kMiB)));
}

// Bytes

/// The old superblock with a feature bit that nobody knows: until the new one is written, kernels and e2fsck refuse the filesystem.
void Materializer::mark_unusable() {
  ext2_super_block marked;
  const ByteOffset at{s_.window.range().start() + kSuperblockOffset};
  s_.window.file().read_at(at, std::as_writable_bytes(std::span(&marked, 1)));
  marked.s_feature_incompat |= ext2fs_cpu_to_le32(kUnusableMark);
  s_.io.check(ext2fs_superblock_csum_set(fs(), &marked), "checksum the superblock");
  s_.window.file().write_at(at, std::as_bytes(std::span(&marked, 1)));
  if (s_.options.durability == Durability::Sync) s_.window.file().sync();
}

void Materializer::free_old_directories() {
  const auto unmark = [](ext2_filsys fs, blk64_t* block, e2_blkcnt_t, blk64_t, int, void*) {
    ext2fs_unmark_block_bitmap2(fs->block_map, *block);
    return 0;
  };
  for (const ext2_ino_t inode : {ext2_ino_t{EXT2_ROOT_INO}, ext2_ino_t{kFirstInode}})
    s_.io.check(ext2fs_block_iterate3(fs(), inode, BLOCK_FLAG_READ_ONLY, nullptr, unmark, nullptr), "free the old directory");
}

void Materializer::place_blocks(Node& node, std::uint64_t count, TailSpace& space) {
  node.first_extent = static_cast<std::uint32_t>(s_.extents.size());
  node.first_map = static_cast<std::uint32_t>(s_.map_blocks.size());
  node.blocks = 0;
  for (std::uint64_t logical = 0; logical < count;) {
    const BlockRun run = space.take(count - logical);
    s_.record(node, logical, run);
    logical += run.count;
  }
  if (s_.extents_on_disk) return place_extent_tree(node, space);
  for (std::uint64_t left = indirect_blocks_for(count, s_.block_size); left != 0; --left) {
    s_.map_blocks.push_back(space.take(1).start);
    ++node.map_count;
    ++node.blocks;
  }
}

void Materializer::place_extent_tree(Node& node, TailSpace& space) {
  const std::uint64_t count = extent_tree_blocks(s_.extents_of(node), s_.block_size);
  node.first_map = static_cast<std::uint32_t>(s_.map_blocks.size());
  node.map_count = static_cast<std::uint32_t>(count);
  node.blocks += count;
  for (std::uint64_t i = 0; i < count; ++i) s_.map_blocks.push_back(space.take(1).start);
}

void Materializer::write_blocks(std::span<const Extent> extents, std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner) {
  for (const Extent& extent : extents) {
    s_.io.forget(extent.physical * s_.block_size, std::uint64_t{extent.count} * s_.block_size);
    s_.writer.put(s_.offset_of(extent.physical), bytes.subspan(std::size_t{extent.logical} * s_.block_size, std::size_t{extent.count} * s_.block_size), owner);
  }
}

void Materializer::write_one_block(std::uint64_t block, std::span<const std::byte> bytes) {
  s_.io.forget(block * s_.block_size, s_.block_size);
  s_.writer.put_copy(s_.offset_of(block), bytes);
}

void Materializer::write_directory(std::size_t index, TailSpace& space) {
  Directory& directory = directories_[index];
  Node& node = s_.node(directory.id);
  node.size_bytes = directory.blocks.bytes.size();
  place_blocks(node, node.size_bytes / s_.block_size, space);
  DirectoryFormat format = DirectoryFormat::of(*super(), s_.block_size);
  set_directory_checksums(format, fs()->csum_seed, inode_of(directory.id), directory.blocks);
  const auto bytes = std::make_shared<const std::vector<std::byte>>(std::move(directory.blocks.bytes));
  write_blocks(s_.extents_of(node), *bytes, bytes);
}

void Materializer::write_symlink(Node& node, TailSpace& space) {
  const std::string& target = s_.targets[node.target - 1];
  place_blocks(node, 1, space);
  std::vector<std::byte> block(s_.block_size);
  std::memcpy(block.data(), target.data(), target.size());
  write_one_block(s_.extents_of(node).front().physical, block);
}

void Materializer::write_xattr_blocks(TailSpace& space) {
  xattr_blocks_.resize(s_.xattr_sets.size());
  xattr_handed_out_.assign(s_.xattr_sets.size(), 0);
  for (std::size_t set = 0; set < s_.xattr_sets.size(); ++set) {
    for (std::uint32_t left = xattr_references_[set]; left != 0;) {
      const std::uint32_t references = std::min(left, kMaxXattrReferences);
      const std::uint64_t at = space.take(1).start;
      std::string block = s_.xattr_sets[set].block;
      auto* header = reinterpret_cast<ext2_ext_attr_header*>(block.data());
      header->h_refcount = references;
      s_.io.check(ext2fs_ext_attr_block_csum_set(fs(), 0, at, header), "checksum extended attributes");
      write_one_block(at, std::as_bytes(std::span(block)));
      xattr_blocks_[set].push_back(at);
      left -= references;
    }
  }
}

void Materializer::place_and_write_tail() {
  TailSpace space(fs(), s_.content_end);
  for (const std::size_t index : node_of_) {
    if (index == SIZE_MAX) continue;
    Node& node = s_.nodes[index];
    if (node.target != 0 && node.size_bytes >= kFastSymlink) write_symlink(node, space);
    else if (s_.extents_on_disk && node.meta.type == FileType::Regular) place_extent_tree(node, space);
  }
  write_xattr_blocks(space);
  for (std::size_t i = 0; i < directories_.size(); ++i) write_directory(i, space);
}

MapRoot Materializer::write_map(const Node& node, std::uint32_t inode, const MapSink& sink) {
  if (!s_.extents_on_disk) return write_indirect_map(s_.extents_of(node), s_.maps_of(node), s_.block_size, sink);
  const std::uint32_t seed = has_csum() ? inode_checksum_seed(fs()->csum_seed, inode) : 0;
  return write_extent_map(s_.extents_of(node), s_.maps_of(node), s_.block_size, [&](std::uint64_t block, std::span<std::byte> bytes) {
    if (has_csum()) {  // the tail lies behind the last entry that fits (Linux fs/ext4/ext4_extents.h, ext4_extent_tail)
      const std::size_t tail = sizeof(ext3_extent_header) + (bytes.size() - sizeof(ext3_extent_header)) / sizeof(ext3_extent) * sizeof(ext3_extent);
      const std::uint32_t crc = ext2fs_cpu_to_le32(ext2fs_crc32c_le(seed, reinterpret_cast<const unsigned char*>(bytes.data()), tail));
      std::memcpy(bytes.data() + tail, &crc, sizeof crc);
    }
    sink(block, bytes);
  });
}

void Materializer::encode_node(std::size_t index, std::byte* out, const MapSink& sink) {
  const Node& node = s_.nodes[index];
  const std::uint32_t inode = inode_of_[index];
  const bool fast_symlink = node.meta.type == FileType::Symlink && node.size_bytes < kFastSymlink;
  const bool has_map = node.meta.type == FileType::Regular || node.meta.type == FileType::Directory || (node.meta.type == FileType::Symlink && !fast_symlink);
  InodeShape shape;
  shape.size_bytes = node.size_bytes;
  shape.links = links_[index];
  std::uint64_t blocks = node.blocks;
  if (node.xattrs != 0) {
    const std::uint32_t set = node.xattrs - 1;
    shape.xattrs_in_inode = s_.xattr_sets[set].in_inode;
    if (!xattr_blocks_[set].empty()) {
      shape.xattr_block = xattr_blocks_[set][xattr_handed_out_[set]++ / kMaxXattrReferences];
      ++blocks;
    }
  }
  shape.blocks_512 = blocks * (s_.block_size / 512);
  MapRoot map;
  if (has_map) {
    map = write_map(node, inode, sink);
    shape.map = &map;
    if (s_.extents_on_disk) shape.flags |= EXT4_EXTENTS_FL;
    if (indexed_[index]) shape.flags |= EXT2_INDEX_FL;
  }
  if (fast_symlink && node.target != 0) shape.fast_target = s_.targets[node.target - 1];
  encode_inode(node.meta, shape, s_.inode_size, reinterpret_cast<ext2_inode_large*>(out));
}

void Materializer::write_inode_tables() {
  const MapSink to_writer = [this](std::uint64_t block, std::span<std::byte> bytes) { write_one_block(block, bytes); };
  const std::uint64_t per_group = super()->s_inodes_per_group, per_run = kTableRun / s_.inode_size;
  const std::uint64_t per_block = s_.block_size / s_.inode_size;
  for (std::uint64_t first = 1; first < node_of_.size();) {
    const std::uint64_t group = (first - 1) / per_group, in_group = (first - 1) % per_group;
    const std::uint64_t count = std::min({per_run, per_group - in_group, static_cast<std::uint64_t>(node_of_.size()) - first});
    auto table = std::make_shared<std::vector<std::byte>>(div_up(count, per_block) * s_.block_size);
    for (std::uint64_t i = 0; i < count; ++i) {
      auto* inode = reinterpret_cast<ext2_inode_large*>(table->data() + i * s_.inode_size);
      const std::size_t node = node_of_[first + i];
      const auto number = static_cast<ext2_ino_t>(first + i);
      if (node != SIZE_MAX) encode_node(node, table->data() + i * s_.inode_size, to_writer);
      else if (s_.populates) s_.io.check(ext2fs_read_inode_full(fs(), number, reinterpret_cast<ext2_inode*>(inode), static_cast<int>(s_.inode_size)), "read a reserved inode");
      if (has_csum()) s_.io.check(ext2fs_inode_csum_set(fs(), number, inode), "checksum an inode");
    }
    const std::uint64_t at = s_.offset_of(ext2fs_inode_table_loc(fs(), static_cast<dgrp_t>(group))).value + in_group * s_.inode_size;
    s_.io.forget(at - s_.window.range().start(), table->size());
    s_.writer.put(ByteOffset{at}, *table, table);
    first += count;
  }
}

/// Inodes that libext2fs makes better than we: bad blocks, resize; and the journal, whose making there would write every block of it.
void Materializer::write_special_inodes() {
  s_.io.check(ext2fs_update_bb_inode(fs(), nullptr), "write the bad blocks inode");
  if (s_.plan.has_journal()) write_journal();
  if (ext2fs_has_feature_resize_inode(super())) s_.io.check(ext2fs_create_resize_inode(fs()), "write the resize inode");
}

void Materializer::write_journal() {
  journal_ = journal_blocks_for(ext2fs_blocks_count(super()));
  TailSpace space(fs(), s_.content_end);
  Node node;
  node.meta.type = FileType::Regular;
  node.meta.permissions = 0600;
  node.meta.mtime = node.meta.atime = node.meta.ctime = node.meta.birthtime = Timestamp{how_.created, 0};
  node.size_bytes = journal_ * s_.block_size;
  place_blocks(node, journal_, space);
  const MapRoot map = write_map(node, EXT2_JOURNAL_INO, [this](std::uint64_t block, std::span<std::byte> bytes) {
    s_.io.check(io_channel_write_blk64(fs()->io, block, 1, bytes.data()), "write the journal's block map");
  });
  std::vector<std::byte> inode(s_.inode_size);
  InodeShape shape;
  shape.size_bytes = node.size_bytes;
  shape.blocks_512 = node.blocks * (s_.block_size / 512);
  shape.links = 1;
  shape.flags = s_.extents_on_disk ? EXT4_EXTENTS_FL : 0;
  shape.map = &map;
  encode_inode(node.meta, shape, s_.inode_size, reinterpret_cast<ext2_inode_large*>(inode.data()));
  s_.io.check(ext2fs_write_inode_full(fs(), EXT2_JOURNAL_INO, reinterpret_cast<ext2_inode*>(inode.data()), static_cast<int>(inode.size())), "write the journal inode");
  ext2fs_journal_params parameters{};
  parameters.num_journal_blocks = static_cast<blk_t>(journal_);
  char* journal_super = nullptr;
  s_.io.check(ext2fs_create_journal_superblock2(fs(), &parameters, 0, &journal_super), "make the journal's superblock");
  const std::unique_ptr<char, void (*)(char*)> owned(journal_super, [](char* memory) { ext2fs_free_mem(&memory); });
  s_.io.check(io_channel_write_blk64(fs()->io, s_.extents_of(node).front().physical, 1, journal_super), "write the journal's superblock");
  ext2_super_block* sb = super();
  sb->s_journal_inum = EXT2_JOURNAL_INO;
  std::copy(map.words.begin(), map.words.end(), sb->s_jnl_blocks);
  sb->s_jnl_blocks[15] = static_cast<std::uint32_t>(node.size_bytes >> 32);
  sb->s_jnl_blocks[16] = static_cast<std::uint32_t>(node.size_bytes);
  sb->s_jnl_backup_type = EXT3_JNL_BACKUP_BLOCKS;
}

/// Inode and block bitmaps, and everything that counts them: descriptors, their flags, totals.
void Materializer::settle_bitmaps() {
  const auto used = static_cast<std::uint32_t>(node_of_.size() - 1);
  ext2fs_mark_inode_bitmap2(fs()->inode_map, 1);
  for (std::uint32_t inode = 1; inode <= used; ++inode) ext2fs_mark_inode_bitmap2(fs()->inode_map, inode);
  std::vector<std::uint32_t> directories(fs()->group_desc_count, 0);
  for (const Directory& directory : directories_) ++directories[(inode_of(directory.id) - 1) / super()->s_inodes_per_group];

  std::uint64_t free_total = 0, free_inodes = 0;
  const bool checksums = ext2fs_has_group_desc_csum(fs());
  for (dgrp_t g = 0; g < fs()->group_desc_count; ++g) {
    const std::uint32_t per_group = super()->s_inodes_per_group, before = g * per_group;
    const std::uint32_t here = used <= before ? 0 : std::min(used - before, per_group);
    const auto free_here = static_cast<std::uint32_t>(free_in_group(fs(), g));
    const bool touched = !s_.populates || free_here != ext2fs_bg_free_blocks_count(fs(), g);
    if (touched) ext2fs_bg_flags_clear(fs(), g, EXT2_BG_BLOCK_UNINIT);
    if (here != 0) ext2fs_bg_flags_clear(fs(), g, EXT2_BG_INODE_UNINIT);
    if (checksums && !s_.populates) ext2fs_bg_flags_set(fs(), g, EXT2_BG_INODE_ZEROED);
    ext2fs_bg_free_blocks_count_set(fs(), g, free_here);
    ext2fs_bg_free_inodes_count_set(fs(), g, per_group - here);
    ext2fs_bg_used_dirs_count_set(fs(), g, directories[g]);
    if (checksums) ext2fs_bg_itable_unused_set(fs(), g, per_group - here);
    ext2fs_group_desc_csum_set(fs(), g);
    free_total += free_here;
    free_inodes += per_group - here;
  }
  ext2fs_free_blocks_count_set(super(), free_total);
  super()->s_free_inodes_count = static_cast<std::uint32_t>(free_inodes);
  ext2fs_mark_bb_dirty(fs());
  ext2fs_mark_ib_dirty(fs());
}

void Materializer::settle_superblock() {
  ext2_super_block* sb = super();
  if (!s_.populates) {
    std::uint64_t overhead = sb->s_first_data_block + journal_;
    for (std::uint64_t g = 0; g < s_.groups(); ++g) overhead += s_.super_blocks(g) + 2 + fs()->inode_blocks_per_group;
    sb->s_overhead_clusters = static_cast<std::uint32_t>(overhead);
  } else {
    fs()->now = how_.created;
  }
  sb->s_kbytes_written = 0;  // depends on how it was written, not on what; 0 keeps it out of the library's accounting
  ext2fs_mark_super_dirty(fs());
}

/// Blocks that content gave back and nobody took: their bytes go, as if they had never been written.
void Materializer::punch_given_back() {
  for (const auto& [first, last] : s_.given_back.ranges()) {
    blk64_t begin = 0, end = 0;
    for (std::uint64_t at = first; at < last && ext2fs_find_first_zero_block_bitmap2(fs()->block_map, at, last - 1, &begin) == 0; at = end) {
      if (ext2fs_find_first_set_block_bitmap2(fs()->block_map, begin, last - 1, &end) != 0) end = last;
      s_.window.file().punch(ByteRange{s_.offset_of(begin), ByteCount{(end - begin) * s_.block_size}});
    }
  }
}

}  // namespace

ExtSummary ExtBuilder::finish(const NameTree& names, const Finish& how) { return Materializer(*state_, names, how).run(); }

}  // namespace rawimg
