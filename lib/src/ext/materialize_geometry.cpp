// SPDX-License-Identifier: MIT
// Where everything will be: how many inodes, where the tables lie, whether it all fits, and if not,
// what would.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "ext/ext_error.h"
#include "ext/materializer.h"

namespace rawimg {

TailSpace::TailSpace(ext2_filsys fs, std::uint64_t goal)
    : fs_(fs),
      cursor_(std::min<std::uint64_t>(std::max<std::uint64_t>(goal, fs->super->s_first_data_block),
                                      ext2fs_blocks_count(fs->super) - 1)) {}

BlockRun TailSpace::take(std::uint64_t want) {
  const std::uint64_t end = ext2fs_blocks_count(fs_->super);
  blk64_t begin = 0, after = 0;
  if (cursor_ >= end ||
      ext2fs_find_first_zero_block_bitmap2(fs_->block_map, cursor_, end - 1, &begin) != 0) {
    if (wrapped_) throw Error(Errc::NoSpace, "no free block is left");
    wrapped_ = true;
    cursor_ = fs_->super->s_first_data_block;
    return take(want);
  }
  const std::uint64_t last = std::min<std::uint64_t>(end - 1, begin + want - 1);
  if (ext2fs_find_first_set_block_bitmap2(fs_->block_map, begin, last, &after) != 0)
    after = last + 1;
  ext2fs_mark_block_bitmap_range2(fs_->block_map, begin, static_cast<unsigned>(after - begin));
  cursor_ = after;
  return {begin, after - begin};
}

/// Run by run, as the library keeps them: byte by byte, a TiB took 0.2 s.
std::uint64_t Materializer::free_in_group(ext2_filsys fs, std::uint64_t group) const {
  const std::uint64_t first = ext2fs_group_first_block2(fs, static_cast<dgrp_t>(group)),
                      last = ext2fs_group_last_block2(fs, static_cast<dgrp_t>(group));
  std::uint64_t free = last - first + 1;
  blk64_t begin = first, end = first;
  while (end <= last &&
         ext2fs_find_first_set_block_bitmap2(fs->block_map, end, last, &begin) == 0) {
    if (ext2fs_find_first_zero_block_bitmap2(fs->block_map, begin, last, &end) != 0) end = last + 1;
    free -= end - begin;
  }
  return free;
}

std::uint64_t Materializer::free_blocks(ext2_filsys fs) const {
  std::uint64_t blocks = 0;
  for (std::uint64_t g = 0; g < fs->group_desc_count; ++g) blocks += free_in_group(fs, g);
  return blocks;
}

void Materializer::mark_content(ext2_filsys fs) {
  for (const Node& node : s_.nodes) {
    if (node.removed) continue;
    for (const Extent& extent : s_.extents_of(node))
      ext2fs_mark_block_bitmap_range2(fs->block_map, extent.physical, extent.count);
    for (const std::uint64_t block : s_.maps_of(node))
      ext2fs_mark_block_bitmap_range2(fs->block_map, block, 1);
  }
}

/// flex_bg: bitmaps of all groups, then all inode tables, from `from` on; each table is contiguous.
bool Materializer::place_tables_behind(std::uint64_t from) {
  const std::uint64_t end = ext2fs_blocks_count(super()), start = from;
  bool wrapped = false;
  const auto next = [&](std::uint64_t want) -> std::uint64_t {
    for (;;) {
      blk64_t begin = 0, used = 0;
      if (from >= end ||
          ext2fs_find_first_zero_block_bitmap2(fs()->block_map, from, end - 1, &begin) != 0 ||
          begin + want > end) {
        if (wrapped) return 0;
        wrapped = true;
        from = s_.group_start(0);
        if (from >= start) return 0;
        continue;
      }
      if (ext2fs_find_first_set_block_bitmap2(fs()->block_map, begin, begin + want - 1, &used) !=
          0) {
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
  return place(ext2fs_block_bitmap_loc_set, 1) && place(ext2fs_inode_bitmap_loc_set, 1) &&
         place(ext2fs_inode_table_loc_set, fs()->inode_blocks_per_group);
}

/// Replaces the template by a handle of so many blocks with so many inodes per group; false when
/// content, tables and the tail do not all fit.
bool Materializer::try_handle(std::uint64_t blocks, std::uint64_t inodes_per_group) {
  const std::uint64_t inodes = inodes_per_group * groups_of(blocks);
  if (inodes > UINT32_MAX) return false;
  const bool is_template = std::exchange(has_template_, false) &&
                           blocks == ext2fs_blocks_count(super()) &&
                           inodes == super()->s_inodes_count;
  if (!is_template && !make_handle(blocks, inodes)) return false;
  // A table for which no room was kept may lie behind the content of its group.
  const bool in_kept_room =
      s_.tables.in_group && fs()->inode_blocks_per_group <=
                                (s_.tables.opened ? s_.tables.final_blocks : s_.tables.reserved);
  stamp_ext(fs(), s_.plan.uuid.value_or(how_.uuid), s_.plan.hash_seed.value_or(how_.hash_seed),
            how_.created);
  mark_content(fs());
  if (s_.tables.in_group || s_.content_end == 0) {
    if (ext2fs_allocate_tables(fs()) != 0) return false;
  } else if (!place_tables_behind(s_.content_end)) {
    return false;
  }
  for (dgrp_t g = 0; in_kept_room && g < fs()->group_desc_count; ++g)
    if (ext2fs_inode_table_loc(fs(), g) != s_.group_start(g) + s_.super_blocks(g) + 2)
      throw Error(Errc::Corrupt,
                  fmt::format("libext2fs puts the inode table of group {} at block {}", g,
                              ext2fs_inode_table_loc(fs(), g)));
  return free_blocks(fs()) >= tail_blocks(blocks) + spare_blocks(blocks);
}

/// A handle of that shape, if content lies where it may in it.
bool Materializer::make_handle(std::uint64_t blocks, std::uint64_t inodes) {
  const std::uint32_t growth = super()->s_reserved_gdt_blocks;
  ExtHandle handle;
  try {
    handle = initialize_ext(*s_.io, s_.plan, blocks, inodes,
                            growth != 0 && !s_.plan.fit ? std::optional(growth) : std::nullopt);
  } catch (const Error& error) {
    if (error.code() != Errc::NoSpace || !s_.plan.fit) throw;
    return false;
  }
  const std::uint64_t room_now = 1 + handle->desc_blocks + handle->super->s_reserved_gdt_blocks;
  // Content was placed by the template's geometry: only the number of groups and inodes may change.
  if (ext2fs_blocks_count(handle->super) != blocks || room_now > super_room_ ||
      (room_now != super_room_ && (growth != 0 || !s_.plan.fit)) ||
      handle->super->s_blocks_per_group != super()->s_blocks_per_group)
    return false;
  s_.fs = std::move(handle);
  return true;
}

std::uint64_t Materializer::groups_of(std::uint64_t blocks) const {
  return div_up(blocks - super()->s_first_data_block, super()->s_blocks_per_group);
}

/// What the guest shall have, and what nobody but its root, or its kernel, may use.
std::uint64_t Materializer::spare_blocks(std::uint64_t fs_blocks) const {
  if (!s_.plan.fit) return 0;
  const Spare& spare = *s_.plan.fit;
  const auto part = [&](double percent) {
    return static_cast<std::uint64_t>(static_cast<double>(fs_blocks) * percent / 100);
  };
  const std::uint64_t wanted = div_up(spare.bytes, s_.block_size) +
                               part(100 * spare.percent / (100 + spare.percent)) + 1,
                      reserved = part(s_.plan.reserved_percent);
  if (spare.bytes == 0 && spare.percent == 0) return reserved;
  // ext4_set_resv_clusters(): a fiftieth, at most 4096, where there are extents
  const std::uint64_t kernel =
      s_.plan.has_extents() ? std::min<std::uint64_t>(fs_blocks / 50, 4096) : 0;
  return wanted + reserved + kernel;
}

std::uint64_t Materializer::metadata_blocks(const Shape& shape) const {
  const std::uint64_t groups = groups_of(shape.blocks),
                      table = div_up(shape.inodes_per_group, s_.block_size / s_.inode_size);
  std::uint64_t blocks = super()->s_first_data_block + groups * (2 + table);
  for (std::uint64_t g = 0; g < groups; ++g) blocks += s_.super_blocks(g) != 0 ? super_room_ : 0;
  return blocks;
}

/// Groups full of content have no more inodes than there was room kept for.
std::uint64_t Materializer::most_inodes_per_group() const {
  const std::uint64_t per_block = s_.block_size / s_.inode_size,
                      unit = std::max<std::uint64_t>(8, per_block);
  std::uint64_t most = 8 * std::uint64_t{s_.block_size} - unit;
  if (!s_.tables.in_group) return most;
  const std::vector<std::uint64_t>& rooms = s_.tables.by_group;
  const std::uint64_t end =
      super()->s_first_data_block + rooms.size() * super()->s_blocks_per_group;
  for (std::size_t g = 0; g < rooms.size(); ++g) {
    const std::uint64_t room = g + 1 == rooms.size() ? end - s_.content_end : rooms[g];
    most = std::min(most, (room - 2) * per_block / unit * unit);
  }
  return most;
}

/// The least that can hold everything, if nothing has to stay free for want of a place that is long
/// enough. More blocks may want more of them (a journal, a group's own), so it is asked until it
/// stays.
Materializer::Shape Materializer::smallest_shape(std::uint64_t at_least) const {
  constexpr std::uint64_t kLeastOfGroup = 50;  // libext2fs drops a last group with fewer to use
  const std::uint64_t per_block = s_.block_size / s_.inode_size,
                      unit = std::max<std::uint64_t>(8, per_block), used = node_of_.size() - 1,
                      most = most_inodes_per_group();
  Shape shape{at_least, 0};
  for (;;) {
    const std::uint64_t groups = std::max(groups_of(shape.blocks), div_up(used, most));
    const std::uint64_t each = div_up(div_up(inodes_for(shape.blocks), groups), unit) * unit;
    shape.inodes_per_group = std::min(each, most);
    const std::uint64_t last_group =
        super()->s_first_data_block + (groups - 1) * super()->s_blocks_per_group;
    const std::uint64_t own =
        s_.super_blocks(groups - 1) + 2 + div_up(shape.inodes_per_group, per_block) + kLeastOfGroup;
    std::uint64_t need = std::max(shape.blocks, groups == 1 ? 0 : last_group + own);
    need = std::max(need, needed_blocks({need, shape.inodes_per_group}));
    if (need == shape.blocks) return shape;
    shape.blocks = need;
  }
}

/// As many as there are, and for the spare room as many as mke2fs would give it; or as asked for.
std::uint64_t Materializer::inodes_for(std::uint64_t blocks) const {
  const std::uint64_t used = node_of_.size() - 1, bytes = blocks * s_.block_size,
                      spare = spare_blocks(blocks) * s_.block_size;
  if (s_.plan.inode_ratio) return std::max(used, bytes / *s_.plan.inode_ratio);
  if (s_.plan.inodes_asked_for) return std::max(used, s_.plan.inodes);
  return used + spare / kUsualRatio;
}

std::uint64_t Materializer::needed_blocks(const Shape& shape) const {
  return metadata_blocks(shape) + s_.space.taken() + tail_blocks(shape.blocks) +
         spare_blocks(shape.blocks);
}

/// Room that was kept for tables and is not needed for anything becomes inodes.
std::uint64_t Materializer::with_more_inodes(const Shape& shape) const {
  const std::uint64_t unused = shape.blocks - needed_blocks(shape),
                      per_block = s_.block_size / s_.inode_size,
                      unit = std::max<std::uint64_t>(8, per_block);
  const std::uint64_t more = unused / groups_of(shape.blocks) * per_block / unit * unit;
  return std::min(shape.inodes_per_group + more, most_inodes_per_group());
}

void Materializer::make_fitting_handle() {
  constexpr std::uint64_t kLeast = 64;
  std::uint64_t at_least = std::max(s_.content_end, kLeast);
  while (!s_.full) {
    const Shape shape = smallest_shape(at_least);
    if (shape.blocks > s_.plan.blocks) break;
    if (try_handle(shape.blocks, with_more_inodes(shape)) ||
        try_handle(shape.blocks, shape.inodes_per_group)) {
      const ByteRange range{ByteOffset{s_.window.range().start()},
                            ByteCount{shape.blocks * s_.block_size}};
      if (s_.window.file().size().value < range.end())
        s_.window.file().resize(ByteCount{range.end()});
      return;
    }
    at_least = shape.blocks + 1 + shape.blocks / 1000;
  }
  throw_no_space();
}

void Materializer::make_final_handle() {
  super_room_ = s_.super_blocks(0);
  if (s_.plan.fit) return make_fitting_handle();
  const std::uint64_t groups = s_.groups(), blocks = ext2fs_blocks_count(super()),
                      unit = std::max<std::uint64_t>(8, s_.block_size / s_.inode_size);
  const auto per_group = [&](std::uint64_t inodes) {
    return div_up(div_up(inodes, groups), unit) * unit;
  };
  const std::uint64_t used = node_of_.size() - 1, most = 8 * std::uint64_t{s_.block_size} - unit;
  const std::uint64_t asked = std::min(per_group(s_.plan.inodes), most), needed = per_group(used);
  const bool too_many = needed > most || (s_.plan.inodes_asked_for && used > asked * groups);
  if (s_.full || too_many) throw_no_space();
  if (s_.plan.inodes_asked_for) {
    if (try_handle(blocks, std::max(asked, needed))) return;
    throw_no_space();
  }
  // A wish: the default ratio, and a quarter to spare where entries are many, or the guest could
  // not make a single file. Rather fewer than no image.
  const std::uint64_t room =
      s_.tables.in_group ? (s_.tables.opened ? s_.tables.final_blocks : s_.tables.reserved) *
                               (s_.block_size / s_.inode_size) / unit * unit
                         : most;
  const std::uint64_t wish = std::min({std::max(asked, per_group(used + used / 4)), most, room});
  for (const std::uint64_t count : {std::max(wish, needed), std::max(asked, needed), needed})
    if (try_handle(blocks, count)) return;
  throw_no_space();
}

bool Materializer::would_fit(const Needs& needs, std::uint64_t blocks) {
  ExtPlan plan = s_.plan;
  plan.blocks = blocks;
  plan.block_size = needs.block_size;
  const std::uint64_t used = node_of_.size() - 1, bytes = blocks * needs.block_size;
  if (plan.inode_ratio)
    plan.inodes = bytes / *plan.inode_ratio;
  else if (!plan.inodes_asked_for)
    plan.inodes = static_cast<std::uint64_t>(static_cast<double>(s_.plan.inodes) *
                                             static_cast<double>(bytes) /
                                             static_cast<double>(s_.plan.blocks * s_.block_size));
  if (plan.inodes_asked_for && plan.inode_ratio && plan.inodes < used) return false;
  plan.inodes = std::max(plan.inodes, used);
  const ExtHandle handle = initialize_ext(*s_.io, plan, blocks, plan.inodes);
  // libext2fs makes smaller groups for many inodes; the builder has placed content by full ones.
  if (!plan.inodes_asked_for && handle->super->s_blocks_per_group != 8 * needs.block_size)
    return false;
  const std::uint64_t groups = handle->group_desc_count,
                      per_block = needs.block_size / s_.inode_size,
                      table = std::max<std::uint64_t>(
                          handle->inode_blocks_per_group,
                          div_up(inodes_per_group(plan, groups), per_block));
  std::uint64_t metadata = handle->super->s_first_data_block + 2 * groups;
  for (dgrp_t g = 0; g < handle->group_desc_count; ++g)
    if (ext2fs_bg_has_super(handle.get(), g))
      metadata += 1 + handle->desc_blocks + handle->super->s_reserved_gdt_blocks;
  const std::uint64_t have = ext2fs_blocks_count(handle->super);
  if (s_.tables.in_group && !s_.plan.inodes_asked_for) {
    // Content must not run into the room for tables: it would be opened before all inodes are
    // known, and might then be too small for them.
    const std::uint64_t room = generous_table_blocks(plan, groups);
    if (metadata + groups * room + needs.content > have || groups * room * per_block < used)
      return false;
  }
  return handle->super->s_inodes_count >= used && metadata + groups * table + needs.content +
                                                          needs.tail +
                                                          own_blocks(blocks, needs.block_size) <=
                                                      have;
}

/// Blocks of the smallest filesystem, in steps of about 1 %, that holds everything; nothing when
/// the format has none.
std::optional<std::uint64_t> Materializer::smallest_size(const Needs& needs) {
  std::uint64_t blocks = std::max<std::uint64_t>(needs.content + needs.tail, 64);
  for (int step = 0; step < 1000; ++step) {
    try {
      if (would_fit(needs, blocks)) return blocks;
    } catch (const Error& error) {
      // too small for its own structures or so many inodes: larger
      if (error.code() != Errc::NoSpace && error.code() != Errc::Usage) return std::nullopt;
    }
    blocks += blocks / 100 + 16;
  }
  return std::nullopt;
}

/// The same content in blocks of another size; never too few.
Materializer::Needs Materializer::needs_with(std::uint32_t block_size) {
  Needs needs{block_size, 0, 0};
  for (const Node& node : s_.nodes) {
    if (node.removed) continue;
    const std::uint64_t blocks = div_up(node.size_bytes, block_size);
    if (node.meta.type == FileType::Regular)
      needs.content += blocks + (s_.extents_on_disk ? 0 : indirect_blocks_for(blocks, block_size));
    if (node.target != 0 && node.size_bytes >= kFastSymlink) ++needs.tail;
  }
  for (const Directory& directory : directories_) {
    const std::uint64_t blocks = div_up(directory.blocks.bytes.size(), block_size);
    needs.tail += blocks + (s_.extents_on_disk ? 0 : indirect_blocks_for(blocks, block_size));
  }
  for (const std::uint32_t references : xattr_references_)
    needs.tail += div_up(references, kMaxXattrReferences);
  return needs;
}

/// Bytes of a window that would hold everything: the block size is what it would get by default,
/// unless one was asked for.
std::optional<std::uint64_t> Materializer::smallest_window(std::uint64_t content) {
  const auto blocks = smallest_size({s_.block_size, content, tail_});
  if (!blocks) return std::nullopt;
  const std::uint64_t bytes = *blocks * s_.block_size;
  const std::uint32_t by_default = default_block_size(ByteCount{bytes});
  if (s_.plan.block_size_asked_for || by_default == s_.block_size) return bytes;
  const auto other = smallest_size(needs_with(by_default));
  if (!other) return std::nullopt;
  // What fits neither below the limit nor just above it fits from the limit on.
  return std::max(*other * by_default, kSmallWindow);
}

/// What would do: a size, or more inodes where those are all that is missing.
std::string Materializer::hint_for_build(std::uint64_t content) {
  constexpr std::uint64_t kMiB = 1u << 20;
  const std::uint64_t used = node_of_.size() - 1,
                      bytes = ext2fs_blocks_count(super()) * s_.block_size;
  const std::string least = how_.counting_complete ? "" : "at least ";
  const bool inodes_only = !s_.full && inodes_per_group(s_.plan, s_.groups()) * s_.groups() < used;
  if (inodes_only && s_.plan.inode_ratio)
    return fmt::format("--inode-ratio {} or less would do", bytes / used / 8 * 7);
  if (inodes_only && s_.plan.inodes_asked_for)
    return fmt::format("--inodes {} or more would do", used);
  const auto window = smallest_window(content);
  if (!window) return "no filesystem of this kind is large enough";
  const std::uint64_t size = div_up(s_.window.range().start() + *window, kMiB);
  if (!s_.full && 8 * std::uint64_t{s_.block_size} * s_.groups() < used + 8 * s_.groups())
    return fmt::format("{}--size {}M would do, or --inodes {}", least, size, used);
  return fmt::format("{}--size {}M would do", least, size);
}

void Materializer::throw_no_space() {
  const std::uint64_t content = s_.space.taken() + s_.counted_blocks, used = node_of_.size() - 1;
  const std::uint64_t have = ext2fs_blocks_count(super());
  const std::string least = how_.counting_complete ? "" : "at least ";
  const std::string needs =
      fmt::format("{}{} blocks of {} bytes for content and directories and {} inodes", least,
                  content + tail_, s_.block_size, used);
  throw Error(Errc::NoSpace, fmt::format("the filesystem is too small: needed are {}; it has {} "
                                         "blocks and {} inodes in all",
                                         needs, have, super()->s_inodes_count))
      .with_hint(hint_for_build(content));
}

}  // namespace rawimg
