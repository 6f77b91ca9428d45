// SPDX-License-Identifier: MIT
#include "ext/window_io.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/errno_error.h"
#include "base/text.h"
#include "base/zeros.h"
#include "ext/ext_error.h"
#include "storage/write_seam.h"

namespace rawimg {
namespace {

constexpr std::uint64_t kUnit = 1024, kUnitsPerChunk = 64, kChunk = kUnit * kUnitsPerChunk;
constexpr std::uint64_t kMaxRead = 8u << 20;  // unix_io counts bytes in an int
constexpr std::uint64_t kRun = 1u << 20;      // longer writes cost memory and save nothing
constexpr std::size_t kMostChunks = 16;       // of those that may be written early: 1 MiB
// so long a gap of known zeros is cheaper to write than to seek over
constexpr std::uint64_t kBridge = 16 * 1024;
constexpr std::uint64_t kSuperblock = 1024;  // byte of the window; the superblock is one unit
constexpr std::string_view kNamePrefix = "window:";
// unixfd_io closes the descriptor it was given before 1.47.4
constexpr int kFirstVersionThatKeepsDescriptors = 1474;

/// A unix_io channel on the image's own open file description, so that it shares the lock. unix_io
/// syncs what it opens: it is given an empty memory file, whose descriptor is then made to name the
/// image.
int open_lower(int image, io_channel* channel) {
  // libext2fs tells com_err about some bad numbers, and that prints.
  static const bool silenced = [] {
    set_com_err_hook([](const char*, long, const char*, va_list) {});
    return true;
  }();
  (void)silenced;
  const int descriptor = memfd_create("rawimg", MFD_CLOEXEC);
  if (descriptor < 0) throw errno_error(errno, "cannot make a memory file");
  const errcode_t code =
      unixfd_io_manager->open(std::to_string(descriptor).c_str(), IO_FLAG_RW, channel);
  if (code != 0) {
    ::close(descriptor);
    check_ext(code, "open the lower channel");
  }
  if (dup3(image, descriptor, O_CLOEXEC) < 0) {
    const int error = errno;
    io_channel_close(*channel);
    throw errno_error(error, "cannot duplicate the image's descriptor");
  }
  return descriptor;
}

}  // namespace

void RangeSet::add(std::uint64_t begin, std::uint64_t end) {
  if (begin >= end) return;
  auto it = ranges_.lower_bound(begin);
  if (it != ranges_.begin() && std::prev(it)->second >= begin) --it;
  while (it != ranges_.end() && it->first <= end) {
    begin = std::min(begin, it->first);
    end = std::max(end, it->second);
    it = ranges_.erase(it);
  }
  ranges_.emplace(begin, end);
}

void RangeSet::remove(std::uint64_t begin, std::uint64_t end) {
  auto it = ranges_.lower_bound(begin);
  if (it != ranges_.begin() && std::prev(it)->second > begin) --it;
  while (it != ranges_.end() && it->first < end) {
    const auto [first, last] = *it;
    it = ranges_.erase(it);
    if (first < begin) ranges_.emplace(first, begin);
    if (last > end) it = ranges_.emplace(end, last).first;
  }
}

bool RangeSet::contains(std::uint64_t begin, std::uint64_t end) const {
  const auto it = ranges_.upper_bound(begin);
  return it != ranges_.begin() && std::prev(it)->second >= end;
}

bool RangeSet::overlaps(std::uint64_t begin, std::uint64_t end) const {
  return first_in(begin, end).has_value();
}

std::optional<std::pair<std::uint64_t, std::uint64_t>> RangeSet::first_in(std::uint64_t begin,
                                                                          std::uint64_t end) const {
  auto it = ranges_.lower_bound(begin);
  if (it != ranges_.begin() && std::prev(it)->second > begin) --it;
  if (it == ranges_.end() || it->first >= end) return std::nullopt;
  return *it;
}

WindowIo::WindowIo(const Window& where, Content content)
    : file_(where.file()),
      start_(where.range().start()),
      length_(where.range().size()),
      may_write_early_(content == Content::Zeros) {
  // up to the end of a last, partial unit
  if (content == Content::Zeros) zeros_.add(0, length_ + kUnit);
  lower_descriptor_ = open_lower(file_.descriptor(), &lower_);
  try {
    check_ext(io_channel_set_options(lower_, fmt::format("offset={}&cache=off", start_).c_str()),
              "set the window's offset");
    check_ext(io_channel_set_blksize(lower_, static_cast<int>(kUnit)), "set the block size");
  } catch (...) {
    io_channel_close(lower_);
    throw;
  }
}

WindowIo::~WindowIo() {
  io_channel_close(lower_);
  if (ext2fs_get_library_version(nullptr, nullptr) >= kFirstVersionThatKeepsDescriptors)
    ::close(lower_descriptor_);
}

std::string WindowIo::name() const {
  return fmt::format("{}{:x}", kNamePrefix, reinterpret_cast<std::uintptr_t>(this));
}

void WindowIo::check(errcode_t code, std::string_view doing) {
  if (code != 0 && failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  check_ext(code, doing);
}

const std::byte* WindowIo::find(std::uint64_t unit) const {
  const auto it = chunks_.find(unit / kChunk);
  const std::uint64_t index = unit % kChunk / kUnit;
  return it != chunks_.end() && (it->second.dirty >> index & 1) != 0
             ? &it->second.bytes[index * kUnit]
             : nullptr;
}

std::byte* WindowIo::claim(std::uint64_t unit) {
  if (may_write_early_ && chunks_.size() >= kMostChunks && !chunks_.contains(unit / kChunk))
    write_early();
  Chunk& chunk = chunks_[unit / kChunk];
  if (!chunk.bytes && !idle_.empty()) {
    chunk.bytes = std::move(idle_.back());
    idle_.pop_back();
  }
  if (!chunk.bytes) chunk.bytes.reset(new std::byte[kChunk]);
  const std::uint64_t index = unit % kChunk / kUnit;
  chunk.dirty |= std::uint64_t{1} << index;
  return &chunk.bytes[index * kUnit];
}

/// Bitmaps lie a group apart, so they are as many writes now as later; and without the memory for
/// all of them, a TiB of ext2 takes two thirds of the time.
void WindowIo::write_early() {
  write_all_but_superblock();
  std::map<std::uint64_t, Chunk> rest;
  for (auto& [index, chunk] : chunks_) {
    for (std::uint64_t i = 0; i < kUnitsPerChunk; ++i) {
      const std::uint64_t at = index * kChunk + i * kUnit;
      if ((chunk.dirty >> i & 1) == 0 || at == kSuperblock) continue;
      chunk.dirty &= ~(std::uint64_t{1} << i);
      zeros_.remove(at, at + kUnit);
    }
    chunk.dirty != 0 ? void(rest.emplace(index, std::move(chunk))) : let_go(std::move(chunk));
  }
  chunks_ = std::move(rest);
}

void WindowIo::let_go(Chunk chunk) {
  if (idle_.size() < kMostChunks) idle_.push_back(std::move(chunk.bytes));
}

void WindowIo::lower_read(std::uint64_t at, std::uint64_t size, std::byte* out) const {
  ++counters_.lower_reads;
  for (std::uint64_t done = 0; done < size;) {
    const std::uint64_t n = std::min(size - done, kMaxRead);
    check_ext(io_channel_read_blk64(lower_, (at + done) / kUnit, -static_cast<int>(n), out + done),
              fmt::format("read {} bytes at byte {} of the filesystem", n, at + done));
    done += n;
  }
}

void WindowIo::lower_write(std::uint64_t at, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  if (file_.seam()) file_.seam()->before_write(ByteOffset{start_ + at}, ByteCount{bytes.size()});
  ++counters_.lower_writes;
  counters_.lower_bytes += bytes.size();
  const errcode_t code =
      io_channel_write_blk64(lower_, at / kUnit, -static_cast<int>(bytes.size()), bytes.data());
  // unix_io does not say why a write came to less: the same again by ourselves does.
  if (code == EXT2_ET_SHORT_WRITE) return file_.write_at(ByteOffset{start_ + at}, bytes);
  check_ext(code, fmt::format("write {} bytes at byte {} of {}", bytes.size(), start_ + at,
                              quote(file_.path().string())));
}

errcode_t WindowIo::read(std::uint64_t at, std::uint64_t size, std::byte* out) const {
  if (outside(at, size)) return EXT2_ET_SHORT_READ;
  ++counters_.reads;
  while (size != 0) {
    const std::uint64_t unit = at / kUnit * kUnit;
    std::uint64_t n = std::min(size, unit + kUnit - at);
    if (const std::byte* dirty = find(unit)) {
      std::memcpy(out, dirty + (at - unit), n);
    } else if (zeros_.contains(unit, unit + kUnit)) {
      std::memset(out, 0, n);
    } else {  // as many clean units as follow, in one read
      while (n < size && !find(at + n) && !zeros_.contains(at + n, at + n + kUnit))
        n += std::min(kUnit, size - n);
      const std::uint64_t skip = at - unit;
      if (skip == 0) {
        lower_read(unit, n, out);
      } else {
        std::vector<std::byte> whole(skip + n);
        lower_read(unit, whole.size(), whole.data());
        std::memcpy(out, whole.data() + skip, n);
      }
    }
    at += n;
    out += n;
    size -= n;
  }
  return 0;
}

errcode_t WindowIo::write(std::uint64_t at, std::uint64_t size, const std::byte* in) {
  if (outside(at, size)) return ERANGE;
  ++counters_.writes;
  while (size != 0) {
    const std::uint64_t unit = at / kUnit * kUnit, n = std::min(size, unit + kUnit - at);
    const bool dirty = find(unit) != nullptr;
    const bool zeros_over_zeros =
        !dirty && zeros_.contains(unit, unit + kUnit) && is_zeros({in, n});
    if (!zeros_over_zeros) {
      std::byte old[kUnit];
      const bool keeps_old = n < kUnit && !dirty;
      if (keeps_old)
        if (const errcode_t code = read(unit, std::min(kUnit, length_ - unit), old)) return code;
      std::byte* to = claim(unit);
      if (keeps_old) std::memcpy(to, old, kUnit);
      std::memcpy(to + (at - unit), in, n);
    }
    at += n;
    in += n;
    size -= n;
  }
  return 0;
}

errcode_t WindowIo::zero(std::uint64_t at, std::uint64_t size) {
  if (outside(at, size) || at % kUnit != 0 || size % kUnit != 0) return ERANGE;
  drop(at, size);
  if (zeros_.contains(at, at + size)) return 0;
  zeros_.add(at, at + size);
  punches_.add(at, at + size);
  return 0;
}

void WindowIo::drop(std::uint64_t at, std::uint64_t size) {
  for (auto it = chunks_.lower_bound(at / kChunk);
       it != chunks_.end() && it->first * kChunk < at + size;) {
    const std::uint64_t base = it->first * kChunk;
    for (std::uint64_t i = 0; i < kUnitsPerChunk; ++i)
      if (base + i * kUnit >= at && base + i * kUnit < at + size)
        it->second.dirty &= ~(std::uint64_t{1} << i);
    it = it->second.dirty != 0 ? std::next(it) : chunks_.erase(it);
  }
}

void WindowIo::forget(std::uint64_t start, std::uint64_t size) {
  drop(start, size);
  zeros_.remove(start, start + size);
  punches_.remove(start, start + size);
}

void WindowIo::punch_all() {
  for (const auto& [begin, end] : punches_.ranges())
    file_.punch(ByteRange{ByteOffset{start_ + begin}, ByteCount{std::min(end, length_) - begin}});
  punches_.clear();
}

void WindowIo::read_at(std::uint64_t at, std::span<std::byte> out) const {
  check_ext(read(at, out.size(), out.data()),
            fmt::format("read {} bytes at byte {} of the filesystem", out.size(), at));
}

void WindowIo::write_at(std::uint64_t at, std::span<const std::byte> bytes) {
  check_ext(write(at, bytes.size(), bytes.data()),
            fmt::format("write {} bytes at byte {} of the filesystem", bytes.size(), at));
}

std::vector<ByteRange> WindowIo::dirty() const {
  RangeSet all = punches_;
  for (const auto& [index, chunk] : chunks_)
    for (std::uint64_t i = 0; i < kUnitsPerChunk; ++i)
      if ((chunk.dirty >> i & 1) != 0)
        all.add(index * kChunk + i * kUnit, std::min(index * kChunk + (i + 1) * kUnit, length_));
  std::vector<ByteRange> ranges;
  for (const auto& [begin, end] : all.ranges())
    ranges.emplace_back(ByteOffset{begin}, ByteCount{std::min(end, length_) - begin});
  return ranges;
}

void WindowIo::commit(Durability durability) {
  write_all_but_superblock();
  if (durability == Durability::Sync) file_.sync();
  write_superblock();
  if (durability == Durability::Sync) file_.sync();
}

void WindowIo::write_all_but_superblock() {
  punch_all();
  std::vector<std::byte>& run = run_;
  run.clear();  // a write that failed leaves its bytes
  std::uint64_t run_start = 0;
  const auto put = [&] {
    lower_write(run_start, run);
    run.clear();
  };
  for (const auto& [index, chunk] : chunks_) {
    for (std::uint64_t i = 0; i < kUnitsPerChunk; ++i) {
      if ((chunk.dirty >> i & 1) == 0) continue;
      const std::uint64_t at = index * kChunk + i * kUnit, run_end = run_start + run.size();
      const std::byte* unit = &chunk.bytes[i * kUnit];
      if (at == kSuperblock) continue;
      const bool bridges = !run.empty() && at > run_end && at - run_end <= kBridge &&
                           zeros_.contains(run_end, at) &&
                           !(run_end <= kSuperblock && kSuperblock < at);
      if (bridges) run.resize(at - run_start);
      if (run.empty() || run_start + run.size() != at || run.size() >= kRun) {
        put();
        run_start = at;
      }
      run.insert(run.end(), unit, unit + std::min(kUnit, length_ - at));
    }
  }
  put();
}

void WindowIo::write_superblock() {
  if (const std::byte* superblock = find(kSuperblock))
    lower_write(kSuperblock, std::span(superblock, kUnit));
  for (const auto& [index, chunk] : chunks_) zeros_.remove(index * kChunk, (index + 1) * kChunk);
  chunks_.clear();
}

// The C face. Nothing may throw through the library; block sizes change at any time (1024 for the
// superblock), so everything is in bytes.

template <class Action>
errcode_t WindowIo::guarded(io_channel channel, Action action) noexcept {
  WindowIo& self = *static_cast<WindowIo*>(channel->private_data);
  try {
    return action(self);
  } catch (...) {
    self.failure_ = std::current_exception();
    return EIO;
  }
}

namespace {

std::uint64_t byte_count(io_channel channel, int count) {  // negative: bytes, not blocks
  return count < 0
             ? static_cast<std::uint64_t>(-static_cast<std::int64_t>(count))
             : static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(channel->block_size);
}

/// Past every window when it would pass 2^64.
std::uint64_t byte_offset(io_channel channel, unsigned long long block) {
  const auto size = static_cast<std::uint64_t>(channel->block_size);
  return block > UINT64_MAX / size ? UINT64_MAX : block * size;
}

}  // namespace

errcode_t WindowIo::open_channel(const char* name, int, io_channel* out) noexcept {
  const std::string_view text(name);
  std::uintptr_t object = 0;
  if (!text.starts_with(kNamePrefix)) return EXT2_ET_BAD_DEVICE_NAME;
  const auto parsed =
      std::from_chars(text.data() + kNamePrefix.size(), text.data() + text.size(), object, 16);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size())
    return EXT2_ET_BAD_DEVICE_NAME;
  auto* channel = static_cast<io_channel>(std::calloc(1, sizeof(struct_io_channel)));
  char* copy = strdup(name);
  if (channel == nullptr || copy == nullptr) {
    std::free(channel);
    std::free(copy);
    return ENOMEM;
  }
  channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
  channel->manager = manager();
  channel->name = copy;
  channel->block_size = static_cast<int>(kUnit);
  channel->refcount = 1;
  channel->flags = CHANNEL_FLAGS_DISCARD_ZEROES;
  channel->private_data = reinterpret_cast<void*>(object);
  *out = channel;
  return 0;
}

// commits nothing: the owner of the WindowIo decides
errcode_t WindowIo::close_channel(io_channel channel) noexcept {
  if (--channel->refcount > 0) return 0;
  std::free(channel->name);
  std::free(channel);
  return 0;
}

errcode_t WindowIo::set_block_size(io_channel channel, int size) noexcept {
  channel->block_size = size;
  return 0;
}

errcode_t WindowIo::read_blocks(io_channel channel, unsigned long long block, int count,
                                void* data) noexcept {
  return guarded(channel, [&](WindowIo& self) {
    return self.read(byte_offset(channel, block), byte_count(channel, count),
                     static_cast<std::byte*>(data));
  });
}

errcode_t WindowIo::write_blocks(io_channel channel, unsigned long long block, int count,
                                 const void* data) noexcept {
  return guarded(channel, [&](WindowIo& self) {
    return self.write(byte_offset(channel, block), byte_count(channel, count),
                      static_cast<const std::byte*>(data));
  });
}

errcode_t WindowIo::read_blocks_32(io_channel channel, unsigned long block, int count,
                                   void* data) noexcept {
  return read_blocks(channel, block, count, data);
}
errcode_t WindowIo::write_blocks_32(io_channel channel, unsigned long block, int count,
                                    const void* data) noexcept {
  return write_blocks(channel, block, count, data);
}

errcode_t WindowIo::zero_blocks(io_channel channel, unsigned long long block,
                                unsigned long long count) noexcept {
  return guarded(channel, [&](WindowIo& self) {
    return self.zero(byte_offset(channel, block), byte_offset(channel, count));
  });
}

errcode_t WindowIo::set_option(io_channel, const char* option, const char*) noexcept {
  return *option != '\0' ? EXT2_ET_INVALID_ARGUMENT : 0;
}

io_manager WindowIo::manager() {
  static struct_io_manager manager = {
      .magic = EXT2_ET_MAGIC_IO_MANAGER,
      .name = "rawimg window",
      .open = open_channel,
      .close = close_channel,
      .set_blksize = set_block_size,
      .read_blk = read_blocks_32,
      .write_blk = write_blocks_32,
      .flush = flush,
      .write_byte = nullptr,  // then the superblock is written whole, as 1 KiB
      .set_option = set_option,
      .get_stats = nullptr,
      .read_blk64 = read_blocks,
      .write_blk64 = write_blocks,
      .discard = zero_blocks,
      .cache_readahead = nullptr,
      .zeroout = zero_blocks,
      .reserved = {},
  };
  return &manager;
}

}  // namespace rawimg
