// SPDX-License-Identifier: MIT
#include "ext/builder.h"

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "ext/builder_state.h"
#include "ext/features.h"
#include "ext/import.h"
#include "ext/inode_codec.h"

namespace rawimg {
namespace {

constexpr std::uint64_t kQueueBytes =
    3u << 20;  // waiting to be written; with more, bytes leave the cache
// while inodes are not counted, room is kept for one in so many bytes
constexpr std::uint64_t kRoomRatio = 4096;
constexpr std::uint64_t kSmallestSwap = 10 * 4096;  // mkswap makes none smaller

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

ExtBuilder::State::State(const Window& where, BuilderOptions how)
    : window(where), options(how), writer(where.file(), kQueueBytes) {}

ext2_filsys ExtBuilder::State::handle() const { return import ? import->fs.fs.get() : fs.get(); }

Node& ExtBuilder::State::known(NodeId id) {
  if (import) import->read_meta(*this, id);
  return node(id);
}

/// Free blocks of a filesystem that stays as it was read as zeros again, and take no room.
ExtBuilder::State::~State() {
  if (!import || import->fs.committed || options.dry_run) return;
  try {
    writer.drain();
  } catch (...) {
    // Nothing is written behind a failure.
  }
  try {
    for (const auto& [begin, end] : taken.ranges())
      window.file().discard(ByteRange{offset_of(begin), ByteCount{(end - begin) * block_size}});
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

void fill_from_handle(ExtBuilder::State& state) {
  const ext2_filsys fs = state.handle();
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
  auto state = std::make_unique<State>(where, builder);
  state->plan = plan;
  state->io.emplace(where, WindowIo::Content::Zeros);
  state->fs = initialize_ext(*state->io, plan, plan.blocks, plan.inodes);
  fill_from_handle(*state);
  state->tables.in_group = !plan.has_flex_bg();
  if (plan.fit) {
    state->space = BlockSpace({});
    (void)state->open_group();
    return ExtBuilder(std::move(state));
  }
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
  auto state = std::make_unique<State>(where, builder);
  state->import = std::make_unique<Import>(where, builder);
  state->plan.type = state->import->fs.view.info().summary.type;
  fill_from_handle(*state);
  state->import->adopt_root(*state);
  state->space = BlockSpace(state->import->fs.space.free_runs());
  return ExtBuilder(std::move(state));
}

ExtType ExtBuilder::type() const { return state_->plan.type; }
std::uint32_t ExtBuilder::block_size() const { return state_->block_size; }
std::uint32_t ExtBuilder::inode_size() const { return state_->inode_size; }
bool ExtBuilder::is_full() const { return state_->full; }
const NodeMeta& ExtBuilder::meta(NodeId node) const { return state_->known(node).meta; }
std::uint64_t ExtBuilder::size_of(NodeId node) const { return state_->known(node).size_bytes; }
std::string ExtBuilder::options_text() const { return canonical_text(state_->plan); }

bool ExtBuilder::imports() const { return state_->import != nullptr; }
Transaction::Result ExtBuilder::committed() const {
  return imports() ? state_->import->committed : Transaction::Result{};
}
bool ExtBuilder::lost_kept_undo() const { return imports() && state_->import->fs.kept.is_lost(); }
bool ExtBuilder::is_new(NodeId node) const {
  return !imports() || state_->import->origin(node) == nullptr;
}
std::vector<ExtBuilder::ImportedName> ExtBuilder::import_names(NodeId directory) {
  if (!imports()) return {};
  return state_->import->read_names(*state_, directory);
}

std::string_view ExtBuilder::symlink_target(NodeId node) const {
  const std::uint32_t target = state_->known(node).target;
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
  state_->known(node).meta = meta;
  if (imports())
    if (Import::Origin* const from = state_->import->origin(node)) from->meta_changed = true;
}

bool ExtBuilder::drops_fractions(const NodeMeta& meta) const {
  return state_->inode_size <= kBaseInode &&
         (meta.mtime.nanoseconds | meta.atime.nanoseconds | meta.ctime.nanoseconds) != 0;
}

void ExtBuilder::set_xattrs(NodeId node, std::span<const Xattr> xattrs) {
  State& s = *state_;
  if (!xattrs.empty()) require_xattrs(s.handle()->super->s_feature_compat);
  XattrRoom room = s.xattr_room;
  if (imports()) {
    if (Import::Origin* const from = s.import->origin(node)) {
      room = s.import->room_of(from->inode);
      from->xattrs_changed = from->meta_changed = true;
    }
  }
  EncodedXattrs encoded = encode_xattrs(xattrs, room);
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
  if (size_bytes > INT32_MAX && !ext2fs_has_feature_large_file(s.handle()->super))
    throw Error(Errc::Unsupported,
                fmt::format("a file of {} bytes needs the feature 'large_file'", size_bytes));
  if (size_bytes / 512 > UINT32_MAX - 65536 && !ext2fs_has_feature_huge_file(s.handle()->super))
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
  if (!is_new(node)) return;  // it may have names that nobody has looked at
  Node& n = state_->node(node);
  state_->release(n);
  n.removed = true;
}

/// Size comes last: content goes on into the next group. Where tables must lie in their group, room
/// is kept at its end for as many inodes as came with the content of a group so far, and a quarter
/// more; in the first one, for as many as 3 MiB hold, and never for fewer than usual.
bool ExtBuilder::State::open_group() {
  const std::uint64_t group = tables.by_group.size();
  if (group == groups()) return false;
  std::uint64_t room = 0;
  if (tables.in_group) {
    const std::uint64_t usual = 8 * std::uint64_t{block_size} * block_size /
                                plan.inode_ratio.value_or(kUsualRatio),
                        so_far = group == 0 ? (3u << 20) / inode_size
                                            : (nodes.size() + nodes.size() / 4) / group,
                        most = 8 * std::uint64_t{block_size} - block_size / inode_size;
    room = inode_blocks_for(std::min(std::max(usual, so_far), most), plan) + 2;
  }
  tables.by_group.push_back(room);
  const std::uint64_t begin = group_start(group) + super_blocks(group),
                      end = group_end(group) - room;
  if (begin < end) space.add({begin, end - begin});
  return true;
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
