// SPDX-License-Identifier: MIT
#include "ext/superblock.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rawimg/error.h>
#include <rawimg/ext_fs.h>

#include "base/text.h"
#include "ext/ext_error.h"
#include "ext/libext2fs.h"

namespace rawimg {
namespace {

constexpr std::uint32_t kSmallDescriptor = 32;
constexpr std::uint32_t kReadableIncompat =
    EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_RECOVER | EXT2_FEATURE_INCOMPAT_META_BG |
    EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_MMP |
    EXT4_FEATURE_INCOMPAT_FLEX_BG | EXT4_FEATURE_INCOMPAT_EA_INODE |
    EXT4_FEATURE_INCOMPAT_CSUM_SEED | EXT4_FEATURE_INCOMPAT_LARGEDIR |
    EXT4_FEATURE_INCOMPAT_INLINE_DATA | EXT4_FEATURE_INCOMPAT_ENCRYPT |
    EXT4_FEATURE_INCOMPAT_CASEFOLD;

[[noreturn]] void corrupt(const std::string& why) {
  throw Error(Errc::Corrupt, "the superblock is damaged: " + why);
}

/// The CRC of group descriptors before metadata_csum: polynomial A001, bits reflected.
std::uint16_t crc16(std::uint16_t crc, std::span<const std::byte> bytes) {
  for (const std::byte byte : bytes) {
    crc = static_cast<std::uint16_t>(crc ^ std::to_integer<unsigned>(byte));
    for (int bit = 0; bit < 8; ++bit)
      crc = static_cast<std::uint16_t>(crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
  }
  return crc;
}

bool is_power_of_two(std::uint32_t n) { return std::has_single_bit(n); }

}  // namespace

std::optional<Superblock> Superblock::read(const Window& where) {
  if (where.range().size() < kSuperblockAt + sizeof(ext2_super_block)) return std::nullopt;
  Superblock super;
  where.read_at(kSuperblockAt, std::as_writable_bytes(std::span(&super.raw_, 1)));
  if (super.raw_.s_magic != EXT2_SUPER_MAGIC) return std::nullopt;
  super.check(where);
  return super;
}

Superblock Superblock::require(const Window& where) {
  const auto super = read(where);
  if (!super)
    throw Error(Errc::Unsupported,
                fmt::format("there is no ext2, ext3 or ext4 filesystem at byte {} of {}",
                            where.range().start(), quote(where.file().path().string())));
  return *super;
}

void Superblock::check(const Window& where) {
  if (has_incompat(EXT3_FEATURE_INCOMPAT_JOURNAL_DEV))
    throw Error(Errc::Unsupported,
                "this is the external journal of a filesystem (journal_dev), which holds no files");
  if (has_checksums()) {
    if (raw_.s_checksum_type != EXT2_CRC32C_CHKSUM)
      throw Error(Errc::Unsupported,
                  fmt::format("the filesystem has checksums of type {}; crc32c is {}",
                              raw_.s_checksum_type, EXT2_CRC32C_CHKSUM));
    const std::uint32_t found = ext2fs_crc32c_le(~0U, reinterpret_cast<const unsigned char*>(&raw_),
                                                 offsetof(ext2_super_block, s_checksum));
    if (found != raw_.s_checksum)
      corrupt(fmt::format("its checksum is {:08x}, but its content gives {:08x}", raw_.s_checksum,
                          found));
  }
  if (raw_.s_log_block_size > 6)
    corrupt(fmt::format("a block size of 2^{} KiB", raw_.s_log_block_size));
  if (has_ro_compat(EXT4_FEATURE_RO_COMPAT_BIGALLOC) &&
      (raw_.s_log_cluster_size < raw_.s_log_block_size || raw_.s_log_cluster_size > 20))
    corrupt(fmt::format("clusters of 2^{} KiB of blocks of 2^{} KiB", raw_.s_log_cluster_size,
                        raw_.s_log_block_size));
  block_size_ = 1024U << raw_.s_log_block_size;
  inode_size_ =
      raw_.s_rev_level == EXT2_GOOD_OLD_REV ? EXT2_GOOD_OLD_INODE_SIZE : raw_.s_inode_size;
  if (inode_size_ < EXT2_GOOD_OLD_INODE_SIZE || inode_size_ > block_size_ ||
      !is_power_of_two(inode_size_))
    corrupt(fmt::format("inodes of {} bytes", inode_size_));
  if (raw_.s_rev_level != EXT2_GOOD_OLD_REV &&
      (raw_.s_first_ino < EXT2_GOOD_OLD_FIRST_INO || raw_.s_first_ino > raw_.s_inodes_count))
    corrupt(fmt::format("{} as its first inode", raw_.s_first_ino));
  const bool wide = raw_.s_feature_incompat & EXT4_FEATURE_INCOMPAT_64BIT;
  descriptor_size_ = wide ? raw_.s_desc_size : kSmallDescriptor;
  if (descriptor_size_ < kSmallDescriptor || descriptor_size_ > block_size_ ||
      !is_power_of_two(descriptor_size_))
    corrupt(fmt::format("group descriptors of {} bytes", descriptor_size_));
  blocks_ = raw_.s_blocks_count | (wide ? std::uint64_t{raw_.s_blocks_count_hi} << 32 : 0);
  if (blocks_ <= raw_.s_first_data_block || raw_.s_first_data_block > 1)
    corrupt(fmt::format("{} blocks, the first at {}", blocks_, raw_.s_first_data_block));
  const std::uint64_t window_blocks = where.range().size() / block_size_;
  if (blocks_ > window_blocks)
    throw Error(Errc::Corrupt,
                fmt::format("the filesystem has {} blocks of {} bytes, but there is room for {}",
                            blocks_, block_size_, window_blocks))
        .with_hint("the image or the partition was cut short, or the partition table is wrong");
  const std::uint32_t most_per_group =
      raw_.s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_BIGALLOC ? UINT32_MAX : 8 * block_size_;
  if (raw_.s_blocks_per_group == 0 || raw_.s_blocks_per_group > most_per_group)
    corrupt(fmt::format("{} blocks per group", raw_.s_blocks_per_group));
  if (raw_.s_inodes_per_group == 0 || raw_.s_inodes_per_group > 8 * block_size_)
    corrupt(fmt::format("{} inodes per group", raw_.s_inodes_per_group));
  groups_ =
      (blocks_ - raw_.s_first_data_block + raw_.s_blocks_per_group - 1) / raw_.s_blocks_per_group;
  if (groups_ * raw_.s_inodes_per_group != raw_.s_inodes_count)
    corrupt(fmt::format("{} inodes, but {} groups of {}", raw_.s_inodes_count, groups_,
                        raw_.s_inodes_per_group));
}

std::uint32_t Superblock::checksum_seed() const {
  if (raw_.s_feature_incompat & EXT4_FEATURE_INCOMPAT_CSUM_SEED) return raw_.s_checksum_seed;
  return ext2fs_crc32c_le(~0U, raw_.s_uuid, sizeof raw_.s_uuid);
}

ExtInfo Superblock::info() const {
  ExtInfo info;
  ExtSummary& fs = info.summary;
  const bool wide = raw_.s_feature_incompat & EXT4_FEATURE_INCOMPAT_64BIT;
  const auto joined = [wide](std::uint32_t low, std::uint32_t high) {
    return low | (wide ? std::uint64_t{high} << 32 : 0);
  };
  fs.type = type_of(features());
  fs.block_size = block_size_;
  fs.blocks = blocks_;
  fs.free_blocks = joined(raw_.s_free_blocks_count, raw_.s_free_blocks_hi);
  fs.reserved_blocks = joined(raw_.s_r_blocks_count, raw_.s_r_blocks_count_hi);
  fs.inodes = raw_.s_inodes_count;
  fs.free_inodes = raw_.s_free_inodes_count;
  if ((raw_.s_feature_compat & EXT3_FEATURE_COMPAT_HAS_JOURNAL) &&
      raw_.s_jnl_backup_type == EXT3_JNL_BACKUP_BLOCKS)
    fs.journal_blocks = raw_.s_jnl_blocks[16] / block_size_;
  const char* label = reinterpret_cast<const char*>(raw_.s_volume_name);
  fs.label.assign(label, strnlen(label, sizeof raw_.s_volume_name));
  std::copy_n(raw_.s_uuid, fs.uuid.size(), fs.uuid.begin());
  info.inode_size = inode_size_;
  info.features = feature_names(features());
  info.needs_recovery = raw_.s_feature_incompat & EXT3_FEATURE_INCOMPAT_RECOVER;
  info.has_errors = raw_.s_state & EXT2_ERROR_FS;
  info.interrupted = raw_.s_feature_incompat & kUnusableMark;
  info.not_clean = !(raw_.s_state & EXT2_VALID_FS);
  info.created = raw_.s_mkfs_time | std::int64_t{raw_.s_mkfs_time_hi} << 32;
  info.written = raw_.s_wtime | std::int64_t{raw_.s_wtime_hi} << 32;
  info.size_bytes = blocks_ * block_size_;
  info.overhead_blocks = std::min(overhead_blocks(fs.journal_blocks), blocks_);
  info.kernel_reserve_blocks = kernel_reserve_blocks();
  return info;
}

std::uint64_t Superblock::count_supers() const {
  if (raw_.s_feature_compat & EXT4_FEATURE_COMPAT_SPARSE_SUPER2) {
    std::uint64_t count = 1;
    for (const std::uint32_t group : raw_.s_backup_bgs) count += group != 0 && group < groups_;
    return count;
  }
  if (!(raw_.s_feature_ro_compat & EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER)) return groups_;
  std::uint64_t count = std::min<std::uint64_t>(groups_, 2);
  for (const std::uint64_t base : {3U, 5U, 7U})
    for (std::uint64_t group = base; group < groups_; group *= base) ++count;
  return count;
}

// As ext4_calculate_overhead() of Linux has it. Without a loop over groups: a hostile superblock
// has four thousand million.
std::uint64_t Superblock::overhead_blocks(std::uint64_t journal_blocks) const {
  // the sum that mke2fs left there, journal included: only it knows which clusters tables share
  if (has_ro_compat(EXT4_FEATURE_RO_COMPAT_BIGALLOC))
    return std::uint64_t{raw_.s_overhead_clusters} * (cluster_size() / block_size_);
  const std::uint64_t per_block = block_size_ / descriptor_size_,
                      descriptors = (groups_ + per_block - 1) / per_block,
                      table =
                          (std::uint64_t{raw_.s_inodes_per_group} * inode_size_ + block_size_ - 1) /
                          block_size_;
  std::uint64_t at_supers = descriptors, elsewhere = 0;
  if (has_incompat(EXT2_FEATURE_INCOMPAT_META_BG)) {
    at_supers = std::min<std::uint64_t>(raw_.s_first_meta_bg, descriptors);
    elsewhere = 3 * (descriptors - at_supers);  // three copies of each
    const std::uint64_t in_last = groups_ - (descriptors - 1) * per_block;
    // in the first, the second and the last group of those that it describes, if that is there
    if (at_supers < descriptors && in_last != per_block)
      elsewhere -= 3 - std::min<std::uint64_t>(in_last, 2);
  }
  return journal_blocks + raw_.s_first_data_block + groups_ * (table + 2) + elsewhere +
         count_supers() * (1 + at_supers + raw_.s_reserved_gdt_blocks);
}

// ext4_set_resv_clusters(): a fiftieth, at most 4096 clusters, and only where there are extents.
std::uint64_t Superblock::kernel_reserve_blocks() const {
  if (!has_incompat(EXT3_FEATURE_INCOMPAT_EXTENTS)) return 0;
  const std::uint64_t per_cluster = cluster_size() / block_size_;
  return std::min<std::uint64_t>(blocks_ / per_cluster / 50, 4096) * per_cluster;
}

void Superblock::require_readable() const {
  if (raw_.s_feature_incompat & kUnusableMark)
    throw Error(Errc::Dirty,
                "a change of this filesystem was interrupted; it holds neither its old nor its new "
                "content")
        .with_hint(
            "'rawimg recover' takes the change back, but it needs the undo file that was beside "
            "the "
            "image, IMG.rawimg-undo (one that was of no use is now .stale); without it, restore "
            "the "
            "image from a backup");
  const std::uint32_t unknown = raw_.s_feature_incompat & ~kReadableIncompat;
  if (unknown != 0)
    throw Error(Errc::Unsupported,
                fmt::format("the filesystem has features that rawimg does not read: {}",
                            fmt::join(feature_names({0, unknown, 0}), ", ")));
}

void Superblock::require_editable() const {
  const auto dirty = [](const char* why, const char* next) {
    return Error(Errc::Dirty, why).with_hint(next);
  };
  require_readable();
  if (has_incompat(EXT3_FEATURE_INCOMPAT_RECOVER))
    throw dirty("the journal must be replayed first", kReplayHint);
  if (raw_.s_state & EXT2_ERROR_FS) throw dirty("the filesystem is marked as damaged", kCheckHint);
  if (!(raw_.s_state & EXT2_VALID_FS)) throw dirty("the filesystem was not unmounted", kCheckHint);
  if (raw_.s_last_orphan != 0)
    throw dirty("the filesystem has deleted files that are not cleaned up", kCheckHint);
  require_writable(features());
  if ((raw_.s_feature_compat & EXT2_FEATURE_COMPAT_DIR_INDEX) &&
      raw_.s_def_hash_version > EXT2_HASH_TEA)
    throw Error(Errc::Unsupported,
                fmt::format("the filesystem hashes names by method {}, which rawimg does not write",
                            raw_.s_def_hash_version));
}

bool Superblock::has_super(std::uint64_t group) const {
  if (raw_.s_feature_compat & EXT4_FEATURE_COMPAT_SPARSE_SUPER2)
    return group == 0 || group == raw_.s_backup_bgs[0] || group == raw_.s_backup_bgs[1];
  if (group <= 1 || !(raw_.s_feature_ro_compat & EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER)) return true;
  for (const std::uint64_t base : {3, 5, 7}) {
    std::uint64_t power = base;
    while (power < group) power *= base;
    if (power == group) return true;
  }
  return false;
}

std::uint64_t Superblock::descriptor_block(std::uint64_t group) const {
  const std::uint64_t per_block = block_size_ / descriptor_size_, index = group / per_block;
  const bool meta =
      (raw_.s_feature_incompat & EXT2_FEATURE_INCOMPAT_META_BG) && index >= raw_.s_first_meta_bg;
  // With bigalloc, block 0 is in group 0 even where blocks of 1 KiB put the superblock into
  // block 1.
  const unsigned shift = block_size_ == kSuperblockAt && raw_.s_first_data_block == 0 ? 1 : 0;
  if (!meta) return raw_.s_first_data_block + shift + 1 + index;
  const std::uint64_t first_group = index * per_block;
  return raw_.s_first_data_block + first_group * raw_.s_blocks_per_group +
         (has_super(first_group) ? 1 : 0) + (first_group == 0 ? shift : 0);
}

void Superblock::read_blocks(const Window& where, std::uint64_t block, std::uint64_t count,
                             std::span<std::byte> out) const {
  if (block == 0 || block >= blocks_ || count > blocks_ - block)
    throw Error(Errc::Corrupt,
                fmt::format("blocks {} to {} are outside of the filesystem, which has {}", block,
                            block + count - 1, blocks_));
  where.read_at(block * block_size_, out.first(count * block_size_));
}

void Superblock::check_descriptor(std::span<const std::byte> descriptor,
                                  std::uint32_t group) const {
  if (!has_checksums() && !has_ro_compat(EXT4_FEATURE_RO_COMPAT_GDT_CSUM)) return;
  constexpr std::size_t kAt = offsetof(ext4_group_desc, bg_checksum),
                        kBehind = kAt + sizeof(std::uint16_t);
  const auto number = std::as_bytes(std::span(&group, 1));
  std::uint16_t found = 0, stored = 0;
  std::memcpy(&stored, descriptor.data() + kAt, sizeof stored);
  if (has_checksums()) {  // of everything, the checksum itself as zero
    const std::array<unsigned char, 2> zero{};
    const auto crc = [](std::uint32_t seed, std::span<const std::byte> bytes) {
      return ext2fs_crc32c_le(seed, reinterpret_cast<const unsigned char*>(bytes.data()),
                              bytes.size());
    };
    found = static_cast<std::uint16_t>(
        crc(ext2fs_crc32c_le(crc(crc(checksum_seed(), number), descriptor.first(kAt)), zero.data(),
                             zero.size()),
            descriptor.subspan(kBehind)));
  } else {  // of everything but the checksum
    found = crc16(crc16(crc16(crc16(0xFFFF, std::as_bytes(std::span(raw_.s_uuid))), number),
                        descriptor.first(kAt)),
                  descriptor.subspan(kBehind));
  }
  if (found != stored)
    throw Error(Errc::Corrupt, fmt::format("the descriptor of group {} is damaged: its checksum is "
                                           "{:04x}, but its content gives {:04x}",
                                           group, stored, found))
        .with_hint(kCheckHint);
}

void Superblock::require_inside(std::string_view what, std::uint64_t group, std::uint64_t at,
                                std::uint64_t count) const {
  if (at != 0 && at < blocks_ && count <= blocks_ - at) return;
  throw Error(Errc::Corrupt, fmt::format("the {} of group {} lies at block {}, but there are {}",
                                         what, group, at, blocks_))
      .with_hint(kCheckHint);
}

void Superblock::for_each_group(
    const Window& where,
    const std::function<void(std::uint64_t number, const Group&)>& each) const {
  std::vector<std::byte> block(block_size_);
  for (std::uint64_t number = 0; number < groups_; ++number) {
    if (number % descriptors_per_block() == 0)
      read_blocks(where, descriptor_block(number), 1, block);
    const Group group = group_in(block, number);
    require_inside("block bitmap", number, group.block_bitmap, 1);
    require_inside("inode bitmap", number, group.inode_bitmap, 1);
    require_inside("inode table", number, group.inode_table, group.table_blocks);
    each(number, group);
  }
}

void Superblock::require_descriptors(const Window& where) const {
  struct Run {
    std::uint64_t first, count, group;
    const char* what;
  };
  std::vector<Run> runs;
  for_each_group(where, [&](std::uint64_t number, const Group& group) {
    const std::uint64_t first = first_block_of(number),
                        behind = number == 0 ? superblock_block() + 1 : first + has_super(number);
    const std::uint64_t head = behind - first + group.descriptor_blocks + group.growth_blocks;
    if (head != 0) runs.push_back({first, head, number, "superblock and descriptors"});
    runs.push_back({group.block_bitmap, 1, number, "block bitmap"});
    runs.push_back({group.inode_bitmap, 1, number, "inode bitmap"});
    runs.push_back({group.inode_table, group.table_blocks, number, "inode table"});
  });
  std::ranges::sort(runs, {}, &Run::first);
  for (std::size_t i = 1; i < runs.size(); ++i) {
    const Run &before = runs[i - 1], &run = runs[i];
    if (before.first + before.count > run.first)
      throw Error(Errc::Corrupt,
                  fmt::format("block {} is in the {} of group {} and in the {} of group {}",
                              run.first, before.what, before.group, run.what, run.group))
          .with_hint(kCheckHint);
  }
}

// With meta_bg, a block of descriptors lies in the first, the second and the last of the groups
// that it describes, and not with the others.
void Superblock::place_descriptors(std::uint64_t number, Group& group) const {
  const std::uint64_t per_block = descriptors_per_block();
  const bool has_meta = has_incompat(EXT2_FEATURE_INCOMPAT_META_BG);
  if (has_meta && number / per_block >= raw_.s_first_meta_bg) {
    const std::uint64_t place = number % per_block;
    group.descriptor_blocks = place == 0 || place == 1 || place == per_block - 1 ? 1 : 0;
    return;
  }
  if (!has_super(number)) return;
  const std::uint64_t all = (groups_ + per_block - 1) / per_block;
  group.descriptor_blocks = has_meta ? std::min<std::uint64_t>(raw_.s_first_meta_bg, all) : all;
  group.growth_blocks = has_meta ? 0 : raw_.s_reserved_gdt_blocks;
}

Superblock::Group Superblock::group(const Window& where, std::uint64_t number) const {
  std::vector<std::byte> block(block_size_);
  read_blocks(where, descriptor_block(number), 1, block);
  return group_in(block, number);
}

Superblock::Group Superblock::group_in(std::span<const std::byte> block,
                                       std::uint64_t number) const {
  const auto bytes =
      block.subspan(number % descriptors_per_block() * descriptor_size_, descriptor_size_);
  check_descriptor(bytes, static_cast<std::uint32_t>(number));
  ext4_group_desc descriptor{};
  std::memcpy(&descriptor, bytes.data(), std::min(bytes.size(), sizeof descriptor));
  const auto joined = [wide = descriptor_size_ > kSmallDescriptor](
                          std::uint32_t low, std::uint32_t high, unsigned shift = 32) {
    return low | (wide ? std::uint64_t{high} << shift : 0);
  };
  const std::uint64_t table_bytes = std::uint64_t{raw_.s_inodes_per_group} * inode_size_;
  Group group;
  group.block_bitmap = joined(descriptor.bg_block_bitmap, descriptor.bg_block_bitmap_hi);
  group.inode_bitmap = joined(descriptor.bg_inode_bitmap, descriptor.bg_inode_bitmap_hi);
  group.inode_table = joined(descriptor.bg_inode_table, descriptor.bg_inode_table_hi);
  group.table_blocks = (table_bytes + block_size_ - 1) / block_size_;
  place_descriptors(number, group);
  group.free_clusters =
      joined(descriptor.bg_free_blocks_count, descriptor.bg_free_blocks_count_hi, 16);
  group.directories = static_cast<std::uint32_t>(
      joined(descriptor.bg_used_dirs_count, descriptor.bg_used_dirs_count_hi, 16));
  if (has_checksums() || has_ro_compat(EXT4_FEATURE_RO_COMPAT_GDT_CSUM)) {
    group.has_no_bitmap = (descriptor.bg_flags & EXT2_BG_BLOCK_UNINIT) != 0;
    group.has_no_inodes = (descriptor.bg_flags & EXT2_BG_INODE_UNINIT) != 0;
  }
  return group;
}

Superblock::InodePlace Superblock::place_of(const Window& where, std::uint32_t number) const {
  if (number == 0 || number > raw_.s_inodes_count)
    throw Error(Errc::Corrupt,
                fmt::format("inode {}: the filesystem has 1 to {}", number, raw_.s_inodes_count));
  const std::uint64_t group = (number - 1) / raw_.s_inodes_per_group,
                      index = (number - 1) % raw_.s_inodes_per_group;
  const std::uint64_t table = this->group(where, group).inode_table;
  const std::uint64_t in_table = index * inode_size_ / block_size_;
  require_inside("inode table", group, table, in_table + 1);
  return {table + in_table, static_cast<std::uint32_t>(index * inode_size_ % block_size_)};
}

void require_descriptors(const Window& where) {
  if (const auto super = Superblock::read(where)) super->require_descriptors(where);
}

std::optional<ExtInfo> probe_ext(const Window& where) {
  const auto super = Superblock::read(where);
  if (!super) return std::nullopt;
  return super->info();
}

}  // namespace rawimg
