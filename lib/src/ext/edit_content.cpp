// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/zeros.h"
#include "ext/acl_mode.h"
#include "ext/directory_blocks.h"
#include "ext/edit_state.h"
#include "ext/ext_error.h"
#include "ext/features.h"
#include "ext/map_reader.h"

namespace rawimg {
namespace {

constexpr std::uint32_t kMaxXattrReferences = 1024;  // EXT4_XATTR_REFCOUNT_MAX
constexpr std::size_t kPiece = 1u << 20;             // content is gathered to so long writes
constexpr std::uint64_t kMostInRam = 64u << 20;      // content of a dry run that can be read back

bool has_map(const EditInode& inode, std::uint64_t xattr_sectors) {
  if (inode.is(LINUX_S_IFREG) || inode.is(LINUX_S_IFDIR)) return true;
  if (!inode.is(LINUX_S_IFLNK)) return false;
  return inode.has_extents() || inode.size() >= kFastSymlink ||
         inode.fields().i_blocks != xattr_sectors;
}

void require_regular(const EditInode& inode, const char* what) {
  if (!inode.is(LINUX_S_IFREG))
    throw Error(Errc::Usage,
                fmt::format("inode {} is not a regular file: {}", inode.number(), what));
}

bool is_capability(const Xattr& xattr) { return xattr.name == kCapability; }

/// Adjacent runs as one, as far as the count of an extent goes.
void append_extent(std::vector<Extent>& extents, const Extent& next) {
  if (!extents.empty()) {
    Extent& last = extents.back();
    const bool adjoins = last.logical_end() == next.logical &&
                         last.physical + last.count == next.physical &&
                         last.unwritten == next.unwritten;
    if (adjoins && next.count <= UINT32_MAX - last.count) {
      last.count += next.count;
      return;
    }
  }
  extents.push_back(next);
}

std::uint64_t map_blocks_for(std::span<const Extent> extents, bool tree, std::uint32_t block_size) {
  if (tree) return extent_tree_blocks(extents, block_size);
  IndirectCursor cursor(block_size);
  std::uint64_t blocks = 0;
  for (const Extent& extent : extents)
    for (std::uint64_t at = extent.logical; at < extent.logical_end();
         at = cursor.boundary_after(at))
      blocks += cursor.needed_at(at);
  return blocks;
}

}  // namespace

// Maps

MapInput Transaction::State::map_of(const EditInode& inode) const {
  return {overlay,
          super,
          inode.number(),
          inode.fields().i_generation,
          inode.has_extents(),
          std::span<const std::uint32_t, 15>(inode.fields().i_block)};
}

InodeBlocks Transaction::State::blocks_of(const EditInode& inode) {
  InodeBlocks blocks;
  if (!has_map(inode, inode.xattr_block() != 0 ? block_size() / 512 : 0)) return blocks;
  read_map(
      map_of(inode), max_file_blocks(inode.has_extents(), block_size()),
      [&](const Extent& extent) { blocks.extents.push_back(extent); },
      [&](std::uint64_t block) { blocks.map_blocks.push_back(block); });
  return blocks;
}

std::uint64_t Transaction::State::data_blocks(std::span<const Extent> extents) const {
  std::uint64_t count = 0;
  for (const Extent& extent : extents) count += extent.count;
  return count;
}

void Transaction::State::give_back(std::span<const Extent> extents) {
  for (const Extent& extent : extents) space.give_back({extent.physical, extent.count});
}

std::vector<Extent> Transaction::State::take_run(std::uint64_t goal, std::uint64_t logical,
                                                 std::uint64_t count) {
  std::vector<Extent> extents;
  while (count != 0) {
    const BlockRun run = space.take_blocks(goal, count);
    append_extent(extents, {run.start, static_cast<std::uint32_t>(logical),
                            static_cast<std::uint32_t>(run.count)});
    logical += run.count;
    count -= run.count;
    goal = run.end();
  }
  return extents;
}

void Transaction::State::store_map(EditInode& inode, std::span<const Extent> extents,
                                   std::vector<std::uint64_t> map_blocks) {
  const std::uint64_t need = map_blocks_for(extents, inode.has_extents(), block_size());
  for (; map_blocks.size() > need; map_blocks.pop_back()) space.give_back({map_blocks.back(), 1});
  const std::uint64_t goal =
      extents.empty() ? space.goal_for(inode.number()) : extents.front().physical;
  while (map_blocks.size() < need) map_blocks.push_back(space.take_blocks(goal, 1).start);
  const std::uint32_t seed =
      inode_checksum_seed(fs->csum_seed, inode.number(), inode.fields().i_generation);
  const bool checksums = ext2fs_has_feature_metadata_csum(fs->super) && inode.has_extents();
  const MapSink sink = [&](std::uint64_t block, std::span<std::byte> bytes) {
    if (checksums) set_extent_block_checksum(seed, bytes);
    write_block(block, bytes);
  };
  const MapRoot root = inode.has_extents()
                           ? write_extent_map(extents, map_blocks, block_size(), sink)
                           : write_indirect_map(extents, map_blocks, block_size(), sink);
  std::copy(root.words.begin(), root.words.end(), inode.fields().i_block);
  inode.set_blocks(data_blocks(extents) + need + (inode.xattr_block() != 0 ? 1 : 0));
  changed = true;
}

void Transaction::State::write_block(std::uint64_t block, std::span<const std::byte> bytes) {
  io.write_at(block * block_size(), bytes);
}

// Content

ContentWriter::ContentWriter(Transaction::State& state, std::uint64_t goal,
                             std::uint64_t size_bytes)
    : state_(state), goal_(goal), size_(size_bytes) {}

void ContentWriter::append(const DataChunk& chunk) {
  if (chunk.offset < position_ || chunk.offset > size_ || chunk.bytes.size() > size_ - chunk.offset)
    throw Error(Errc::BadInput,
                fmt::format("content of {} bytes at byte {} of a file of {}, of which {} have come",
                            chunk.bytes.size(), chunk.offset, size_, position_));
  // A gap up to the next block is zeros; whole blocks of it are skipped.
  const std::uint64_t block = state_.block_size();
  if (chunk.offset > position_) {
    const std::uint64_t fill =
        std::min(chunk.offset - position_, (block - position_ % block) % block);
    add(std::vector<std::byte>(fill));
    if (const std::uint64_t begin = chunk.offset / block * block; begin > position_) {
      flush(buffer_.size() / block);
      position_ = begin;
    }
    add(std::vector<std::byte>(chunk.offset - position_));
  }
  for (std::size_t at = 0; at < chunk.bytes.size(); at += kPiece)
    add(chunk.bytes.subspan(at, std::min(kPiece, chunk.bytes.size() - at)));
}

void ContentWriter::add(std::span<const std::byte> bytes) {
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  position_ += bytes.size();
  if (buffer_.size() >= kPiece) flush(buffer_.size() / state_.block_size());
}

/// The first `count` blocks of the buffer.
void ContentWriter::flush(std::uint64_t count) {
  const std::uint64_t block = state_.block_size(), first = (position_ - buffer_.size()) / block;
  const auto is_zero = [&](std::uint64_t i) {
    return is_zeros(std::span(buffer_).subspan(i * block, block));
  };
  for (std::uint64_t begin = 0; begin < count;) {
    if (is_zero(begin)) {
      ++begin;
      continue;
    }
    std::uint64_t end = begin + 1;
    while (end < count && !is_zero(end)) ++end;
    place(first + begin, std::span(buffer_).subspan(begin * block, (end - begin) * block));
    begin = end;
  }
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(count * block));
}

void ContentWriter::place(std::uint64_t first_block, std::span<const std::byte> bytes) {
  const std::uint64_t block = state_.block_size();
  for (const Extent& extent : state_.take_run(goal_, first_block, bytes.size() / block)) {
    const std::uint64_t at = extent.physical * block, size = extent.count * block;
    write(at, bytes.subspan((extent.logical - first_block) * block, size));
    append_extent(extents_, extent);
    goal_ = extent.physical + extent.count;
  }
}

void ContentWriter::write(std::uint64_t at, std::span<const std::byte> bytes) {
  Transaction::State& s = state_;
  if (s.options.dry_run) {
    if ((s.bytes_in_ram += bytes.size()) <= kMostInRam) s.io.write_at(at, bytes);
    return;
  }
  s.kept.make_way(at / s.block_size(), (at + bytes.size()) / s.block_size());
  s.io.forget(at, bytes.size());
  s.written.add(at / s.block_size(), (at + bytes.size()) / s.block_size());
  s.window.file().write_at(ByteOffset{s.window.range().start() + at}, bytes);
}

std::vector<Extent> ContentWriter::finish() {
  const std::uint64_t block = state_.block_size(), rest = buffer_.size() % block;
  if (rest != 0) add(std::vector<std::byte>(block - rest));  // behind the end of the file
  flush(buffer_.size() / block);
  return std::move(extents_);
}

void Transaction::write_file(std::uint32_t number, std::optional<std::uint64_t> size_bytes,
                             const std::function<void(const ContentSink&)>& produce) {
  State& s = *state_;
  EditInode inode(s.fs.get(), s.io, number);
  require_regular(inode, "content can be written to files only");
  const bool tree = ext2fs_has_feature_extents(s.fs->super);
  const std::uint64_t most = max_file_blocks(tree, s.block_size()) * s.block_size();
  if (size_bytes.value_or(0) > most)
    throw Error(Errc::Unsupported,
                fmt::format("a file of {} bytes: with blocks of {} bytes it can have {}",
                            *size_bytes, s.block_size(), most));
  EditSpace::Savepoint savepoint(s.space);
  ContentWriter writer(s, s.space.goal_for(number), size_bytes.value_or(most));
  produce([&](const DataChunk& chunk) { writer.append(chunk); });
  const std::uint64_t end = size_bytes.value_or(writer.position());
  const std::vector<Extent> extents = writer.finish();
  const InodeBlocks old = s.blocks_of(inode);
  inode.fields().i_flags = (inode.fields().i_flags & ~static_cast<__u32>(EXT4_EXTENTS_FL)) |
                           (tree ? EXT4_EXTENTS_FL : 0U);
  inode.set_size(end);
  inode.set_mtime(s.options.now);
  inode.set_ctime(s.options.now);
  s.store_map(inode, extents, {});
  s.drop_capability(inode);
  savepoint.keep();
  s.give_back(old.extents);
  for (const std::uint64_t block : old.map_blocks) s.space.give_back({block, 1});
  inode.write();
}

/// What is in the last block behind the end must be zeros before the end moves.
void Transaction::State::clear_tail(const InodeBlocks& blocks, std::uint64_t size) {
  const std::uint64_t in_block = size % block_size(), logical = size / block_size();
  if (in_block == 0) return;
  for (const Extent& extent : blocks.extents) {
    if (extent.unwritten || logical < extent.logical || logical >= extent.logical_end()) continue;
    const std::uint64_t at = (extent.physical + (logical - extent.logical)) * block_size();
    std::vector<std::byte> tail(block_size() - in_block), zeros(tail.size());
    io.read_at(at + in_block, tail);
    if (tail != zeros) io.write_at(at + in_block, zeros);
  }
}

void Transaction::set_size(std::uint32_t number, std::uint64_t size_bytes) {
  State& s = *state_;
  EditInode inode(s.fs.get(), s.io, number);
  require_regular(inode, "only files have a size to set");
  const std::uint64_t block = s.block_size(),
                      most = max_file_blocks(inode.has_extents(), s.block_size());
  if (size_bytes > most * block)
    throw Error(Errc::Unsupported,
                fmt::format("a file of {} bytes: with blocks of {} bytes it can have {} of them",
                            size_bytes, block, most));
  InodeBlocks blocks = s.blocks_of(inode);
  s.drop_capability(inode);
  const std::uint64_t keep = (size_bytes + block - 1) / block;
  s.clear_tail(blocks, std::min(size_bytes, inode.size()));
  std::vector<Extent> kept;
  for (Extent extent : blocks.extents) {
    const std::uint64_t used =
        extent.logical >= keep ? 0 : std::min<std::uint64_t>(extent.count, keep - extent.logical);
    if (used < extent.count) s.space.give_back({extent.physical + used, extent.count - used});
    extent.count = static_cast<std::uint32_t>(used);
    if (used != 0) kept.push_back(extent);
  }
  inode.set_size(size_bytes);
  inode.set_mtime(s.options.now);
  inode.set_ctime(s.options.now);
  s.store_map(inode, kept, std::move(blocks.map_blocks));
  inode.write();
}

void Transaction::State::write_target(EditInode& inode, std::string_view target) {
  inode.set_size(target.size());
  if (target.size() < kFastSymlink) {
    std::memcpy(inode.fields().i_block, target.data(), target.size());
    return;
  }
  const std::vector<Extent> extents = take_run(space.goal_for(inode.number()), 0, 1);
  std::vector<std::byte> block(block_size());
  std::memcpy(block.data(), target.data(), target.size());
  write_block(extents.front().physical, block);
  if (ext2fs_has_feature_extents(fs->super)) inode.fields().i_flags |= EXT4_EXTENTS_FL;
  store_map(inode, extents, {});
}

// Extended attributes

/// Empty when the inode has none.
std::string Transaction::State::read_xattr_block(const EditInode& inode) const {
  const std::uint64_t block = inode.xattr_block();
  if (block == 0) return {};
  std::string bytes(block_size(), '\0');
  io.read_at(block * block_size(), std::as_writable_bytes(std::span(bytes)));
  const auto* header = reinterpret_cast<const ext2_ext_attr_header*>(bytes.data());
  if (header->h_magic != EXT2_EXT_ATTR_MAGIC || header->h_refcount == 0)
    throw Error(Errc::Corrupt,
                fmt::format("block {}, with the extended attributes of inode {}, is damaged", block,
                            inode.number()))
        .with_hint(kCheckHint);
  // to change it would make its checksum right
  if (!ext2fs_ext_attr_block_csum_verify(fs.get(), inode.number(), block,
                                         reinterpret_cast<ext2_ext_attr_header*>(bytes.data())))
    throw Error(Errc::Corrupt,
                fmt::format("block {}, with the extended attributes of inode {}, is damaged: its "
                            "checksum is wrong",
                            block, inode.number()))
        .with_hint(kCheckHint);
  return bytes;
}

void Transaction::State::drop_xattr_block(EditInode& inode) {
  const std::uint64_t block = inode.xattr_block();
  std::string bytes = read_xattr_block(inode);
  if (block == 0) return;
  auto* header = reinterpret_cast<ext2_ext_attr_header*>(bytes.data());
  if (header->h_refcount == 1) {
    space.give_back({block, 1});
    std::erase_if(xattr_blocks, [&](const auto& known) { return known.second == block; });
  } else {
    --header->h_refcount;
    io.check(ext2fs_ext_attr_block_csum_set(fs.get(), inode.number(), block, header),
             "checksum extended attributes");
    write_block(block, std::as_bytes(std::span(bytes)));
  }
  inode.set_xattr_block(0);
}

/// A block with this content: one that this transaction knows, with one reference more, or a new
/// one.
std::uint64_t Transaction::State::take_xattr_block(std::string block) {
  auto* header = reinterpret_cast<ext2_ext_attr_header*>(block.data());
  header->h_refcount = 0;
  header->h_checksum = 0;
  const auto known = xattr_blocks.find(block);
  std::uint64_t at = known == xattr_blocks.end() ? 0 : known->second;
  std::uint32_t references = 1;
  if (at != 0) {
    ext2_ext_attr_header there{};
    io.read_at(at * block_size(), std::as_writable_bytes(std::span(&there, 1)));
    references = there.h_refcount + 1;
  }
  if (at == 0 || references > kMaxXattrReferences) {
    at = space.take_blocks(fs->super->s_first_data_block, 1).start;
    references = 1;
    xattr_blocks[block] = at;
  }
  header->h_refcount = references;
  io.check(ext2fs_ext_attr_block_csum_set(fs.get(), 0, at, header), "checksum extended attributes");
  write_block(at, std::as_bytes(std::span(block)));
  return at;
}

XattrRoom Transaction::State::xattr_room(const EditInode& inode) const {
  const bool inner =
      super.info().summary.type != ExtType::Ext2;  // the ext2 driver looks into the block only
  return {block_size(), inner ? inode.xattr_room() : 0};
}

void Transaction::State::store_xattrs(EditInode& inode, const EncodedXattrs& encoded) {
  if (!(encoded == EncodedXattrs{})) require_xattrs(fs->super->s_feature_compat);
  const std::uint64_t before = inode.xattr_block();
  (void)read_xattr_block(inode);  // what cannot be dropped is found before a reference is added
  const std::uint64_t at = encoded.block.empty() ? 0 : take_xattr_block(encoded.block);
  drop_xattr_block(inode);
  inode.set_xattr_block(at);
  inode.set_xattr_area(encoded.in_inode);
  const std::uint64_t blocks =
      ext2fs_get_stat_i_blocks(fs.get(), reinterpret_cast<ext2_inode*>(&inode.fields())) /
      (block_size() / 512);
  inode.set_blocks(blocks - (before != 0 ? 1 : 0) + (at != 0 ? 1 : 0));
  changed = true;
}

void Transaction::State::drop_capability(EditInode& inode) {
  std::vector<Xattr> xattrs = view.inode(inode.number()).xattrs;
  if (std::erase_if(xattrs, is_capability) != 0)
    store_xattrs(inode, encode_xattrs(xattrs, xattr_room(inode)));
}

void Transaction::State::set_permissions(EditInode& inode, const MetadataChange& change) {
  const bool new_owner = change.uid || change.gid;
  if (!change.permissions && !new_owner) return;
  __u16& mode = inode.fields().i_mode;
  std::uint16_t permissions = change.permissions.value_or(mode & 07777U);
  if (!change.permissions && inode.is(LINUX_S_IFREG)) permissions = without_setuid(permissions);
  std::vector<Xattr> xattrs = view.inode(inode.number()).xattrs;
  bool differ = new_owner && std::erase_if(xattrs, is_capability) != 0;
  for (Xattr& xattr : xattrs) {
    if (xattr.name != kAccessAcl) continue;
    xattr.value = acl_with_mode(std::move(xattr.value), permissions);
    differ = true;
  }
  if (differ) store_xattrs(inode, encode_xattrs(xattrs, xattr_room(inode)));
  mode = static_cast<__u16>((mode & LINUX_S_IFMT) | (permissions & 07777));
}

void Transaction::set_xattrs(std::uint32_t number, std::span<const Xattr> xattrs) {
  State& s = *state_;
  EditInode inode(s.fs.get(), s.io, number);
  EditSpace::Savepoint savepoint(s.space);
  for (const Xattr& xattr : xattrs)
    if (xattr.name == kAccessAcl) {
      __u16& mode = inode.fields().i_mode;
      mode = static_cast<__u16>((mode & LINUX_S_IFMT) | mode_with_acl(mode & 07777, xattr.value));
    }
  s.store_xattrs(inode, encode_xattrs(xattrs, s.xattr_room(inode)));
  inode.set_ctime(s.options.now);
  inode.write();
  savepoint.keep();
}

}  // namespace rawimg
