// SPDX-License-Identifier: MIT
#include "ext/directory_blocks.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "ext/ext_error.h"

namespace rawimg {
namespace {

// a fake entry with the block's checksum
constexpr std::uint32_t kTail = sizeof(ext2_dir_entry_tail);
constexpr std::uint32_t kIndexTail = 8;                 // the same in an index block
constexpr std::uint32_t kDotEntries = 24;               // '.' and '..' of 12 bytes each
constexpr std::uint32_t kRootHeader = kDotEntries + 8;  // then dx_root_info
constexpr std::uint32_t kNodeHeader = 8;                // a fake empty entry
constexpr std::uint32_t kIndexEntry = sizeof(ext2_dx_entry);
// leaves keep 1/8 free: a guest's next names do not split every leaf
constexpr std::uint32_t kLeafSlackDivisor = 8;
static_assert(kTail == 12 && kIndexEntry == 8);

std::uint32_t entry_size(std::size_t name) {
  return static_cast<std::uint32_t>((8 + name + 3) & ~std::size_t{3});
}

/// Appends entries to blocks; the last entry of each block reaches to its usable end.
class BlockFiller {
 public:
  BlockFiller(const DirectoryFormat& format, std::vector<std::byte>& bytes)
      : format_(format), bytes_(bytes) {}

  std::uint32_t usable() const { return format_.block_size - (format_.checksums ? kTail : 0); }
  bool fits(std::size_t name, std::uint32_t slack = 0) const {
    return !bytes_.empty() && block_open_ && used_ + entry_size(name) + slack <= usable();
  }

  void new_block() {
    finish_block();
    start_ = bytes_.size();
    bytes_.resize(start_ + format_.block_size);
    used_ = last_ = 0;
    block_open_ = true;
  }

  void add(std::string_view name, std::uint32_t inode, std::uint8_t type) {
    add_sized(name, inode, type, entry_size(name.size()));
  }

  void add_sized(std::string_view name, std::uint32_t inode, std::uint8_t type,
                 std::uint32_t size) {
    put(used_, name, inode, type, size);
    last_ = used_;
    used_ += size;
  }

  void finish_block() {
    if (!block_open_) return;
    auto* last = reinterpret_cast<ext2_dir_entry_2*>(bytes_.data() + start_ + last_);
    // an empty block is one unused entry
    last->rec_len = ext2fs_cpu_to_le16(static_cast<__u16>(usable() - last_));
    if (format_.checksums) {
      auto* tail = reinterpret_cast<ext2_dir_entry_tail*>(bytes_.data() + start_ + usable());
      tail->det_rec_len = ext2fs_cpu_to_le16(kTail);
      tail->det_reserved_name_len = ext2fs_cpu_to_le16(EXT2_DIR_NAME_LEN_CSUM);
    }
    block_open_ = false;
  }

 private:
  void put(std::uint32_t at, std::string_view name, std::uint32_t inode, std::uint8_t type,
           std::uint32_t size) {
    auto* entry = reinterpret_cast<ext2_dir_entry_2*>(bytes_.data() + start_ + at);
    entry->inode = ext2fs_cpu_to_le32(inode);
    entry->rec_len = ext2fs_cpu_to_le16(static_cast<__u16>(size));
    entry->name_len = static_cast<__u8>(name.size());
    entry->file_type = format_.file_types ? type : __u8{0};
    std::memcpy(entry->name, name.data(), name.size());
  }

  const DirectoryFormat& format_;
  std::vector<std::byte>& bytes_;
  std::size_t start_ = 0;
  std::uint32_t used_ = 0, last_ = 0;
  bool block_open_ = false;
};

DirectoryBlocks build_linear(const DirectoryFormat& format, std::uint32_t self,
                             std::uint32_t parent, std::span<DirName> names,
                             std::uint32_t min_blocks) {
  DirectoryBlocks directory;
  BlockFiller filler(format, directory.bytes);
  filler.new_block();
  filler.add(".", self, EXT2_FT_DIR);
  filler.add("..", parent, EXT2_FT_DIR);
  for (const DirName& name : names) {
    if (!filler.fits(name.name.size())) filler.new_block();
    filler.add(name.name, name.inode, name.type);
  }
  while (directory.bytes.size() < std::size_t{min_blocks} * format.block_size) filler.new_block();
  filler.finish_block();
  return directory;
}

struct Hashed {
  std::uint32_t hash, minor;
  const DirName* name;
};

std::vector<Hashed> hash_names(const DirectoryFormat& format, std::span<const DirName> names) {
  // EXT2_HASH_*_UNSIGNED follow the signed ones
  const int version = format.hash_version + (format.unsigned_hash ? 3 : 0);
  std::vector<Hashed> hashed;
  hashed.reserve(names.size());
  for (const DirName& name : names) {
    Hashed h{0, 0, &name};
    check_ext(ext2fs_dirhash2(version, name.name.data(), static_cast<int>(name.name.size()),
                              nullptr, 0, format.hash_seed, &h.hash, &h.minor),
              "hash a name");
    hashed.push_back(h);
  }
  std::sort(hashed.begin(), hashed.end(), [](const Hashed& a, const Hashed& b) {
    return std::tie(a.hash, a.minor, a.name->name) < std::tie(b.hash, b.minor, b.name->name);
  });
  return hashed;
}

struct IndexPointer {
  std::uint32_t hash, block;
};

/// Leaves from block 1 on, and a pointer to each.
std::vector<IndexPointer> fill_leaves(const DirectoryFormat& format, std::span<const Hashed> hashed,
                                      std::vector<std::byte>& bytes) {
  std::vector<IndexPointer> pointers;
  BlockFiller filler(format, bytes);
  const std::uint32_t slack = filler.usable() / kLeafSlackDivisor;
  const Hashed* previous = nullptr;
  for (const Hashed& h : hashed) {
    if (!filler.fits(h.name->name.size(), slack)) {
      // The low bit says that names with this hash began in the leaf before.
      const bool continues = previous != nullptr && previous->hash == h.hash;
      pointers.push_back({continues ? h.hash | 1 : h.hash,
                          static_cast<std::uint32_t>(bytes.size() / format.block_size)});
      filler.new_block();
    }
    filler.add(h.name->name, h.name->inode, h.name->type);
    previous = &h;
  }
  filler.finish_block();
  return pointers;
}

/// Entries of an index block; the first one's hash is not stored, its place holds limit and count.
void put_index(std::byte* to, std::span<const IndexPointer> pointers, std::uint32_t limit) {
  auto* entries = reinterpret_cast<ext2_dx_entry*>(to);
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    entries[i].hash = ext2fs_cpu_to_le32(pointers[i].hash);
    entries[i].block = ext2fs_cpu_to_le32(pointers[i].block);
  }
  auto* count = reinterpret_cast<ext2_dx_countlimit*>(to);
  count->limit = ext2fs_cpu_to_le16(static_cast<__u16>(limit));
  count->count = ext2fs_cpu_to_le16(static_cast<__u16>(pointers.size()));
}

std::uint32_t root_limit(const DirectoryFormat& format) {
  return (format.block_size - kRootHeader - (format.checksums ? kIndexTail : 0)) / kIndexEntry;
}
std::uint32_t node_limit(const DirectoryFormat& format) {
  return (format.block_size - kNodeHeader - (format.checksums ? kIndexTail : 0)) / kIndexEntry;
}

/// One level of interior blocks above `pointers`, behind everything there is.
std::vector<IndexPointer> add_index_level(const DirectoryFormat& format,
                                          std::span<const IndexPointer> pointers,
                                          std::vector<std::byte>& bytes) {
  const std::uint32_t limit = node_limit(format);
  std::vector<IndexPointer> above;
  for (std::size_t at = 0; at < pointers.size(); at += limit) {
    const auto part = pointers.subspan(at, std::min<std::size_t>(limit, pointers.size() - at));
    const std::size_t start = bytes.size();
    bytes.resize(start + format.block_size);
    auto* fake = reinterpret_cast<ext2_dir_entry_2*>(bytes.data() + start);
    fake->rec_len = ext2fs_cpu_to_le16(static_cast<__u16>(format.block_size));
    put_index(bytes.data() + start + kNodeHeader, part, limit);
    above.push_back({part.front().hash, static_cast<std::uint32_t>(start / format.block_size)});
  }
  return above;
}

void put_root(const DirectoryFormat& format, std::uint32_t self, std::uint32_t parent,
              std::span<const IndexPointer> pointers, unsigned levels,
              std::vector<std::byte>& bytes) {
  std::vector<std::byte> root;
  BlockFiller filler(format, root);
  filler.new_block();
  filler.add(".", self, EXT2_FT_DIR);
  // to the block's end: old readers see a block with two names
  filler.add_sized("..", parent, EXT2_FT_DIR, format.block_size - entry_size(1));
  auto* info = reinterpret_cast<ext2_dx_root_info*>(root.data() + kDotEntries);
  info->hash_version = static_cast<__u8>(format.hash_version);
  info->info_length = sizeof(ext2_dx_root_info);
  info->indirect_levels = static_cast<__u8>(levels);
  put_index(root.data() + kRootHeader, pointers, root_limit(format));
  std::copy(root.begin(), root.end(), bytes.begin());
}

DirectoryBlocks build_indexed(const DirectoryFormat& format, std::uint32_t self,
                              std::uint32_t parent, std::span<DirName> names) {
  DirectoryBlocks directory{std::vector<std::byte>(format.block_size), true};
  std::vector<IndexPointer> pointers =
      fill_leaves(format, hash_names(format, names), directory.bytes);
  const unsigned most_levels = format.large ? 2 : 1;
  unsigned levels = 0;
  for (; pointers.size() > root_limit(format); ++levels) {
    if (levels == most_levels)
      throw Error(Errc::Unsupported,
                  fmt::format("{} names are too many for one directory with blocks of {} bytes",
                              names.size(), format.block_size))
          .with_hint(format.large ? "" : "larger blocks, or --features large_dir with --type ext4");
    pointers = add_index_level(format, pointers, directory.bytes);
  }
  put_root(format, self, parent, pointers, levels, directory.bytes);
  return directory;
}

bool fits_one_block(const DirectoryFormat& format, std::span<const DirName> names) {
  std::uint64_t bytes = kDotEntries + (format.checksums ? kTail : 0);
  for (const DirName& name : names)
    if ((bytes += entry_size(name.name.size())) > format.block_size) return false;
  return true;
}

/// Checksum of an index block: its entries in use, then the tail with a zero in the checksum's
/// place (Linux fs/ext4/namei.c, ext4_dx_csum).
void set_index_checksum(std::uint32_t seed, std::byte* block, std::uint32_t header) {
  const auto* counts = reinterpret_cast<const ext2_dx_countlimit*>(block + header);
  const std::uint32_t count = ext2fs_le16_to_cpu(counts->count),
                      limit = ext2fs_le16_to_cpu(counts->limit);
  auto* tail = reinterpret_cast<ext2_dx_tail*>(block + header + limit * kIndexEntry);
  tail->dt_checksum = 0;
  std::uint32_t crc = ext2fs_crc32c_le(seed, reinterpret_cast<const unsigned char*>(block),
                                       header + count * kIndexEntry);
  crc = ext2fs_crc32c_le(crc, reinterpret_cast<const unsigned char*>(tail), sizeof *tail);
  tail->dt_checksum = ext2fs_cpu_to_le32(crc);
}

}  // namespace

DirectoryFormat DirectoryFormat::of(const ext2_super_block& super, std::uint32_t block_size) {
  ext2_super_block copy = super;  // the feature macros take no const
  DirectoryFormat format;
  format.block_size = block_size;
  format.file_types = ext2fs_has_feature_filetype(&copy);
  format.indexes = ext2fs_has_feature_dir_index(&copy);
  format.checksums = ext2fs_has_feature_metadata_csum(&copy);
  format.large = ext2fs_has_feature_largedir(&copy);
  format.hash_version = super.s_def_hash_version;
  format.unsigned_hash = super.s_flags & EXT2_FLAGS_UNSIGNED_HASH;
  std::copy(std::begin(super.s_hash_seed), std::end(super.s_hash_seed),
            std::begin(format.hash_seed));
  return format;
}

DirectoryBlocks build_directory(const DirectoryFormat& format, std::uint32_t self,
                                std::uint32_t parent, std::span<DirName> names,
                                DirectoryShape shape, std::uint32_t min_blocks) {
  const bool index =
      format.indexes && shape == DirectoryShape::Indexed && !fits_one_block(format, names);
  return index ? build_indexed(format, self, parent, names)
               : build_linear(format, self, parent, names, min_blocks);
}

std::uint32_t inode_checksum_seed(std::uint32_t checksum_seed, std::uint32_t inode,
                                  std::uint32_t generation) {
  const std::array<std::uint32_t, 2> number_and_generation{ext2fs_cpu_to_le32(inode),
                                                           ext2fs_cpu_to_le32(generation)};
  return ext2fs_crc32c_le(checksum_seed,
                          reinterpret_cast<const unsigned char*>(number_and_generation.data()),
                          sizeof number_and_generation);
}

void set_block_checksum(const DirectoryFormat& format, std::uint32_t seed, BlockKind kind,
                        std::span<std::byte> block) {
  if (!format.checksums) return;
  if (kind != BlockKind::Names)
    return set_index_checksum(seed, block.data(),
                              kind == BlockKind::IndexRoot ? kRootHeader : kNodeHeader);
  const std::uint32_t usable = format.block_size - kTail;
  auto* tail = reinterpret_cast<ext2_dir_entry_tail*>(block.data() + usable);
  tail->det_checksum = ext2fs_cpu_to_le32(
      ext2fs_crc32c_le(seed, reinterpret_cast<const unsigned char*>(block.data()), usable));
}

void set_directory_checksums(const DirectoryFormat& format, std::uint32_t seed,
                             DirectoryBlocks& directory) {
  for (std::size_t at = 0; at < directory.bytes.size(); at += format.block_size) {
    const auto block = std::span(directory.bytes).subspan(at, format.block_size);
    const auto* first = reinterpret_cast<const ext2_dir_entry_2*>(block.data());
    const bool node = ext2fs_le16_to_cpu(first->rec_len) == format.block_size && first->inode == 0;
    const BlockKind kind = !directory.indexed ? BlockKind::Names
                           : at == 0          ? BlockKind::IndexRoot
                           : node             ? BlockKind::IndexNode
                                              : BlockKind::Names;
    set_block_checksum(format, seed, kind, block);
  }
}

}  // namespace rawimg
