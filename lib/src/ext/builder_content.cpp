// SPDX-License-Identifier: MIT
// Content on its way from the source to blocks.
#include <algorithm>
#include <cstring>

#include <rawimg/error.h>

#include "base/zeros.h"

#include "ext/builder_state.h"
#include "ext/import.h"

namespace rawimg {
namespace {

constexpr std::size_t kSwapHead = 4096;  // a page; the signature of swap space ends it
constexpr std::size_t kSwapSignature = kSwapHead - 10;

bool has_swap_signature(std::span<const std::byte> head) {
  const char* at = reinterpret_cast<const char*>(head.data()) + kSwapSignature;
  return std::memcmp(at, "SWAPSPACE2", 10) == 0 || std::memcmp(at, "SWAP-SPACE", 10) == 0;
}

}  // namespace

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
  put_zeros(size, [&](std::span<const std::byte> zeros) {
    emit(position, zeros, nullptr);
    position += zeros.size();
  });
}

void ExtBuilder::State::emit(std::uint64_t position, std::span<const std::byte> bytes,
                             const std::shared_ptr<const void>& owner) {
  const bool find_zeros = open->holes && options.holes == HolePolicy::Zeros;
  const auto block_at = [&](std::size_t at) {
    return bytes.subspan(at, std::min<std::size_t>(block_size, bytes.size() - at));
  };
  for (std::size_t at = 0; at < bytes.size();) {
    if (find_zeros && is_zeros(block_at(at))) {
      at += block_size;
      continue;
    }
    std::size_t end = at + block_size;
    while (end < bytes.size() && !(find_zeros && is_zeros(block_at(end)))) end += block_size;
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
      write(run, part, owner);
    }
    bytes = bytes.subspan(std::min<std::size_t>(bytes.size(), run.count * block_size));
    logical += run.count;
    count -= run.count;
  }
}

/// The rest of the last block is written, too: what follows stays one run, and a block used before
/// may hold something else there.
void ExtBuilder::State::write(BlockRun run, std::span<const std::byte> bytes,
                              const std::shared_ptr<const void>& owner) {
  if (options.dry_run) return;
  if (import) import->fs.kept.make_way(run.start, run.end());
  if (!bytes.empty()) writer.put(offset_of(run.start), bytes, owner);
  writer.put_zeros(ByteOffset{offset_of(run.start).value + bytes.size()},
                   run.count * block_size - bytes.size());
}

BlockRun ExtBuilder::State::take(std::uint64_t want) {
  if (full) return {};
  BlockRun run = space.take(want);
  if (run.count == 0 && (plan.fit ? open_group() : open_table_room())) run = space.take(want);
  full = run.count == 0;
  content_end = std::max(content_end, run.end());
  if (import) taken.add(run.start, run.end());
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
    write(run, {}, nullptr);
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

}  // namespace rawimg
