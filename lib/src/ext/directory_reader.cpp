// SPDX-License-Identifier: MIT
// The layout is told in directory_blocks.h.
#include "ext/directory_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "ext/libext2fs.h"

namespace rawimg {
namespace {

constexpr std::size_t kEntryHeader = 8, kTail = 12;
// of the index, in block 0 and in other blocks
constexpr std::uint32_t kRootEntriesAt = 32, kNodeEntriesAt = 8;
constexpr std::uint64_t kPiece = 1u << 20;
constexpr unsigned kMaxLevels = 3;

struct EntryHeader {
  std::uint32_t inode;
  std::uint16_t length;
  std::uint8_t name_length, type;
};
static_assert(sizeof(EntryHeader) == kEntryHeader);

EntryHeader header_at(std::span<const std::byte> bytes, std::size_t at) {
  EntryHeader header;
  std::memcpy(&header, bytes.data() + at, sizeof header);
  return header;
}

std::optional<FileType> type_of_entry(std::uint8_t type) {
  constexpr std::array kTypes{FileType::Regular,     FileType::Directory, FileType::CharDevice,
                              FileType::BlockDevice, FileType::Fifo,      FileType::Socket,
                              FileType::Symlink};
  return type >= EXT2_FT_REG_FILE && type <= EXT2_FT_SYMLINK
             ? std::optional(kTypes[type - EXT2_FT_REG_FILE])
             : std::nullopt;
}

/// Blocks of 64 KiB say their own length as 0 or 65535.
std::uint32_t real_length(std::uint16_t length, std::uint32_t block_size) {
  return block_size == 65536 && (length == 0 || length == 65535) ? 65536 : length;
}

}  // namespace

DirectoryReader::DirectoryReader(const Window& where, const Superblock& super, const MapInput& map,
                                 bool indexed, std::uint64_t blocks)
    : where_(where),
      super_(super),
      inode_(map.inode),
      generation_(map.generation),
      indexed_(indexed) {
  // A block that came twice would let a small image hold names without end.
  // first physical block of a run -> behind its last one
  std::map<std::uint64_t, std::uint64_t> taken;
  std::uint64_t next = 0;
  read_map(map, blocks, [&](const Extent& run) {
    if (run.logical != next) corrupt(fmt::format("block {} is missing", next));
    if (run.unwritten) corrupt("it has unwritten blocks");
    const std::uint64_t end = run.physical + run.count;
    const auto above = taken.lower_bound(run.physical);
    if ((above != taken.end() && above->first < end) ||
        (above != taken.begin() && std::prev(above)->second > run.physical))
      corrupt(fmt::format("it has block {} of the filesystem more than once", run.physical));
    taken.emplace_hint(above, run.physical, end);
    runs_.push_back(run);
    next = run.logical_end();
  });
  if (next != blocks) corrupt(fmt::format("block {} is missing", next));
}

void DirectoryReader::corrupt(const std::string& why) const {
  throw Error(Errc::Corrupt, fmt::format("directory inode {} is damaged: {}", inode_, why));
}

const Extent* DirectoryReader::run_of(std::uint32_t logical) const {
  const auto run =
      std::lower_bound(runs_.begin(), runs_.end(), logical,
                       [](const Extent& r, std::uint32_t at) { return r.logical_end() <= at; });
  return run == runs_.end() || logical < run->logical ? nullptr : &*run;
}

std::uint64_t DirectoryReader::physical_of(std::uint32_t logical) const {
  const Extent* const run = run_of(logical);
  return run->physical + (logical - run->logical);
}

std::optional<DirectoryReader::Block> DirectoryReader::read_logical(std::uint32_t logical) const {
  const Extent* const run = run_of(logical);
  if (run == nullptr) return std::nullopt;
  Block block{std::vector<std::byte>(super_.block_size()), logical};
  super_.read_blocks(where_, run->physical + (logical - run->logical), 1, block.bytes);
  check_block(block.bytes, logical);
  return block;
}

void DirectoryReader::check_block(std::span<const std::byte> bytes, std::uint32_t logical) const {
  if (!super_.has_checksums()) return;
  const std::array<std::uint32_t, 2> key{inode_, generation_};
  const std::uint32_t seed = ext2fs_crc32c_le(
      super_.checksum_seed(), reinterpret_cast<const unsigned char*>(key.data()), sizeof key);
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const EntryHeader first = header_at(bytes, 0);
  const bool node = indexed_ && first.inode == 0 &&
                    real_length(first.length, super_.block_size()) == bytes.size();
  std::uint32_t crc = 0, stored = 0;
  if (indexed_ && (logical == 0 || node)) {
    const std::uint32_t at = logical == 0 ? kRootEntriesAt : kNodeEntriesAt;
    ext2_dx_countlimit counts;
    std::memcpy(&counts, bytes.data() + at, sizeof counts);
    const std::size_t end = at + std::size_t{counts.limit} * sizeof(ext2_dx_entry),
                      used = at + std::size_t{counts.count} * sizeof(ext2_dx_entry);
    if (end + sizeof(ext2_dx_tail) > bytes.size() || used > end)
      corrupt(
          fmt::format("{} of {} index entries in block {}", counts.count, counts.limit, logical));
    ext2_dx_tail tail;
    std::memcpy(&tail, bytes.data() + end, sizeof tail);
    stored = std::exchange(tail.dt_checksum, 0);
    crc = ext2fs_crc32c_le(ext2fs_crc32c_le(seed, data, used),
                           reinterpret_cast<const unsigned char*>(&tail), sizeof tail);
  } else {
    std::memcpy(&stored, bytes.data() + bytes.size() - 4, sizeof stored);
    crc = ext2fs_crc32c_le(seed, data, bytes.size() - kTail);
  }
  if (crc != stored) corrupt(fmt::format("the checksum of block {} is wrong", logical));
}

template <class Visit>
bool DirectoryReader::visit_block(std::span<const std::byte> bytes, std::uint32_t logical,
                                  Visit visit) const {
  for (std::size_t at = 0; at < bytes.size();) {
    if (bytes.size() - at < kEntryHeader)
      corrupt(fmt::format("an entry passes the end of block {}", logical));
    const EntryHeader entry = header_at(bytes, at);
    const std::uint32_t length = real_length(entry.length, super_.block_size());
    if (length < kEntryHeader || length % 4 != 0 || length > bytes.size() - at ||
        kEntryHeader + entry.name_length > length)
      corrupt(fmt::format("an entry of {} bytes with a name of {} at byte {} of block {}", length,
                          entry.name_length, at, logical));
    if (entry.inode != 0) {
      const std::string_view name(reinterpret_cast<const char*>(bytes.data() + at + kEntryHeader),
                                  entry.name_length);
      if (entry.inode > super_.inodes())
        corrupt(fmt::format("{} is inode {} of {}", quote(name), entry.inode, super_.inodes()));
      if (name.empty() || name.find('/') != std::string_view::npos ||
          name.find('\0') != std::string_view::npos)
        corrupt(fmt::format("a file cannot be named {}", quote(name)));
      const bool is_own = name == "." || name == "..";
      if (!is_own && entry.inode < super_.first_inode())
        corrupt(fmt::format("{} is inode {}, which no file can be", quote(name), entry.inode));
      if (!is_own && !visit(name, entry.inode, entry.type)) return false;
    }
    at += length;
  }
  return true;
}

template <class Visit>
void DirectoryReader::visit_all(Visit visit) const {
  const std::uint32_t block_size = super_.block_size();
  std::vector<std::byte> buffer;
  for (const Extent& run : runs_) {
    for (std::uint64_t block = 0; block < run.count;) {
      const std::uint64_t n = std::min<std::uint64_t>(run.count - block, kPiece / block_size);
      buffer.resize(n * block_size);
      super_.read_blocks(where_, run.physical + block, n, buffer);
      for (std::uint64_t i = 0; i < n; ++i) {
        const auto bytes = std::span<const std::byte>(buffer).subspan(i * block_size, block_size);
        const auto logical = static_cast<std::uint32_t>(run.logical + block + i);
        check_block(bytes, logical);
        if (!visit_block(bytes, logical, visit)) return;
      }
      block += n;
    }
  }
}

std::vector<DirEntry> DirectoryReader::read_all() const {
  const bool typed = super_.has_incompat(EXT2_FEATURE_INCOMPAT_FILETYPE);
  std::vector<DirEntry> entries;
  visit_all([&](std::string_view name, std::uint32_t inode, std::uint8_t type) {
    entries.push_back({std::string(name), inode, typed ? type_of_entry(type) : std::nullopt});
    return true;
  });
  return entries;
}

std::optional<std::uint32_t> DirectoryReader::find_in(const Block& block,
                                                      std::string_view name) const {
  std::optional<std::uint32_t> found;
  visit_block(block.bytes, block.logical, [&](std::string_view entry, std::uint32_t inode, auto) {
    if (entry == name) found = inode;
    return !found;
  });
  return found;
}

std::optional<std::uint32_t> DirectoryReader::find(std::string_view name) const {
  std::optional<std::uint32_t> found;
  if (const auto leaves = leaves_of(name)) {
    for (const std::uint32_t leaf : *leaves)
      if ((found = find_in(*read_logical(leaf), name))) break;
    return found;
  }
  // no tree, or one of a kind that is not followed here
  visit_all([&](std::string_view entry, std::uint32_t inode, auto) {
    if (entry == name) found = inode;
    return !found;
  });
  return found;
}

std::uint32_t DirectoryReader::parent() const {
  constexpr std::string_view kName = "..";
  const std::vector<std::byte> block = read_block(0);
  const std::size_t at = real_length(header_at(block, 0).length, super_.block_size());
  if (at + kEntryHeader + kName.size() <= block.size()) {
    const EntryHeader entry = header_at(block, at);
    if (entry.inode != 0 && entry.name_length == kName.size() &&
        std::memcmp(&block[at + kEntryHeader], kName.data(), kName.size()) == 0)
      return entry.inode;
  }
  corrupt("its second entry is not '..'");
}

std::vector<std::byte> DirectoryReader::read_block(std::uint32_t logical) const {
  std::optional<Block> block = read_logical(logical);
  if (!block) corrupt(fmt::format("block {} is missing", logical));
  visit_block(block->bytes, logical, [](auto, auto, auto) { return true; });
  return std::move(block->bytes);
}

std::optional<std::vector<std::uint32_t>> DirectoryReader::leaves_of(std::string_view name) const {
  const std::optional<std::vector<std::uint32_t>> unusable;
  if (!indexed_) return unusable;
  std::optional<Block> block = read_logical(0);
  if (!block) return unusable;
  ext2_dx_root_info info;
  std::memcpy(&info, block->bytes.data() + 24, sizeof info);
  if (info.hash_version > EXT2_HASH_TEA || info.indirect_levels > kMaxLevels ||
      info.info_length != sizeof info)
    return unusable;
  const bool is_unsigned = super_.raw().s_flags & EXT2_FLAGS_UNSIGNED_HASH;
  ext2_dirhash_t hash = 0, minor = 0;
  if (ext2fs_dirhash2(info.hash_version + (is_unsigned ? 3 : 0), name.data(),
                      static_cast<int>(name.size()), nullptr, 0, super_.raw().s_hash_seed, &hash,
                      &minor) != 0)
    return unusable;
  std::uint32_t at = kRootEntriesAt;
  for (unsigned level = 0;; ++level) {
    ext2_dx_countlimit counts;
    std::memcpy(&counts, block->bytes.data() + at, sizeof counts);
    if (counts.count == 0 ||
        at + std::size_t{counts.count} * sizeof(ext2_dx_entry) > block->bytes.size())
      return unusable;
    std::vector<ext2_dx_entry> entries(counts.count);
    std::memcpy(entries.data(), block->bytes.data() + at, entries.size() * sizeof(ext2_dx_entry));
    entries[0].hash = 0;
    auto next =
        std::upper_bound(entries.begin() + 1, entries.end(), hash,
                         [](std::uint32_t h, const ext2_dx_entry& e) { return h < e.hash; });
    const auto chosen = next - 1;
    if (level < info.indirect_levels) {
      // Names with one hash may go on in the next node; that is too rare to follow here.
      if (next != entries.end() && next->hash == (hash | 1)) return unusable;
      block = read_logical(chosen->block & 0x0FFFFFFF);
      if (!block) return unusable;
      at = kNodeEntriesAt;
      continue;
    }
    std::vector<std::uint32_t> leaves;
    for (auto leaf = chosen;; ++leaf) {
      leaves.push_back(leaf->block & 0x0FFFFFFF);
      if (leaves.back() == 0 || run_of(leaves.back()) == nullptr) return unusable;
      const auto following = leaf + 1;
      if (following == entries.end() || following->hash != (hash | 1)) return leaves;
    }
  }
}

}  // namespace rawimg
