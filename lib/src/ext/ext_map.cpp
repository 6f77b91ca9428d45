// SPDX-License-Identifier: MIT
// Metadata may lie anywhere (flex_bg puts the tables of 16 groups into one), so its places are
// collected and sorted first; then each group's bitmap is read in turn, and what it says is cut
// where a known place begins.
#include <rawimg/ext_map.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "ext/libext2fs.h"
#include "ext/map_reader.h"
#include "ext/superblock.h"

namespace rawimg {
namespace {

// 256 TiB in groups of 128 MiB; a hostile superblock has four thousand million
constexpr std::uint64_t kMostGroups = 1u << 21;
constexpr std::size_t kPiece = 1u << 20;

/// Blocks whose use is known without a bitmap.
struct Place {
  std::uint64_t first = 0;
  std::uint32_t count = 0;
  AreaUse use = AreaUse::Files;
  std::uint64_t end() const { return first + count; }
};

class Places {
 public:
  explicit Places(std::uint64_t blocks) : blocks_(blocks) {}

  /// What lies behind the last block is cut off.
  void add(AreaUse use, std::uint64_t first, std::uint64_t count) {
    if (first >= blocks_) return;
    count = std::min(count, blocks_ - first);
    if (!all_.empty() && all_.back().use == use && all_.back().end() == first &&
        all_.back().count + count <= UINT32_MAX) {
      all_.back().count += static_cast<std::uint32_t>(count);
    } else if (count != 0) {
      all_.push_back({first, static_cast<std::uint32_t>(count), use});
    }
  }
  std::vector<Place> sorted() && {
    std::ranges::stable_sort(all_, {}, &Place::first);
    return std::move(all_);
  }

 private:
  std::uint64_t blocks_;
  std::vector<Place> all_;
};

/// Joins runs, and cuts them where a place begins.
class Painter {
 public:
  Painter(std::vector<Place> places, const ExtMap::Sink& sink)
      : places_(std::move(places)), sink_(sink) {}

  /// The next blocks: places where there are some, else `use`.
  void paint(AreaUse use, std::uint64_t first, std::uint64_t count) {
    const std::uint64_t end = first + count;
    while (first < end) {
      while (next_ < places_.size() && places_[next_].end() <= first) ++next_;
      if (next_ == places_.size() || places_[next_].first >= end) {
        emit(use, first, end);
        return;
      }
      const Place& place = places_[next_];
      if (place.first > first) emit(use, first, place.first);
      const std::uint64_t from = std::max(first, place.first), to = std::min(end, place.end());
      emit(place.use, from, to);
      first = to;
    }
  }
  void finish() {
    if (count_ != 0) sink_(use_, first_, count_);
    count_ = 0;
  }

 private:
  void emit(AreaUse use, std::uint64_t first, std::uint64_t end) {
    if (count_ == 0 || use != use_) {
      finish();
      use_ = use;
      first_ = first;
    }
    count_ += end - first;
  }

  std::vector<Place> places_;
  const ExtMap::Sink& sink_;
  std::size_t next_ = 0;
  AreaUse use_ = AreaUse::Free;
  std::uint64_t first_ = 0, count_ = 0;
};

/// Calls back for runs of equal bits among the first `bits`.
template <class Run>
void for_runs(std::span<const std::byte> bitmap, std::uint64_t bits, Run&& run) {
  for (std::uint64_t at = 0; at < bits;) {
    const bool set =
        std::to_integer<unsigned>(bitmap[static_cast<std::size_t>(at / 8)]) >> at % 8 & 1;
    const std::uint64_t begin = at;
    while (at < bits) {
      std::uint64_t word = 0;
      const std::size_t byte = static_cast<std::size_t>(at / 8);
      std::memcpy(&word, &bitmap[byte], std::min(sizeof word, bitmap.size() - byte));
      if (set) word = ~word;  // now the run's bits are zeros
      word >>= at % 8;
      const auto valid = std::min<std::uint64_t>(64 - at % 8, 8 * (bitmap.size() - byte) - at % 8);
      const auto same =
          std::min<std::uint64_t>(static_cast<std::uint64_t>(std::countr_zero(word)), valid);
      at += same;
      if (same < valid) break;
    }
    at = std::min(at, bits);
    run(set, begin, at - begin);
  }
}

}  // namespace

struct ExtMap::State {
  Window window;
  Superblock super;

  std::uint64_t group_blocks(std::uint64_t group) const {
    return std::min<std::uint64_t>(super.raw().s_blocks_per_group,
                                   super.blocks() - super.first_block_of(group));
  }
  void add_own(const Superblock::Group& group, std::uint64_t number, Places& places) const;
  void add_inode(std::span<const std::byte> bytes, std::uint32_t number, AreaUse use,
                 Places& places) const;
  void add_journal(Places& places) const;
  void add_directories(const Superblock::Group& group, std::uint64_t index, Places& places,
                       Doubts& doubts) const;
  void add_claimed(std::uint64_t count) const;
  std::vector<std::byte> read_inode(std::uint32_t number) const;
  bool paint_group(const Superblock::Group& group, std::uint64_t index, Painter& painter) const;
  mutable std::uint64_t claimed = 0;  // blocks of directories
};

ExtMap::ExtMap(std::unique_ptr<State> state) : state_(std::move(state)) {}
ExtMap::ExtMap(ExtMap&&) noexcept = default;
ExtMap& ExtMap::operator=(ExtMap&&) noexcept = default;
ExtMap::~ExtMap() = default;

ExtMap ExtMap::open(const Window& where) {
  const auto super = Superblock::read(where);
  if (!super)
    throw Error(Errc::Unsupported,
                fmt::format("there is no ext2, ext3 or ext4 filesystem at byte {} of {}",
                            where.range().start(), quote(where.file().path().string())));
  super->require_readable();
  if (super->groups() > kMostGroups)
    throw Error(Errc::Unsupported, fmt::format("the filesystem has {} groups; at most {} are drawn",
                                               super->groups(), kMostGroups));
  return ExtMap(std::make_unique<State>(State{where, *super}));
}

std::uint32_t ExtMap::block_size() const { return state_->super.block_size(); }
std::uint64_t ExtMap::blocks() const { return state_->super.blocks(); }
std::uint64_t ExtMap::groups() const { return state_->super.groups(); }
std::uint32_t ExtMap::blocks_per_group() const { return state_->super.raw().s_blocks_per_group; }
std::uint32_t ExtMap::first_block() const { return state_->super.raw().s_first_data_block; }

void ExtMap::State::add_own(const Superblock::Group& group, std::uint64_t number,
                            Places& places) const {
  std::uint64_t at = super.first_block_of(number);
  if (super.has_super(number)) {
    // with bigalloc and blocks of 1 KiB, the first superblock is in the second block
    const std::uint64_t count = number == 0 && super.block_size() == 1024 && at == 0 ? 2 : 1;
    places.add(AreaUse::Superblock, at, count);
    at += count;
  }
  places.add(AreaUse::Descriptors, at, group.descriptor_blocks);
  places.add(AreaUse::GrowthRoom, at + group.descriptor_blocks, group.growth_blocks);
  places.add(AreaUse::Bitmaps, group.block_bitmap, 1);
  places.add(AreaUse::Bitmaps, group.inode_bitmap, 1);
  places.add(AreaUse::InodeTable, group.inode_table, group.table_blocks);
}

std::vector<std::byte> ExtMap::State::read_inode(std::uint32_t number) const {
  const Superblock::InodePlace place = super.place_of(window, number);
  std::vector<std::byte> block(super.block_size());
  super.read_blocks(window, place.block, 1, block);
  return {block.begin() + place.offset, block.begin() + place.offset + super.inode_size()};
}

void ExtMap::State::add_claimed(std::uint64_t count) const {
  claimed += count;
  // each has its own, so this ends in time, whatever the inodes say
  if (claimed > super.blocks())
    throw Error(Errc::Corrupt, "the directories claim more blocks than the filesystem has")
        .with_hint("'e2fsck -fn' says what is damaged");
}

/// The blocks of a directory or journal, and those that map it.
void ExtMap::State::add_inode(std::span<const std::byte> bytes, std::uint32_t number, AreaUse use,
                              Places& places) const {
  ext2_inode inode{};
  std::memcpy(&inode, bytes.data(), sizeof inode);
  if (inode.i_flags & EXT4_INLINE_DATA_FL) return;
  const std::uint64_t size = inode.i_size | std::uint64_t{inode.i_size_high} << 32;
  const std::uint64_t blocks = std::min(size / super.block_size(), super.blocks());
  const MapInput input{window,
                       super,
                       number,
                       inode.i_generation,
                       (inode.i_flags & EXT4_EXTENTS_FL) != 0,
                       std::span<const std::uint32_t, 15>(inode.i_block)};
  read_map(
      input, blocks,
      [&](const Extent& run) {
        add_claimed(run.count);
        places.add(use, run.physical, run.count);
      },
      [&](std::uint64_t block) {
        add_claimed(1);
        places.add(use, block, 1);
      });
}

void ExtMap::State::add_journal(Places& places) const {
  const ext2_super_block& raw = super.raw();
  if ((raw.s_feature_compat & EXT3_FEATURE_COMPAT_HAS_JOURNAL) && raw.s_journal_inum != 0)
    add_inode(read_inode(raw.s_journal_inum), raw.s_journal_inum, AreaUse::Journal, places);
  if (raw.s_feature_compat & EXT2_FEATURE_COMPAT_RESIZE_INODE) {
    // the one block of inode 7 that maps the growth room
    ext2_inode inode{};
    std::memcpy(&inode, read_inode(EXT2_RESIZE_INO).data(), sizeof inode);
    if (const std::uint32_t map = inode.i_block[EXT2_DIND_BLOCK]; map != 0)
      places.add(AreaUse::GrowthRoom, map, 1);
  }
}

void ExtMap::State::add_directories(const Superblock::Group& group, std::uint64_t index,
                                    Places& places, Doubts& doubts) const {
  if (group.directories == 0 || group.has_no_inodes) return;
  const std::uint32_t per_group = super.raw().s_inodes_per_group, inode_size = super.inode_size();
  std::vector<std::byte> bitmap(super.block_size()), table(kPiece);
  super.read_blocks(window, group.inode_bitmap, 1, bitmap);
  const std::uint32_t per_piece = static_cast<std::uint32_t>(kPiece / inode_size);
  std::uint64_t loaded = UINT64_MAX;  // the piece of the table
  for_runs(bitmap, per_group, [&](bool used, std::uint64_t begin, std::uint64_t count) {
    if (!used) return;
    for (std::uint64_t i = begin; i < begin + count; ++i) {
      if (i / per_piece != loaded) {
        loaded = i / per_piece;
        const std::uint64_t first = loaded * (kPiece / super.block_size()),
                            blocks = std::min<std::uint64_t>(kPiece / super.block_size(),
                                                             group.table_blocks - first);
        super.read_blocks(window, group.inode_table + first, blocks, table);
      }
      const auto bytes =
          std::span<const std::byte>(table).subspan(i % per_piece * inode_size, inode_size);
      std::uint16_t mode = 0;
      std::memcpy(&mode, bytes.data() + offsetof(ext2_inode, i_mode), sizeof mode);
      if (!LINUX_S_ISDIR(mode)) continue;
      try {
        add_inode(bytes, static_cast<std::uint32_t>(index * per_group + i + 1),
                  AreaUse::Directories, places);
      } catch (const Error& error) {
        if (error.code() != Errc::Corrupt || claimed > super.blocks()) throw;
        ++doubts.directories;
      }
    }
  });
}

/// Whether its bitmap has as many free blocks as its descriptor says.
bool ExtMap::State::paint_group(const Superblock::Group& group, std::uint64_t index,
                                Painter& painter) const {
  const std::uint64_t start = super.first_block_of(index), blocks = group_blocks(index);
  if (group.has_no_bitmap) {  // none is taken but those of metadata
    painter.paint(AreaUse::Free, start, blocks);
    return true;
  }
  std::vector<std::byte> bitmap(super.block_size());
  super.read_blocks(window, group.block_bitmap, 1, bitmap);
  const std::uint64_t per_bit = super.cluster_size() / super.block_size();
  const std::uint64_t bits =
      std::min<std::uint64_t>((blocks + per_bit - 1) / per_bit, 8 * bitmap.size());
  std::uint64_t free = 0, done = 0;
  for_runs(bitmap, bits, [&](bool used, std::uint64_t begin, std::uint64_t count) {
    if (!used) free += count;
    const std::uint64_t first = begin * per_bit, end = std::min((begin + count) * per_bit, blocks);
    painter.paint(used ? AreaUse::Files : AreaUse::Free, start + first, end - first);
    done = end;
  });
  painter.paint(AreaUse::Files, start + done, blocks - done);  // more than a bitmap can say
  return free == group.free_clusters;
}

ExtMap::Doubts ExtMap::walk(const Sink& sink) const {
  const State& state = *state_;
  Doubts doubts;
  state.claimed = 0;
  Places places(state.super.blocks());
  const auto for_groups = [&](const auto& each) { state.super.for_each_group(state.window, each); };
  for_groups([&](std::uint64_t number, const Superblock::Group& group) {
    state.add_own(group, number, places);
  });
  state.add_journal(places);
  for_groups([&](std::uint64_t index, const Superblock::Group& group) {
    state.add_directories(group, index, places, doubts);
  });
  Painter painter(std::move(places).sorted(), sink);
  // where groups begin with block 1, block 0 is boot code's
  painter.paint(AreaUse::Superblock, 0, state.super.raw().s_first_data_block);
  for_groups([&](std::uint64_t index, const Superblock::Group& group) {
    if (!state.paint_group(group, index, painter)) ++doubts.groups;
  });
  painter.finish();
  return doubts;
}

}  // namespace rawimg
