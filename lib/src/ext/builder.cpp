// SPDX-License-Identifier: MIT
#include "ext/builder.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/recovery.h>

#include "ext/builder_state.h"
#include "ext/edit_inode.h"
#include "ext/edit_space.h"
#include "ext/ext_error.h"
#include "ext/inode_codec.h"
#include "ext/map_reader.h"
#include "ext/superblock.h"

namespace rawimg {
namespace {

constexpr std::uint64_t kQueueBytes = 8u << 20;  // waiting to be written; more gains nothing
// while inodes are not counted, room is kept for one in so many bytes
constexpr std::uint64_t kRoomRatio = 4096;
constexpr std::size_t kSwapHead = 4096;  // a page; the signature of swap space ends it
constexpr std::size_t kSwapSignature = kSwapHead - 10;
constexpr std::uint64_t kSmallestSwap = 10 * kSwapHead;  // mkswap makes none smaller

bool is_zero(std::span<const std::byte> bytes) {
  // The first word decides for nearly every block that is not zero; then words at a time.
  std::uint64_t word;
  std::size_t at = 0;
  for (; at + sizeof word <= bytes.size(); at += sizeof word) {
    std::memcpy(&word, bytes.data() + at, sizeof word);
    if (word != 0) return false;
  }
  return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(),
                     [](std::byte b) { return b == std::byte{0}; });
}

bool has_swap_signature(std::span<const std::byte> head) {
  const char* at = reinterpret_cast<const char*>(head.data()) + kSwapSignature;
  return std::memcmp(at, "SWAPSPACE2", 10) == 0 || std::memcmp(at, "SWAP-SPACE", 10) == 0;
}

NodeMeta directory_meta(std::uint16_t permissions) {
  NodeMeta meta;
  meta.type = FileType::Directory;
  meta.permissions = permissions;
  return meta;
}

std::uint64_t inode_blocks_for(std::uint64_t per_group, const ExtPlan& plan) {
  const std::uint64_t per_block = plan.block_size / plan.inode_size;
  return (per_group + per_block - 1) / per_block;
}

}  // namespace

std::uint64_t inodes_per_group(const ExtPlan& plan, std::uint64_t groups) {
  const std::uint64_t unit = std::max<std::uint64_t>(8, plan.block_size / plan.inode_size);
  const std::uint64_t most = 8 * std::uint64_t{plan.block_size} - unit;
  const std::uint64_t each = (plan.inodes + groups - 1) / groups;
  return std::min((each + unit - 1) / unit * unit, most);
}

std::uint64_t generous_table_blocks(const ExtPlan& plan, std::uint64_t groups) {
  const std::uint64_t generous = plan.blocks * plan.block_size / kRoomRatio / groups;
  const std::uint64_t most = 8 * std::uint64_t{plan.block_size} -
                             std::max<std::uint64_t>(8, plan.block_size / plan.inode_size);
  return inode_blocks_for(std::min(generous, most), plan);
}

ExtBuilder::State::State(const Window& where, BuilderOptions how, WindowIo::Content content)
    : window(where), options(how), io(where, content), writer(where.file(), kQueueBytes) {}

/// Free blocks of a filesystem that stays as it was read as zeros again, and take no room.
ExtBuilder::State::~State() {
  if (!populates || committing) return;
  try {
    writer.drain();
  } catch (...) {
    // Nothing is written behind a failure.
  }
  try {
    for (const auto& [begin, end] : taken.ranges())
      window.file().punch(ByteRange{offset_of(begin), ByteCount{(end - begin) * block_size}});
  } catch (const Error&) {
    // They are free blocks, whatever they hold.
  }
}

namespace {

/// Free runs of every group behind superblock copies and, where they must lie in the group, tables.
std::vector<BlockRun> runs_behind_metadata(const ExtBuilder::State& state) {
  std::vector<BlockRun> runs;
  for (std::uint64_t g = 0; g < state.groups(); ++g) {
    const std::uint64_t begin = state.group_start(g) + state.super_blocks(g) +
                                (state.tables.in_group ? 2 + state.tables.reserved : 0);
    if (const std::uint64_t end = state.group_end(g); begin < end)
      runs.push_back({begin, end - begin});
  }
  return runs;
}

std::vector<BlockRun> runs_of_bitmap(ext2_filsys fs) {
  std::vector<BlockRun> runs;
  const std::uint64_t end = ext2fs_blocks_count(fs->super);
  for (std::uint64_t at = fs->super->s_first_data_block; at < end;) {
    blk64_t begin = 0, after = 0;
    if (ext2fs_find_first_zero_block_bitmap2(fs->block_map, at, end - 1, &begin) != 0) break;
    if (ext2fs_find_first_set_block_bitmap2(fs->block_map, begin, end - 1, &after) != 0)
      after = end;
    runs.push_back({begin, after - begin});
    at = after;
  }
  return runs;
}

void require_fresh(ext2_filsys fs) {
  ext2_super_block* super = fs->super;
  if (super->s_feature_compat & EXT4_FEATURE_COMPAT_ORPHAN_FILE)
    throw Error(Errc::Unsupported, "the filesystem has an orphan file, whose inode is in the way")
        .with_hint("make it with mke2fs -O ^orphan_file, or with 'rawimg format'");
  const std::uint32_t first = EXT2_FIRST_INODE(super);
  ext2fs_inode_bitmap map = fs->inode_map;
  ext2_ino_t used = 0;
  const bool more_inodes =
      ext2fs_find_first_set_inode_bitmap2(map, first + 1, super->s_inodes_count, &used) == 0;
  if (first != EXT2_GOOD_OLD_FIRST_INO || more_inodes || !ext2fs_test_inode_bitmap2(map, first))
    throw Error(Errc::Unsupported, "the filesystem is not empty")
        .with_hint(
            "populate fills a filesystem that holds nothing but an empty lost+found; make one with "
            "'rawimg format', or build a new image");
}

/// Root and lost+found give their blocks back at the end: they must be theirs to give.
void require_own_blocks(const Window& where, ExtBuilder::State& state) {
  const auto super = Superblock::read(where);
  EditSpace space(state.fs.get(), state.io);
  for (const std::uint32_t number : {EXT2_ROOT_INO, EXT2_GOOD_OLD_FIRST_INO}) {
    const EditInode inode(state.fs.get(), state.io, number);
    if (!inode.is(LINUX_S_IFDIR))
      throw Error(Errc::Corrupt, fmt::format("inode {} is not a directory", number));
    const MapInput map{where,
                       *super,
                       number,
                       inode.fields().i_generation,
                       inode.has_extents(),
                       std::span<const std::uint32_t, 15>(inode.fields().i_block)};
    read_map(
        map, max_file_blocks(inode.has_extents(), state.fs->blocksize),
        [&](const Extent& extent) {
          space.give_back({extent.physical, extent.count});
        },
        [&](std::uint64_t block) {
          space.give_back({block, 1});
        });
  }
}

void fill_from_handle(ExtBuilder::State& state) {
  ext2_filsys fs = state.fs.get();
  state.block_size = fs->blocksize;
  state.inode_size = EXT2_INODE_SIZE(fs->super);
  state.extents_on_disk = ext2fs_has_feature_extents(fs->super);
  const bool inner_xattrs = state.plan.type != ExtType::Ext2 && state.inode_size > kBaseInode;
  state.xattr_room = {state.block_size,
                      inner_xattrs ? state.inode_size - kBaseInode - kExtraIsize : 0};
  state.nodes.push_back({directory_meta(0755)});
  state.nodes.push_back({directory_meta(0700)});
}

}  // namespace

ExtBuilder::ExtBuilder(std::unique_ptr<State> state) : state_(std::move(state)) {}
ExtBuilder::ExtBuilder(ExtBuilder&&) noexcept = default;
ExtBuilder& ExtBuilder::operator=(ExtBuilder&&) noexcept = default;
ExtBuilder::~ExtBuilder() = default;

ExtBuilder ExtBuilder::format_last(const Window& where, const ExtOptions& options,
                                   BuilderOptions builder) {
  const ExtPlan plan = plan_ext(options, ByteCount{where.range().size()});
  // nothing of an older filesystem may shine through, and tables that are never written must read
  // as zeros
  where.file().punch(where.range());
  auto state = std::make_unique<State>(where, builder, WindowIo::Content::Zeros);
  state->plan = plan;
  state->fs = initialize_ext(state->io, plan, plan.blocks, plan.inodes);
  fill_from_handle(*state);
  state->tables.in_group = !plan.has_flex_bg();
  state->tables.final_blocks = state->tables.reserved = state->fs->inode_blocks_per_group;
  if (state->tables.in_group) {
    const std::uint64_t room = plan.inodes_asked_for
                                   ? inode_blocks_for(inodes_per_group(plan, state->groups()), plan)
                                   : generous_table_blocks(plan, state->groups());
    state->tables.reserved = std::max(state->tables.reserved, room);
    if (plan.inodes_asked_for) state->tables.final_blocks = state->tables.reserved;
  }
  state->space = BlockSpace(runs_behind_metadata(*state));
  return ExtBuilder(std::move(state));
}

ExtBuilder ExtBuilder::populate(const Window& where, BuilderOptions builder) {
  (void)recover(where.file(), builder.durability);
  if (const auto super = Superblock::read(where)) super->require_editable();
  auto state = std::make_unique<State>(where, builder, WindowIo::Content::Unknown);
  state->populates = true;
  ext2_filsys raw = nullptr;
  const errcode_t code = ext2fs_open2(state->io.name().c_str(), "", EXT2_FLAG_RW | EXT2_FLAG_64BITS,
                                      0, 0, WindowIo::manager(), &raw);
  if (code == EXT2_ET_BAD_MAGIC)
    throw Error(Errc::Unsupported, "there is no ext2, ext3 or ext4 filesystem");
  if (code == EXT2_ET_UNSUPP_FEATURE || code == EXT2_ET_RO_UNSUPP_FEATURE)
    throw Error(Errc::Unsupported, "the filesystem has features that rawimg does not write");
  state->io.check(code, "open the filesystem");
  state->fs.reset(raw);
  ext2_filsys fs = raw;
  const std::uint64_t bytes = ext2fs_blocks_count(fs->super) * fs->blocksize;
  if (bytes > where.range().size())
    throw Error(Errc::Corrupt, fmt::format("the filesystem has {} bytes, but its partition has {}",
                                           bytes, where.range().size()));
  state->io.check(ext2fs_check_desc(fs), "check the group descriptors");
  state->io.check(ext2fs_read_bitmaps(fs), "read the bitmaps");
  require_fresh(fs);
  require_own_blocks(where, *state);
  fs->flags &= ~EXT2_FLAG_MASTER_SB_ONLY;  // copies of superblock and descriptors stay current
  state->plan.type = summarize(fs).type;
  state->plan.blocks = ext2fs_blocks_count(fs->super);
  fill_from_handle(*state);
  state->space = BlockSpace(runs_of_bitmap(fs));
  return ExtBuilder(std::move(state));
}

ExtType ExtBuilder::type() const { return state_->plan.type; }
std::uint32_t ExtBuilder::block_size() const { return state_->block_size; }
std::uint32_t ExtBuilder::inode_size() const { return state_->inode_size; }
bool ExtBuilder::is_full() const { return state_->full; }
const NodeMeta& ExtBuilder::meta(NodeId node) const { return state_->node(node).meta; }
std::uint64_t ExtBuilder::size_of(NodeId node) const { return state_->node(node).size_bytes; }
std::string ExtBuilder::options_text() const { return canonical_text(state_->plan); }

std::string_view ExtBuilder::symlink_target(NodeId node) const {
  const std::uint32_t target = state_->node(node).target;
  return target == 0 ? std::string_view{} : state_->targets[target - 1];
}

NodeId ExtBuilder::add(const NodeMeta& meta) {
  require_encodable(meta, state_->inode_size);
  if (state_->nodes.size() >= UINT32_MAX - 16)
    throw Error(Errc::Unsupported, "more inodes than ext can number");
  state_->nodes.push_back({meta});
  return NodeId{static_cast<std::uint32_t>(state_->nodes.size() - 1)};
}

void ExtBuilder::set_meta(NodeId node, const NodeMeta& meta) {
  require_encodable(meta, state_->inode_size);
  state_->node(node).meta = meta;
}

bool ExtBuilder::drops_fractions(const NodeMeta& meta) const {
  return state_->inode_size <= kBaseInode &&
         (meta.mtime.nanoseconds | meta.atime.nanoseconds | meta.ctime.nanoseconds) != 0;
}

void ExtBuilder::set_xattrs(NodeId node, std::span<const Xattr> xattrs) {
  State& s = *state_;
  if (!xattrs.empty() && !ext2fs_has_feature_xattr(s.fs->super))
    throw Error(Errc::Unsupported,
                "the filesystem has no extended attributes (feature 'ext_attr')");
  EncodedXattrs encoded = encode_xattrs(xattrs, s.xattr_room);
  if (encoded == EncodedXattrs{}) {
    s.node(node).xattrs = 0;
    return;
  }
  const auto [it, is_new] =
      s.xattr_index.try_emplace(encoded, static_cast<std::uint32_t>(s.xattr_sets.size() + 1));
  if (is_new) s.xattr_sets.push_back(std::move(encoded));
  s.node(node).xattrs = it->second;
}

void ExtBuilder::set_symlink(NodeId node, std::string_view target) {
  State& s = *state_;
  if (target.empty()) throw Error(Errc::Unsupported, "a symlink without a target cannot be stored");
  if (target.find('\0') != std::string_view::npos)
    throw Error(Errc::Unsupported, "a symlink whose target has a NUL byte cannot be stored");
  if (target.size() >= s.block_size)
    throw Error(Errc::Unsupported,
                fmt::format("a symlink target of {} bytes: it can have {} with blocks of {} bytes",
                            target.size(), s.block_size - 1, s.block_size));
  s.targets.emplace_back(target);
  Node& n = s.node(node);
  n.target = static_cast<std::uint32_t>(s.targets.size());
  n.size_bytes = target.size();
}

void ExtBuilder::begin_content(NodeId node, std::uint64_t size_bytes) {
  State& s = *state_;
  const std::uint64_t most = max_file_blocks(s.extents_on_disk, s.block_size) * s.block_size;
  if (size_bytes > most)
    throw Error(Errc::Unsupported,
                fmt::format("a file of {} bytes: with blocks of {} bytes it can have {}",
                            size_bytes, s.block_size, most));
  if (size_bytes > INT32_MAX && !ext2fs_has_feature_large_file(s.fs->super))
    throw Error(Errc::Unsupported,
                fmt::format("a file of {} bytes needs the feature 'large_file'", size_bytes));
  if (size_bytes / 512 > UINT32_MAX - 65536 && !ext2fs_has_feature_huge_file(s.fs->super))
    throw Error(Errc::Unsupported,
                fmt::format("a file of {} bytes needs the feature 'huge_file'", size_bytes));
  s.release(s.node(node));
  OpenContent open;
  open.node = node;
  open.size = size_bytes;
  open.may_be_swap = s.options.holes == HolePolicy::Zeros && size_bytes >= kSmallestSwap;
  open.holes = s.options.holes != HolePolicy::None;
  open.indirect = IndirectCursor(s.block_size);
  s.open = std::move(open);
  Node& n = s.node(node);
  n.size_bytes = size_bytes;
  n.first_extent = static_cast<std::uint32_t>(s.extents.size());
  n.first_map = static_cast<std::uint32_t>(s.map_blocks.size());
}

void ExtBuilder::append(const DataChunk& chunk) {
  State& s = *state_;
  OpenContent& open = s.open.value();
  if (chunk.bytes.empty()) return;
  const std::uint64_t at = chunk.offset, next = open.position + open.head.size();
  if (at < next)
    throw Error(Errc::BadInput, fmt::format("content at byte {} comes after byte {}", at, next));
  if (chunk.bytes.size() > open.size || at > open.size - chunk.bytes.size())
    throw Error(Errc::BadInput,
                fmt::format("content of {} bytes at byte {} passes the file's size of {} bytes",
                            chunk.bytes.size(), at, open.size));
  if (open.may_be_swap) return s.append_head(chunk);
  s.append_now(at, chunk.bytes, chunk.owner);
}

void ExtBuilder::end_content() {
  State& s = *state_;
  OpenContent& open = s.open.value();
  s.flush_head();
  s.skip_to(open.size);
  if (!open.block.empty()) s.flush_block();
  s.open.reset();
}

void ExtBuilder::remove(NodeId node) {
  Node& n = state_->node(node);
  state_->release(n);
  n.removed = true;
}

// Content: whole blocks go from the source's buffers straight to the writer; only a block that
// straddles two chunks is put together in a buffer of its own.

/// The first page of a file decides whether it is swap space, which must not have holes.
void ExtBuilder::State::append_head(const DataChunk& chunk) {
  OpenContent& file = *open;
  std::span<const std::byte> bytes = chunk.bytes;
  std::uint64_t offset = chunk.offset;
  const bool whole_page = offset == 0 && bytes.size() >= kSwapHead;
  if (whole_page && has_swap_signature(bytes)) file.holes = false;
  if (!whole_page && offset == file.head.size()) {
    const std::size_t n = std::min(bytes.size(), kSwapHead - file.head.size());
    file.head.insert(file.head.end(), bytes.begin(),
                     bytes.begin() + static_cast<std::ptrdiff_t>(n));
    bytes = bytes.subspan(n);
    offset += n;
    if (file.head.size() < kSwapHead) return;
    if (has_swap_signature(file.head)) file.holes = false;
  }
  flush_head();
  if (!bytes.empty()) append_now(offset, bytes, chunk.owner);
}

void ExtBuilder::State::flush_head() {
  open->may_be_swap = false;
  if (open->head.empty()) return;
  const auto head = std::make_shared<const std::vector<std::byte>>(std::exchange(open->head, {}));
  append_now(0, *head, head);
}

void ExtBuilder::State::append_now(std::uint64_t offset, std::span<const std::byte> bytes,
                                   const std::shared_ptr<const void>& owner) {
  skip_to(offset);
  OpenContent& file = *open;
  if (!file.block.empty()) {
    const std::size_t n = std::min<std::size_t>(block_size - file.block.size(), bytes.size());
    file.block.insert(file.block.end(), bytes.begin(),
                      bytes.begin() + static_cast<std::ptrdiff_t>(n));
    file.position += n;
    bytes = bytes.subspan(n);
    if (file.block.size() == block_size) flush_block();
  }
  const bool is_end = file.position + bytes.size() == file.size;
  const std::size_t now = is_end ? bytes.size() : bytes.size() / block_size * block_size;
  emit(file.position, bytes.first(now), owner);
  file.position += now;
  bytes = bytes.subspan(now);
  file.block.insert(file.block.end(), bytes.begin(), bytes.end());
  file.position += bytes.size();
}

void ExtBuilder::State::skip_to(std::uint64_t offset) {
  OpenContent& file = *open;
  if (offset == file.position) return;
  if (!file.block.empty()) {
    const std::uint64_t n = std::min(block_size - file.block.size(), offset - file.position);
    file.block.resize(file.block.size() + n);
    file.position += n;
    if (file.block.size() == block_size) flush_block();
    if (offset == file.position) return;
  }
  const std::uint64_t block_start = offset / block_size * block_size;
  if (!file.holes)
    emit_zeros(file.position, (offset == file.size ? offset : block_start) - file.position);
  if (offset != file.size) file.block.resize(offset - block_start);
  file.position = offset;
}

void ExtBuilder::State::flush_block() {
  OpenContent& file = *open;
  const std::vector<std::byte> block = std::exchange(file.block, {});
  auto own = std::make_shared<const std::vector<std::byte>>(block);
  emit(file.position - block.size(), *own, own);
}

void ExtBuilder::State::emit_zeros(std::uint64_t position, std::uint64_t size) {
  static const std::vector<std::byte> zeros(1u << 20);
  for (std::uint64_t done = 0; done < size;) {
    const std::uint64_t n = std::min<std::uint64_t>(zeros.size(), size - done);
    emit(position + done, std::span(zeros).first(n), nullptr);
    done += n;
  }
}

void ExtBuilder::State::emit(std::uint64_t position, std::span<const std::byte> bytes,
                             const std::shared_ptr<const void>& owner) {
  const bool find_zeros = open->holes && options.holes == HolePolicy::Zeros;
  const auto block_at = [&](std::size_t at) {
    return bytes.subspan(at, std::min<std::size_t>(block_size, bytes.size() - at));
  };
  for (std::size_t at = 0; at < bytes.size();) {
    if (find_zeros && is_zero(block_at(at))) {
      at += block_size;
      continue;
    }
    std::size_t end = at + block_size;
    while (end < bytes.size() && !(find_zeros && is_zero(block_at(end)))) end += block_size;
    const auto run = bytes.subspan(at, std::min(end, bytes.size()) - at);
    place((position + at) / block_size, (run.size() + block_size - 1) / block_size, run, owner);
    at = end;
  }
}

void ExtBuilder::State::place(std::uint64_t logical, std::uint64_t count,
                              std::span<const std::byte> bytes,
                              const std::shared_ptr<const void>& owner) {
  Node& n = node(open->node);
  while (count != 0) {
    std::uint64_t want = count;
    if (!extents_on_disk) {
      make_map_blocks(n, logical);
      want = std::min(want, open->indirect.boundary_after(logical) - logical);
    }
    BlockRun run = take(want);
    if (run.count == 0) {
      counted_blocks += want;
      run.count = want;
    } else {
      record(n, logical, run);
      const auto part = bytes.first(std::min<std::size_t>(bytes.size(), run.count * block_size));
      writer.put(offset_of(run.start), part, owner);
      // The rest of the last block is written, too: what follows stays one run, and a block used
      // before may hold something else there.
      writer.put_zeros(ByteOffset{offset_of(run.start).value + part.size()},
                       run.count * block_size - part.size());
    }
    bytes = bytes.subspan(std::min<std::size_t>(bytes.size(), run.count * block_size));
    logical += run.count;
    count -= run.count;
  }
}

BlockRun ExtBuilder::State::take(std::uint64_t want) {
  if (full) return {};
  BlockRun run = space.take(want);
  if (run.count == 0 && open_table_room()) run = space.take(want);
  full = run.count == 0;
  content_end = std::max(content_end, run.end());
  if (populates) taken.add(run.start, run.end());
  if (!given_back.empty()) given_back.remove(run.start, run.end());
  return run;
}

void ExtBuilder::State::make_map_blocks(Node& n, std::uint64_t logical) {
  for (unsigned i = open->indirect.needed_at(logical); i != 0; --i) {
    const BlockRun run = take(1);
    if (run.count == 0) {
      ++counted_blocks;
      continue;
    }
    map_blocks.push_back(run.start);
    ++n.map_count;
    ++n.blocks;
    // keeps the run whole; finish() writes the map
    writer.put_zeros(offset_of(run.start), block_size);
  }
}

void ExtBuilder::State::record(Node& n, std::uint64_t logical, BlockRun run) {
  n.blocks += run.count;
  if (n.extent_count != 0) {
    Extent& last = extents.back();
    if (last.logical_end() == logical && last.physical + last.count == run.start) {
      last.count += static_cast<std::uint32_t>(run.count);
      return;
    }
  }
  extents.push_back(
      {run.start, static_cast<std::uint32_t>(logical), static_cast<std::uint32_t>(run.count)});
  ++n.extent_count;
}

void ExtBuilder::State::release(Node& n) {
  const auto give = [&](BlockRun run) {
    space.give_back(run);
    given_back.add(run.start, run.end());
  };
  for (const Extent& extent : extents_of(n)) give({extent.physical, extent.count});
  for (const std::uint64_t block : maps_of(n)) give({block, 1});
  n.extent_count = n.map_count = 0;
  n.blocks = n.size_bytes = 0;
}

/// Space is short: the inode tables get the size that the options call for, or that the inodes so
/// far need, and content gets what they would not use.
bool ExtBuilder::State::open_table_room() {
  if (!tables.in_group || tables.opened || tables.reserved == tables.final_blocks) return false;
  tables.opened = true;
  const std::uint64_t so_far =
      inode_blocks_for((nodes.size() + EXT2_GOOD_OLD_FIRST_INO + groups()) / groups() + 1, plan);
  tables.final_blocks = std::min(tables.reserved, std::max(tables.final_blocks, so_far));
  for (std::uint64_t g = 0; g < groups(); ++g) {
    const std::uint64_t begin = group_start(g) + super_blocks(g) + 2 + tables.final_blocks;
    const std::uint64_t end = std::min(begin + tables.reserved - tables.final_blocks, group_end(g));
    if (begin < end) space.add({begin, end - begin});
  }
  return tables.reserved != tables.final_blocks;
}

}  // namespace rawimg
