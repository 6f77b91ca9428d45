// SPDX-License-Identifier: MIT
#include "ext/edit_space.h"
#include "ext/ext_error.h"

#include <algorithm>
#include <cassert>
#include <optional>

#include <fmt/format.h>
#include <rawimg/error.h>

namespace rawimg {
namespace {

constexpr int kProbes = 256;  // free runs to look at for one that is long enough

/// The first free run at or behind `from`; empty when there is none before `end`.
BlockRun next_free(ext2_filsys fs, std::uint64_t from, std::uint64_t end, std::uint64_t want) {
  blk64_t begin = 0, after = 0;
  if (from >= end ||
      ext2fs_find_first_zero_block_bitmap2(fs->block_map, from, end - 1, &begin) != 0)
    return {};
  const std::uint64_t last = want < end - begin ? begin + want - 1 : end - 1;
  if (ext2fs_find_first_set_block_bitmap2(fs->block_map, begin, last, &after) != 0)
    after = last + 1;
  return {begin, after - begin};
}

/// The same, with nothing in it of what is to be avoided.
BlockRun next_free(ext2_filsys fs, std::uint64_t from, std::uint64_t end, std::uint64_t want,
                   const RangeSet& avoid) {
  for (;;) {
    const BlockRun run = next_free(fs, from, end, want);
    const auto avoided = run.count == 0 ? std::nullopt : avoid.first_in(run.start, run.end());
    if (!avoided) return run;
    if (avoided->first > run.start) return {run.start, avoided->first - run.start};
    from = avoided->second;
  }
}

}  // namespace

EditSpace::EditSpace(ext2_filsys fs, WindowIo& io, KeptUndo& kept) : fs_(fs), io_(io), kept_(kept) {
  for (dgrp_t g = 0; g < fs->group_desc_count; ++g) {
    const std::uint64_t first = ext2fs_group_first_block2(fs, g);
    if (ext2fs_bg_has_super(fs, g))
      metadata_.add(first, first + 1 + fs->desc_blocks + fs->super->s_reserved_gdt_blocks);
    const std::uint64_t blocks = ext2fs_block_bitmap_loc(fs, g),
                        inodes = ext2fs_inode_bitmap_loc(fs, g),
                        table = ext2fs_inode_table_loc(fs, g);
    metadata_.add(blocks, blocks + 1);
    metadata_.add(inodes, inodes + 1);
    metadata_.add(table, table + fs->inode_blocks_per_group);
  }
}

void EditSpace::require_not_metadata(BlockRun run) const {
  if (metadata_.overlaps(run.start, run.end()))
    throw Error(Errc::Corrupt, fmt::format("blocks {} to {} belong to the filesystem's own tables",
                                           run.start, run.end() - 1))
        .with_hint(kCheckHint);
}

BlockRun EditSpace::find_run(std::uint64_t goal, std::uint64_t want, const RangeSet& avoid) const {
  const std::uint64_t first = fs_->super->s_first_data_block, end = ext2fs_blocks_count(fs_->super);
  goal = std::clamp(goal, first, end - 1);
  BlockRun best;
  // From the goal to the end, then from the front.
  for (const auto& [from, to] : {std::pair(goal, end), std::pair(first, goal)}) {
    std::uint64_t at = from;
    for (int probe = 0; probe < kProbes && best.count < want; ++probe) {
      const BlockRun run = next_free(fs_, at, to, want, avoid);
      if (run.count == 0) break;
      if (run.count > best.count) best = run;
      at = run.end();
    }
    if (best.count != 0) break;
  }
  return best;
}

BlockRun EditSpace::take_blocks(std::uint64_t goal, std::uint64_t want) {
  want = std::min<std::uint64_t>(want, INT32_MAX);
  BlockRun best;
  if (avoids_kept_) best = find_run(goal, want, kept_.blocks(fs_));
  avoids_kept_ = best.count != 0;  // looking for what is not there takes long
  if (!avoids_kept_) best = find_run(goal, want, {});
  if (best.count == 0)
    throw Error(Errc::NoSpace, "no block is free in the filesystem")
        .with_hint("remove something, or make a larger image");
  require_not_metadata(best);
  ext2fs_block_alloc_stats_range(fs_, best.start, static_cast<blk_t>(best.count), +1);
  taken_.add(best.start, best.end());
  log_.push_back(best);
  return best;
}

/// What this transaction took is not in use on disk: it is free again at once.
void EditSpace::give_back_taken(BlockRun run) {
  if (!taken_.contains(run.start, run.end())) {
    const std::uint64_t half = run.count / 2;
    give_back({run.start, half});
    return give_back({run.start + half, run.count - half});
  }
  ext2fs_block_alloc_stats_range(fs_, run.start, static_cast<blk_t>(run.count), -1);
  taken_.remove(run.start, run.end());
}

void EditSpace::take_back(std::size_t from) {
  for (std::size_t i = from; i < log_.size(); ++i) {
    ext2fs_block_alloc_stats_range(fs_, log_[i].start, static_cast<blk_t>(log_[i].count), -1);
    taken_.remove(log_[i].start, log_[i].end());
  }
  log_.resize(from);
}

void EditSpace::take_exactly(BlockRun run) {
  assert(!taken_.overlaps(run.start, run.end()));
  ext2fs_block_alloc_stats_range(fs_, run.start, static_cast<blk_t>(run.count), +1);
  taken_.add(run.start, run.end());
}

std::vector<BlockRun> EditSpace::free_runs() const {
  std::vector<BlockRun> runs;
  const RangeSet& needed = kept_.blocks(fs_);
  const std::uint64_t end = ext2fs_blocks_count(fs_->super);
  for (BlockRun run = next_free(fs_, fs_->super->s_first_data_block, end, end, needed);
       run.count != 0; run = next_free(fs_, run.end(), end, end, needed)) {
    require_not_metadata(run);
    runs.push_back(run);
  }
  for (const auto& [begin, behind] : needed.ranges()) {
    require_not_metadata({begin, behind - begin});
    runs.push_back({begin, behind - begin});
  }
  return runs;
}

void EditSpace::give_back(BlockRun run) {
  blk64_t found = 0;
  require_not_metadata(run);
  if (ext2fs_find_first_zero_block_bitmap2(fs_->block_map, run.start, run.end() - 1, &found) == 0)
    throw Error(Errc::Corrupt, fmt::format("block {} is in use, but free in the bitmap", found))
        .with_hint(kCheckHint);
  if (taken_.overlaps(run.start, run.end())) return give_back_taken(run);
  if (given_back_.overlaps(run.start, run.end()))
    throw Error(Errc::Corrupt,
                fmt::format("one of the blocks {} to {} is in use twice", run.start, run.end() - 1))
        .with_hint(kCheckHint);
  given_back_.add(run.start, run.end());
}

std::uint32_t EditSpace::take_inode(std::uint32_t near, FileType type) {
  const std::uint32_t per_group = fs_->super->s_inodes_per_group,
                      count = fs_->super->s_inodes_count, least = EXT2_FIRST_INODE(fs_->super);
  const std::uint32_t start = std::max((near - 1) / per_group * per_group + 1, least);
  ext2_ino_t inode = 0;
  if (ext2fs_find_first_zero_inode_bitmap2(fs_->inode_map, start, count, &inode) != 0 &&
      (start == least ||
       ext2fs_find_first_zero_inode_bitmap2(fs_->inode_map, least, start - 1, &inode) != 0))
    return take_given_back_inode(type);
  zero_slots_up_to(inode);
  ext2fs_inode_alloc_stats2(fs_, inode, +1, type == FileType::Directory);
  took_inode_ = true;
  return inode;
}

std::uint32_t EditSpace::take_given_back_inode(FileType type) {
  if (inodes_.empty())
    throw Error(Errc::NoSpace, fmt::format("all {} inodes of the filesystem are in use",
                                           fs_->super->s_inodes_count))
        .with_hint("remove something, or make an image with more --inodes");
  const auto [inode, old_type] = *inodes_.begin();
  inodes_.erase(inodes_.begin());
  ext2fs_inode_alloc_stats2(fs_, inode, -1, old_type == FileType::Directory);
  ext2fs_inode_alloc_stats2(fs_, inode, +1, type == FileType::Directory);
  return inode;
}

/// Slots that were never used may hold anything, unless the group's table was zeroed; those below
/// the new one count as used from now on.
void EditSpace::zero_slots_up_to(std::uint32_t inode) {
  if (!ext2fs_has_group_desc_csum(fs_)) return;
  const std::uint32_t per_group = fs_->super->s_inodes_per_group;
  const dgrp_t group = (inode - 1) / per_group;
  if (ext2fs_bg_flags_test(fs_, group, EXT2_BG_INODE_ZEROED)) return;
  const std::uint32_t unused = std::min(ext2fs_bg_itable_unused(fs_, group), per_group);
  const std::uint32_t used =
      ext2fs_bg_flags_test(fs_, group, EXT2_BG_INODE_UNINIT) ? 0 : per_group - unused;
  for (std::uint32_t slot = group * per_group + used + 1; slot < inode; ++slot)
    if (ext2fs_test_inode_bitmap2(fs_->inode_map, slot))
      throw Error(Errc::Corrupt, fmt::format("inode {} is in use, but group {} says that none "
                                             "behind its {} first are",
                                             slot, group, used))
          .with_hint(kCheckHint);
  std::vector<std::byte> zeros(EXT2_INODE_SIZE(fs_->super));
  for (std::uint32_t slot = group * per_group + used + 1; slot <= inode; ++slot)
    io_.check(ext2fs_write_inode_full(fs_, slot, reinterpret_cast<ext2_inode*>(zeros.data()),
                                      static_cast<int>(zeros.size())),
              "clear an inode that was never used");
}

void EditSpace::give_back_inode(std::uint32_t inode, FileType type) {
  if (!ext2fs_test_inode_bitmap2(fs_->inode_map, inode))
    throw Error(Errc::Corrupt, fmt::format("inode {} is in use, but free in the bitmap", inode))
        .with_hint(kCheckHint);
  if (!inodes_.emplace(inode, type).second)
    throw Error(Errc::Corrupt, fmt::format("inode {} is in use twice", inode))
        .with_hint(kCheckHint);
}

std::uint64_t EditSpace::goal_for(std::uint32_t inode) const {
  return ext2fs_group_first_block2(fs_, (inode - 1) / fs_->super->s_inodes_per_group);
}

std::uint64_t EditSpace::given_back_blocks() const {
  std::uint64_t count = 0;
  for (const auto& [begin, end] : given_back_.ranges()) count += end - begin;
  return count;
}

void EditSpace::settle() {
  constexpr std::uint64_t kMost = 1U << 30;  // the library counts them in 32 bits
  for (const auto& [begin, end] : given_back_.ranges())
    for (std::uint64_t at = begin; at < end; at += std::min(kMost, end - at))
      ext2fs_block_alloc_stats_range(fs_, at, static_cast<blk_t>(std::min(kMost, end - at)), -1);
  for (const auto& [inode, type] : inodes_)
    ext2fs_inode_alloc_stats2(fs_, inode, -1, type == FileType::Directory);
  inodes_.clear();
}

}  // namespace rawimg
