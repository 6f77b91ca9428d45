// SPDX-License-Identifier: MIT
#include "ext/directory_leaf.h"

#include <cstring>

namespace rawimg {
namespace {

constexpr std::uint32_t kHeader = 8, kDotEntry = 12;

std::uint32_t entry_size(std::size_t name) {
  return static_cast<std::uint32_t>((kHeader + name + 3) & ~std::size_t{3});
}

/// Walks the entries of a block, to the fake one that holds its checksum.
class Entries {
 public:
  Entries(const DirectoryFormat& format, std::vector<std::byte>& block)
      : bytes_(block.data()),
        end_(static_cast<std::uint32_t>(block.size()) -
             (format.checksums ? std::uint32_t{sizeof(ext2_dir_entry_tail)} : 0)) {}

  bool at_end() const { return at_ >= end_; }
  void next() {
    previous_ = at_;
    at_ += length();
  }
  ext2_dir_entry_2& entry() const { return *reinterpret_cast<ext2_dir_entry_2*>(bytes_ + at_); }
  ext2_dir_entry_2& previous() const {
    return *reinterpret_cast<ext2_dir_entry_2*>(bytes_ + previous_);
  }
  bool is_first() const { return at_ == 0; }
  /// Of an entry that reaches to the end, in a block of 64 KiB, it is said as 0 or 65535.
  std::uint32_t length() const {
    const std::uint32_t said = ext2fs_le16_to_cpu(entry().rec_len);
    return said == 0 || said == 65535 ? end_ - at_ : said;
  }
  std::string_view name() const { return {entry().name, entry().name_len}; }
  bool in_use() const { return entry().inode != 0; }

 private:
  std::byte* bytes_;
  std::uint32_t end_, at_ = 0, previous_ = 0;
};

void set_length(ext2_dir_entry_2& entry, std::uint32_t length) {
  entry.rec_len = ext2fs_cpu_to_le16(static_cast<__u16>(length < 65536 ? length : 65535));
}

void put(ext2_dir_entry_2& entry, const DirectoryFormat& format, const DirName& name) {
  entry.inode = ext2fs_cpu_to_le32(name.inode);
  entry.name_len = static_cast<__u8>(name.name.size());
  entry.file_type = format.file_types ? name.type : __u8{0};
  std::memcpy(entry.name, name.name.data(), name.name.size());
}

}  // namespace

bool add_name(const DirectoryFormat& format, std::vector<std::byte>& block, const DirName& name) {
  const std::uint32_t need = entry_size(name.name.size());
  for (Entries at(format, block); !at.at_end(); at.next()) {
    const std::uint32_t used = at.in_use() ? entry_size(at.name().size()) : 0;
    const std::uint32_t length = at.length();
    if (length < used + need) continue;
    ext2_dir_entry_2* to = &at.entry();
    if (used != 0) {
      set_length(*to, used);
      to = reinterpret_cast<ext2_dir_entry_2*>(reinterpret_cast<std::byte*>(to) + used);
      set_length(*to, length - used);
    }
    put(*to, format, name);
    return true;
  }
  return false;
}

bool remove_name(const DirectoryFormat& format, std::vector<std::byte>& block,
                 std::string_view name) {
  for (Entries at(format, block); !at.at_end(); at.next()) {
    if (!at.in_use() || at.name() != name) continue;
    if (at.is_first()) {
      at.entry().inode = 0;
    } else {
      const auto from_previous = static_cast<std::uint32_t>(
          reinterpret_cast<std::byte*>(&at.entry()) - reinterpret_cast<std::byte*>(&at.previous()));
      set_length(at.previous(), from_previous + at.length());
    }
    return true;
  }
  return false;
}

void set_parent(std::vector<std::byte>& block, std::uint32_t parent) {
  reinterpret_cast<ext2_dir_entry_2*>(block.data() + kDotEntry)->inode = ext2fs_cpu_to_le32(parent);
}

}  // namespace rawimg
