// SPDX-License-Identifier: MIT
//
// How a filesystem begins, in the order that libext2fs needs (found by trying, with
// libext2fs 1.47.0; mke2fs does the same): parameters -> ext2fs_initialize -> UUID -> checksum seed
// -> tables -> inodes. Features and sizes are those of Debian 12's /etc/mke2fs.conf, except that
// blocks have 4 KiB from 16 MiB up, where mke2fs silently goes down to 1 KiB below 512 MiB.
#include "ext/format.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rawimg/error.h>
#include <rawimg/ext_fs.h>

#include "base/text.h"
#include "ext/builder.h"
#include "ext/ext_error.h"

namespace rawimg {
namespace {

// fewer never hold superblock, bitmaps, tables and lost+found
constexpr std::uint64_t kMinBlocks = 64;
constexpr std::uint64_t kMinJournalFs = 2048;  // ext2fs_default_journal_size gives up below

// Descriptor blocks of a filesystem whose size comes last: at 4 KiB, enough for half a TiB of ext4
// or one of ext2, and 256 KiB in each of the few groups that have a copy.
constexpr std::uint32_t kRoomBytes = 256u << 10;

std::uint32_t choose_block_size(const ExtOptions& options, ByteCount window) {
  const std::uint32_t size =
      options.block_size.value_or(options.fit ? 4096 : default_block_size(window));
  if (size != 1024 && size != 2048 && size != 4096)
    throw Error(Errc::Usage,
                fmt::format("a block size of {} bytes: it can be 1024, 2048 or 4096", size));
  return size;
}

std::uint64_t choose_inodes(const ExtOptions& options, std::uint64_t bytes) {
  if (options.inodes && options.inode_ratio)
    throw Error(Errc::Usage, "a number of inodes and an inode ratio were both given");
  if (options.inodes) {
    if (*options.inodes < 12)
      throw Error(Errc::Usage,
                  fmt::format("{} inodes: a filesystem needs at least 12", *options.inodes));
    return *options.inodes;
  }
  const std::uint64_t ratio = options.inode_ratio.value_or(kUsualRatio);
  if (ratio < 1024 || ratio > (64u << 20))
    throw Error(Errc::Usage,
                fmt::format("an inode ratio of {} bytes: it can be 1024 to {}", ratio, 64u << 20));
  return std::clamp<std::uint64_t>(bytes / ratio, 16, UINT32_MAX);
}

/// The most that the descriptor room has descriptors for; one block of it is for growth.
void plan_fit(ExtPlan& plan, const Spare& spare) {
  if (!(spare.percent >= 0 && spare.percent <= 1000))
    throw Error(Errc::Usage, fmt::format("{} % to spare: it can be 0 to 1000", spare.percent));
  plan.fit = spare;
  plan.descriptor_room = kRoomBytes / plan.block_size;
  const std::uint64_t size = plan.features.incompat & EXT4_FEATURE_INCOMPAT_64BIT
                                 ? sizeof(ext4_group_desc)
                                 : sizeof(ext2_group_desc),
                      groups = (plan.descriptor_room - 1) * (plan.block_size / size);
  plan.blocks = std::min(plan.blocks, groups * 8 * plan.block_size);
}

}  // namespace

std::uint32_t default_block_size(ByteCount window) {
  return window.value >= kSmallWindow ? 4096 : 1024;
}

ExtPlan plan_ext(const ExtOptions& options, ByteCount window) {
  ExtPlan plan;
  plan.type = options.type;
  plan.block_size = choose_block_size(options, window);
  plan.inode_size = options.inode_size;
  if (plan.inode_size != 128 && plan.inode_size != 256)
    throw Error(Errc::Usage,
                fmt::format("an inode size of {} bytes: it can be 128 or 256", plan.inode_size));
  plan.features = make_features(options.type, options.features);
  // there is no extra room to promise
  if (plan.inode_size == 128) plan.features.ro_compat &= ~EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE;
  plan.blocks = window.value / plan.block_size;
  if (options.fit) plan_fit(plan, *options.fit);
  if (plan.blocks < kMinBlocks)
    throw Error(
        Errc::NoSpace,
        fmt::format(
            "{} bytes are too small for a filesystem: it needs at least {} blocks of {} bytes",
            window.value, kMinBlocks, plan.block_size))
        .with_hint(
            fmt::format("the filesystem itself needs {} bytes", kMinBlocks * plan.block_size));
  const bool wide = plan.features.incompat & EXT4_FEATURE_INCOMPAT_64BIT;
  if (!wide && plan.blocks > UINT32_MAX)
    throw Error(Errc::Usage,
                fmt::format("{} blocks of {} bytes: without the feature '64bit' there can be {}",
                            plan.blocks, plan.block_size, UINT32_MAX));
  if (plan.has_journal() && plan.blocks < kMinJournalFs)
    throw Error(Errc::NoSpace,
                fmt::format("{} blocks of {} bytes are too few for a journal: {} are needed",
                            plan.blocks, plan.block_size, kMinJournalFs))
        .with_hint(fmt::format("the filesystem itself needs {} bytes, or no journal: --type ext2 "
                               "or --features ^has_journal",
                               kMinJournalFs * plan.block_size));
  plan.inodes = choose_inodes(options, plan.blocks * plan.block_size);
  plan.inode_ratio = options.inode_ratio;
  plan.block_size_asked_for = options.block_size.has_value();
  plan.inodes_asked_for = options.inodes.has_value() || options.inode_ratio.has_value();
  plan.reserved_percent = options.reserved_percent.value_or(options.fit ? 0 : 5);
  if (!(plan.reserved_percent >= 0 && plan.reserved_percent <= 50))
    throw Error(Errc::Usage,
                fmt::format("{} % reserved: it can be 0 to 50", plan.reserved_percent));
  if (options.label.size() > EXT2_LABEL_LEN)
    throw Error(Errc::Usage,
                fmt::format("label {} has {} bytes: it can have {}", quote(options.label),
                            options.label.size(), EXT2_LABEL_LEN));
  plan.label = options.label;
  plan.uuid = options.uuid;
  plan.hash_seed = options.hash_seed;
  if (options.created && (*options.created < 1 || *options.created > UINT32_MAX))
    throw Error(Errc::Usage, fmt::format("a creation time of {} seconds: it can be 1 to {}",
                                         *options.created, UINT32_MAX));
  if (options.created && plan.inode_size < 256 && *options.created > INT32_MAX)
    throw Error(Errc::Usage,
                fmt::format("a creation time of {} seconds: inodes of {} bytes hold up to {}",
                            *options.created, plan.inode_size, INT32_MAX));
  return plan;
}

std::string canonical_text(const ExtPlan& plan) {
  return fmt::format("{} blocks={}x{} inodes={}x{} features={:x},{:x},{:x} reserved={} label={}",
                     to_text(plan.type), plan.blocks, plan.block_size, plan.inodes, plan.inode_size,
                     plan.features.compat, plan.features.incompat, plan.features.ro_compat,
                     plan.reserved_percent, escape(plan.label)) +
         (plan.fit ? fmt::format(" fit={}+{}%", plan.fit->bytes, plan.fit->percent) : "");
}

namespace {

/// What is left of the descriptor room in a filesystem of so many blocks; without the resize inode
/// nobody could use it.
std::optional<std::uint32_t> growth_room(const ExtPlan& plan, std::uint64_t blocks) {
  if (!(plan.features.compat & EXT2_FEATURE_COMPAT_RESIZE_INODE)) return std::nullopt;
  const std::uint64_t size = plan.features.incompat & EXT4_FEATURE_INCOMPAT_64BIT
                                 ? sizeof(ext4_group_desc)
                                 : sizeof(ext2_group_desc),
                      groups = (blocks + 8 * plan.block_size - 1) / (8 * plan.block_size),
                      used = (groups * size + plan.block_size - 1) / plan.block_size;
  return static_cast<std::uint32_t>(plan.descriptor_room - used);
}

}  // namespace

ExtHandle initialize_ext(WindowIo& io, const ExtPlan& plan, std::uint64_t blocks,
                         std::uint64_t inodes, std::optional<std::uint32_t> reserved_gdt) {
  ext2_super_block super{};
  super.s_rev_level = EXT2_DYNAMIC_REV;
  super.s_log_block_size = super.s_log_cluster_size =
      static_cast<std::uint32_t>(std::countr_zero(plan.block_size)) - EXT2_MIN_BLOCK_LOG_SIZE;
  super.s_inode_size = static_cast<std::uint16_t>(plan.inode_size);
  ext2fs_blocks_count_set(&super, blocks);
  ext2fs_r_blocks_count_set(
      &super, static_cast<blk64_t>(static_cast<double>(blocks) * plan.reserved_percent / 100));
  super.s_inodes_count = static_cast<std::uint32_t>(inodes);
  super.s_feature_compat = plan.features.compat;
  super.s_feature_incompat = plan.features.incompat;
  super.s_feature_ro_compat = plan.features.ro_compat;
  if (plan.has_flex_bg()) super.s_log_groups_per_flex = 4;
  super.s_default_mount_opts = EXT2_DEFM_XATTR_USER | EXT2_DEFM_ACL;
  if (plan.fit && !reserved_gdt) reserved_gdt = growth_room(plan, blocks);
  if (reserved_gdt) super.s_reserved_gdt_blocks = static_cast<std::uint16_t>(*reserved_gdt);
  ext2_filsys raw = nullptr;
  const errcode_t code =
      ext2fs_initialize(io.name().c_str(), EXT2_FLAG_64BITS, &super, WindowIo::manager(), &raw);
  ExtHandle fs(raw);
  if (code == EXT2_ET_TOOSMALL)
    throw Error(
        Errc::NoSpace,
        fmt::format(
            "{} blocks of {} bytes are too few for {} inodes and the filesystem's own structures",
            blocks, plan.block_size, inodes));
  if (code == EXT2_ET_TOO_MANY_INODES)
    throw Error(Errc::Usage, fmt::format("{} inodes are too many for {} blocks of {} bytes", inodes,
                                         blocks, plan.block_size));
  io.check(code, "lay out the filesystem");
  std::memcpy(fs->super->s_volume_name, plan.label.data(), plan.label.size());
  return fs;
}

void stamp_ext(ext2_filsys fs, const Uuid& uuid, const Uuid& hash_seed, std::int64_t created) {
  ext2_super_block& super = *fs->super;
  std::memcpy(super.s_uuid, uuid.data(), uuid.size());
  std::memcpy(super.s_hash_seed, hash_seed.data(), hash_seed.size());
  fs->now = created;  // 0 would mean "ask the clock"
  // initialize asked the clock
  super.s_mkfs_time = super.s_lastcheck = static_cast<std::uint32_t>(created);
  super.s_mkfs_time_hi = super.s_lastcheck_hi = 0;
  super.s_max_mnt_count = -1;
  super.s_def_hash_version = EXT2_HASH_HALF_MD4;
  // not the host's char
  super.s_flags = (super.s_flags & ~static_cast<std::uint32_t>(EXT2_FLAGS_UNSIGNED_HASH)) |
                  EXT2_FLAGS_SIGNED_HASH;
  if (ext2fs_has_feature_metadata_csum(&super)) super.s_checksum_type = EXT2_CRC32C_CHKSUM;
  if (ext2fs_has_feature_csum_seed(&super))
    super.s_checksum_seed = ext2fs_crc32c_le(~0U, super.s_uuid, sizeof super.s_uuid);
  ext2fs_init_csum_seed(fs);
}

std::uint32_t journal_blocks_for(std::uint64_t blocks) {
  constexpr int kSmallest = 1024;  // JBD2_MIN_JOURNAL_BLOCKS of the kernel
  return static_cast<std::uint32_t>(std::max(kSmallest, ext2fs_default_journal_size(blocks)));
}

ExtSummary summarize(ext2_filsys fs) {
  const ext2_super_block& super = *fs->super;
  ExtSummary summary;
  summary.type =
      type_of({super.s_feature_compat, super.s_feature_incompat, super.s_feature_ro_compat});
  summary.block_size = fs->blocksize;
  summary.blocks = ext2fs_blocks_count(fs->super);
  summary.free_blocks = ext2fs_free_blocks_count(fs->super);
  summary.reserved_blocks = ext2fs_r_blocks_count(fs->super);
  summary.inodes = super.s_inodes_count;
  summary.free_inodes = super.s_free_inodes_count;
  if (ext2fs_has_feature_journal(fs->super))
    summary.journal_blocks = super.s_jnl_blocks[16] / fs->blocksize;
  summary.label.assign(
      reinterpret_cast<const char*>(super.s_volume_name),
      strnlen(reinterpret_cast<const char*>(super.s_volume_name), sizeof super.s_volume_name));
  std::copy_n(super.s_uuid, summary.uuid.size(), summary.uuid.begin());
  return summary;
}

namespace {

/// Root and lost+found.
class EmptyTree : public NameTree {
 public:
  std::vector<NodeId> directories() const override {
    return {ExtBuilder::kRoot, ExtBuilder::kLostFound};
  }
  NodeId parent(NodeId) const override { return ExtBuilder::kRoot; }
  void names(NodeId directory, std::vector<Name>& out) const override {
    out.clear();
    if (directory == ExtBuilder::kRoot) out.push_back({"lost+found", ExtBuilder::kLostFound});
  }
  std::string describe(NodeId node) const override {
    return node == ExtBuilder::kRoot ? "/" : "/lost+found";
  }
};

}  // namespace

void require_ext_possible(const ExtOptions& options, ByteCount window_size) {
  (void)plan_ext(options, window_size);
}

ExtSummary make_ext(const Window& where, const ExtOptions& options) {
  const ExtPlan plan = plan_ext(options, ByteCount{where.range().size()});
  ExtBuilder builder = ExtBuilder::format_last(where, options);
  const std::int64_t created = options.created.value_or(1);
  NodeMeta root = builder.meta(ExtBuilder::kRoot),
           lost_found = builder.meta(ExtBuilder::kLostFound);
  root.mtime = root.atime = root.ctime = root.birthtime = Timestamp{created, 0};
  lost_found.mtime = lost_found.atime = lost_found.ctime = lost_found.birthtime =
      Timestamp{created, 0};
  builder.set_meta(ExtBuilder::kRoot, root);
  builder.set_meta(ExtBuilder::kLostFound, lost_found);
  const Uuid uuid = derive_uuid(
      fmt::format("rawimg format {} at {}", canonical_text(plan), where.range().start()));
  return builder.finish(
      EmptyTree{},
      {.created = created,
       .uuid = uuid,
       .hash_seed = derive_uuid("hash seed of " + to_text(options.uuid.value_or(uuid)))});
}

}  // namespace rawimg
