// SPDX-License-Identifier: MIT
//
// Layout (Linux fs/ext4/xattr.h; e2fsprogs lib/ext2fs/ext2_ext_attr.h), all little-endian:
//   in a block   0 magic EA020000    4 reference count    8 blocks (1)
//               12 hash of all entries   16 checksum   20 zero
//               32 entries, up; 4 zero bytes; values, down from the block's end
//   in an inode  0 magic EA020000
//                4 entries, up; 4 zero bytes; values, down from the inode's end (offsets count
//                  from byte 4)
//   entry        0 name length   1 name index   2 value offset   4 value inode (0)
//                8 value size   12 hash   16 name, padded to 4
// Entries in a block are sorted by (index, name length, name).
#include "ext/xattr_block.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <tuple>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "ext/libext2fs.h"

namespace rawimg {
namespace {

struct Prefix {
  std::string_view text;
  std::uint8_t index;
};
constexpr std::array kPrefixes{Prefix{"user.", 1}, Prefix{"trusted.", 4}, Prefix{"security.", 6},
                               Prefix{"system.", 7}};
constexpr std::string_view kAclAccess = "system.posix_acl_access",
                           kAclDefault = "system.posix_acl_default";

constexpr std::size_t kInodeHeader = 4, kTerminator = 4;
constexpr std::size_t kMaxName = 255;
// far more than a block holds; bounds the work on hostile input
constexpr std::size_t kMaxAttributes = 10'000;

struct Attribute {
  std::uint8_t index;
  std::string name, value;
  std::size_t entry_size() const { return EXT2_EXT_ATTR_LEN(name.size()); }
  std::size_t value_size() const { return EXT2_EXT_ATTR_SIZE(value.size()); }
  std::size_t size() const { return entry_size() + value_size(); }
  auto key() const { return std::tuple(index, name.size(), std::string_view(name)); }
};

Attribute to_attribute(const Xattr& xattr) {
  if (xattr.name == kAclAccess || xattr.name == kAclDefault)
    return {static_cast<std::uint8_t>(xattr.name == kAclAccess ? 2 : 3), "",
            acl_to_disk(xattr.name, xattr.value)};
  for (const auto& [prefix, index] : kPrefixes) {
    if (!xattr.name.starts_with(prefix)) continue;
    const std::string name = xattr.name.substr(prefix.size());
    if (name.empty()) break;
    if (name.size() > kMaxName)
      throw Error(
          Errc::Unsupported,
          fmt::format(
              "extended attribute {} has a name of {} bytes behind its prefix: ext holds {}",
              quote(xattr.name), name.size(), kMaxName));
    return {index, name, xattr.value};
  }
  throw Error(Errc::Unsupported, fmt::format("ext cannot hold the extended attribute {}: its "
                                             "namespaces are user, trusted, security and system",
                                             quote(xattr.name)));
}

std::size_t total(std::span<const Attribute> attributes) {
  std::size_t bytes = 0;
  for (const Attribute& attribute : attributes) bytes += attribute.size();
  return bytes;
}

/// Writes entries from `first` up and values from the area's end down. `origin` is what value
/// offsets count from.
void place(std::span<const Attribute> attributes, std::string& area, std::size_t first,
           std::size_t origin, bool with_hashes) {
  std::size_t at = first, value_at = area.size();
  for (const Attribute& attribute : attributes) {
    value_at -= attribute.value_size();
    std::copy(attribute.value.begin(), attribute.value.end(),
              area.begin() + static_cast<std::ptrdiff_t>(value_at));
    ext2_ext_attr_entry entry{};
    entry.e_name_len = static_cast<__u8>(attribute.name.size());
    entry.e_name_index = attribute.index;
    entry.e_value_offs = attribute.value.empty() ? __u16{0} : static_cast<__u16>(value_at - origin);
    entry.e_value_size = static_cast<__u32>(attribute.value.size());
    std::memcpy(&area[at], &entry, sizeof entry);
    std::memcpy(&area[at] + sizeof entry, attribute.name.data(), attribute.name.size());
    if (with_hashes) {
      auto* placed = reinterpret_cast<ext2_ext_attr_entry*>(&area[at]);
      placed->e_hash = ext2fs_ext_attr_hash_entry(placed, &area[value_at]);
    }
    at += attribute.entry_size();
  }
}

std::string in_inode(std::span<const Attribute> attributes, std::size_t room) {
  std::string area(room, '\0');
  const std::uint32_t magic = EXT2_EXT_ATTR_MAGIC;
  std::memcpy(area.data(), &magic, sizeof magic);
  // old kernels want no hash here, new ones do not mind
  place(attributes, area, kInodeHeader, kInodeHeader, false);
  return area;
}

std::string in_block(std::span<const Attribute> attributes, std::size_t block_size) {
  std::string block(block_size, '\0');
  ext2_ext_attr_header header{};
  header.h_magic = EXT2_EXT_ATTR_MAGIC;
  header.h_refcount = 1;
  header.h_blocks = 1;
  std::memcpy(block.data(), &header, sizeof header);
  place(attributes, block, sizeof header, 0, true);
  auto* placed = reinterpret_cast<ext2_ext_attr_header*>(block.data());
  ext2fs_ext_attr_block_rehash(placed,
                               reinterpret_cast<ext2_ext_attr_entry*>(block.data() + block.size()));
  return block;
}

static_assert(std::endian::native == std::endian::little,
              "entries are placed in host order; a big-endian host needs swaps here");

}  // namespace

EncodedXattrs encode_xattrs(std::span<const Xattr> xattrs, const XattrRoom& room) {
  if (xattrs.empty()) return {};
  if (xattrs.size() > kMaxAttributes)
    throw Error(Errc::Unsupported,
                fmt::format("{} extended attributes are too many", xattrs.size()));
  std::vector<Attribute> attributes;
  for (const Xattr& xattr : xattrs) attributes.push_back(to_attribute(xattr));
  std::sort(attributes.begin(), attributes.end(),
            [](const Attribute& a, const Attribute& b) { return a.key() < b.key(); });

  const std::size_t inode_room = room.inode_bytes > kInodeHeader + kTerminator
                                     ? room.inode_bytes - kInodeHeader - kTerminator
                                     : 0;
  const std::size_t block_room = room.block_size - sizeof(ext2_ext_attr_header) - kTerminator;
  const std::size_t wanted = total(attributes);
  if (wanted <= inode_room) return {in_inode(attributes, room.inode_bytes), {}};
  if (wanted <= block_room) return {{}, in_block(attributes, room.block_size)};

  std::vector<Attribute> inner, outer;
  std::size_t used = 0;
  for (Attribute& attribute : attributes) {
    const bool fits = attribute.size() <= inode_room - used;
    if (fits) used += attribute.size();
    (fits ? inner : outer).push_back(std::move(attribute));
  }
  if (total(outer) > block_room)
    throw Error(Errc::Unsupported, fmt::format("the extended attributes need {} bytes, but {} fit "
                                               "into the inode and {} into a block of {} bytes",
                                               wanted, inode_room, block_room, room.block_size));
  return {in_inode(inner, room.inode_bytes), in_block(outer, room.block_size)};
}

std::string acl_to_disk(std::string_view name, std::string_view value) {
  constexpr std::size_t kHeader = 4, kEntry = 8;
  constexpr std::uint32_t kVersion2 = 2, kVersion1 = 1;
  constexpr std::uint16_t kUserObj = 1, kUser = 2, kGroupObj = 4, kGroup = 8, kMask = 16,
                          kOther = 32;
  const auto refuse = [&](std::string_view why) {
    throw Error(Errc::Unsupported, fmt::format("the ACL {} is malformed: {}", name, why));
  };
  const auto u16_at = [&](std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(value[at]) |
                                      static_cast<unsigned char>(value[at + 1]) << 8);
  };
  const auto u32_at = [&](std::size_t at) {
    return u16_at(at) | static_cast<std::uint32_t>(u16_at(at + 2)) << 16;
  };
  if (value.size() < kHeader || (value.size() - kHeader) % kEntry != 0 || u32_at(0) != kVersion2)
    refuse("it is not a version 2 ACL");

  std::string disk("\1\0\0\0", kHeader);
  static_assert(kVersion1 == 1);
  std::uint16_t last_tag = 0;
  std::uint32_t last_id = 0, seen = 0;
  for (std::size_t at = kHeader; at < value.size(); at += kEntry) {
    const std::uint16_t tag = u16_at(at), permissions = u16_at(at + 2);
    const std::uint32_t id = u32_at(at + 4);
    const bool named = tag == kUser || tag == kGroup;
    if (tag != kUserObj && tag != kUser && tag != kGroupObj && tag != kGroup && tag != kMask &&
        tag != kOther)
      refuse(fmt::format("unknown tag {}", tag));
    if (permissions > 7) refuse(fmt::format("permissions {:o}", permissions));
    if (tag < last_tag || (tag == last_tag && !(named && id > last_id)))
      refuse("its entries are out of order or repeated");
    seen |= tag;
    last_tag = tag;
    last_id = id;
    disk.append(value.substr(at, 4));
    if (named) disk.append(value.substr(at + 4, 4));
  }
  if ((seen & (kUserObj | kGroupObj | kOther)) != (kUserObj | kGroupObj | kOther))
    refuse("owner, group or other is missing");
  if ((seen & (kUser | kGroup)) != 0 && (seen & kMask) == 0)
    refuse("it names users or groups but has no mask");
  return disk;
}

}  // namespace rawimg
