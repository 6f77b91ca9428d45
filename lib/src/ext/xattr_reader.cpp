// SPDX-License-Identifier: MIT
// The layout is told in xattr_block.cpp.
#include "ext/xattr_reader.h"

#include <bit>
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "ext/libext2fs.h"

namespace rawimg {
namespace {

constexpr std::uint32_t kAclDiskVersion = 1;
// What one inode may make us allocate through values in inodes of their own: far more than Linux
// lets anybody set (64 KiB each, 64 KiB of names).
constexpr std::size_t kMaxInodeValues = 16u << 20;

[[noreturn]] void corrupt(const std::string& why) {
  throw Error(Errc::Corrupt, "extended attributes are damaged: " + why);
}

std::string full_name(std::uint8_t index, std::string_view name) {
  switch (index) {
    case 1:
      return "user." + std::string(name);
    case 2:
      return "system.posix_acl_access";
    case 3:
      return "system.posix_acl_default";
    case 4:
      return "trusted." + std::string(name);
    case 6:
      return "security." + std::string(name);
    case 7:
      return "system." + std::string(name);
    case 8:
      return "system.richacl" + std::string(name);
    case 9:
      return "encryption." + std::string(name);
    case 10:
      return "gnu." + std::string(name);
    default:
      return fmt::format("index{}.{}", index, name);
  }
}

std::uint32_t magic_of(std::span<const std::byte> area) {
  std::uint32_t magic = 0;
  if (area.size() >= sizeof magic) std::memcpy(&magic, area.data(), sizeof magic);
  return magic;
}

/// Entries from `first` on; value offsets count from the start of `values`.
void read_entries(std::span<const std::byte> area, std::size_t first,
                  std::span<const std::byte> values, const ValueReader& read_value,
                  std::vector<Xattr>& out) {
  // bytes of values: entries of a hostile block may share them, and each is a copy
  std::size_t here = 0, elsewhere = 0;
  for (std::size_t at = first; at + sizeof(std::uint32_t) <= area.size();) {
    if (magic_of(area.subspan(at)) == 0) return;  // the terminator
    ext2_ext_attr_entry entry;
    if (area.size() - at < sizeof entry) corrupt("an entry passes the end");
    std::memcpy(&entry, area.data() + at, sizeof entry);
    const std::size_t size = EXT2_EXT_ATTR_LEN(entry.e_name_len);
    if (area.size() - at < size) corrupt("a name passes the end");
    const std::string_view name(reinterpret_cast<const char*>(area.data() + at + sizeof entry),
                                entry.e_name_len);
    Xattr xattr{full_name(entry.e_name_index, name), ""};
    if (entry.e_value_inum != 0) {
      elsewhere += entry.e_value_size;
      if (elsewhere > kMaxInodeValues)
        throw Error(
            Errc::Unsupported,
            fmt::format(
                "extended attributes with values of more than {} bytes in inodes of their own",
                kMaxInodeValues));
      xattr.value = read_value(entry.e_value_inum, entry.e_value_size);
    } else {
      if (entry.e_value_size > values.size() ||
          entry.e_value_offs > values.size() - entry.e_value_size)
        corrupt(fmt::format("a value of {} bytes at byte {} of {}", entry.e_value_size,
                            entry.e_value_offs, values.size()));
      here += entry.e_value_size;
      if (here > values.size()) corrupt(fmt::format("values of more than {} bytes", values.size()));
      xattr.value.assign(reinterpret_cast<const char*>(values.data() + entry.e_value_offs),
                         entry.e_value_size);
    }
    if (entry.e_name_index == 2 || entry.e_name_index == 3)
      xattr.value = acl_from_disk(xattr.value);
    out.push_back(std::move(xattr));
    at += size;
  }
}

}  // namespace

void read_inode_xattrs(std::span<const std::byte> area, const ValueReader& read_value,
                       std::vector<Xattr>& out) {
  if (magic_of(area) != EXT2_EXT_ATTR_MAGIC) return;
  const auto entries = area.subspan(sizeof(std::uint32_t));
  read_entries(entries, 0, entries, read_value, out);
}

void read_block_xattrs(std::span<const std::byte> block, const ValueReader& read_value,
                       std::vector<Xattr>& out) {
  if (magic_of(block) != EXT2_EXT_ATTR_MAGIC)
    corrupt(fmt::format("magic {:08x} where {:08x} belongs", magic_of(block), EXT2_EXT_ATTR_MAGIC));
  ext2_ext_attr_header header;
  std::memcpy(&header, block.data(), sizeof header);
  if (header.h_blocks != 1)
    corrupt(fmt::format("they say that they take {} blocks, where 1 is the only number",
                        header.h_blocks));
  read_entries(block, sizeof header, block, read_value, out);
}

std::string acl_from_disk(std::string_view disk) {
  constexpr std::size_t kHeader = 4, kShort = 4, kLong = 8;
  if (disk.size() < kHeader) corrupt("an ACL without a header");
  std::uint32_t version = 0;
  std::memcpy(&version, disk.data(), sizeof version);
  if (version != kAclDiskVersion)
    corrupt(fmt::format("an ACL of version {} where {} belongs", version, kAclDiskVersion));
  std::string value("\2\0\0\0", kHeader);
  for (std::size_t at = kHeader; at < disk.size();) {
    if (disk.size() - at < kShort) corrupt("an ACL entry passes the end");
    const auto tag = static_cast<unsigned>(static_cast<unsigned char>(disk[at])) |
                     static_cast<unsigned>(static_cast<unsigned char>(disk[at + 1])) << 8;
    if (tag == 0 || tag > 32 || !std::has_single_bit(tag))
      corrupt(fmt::format("an ACL entry with tag {}", tag));
    const bool named = tag == 2 || tag == 8;
    if (named && disk.size() - at < kLong) corrupt("an ACL entry passes the end");
    value += disk.substr(at, 4);
    value += named ? disk.substr(at + 4, 4) : std::string_view("\xFF\xFF\xFF\xFF");
    at += named ? kLong : kShort;
  }
  return value;
}

}  // namespace rawimg
