// SPDX-License-Identifier: MIT
#include <rawimg/ext_fs.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "base/zeros.h"
#include "ext/directory_reader.h"
#include "ext/ext_error.h"
#include "ext/libext2fs.h"
#include "ext/map_reader.h"
#include "ext/superblock.h"
#include "ext/xattr_reader.h"

namespace rawimg {
namespace {

constexpr std::size_t kPiece = 1u << 20;
constexpr std::size_t kFastSymlink = 60;
constexpr std::uint32_t kMaxEaInodeValue = 1u << 20;

/// An inode as it lies on disk, its checksum verified.
struct RawInode {
  std::vector<std::byte> bytes;
  ext2_inode_large fields{};  ///< what of it the inode size holds; the rest zero
  std::uint32_t number = 0;
  std::uint64_t size = 0, xattr_block = 0;  ///< both halves, where both count

  bool has_extra(std::size_t end) const {
    return bytes.size() > EXT2_GOOD_OLD_INODE_SIZE &&
           std::size_t{EXT2_GOOD_OLD_INODE_SIZE} + fields.i_extra_isize >= end;
  }
  bool has_flag(std::uint32_t flag) const { return fields.i_flags & flag; }
};

std::optional<FileType> type_of_mode(std::uint16_t mode) {
  switch (mode & LINUX_S_IFMT) {
    case LINUX_S_IFREG:
      return FileType::Regular;
    case LINUX_S_IFDIR:
      return FileType::Directory;
    case LINUX_S_IFLNK:
      return FileType::Symlink;
    case LINUX_S_IFCHR:
      return FileType::CharDevice;
    case LINUX_S_IFBLK:
      return FileType::BlockDevice;
    case LINUX_S_IFIFO:
      return FileType::Fifo;
    case LINUX_S_IFSOCK:
      return FileType::Socket;
    default:
      return std::nullopt;
  }
}

Error no_type(const RawInode& inode) {
  return Error(Errc::Corrupt, fmt::format("inode {} has mode {:o}, which is no type of file",
                                          inode.number, inode.fields.i_mode));
}

Timestamp time_of(std::uint32_t seconds, std::optional<std::uint32_t> extra) {
  Timestamp time{static_cast<std::int32_t>(seconds), 0};
  if (!extra) return time;
  time.seconds += std::int64_t{*extra & 3} << 32;
  time.nanoseconds = std::min<std::uint32_t>(*extra >> 2, 999'999'999);
  return time;
}

void put_device(const ext2_inode_large& inode, InodeInfo& info) {
  if (inode.i_block[0] != 0) {
    info.device_major = inode.i_block[0] >> 8 & 0xFF;
    info.device_minor = inode.i_block[0] & 0xFF;
    return;
  }
  const std::uint32_t device = inode.i_block[1];
  info.device_major = device >> 8 & 0xFFF;
  info.device_minor = (device & 0xFF) | (device >> 12 & 0xFFF00);
}

}  // namespace

struct ExtFs::State {
  State(const Window& where, Superblock superblock)
      : window(where), super(superblock), info(superblock.info()) {}

  FileType type(std::uint32_t inode) const;
  std::optional<std::uint32_t> find(std::uint32_t directory, std::string_view name) const;
  std::string symlink_target(std::uint32_t inode) const;

  RawInode read_inode(std::uint32_t number) const;
  void join_halves(RawInode& inode) const;
  void check_inode(const RawInode& inode) const;
  MapInput map_of(const RawInode& inode) const;
  void require_plain(const RawInode& inode, const char* what) const;
  void read_content(const RawInode& inode, std::uint64_t size, const DataSink& sink) const;
  std::string target_of(const RawInode& inode) const;
  std::vector<Xattr> xattrs_of(const RawInode& inode) const;
  std::string ea_inode_value(std::uint32_t inode, std::uint32_t size) const;
  DirectoryReader directory(const RawInode& inode) const;

  Window window;
  Superblock super;
  ExtInfo info;
};

ExtFs::ExtFs(std::unique_ptr<State> state) : state_(std::move(state)) {}
ExtFs::ExtFs(ExtFs&&) noexcept = default;
ExtFs& ExtFs::operator=(ExtFs&&) noexcept = default;
ExtFs::~ExtFs() = default;
ExtInfo ExtFs::info() const { return state_->info; }

ExtFs ExtFs::open(const Window& where, DirtyJournal journal) {
  const Superblock super = Superblock::require(where);
  super.require_readable();
  auto state = std::make_unique<State>(where, super);
  if (state->info.needs_recovery && journal == DirtyJournal::Refuse)
    throw Error(Errc::Dirty,
                "the journal must be replayed first: what is read without it may be stale")
        .with_hint(std::string(kReplayHint) + "; --ignore-journal reads all the same");
  return ExtFs(std::move(state));
}

// Inodes

RawInode ExtFs::State::read_inode(std::uint32_t number) const {
  const Superblock::InodePlace place = super.place_of(window, number);
  std::vector<std::byte> block(super.block_size());
  super.read_blocks(window, place.block, 1, block);
  RawInode inode;
  inode.number = number;
  inode.bytes.assign(block.begin() + place.offset,
                     block.begin() + place.offset + super.inode_size());
  std::memcpy(&inode.fields, inode.bytes.data(), std::min(inode.bytes.size(), sizeof inode.fields));
  if (inode.bytes.size() > EXT2_GOOD_OLD_INODE_SIZE &&
      (inode.fields.i_extra_isize > inode.bytes.size() - EXT2_GOOD_OLD_INODE_SIZE ||
       inode.fields.i_extra_isize % 4 != 0))
    throw Error(Errc::Corrupt, fmt::format("inode {} is damaged: extra fields of {} bytes", number,
                                           inode.fields.i_extra_isize));
  check_inode(inode);
  join_halves(inode);
  return inode;
}

// As Linux does: ext2 kept other things in some of the upper halves.
void ExtFs::State::join_halves(RawInode& inode) const {
  const auto type = type_of_mode(inode.fields.i_mode);
  const bool long_size =
      type == FileType::Regular ||
      (type == FileType::Directory && super.has_incompat(EXT4_FEATURE_INCOMPAT_LARGEDIR));
  inode.size =
      inode.fields.i_size | (long_size ? std::uint64_t{inode.fields.i_size_high} << 32 : 0);
  inode.xattr_block = inode.fields.i_file_acl |
                      (super.has_incompat(EXT4_FEATURE_INCOMPAT_64BIT)
                           ? std::uint64_t{inode.fields.osd2.linux2.l_i_file_acl_high} << 32
                           : 0);
}

void ExtFs::State::check_inode(const RawInode& inode) const {
  if (!super.has_checksums()) return;
  constexpr std::size_t kLow = offsetof(ext2_inode_large, osd2.linux2.l_i_checksum_lo),
                        kHigh = offsetof(ext2_inode_large, i_checksum_hi);
  std::vector<std::byte> copy = inode.bytes;
  std::memset(&copy.at(kLow), 0, 2);
  const bool wide = inode.has_extra(kHigh + 2);
  if (wide) std::memset(&copy.at(kHigh), 0, 2);
  const std::array<std::uint32_t, 2> key{inode.number, inode.fields.i_generation};
  std::uint32_t crc = ext2fs_crc32c_le(
      super.checksum_seed(), reinterpret_cast<const unsigned char*>(key.data()), sizeof key);
  crc = ext2fs_crc32c_le(crc, reinterpret_cast<const unsigned char*>(copy.data()), copy.size());
  const std::uint32_t stored = inode.fields.osd2.linux2.l_i_checksum_lo |
                               (wide ? std::uint32_t{inode.fields.i_checksum_hi} << 16 : 0);
  if (stored != (wide ? crc : crc & 0xFFFF))
    throw Error(Errc::Corrupt,
                fmt::format("inode {} is damaged: its checksum is wrong", inode.number));
}

MapInput ExtFs::State::map_of(const RawInode& inode) const {
  return {window,
          super,
          inode.number,
          inode.fields.i_generation,
          inode.has_flag(EXT4_EXTENTS_FL),
          std::span<const std::uint32_t, 15>(inode.fields.i_block)};
}

void ExtFs::State::require_plain(const RawInode& inode, const char* what) const {
  if (inode.has_flag(EXT4_INLINE_DATA_FL))
    throw Error(Errc::Unsupported, fmt::format("{} inode {} has its content inside of the inode "
                                               "(inline_data), which rawimg does not read",
                                               what, inode.number));
  if (inode.has_flag(EXT4_ENCRYPT_FL))
    throw Error(Errc::Unsupported, fmt::format("{} inode {} is encrypted", what, inode.number));
}

InodeInfo ExtFs::inode(std::uint32_t number) const {
  const RawInode raw = state_->read_inode(number);
  const ext2_inode_large& in = raw.fields;
  const auto type = type_of_mode(in.i_mode);
  if (!type) throw no_type(raw);
  InodeInfo info;
  info.number = number;
  info.type = *type;
  info.permissions = in.i_mode & 07777;
  info.uid = in.i_uid | static_cast<std::uint32_t>(in.osd2.linux2.l_i_uid_high) << 16;
  info.gid = in.i_gid | static_cast<std::uint32_t>(in.osd2.linux2.l_i_gid_high) << 16;
  info.size_bytes = raw.size;
  const bool huge = state_->super.has_ro_compat(EXT4_FEATURE_RO_COMPAT_HUGE_FILE);
  info.sectors = in.i_blocks | (huge ? std::uint64_t{in.osd2.linux2.l_i_blocks_hi} << 32 : 0);
  if (huge && raw.has_flag(EXT4_HUGE_FILE_FL)) info.sectors *= state_->super.block_size() / 512;
  info.links = in.i_links_count;
  const auto extra = [&raw](std::size_t end, std::uint32_t value) {
    return raw.has_extra(end) ? std::optional(value) : std::nullopt;
  };
  info.ctime =
      time_of(in.i_ctime, extra(offsetof(ext2_inode_large, i_ctime_extra) + 4, in.i_ctime_extra));
  info.mtime =
      time_of(in.i_mtime, extra(offsetof(ext2_inode_large, i_mtime_extra) + 4, in.i_mtime_extra));
  info.atime =
      time_of(in.i_atime, extra(offsetof(ext2_inode_large, i_atime_extra) + 4, in.i_atime_extra));
  if (raw.has_extra(offsetof(ext2_inode_large, i_crtime_extra) + 4))
    info.birthtime = time_of(in.i_crtime, in.i_crtime_extra);
  if (in.i_dtime != 0) info.deleted = time_of(in.i_dtime, std::nullopt);
  info.flags = in.i_flags;
  info.generation = in.i_generation;
  if (*type == FileType::CharDevice || *type == FileType::BlockDevice) put_device(in, info);
  if (*type == FileType::Symlink) info.symlink_target = state_->target_of(raw);
  info.xattrs = state_->xattrs_of(raw);
  return info;
}

std::vector<Xattr> ExtFs::State::xattrs_of(const RawInode& inode) const {
  std::vector<Xattr> xattrs;
  const ValueReader read_value = [this](std::uint32_t number, std::uint32_t size) {
    return ea_inode_value(number, size);
  };
  if (inode.bytes.size() > EXT2_GOOD_OLD_INODE_SIZE)
    read_inode_xattrs(
        std::span(inode.bytes).subspan(EXT2_GOOD_OLD_INODE_SIZE + inode.fields.i_extra_isize),
        read_value, xattrs);
  if (const std::uint64_t at = inode.xattr_block; at != 0) {
    std::vector<std::byte> block(super.block_size());
    super.read_blocks(window, at, 1, block);
    if (super.has_checksums()) {
      auto* header = reinterpret_cast<ext2_ext_attr_header*>(block.data());
      const std::uint32_t stored = std::exchange(header->h_checksum, 0);
      std::uint32_t crc = ext2fs_crc32c_le(super.checksum_seed(),
                                           reinterpret_cast<const unsigned char*>(&at), sizeof at);
      crc =
          ext2fs_crc32c_le(crc, reinterpret_cast<const unsigned char*>(block.data()), block.size());
      if (stored != crc)
        throw Error(Errc::Corrupt, fmt::format("the extended attributes of inode {} are damaged: "
                                               "the checksum of block {} is wrong",
                                               inode.number, at));
    }
    read_block_xattrs(block, read_value, xattrs);
  }
  std::sort(xattrs.begin(), xattrs.end());
  return xattrs;
}

std::string ExtFs::State::ea_inode_value(std::uint32_t number, std::uint32_t size) const {
  const RawInode holder = read_inode(number);
  if (!holder.has_flag(EXT4_EA_INODE_FL) || holder.size != size || size > kMaxEaInodeValue)
    throw Error(
        Errc::Corrupt,
        fmt::format("inode {} does not hold an attribute's value of {} bytes", number, size));
  require_plain(holder, "attribute");
  std::string value(size, '\0');
  read_content(holder, size, [&](std::uint64_t at, std::span<const std::byte> bytes) {
    std::memcpy(&value[at], bytes.data(), bytes.size());
  });
  return value;
}

// Content

void ExtFs::State::read_content(const RawInode& inode, std::uint64_t size,
                                const DataSink& sink) const {
  const std::uint32_t block_size = super.block_size();
  std::vector<std::byte> buffer;
  const std::uint64_t blocks = size / block_size + (size % block_size != 0);
  read_map(map_of(inode), blocks, [&](const Extent& run) {
    if (run.unwritten) return;
    for (std::uint64_t block = 0; block < run.count;) {
      const std::uint64_t at = (run.logical + block) * block_size;
      if (at >= size) return;
      const std::uint64_t n = std::min<std::uint64_t>(run.count - block, kPiece / block_size);
      buffer.resize(n * block_size);
      super.read_blocks(window, run.physical + block, n, buffer);
      sink(at, std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), size - at)));
      block += n;
    }
  });
}

std::uint64_t ExtFs::read_data(std::uint32_t number, const DataSink& sink) const {
  const RawInode inode = state_->read_inode(number);
  const auto type = type_of_mode(inode.fields.i_mode);
  if (type == FileType::Directory) throw Error(Errc::Exists, "it is a directory");
  if (type != FileType::Regular) throw Error(Errc::Exists, "it is not a regular file");
  state_->require_plain(inode, "file");
  const std::uint64_t most =
      max_file_blocks(inode.has_flag(EXT4_EXTENTS_FL), state_->super.block_size());
  if (inode.size > most * state_->super.block_size())
    throw Error(Errc::Corrupt,
                fmt::format("file inode {} has {} bytes, but a file has at most {} blocks", number,
                            inode.size, most));
  state_->read_content(inode, inode.size, sink);
  return inode.size;
}

void ExtReader::read_file(std::uint32_t number,
                          const std::function<void(std::span<const std::byte>)>& sink) const {
  std::uint64_t done = 0;
  const std::uint64_t size =
      read_data(number, [&](std::uint64_t at, std::span<const std::byte> bytes) {
        put_zeros(at - done, sink);
        sink(bytes);
        done = at + bytes.size();
      });
  put_zeros(size - done, sink);
}

std::string ExtFs::State::target_of(const RawInode& inode) const {
  const std::uint64_t size = inode.size;
  if (inode.has_flag(EXT4_ENCRYPT_FL)) return "";
  std::string target;
  if (size == 0 || size > super.block_size())
    throw Error(Errc::Corrupt,
                fmt::format("symlink inode {} has a target of {} bytes", inode.number, size));
  const bool no_blocks =
      inode.fields.i_blocks == (inode.xattr_block != 0 ? super.cluster_size() / 512 : 0);
  if (size < kFastSymlink && !inode.has_flag(EXT4_EXTENTS_FL) &&
      (no_blocks || inode.has_flag(EXT4_INLINE_DATA_FL))) {
    target.assign(reinterpret_cast<const char*>(inode.fields.i_block), size);
  } else {
    require_plain(inode, "symlink");
    target.resize(size);  // with zeros where blocks are missing
    read_content(inode, size, [&](std::uint64_t at, std::span<const std::byte> bytes) {
      std::memcpy(&target[at], bytes.data(), bytes.size());
    });
  }
  if (target.find('\0') != std::string::npos)
    throw Error(Errc::Corrupt,
                fmt::format("symlink inode {} has a target with a zero byte", inode.number));
  return target;
}

// Directories and paths

FileType ExtFs::State::type(std::uint32_t number) const {
  const RawInode raw = read_inode(number);
  const auto type = type_of_mode(raw.fields.i_mode);
  if (!type) throw no_type(raw);
  return *type;
}

std::optional<std::uint32_t> ExtFs::State::find(std::uint32_t number, std::string_view name) const {
  return directory(read_inode(number)).find(name);
}

std::string ExtFs::State::symlink_target(std::uint32_t number) const {
  const RawInode inode = read_inode(number);
  std::string target = target_of(inode);
  if (target.empty()) require_plain(inode, "symlink");  // throws: it is encrypted
  return target;
}

DirectoryReader ExtFs::State::directory(const RawInode& inode) const {
  if (type_of_mode(inode.fields.i_mode) != FileType::Directory)
    throw Error(Errc::NotFound, fmt::format("inode {} is not a directory", inode.number));
  require_plain(inode, "directory");
  const std::uint64_t blocks = inode.size / super.block_size();
  if (inode.size % super.block_size() != 0 || blocks == 0 || blocks > super.blocks())
    throw Error(Errc::Corrupt,
                fmt::format("directory inode {} has {} bytes", inode.number, inode.size));
  return DirectoryReader(window, super, map_of(inode), inode.has_flag(EXT2_INDEX_FL), blocks);
}

std::vector<DirEntry> ExtFs::read_directory(std::uint32_t number) const {
  return state_->directory(state_->read_inode(number)).read_all();
}

FileType ExtFs::type(std::uint32_t number) const { return state_->type(number); }

std::optional<std::uint32_t> ExtFs::find(std::uint32_t directory, std::string_view name) const {
  return state_->find(directory, name);
}

std::string ExtFs::symlink_target(std::uint32_t number) const {
  return state_->symlink_target(number);
}

}  // namespace rawimg
