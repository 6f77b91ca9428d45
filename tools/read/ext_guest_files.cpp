// SPDX-License-Identifier: MIT
#include "read/ext_guest_files.h"

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg::cli {
namespace {

struct Enough {};  // ends a reading early

std::string read_up_to(const ExtReader& fs, std::uint64_t inode, std::size_t count) {
  std::string text;
  try {
    fs.read_file(static_cast<std::uint32_t>(inode), [&](std::span<const std::byte> bytes) {
      const std::size_t n = std::min(bytes.size(), count - text.size());
      text.append(reinterpret_cast<const char*>(bytes.data()), n);
      if (text.size() == count) throw Enough{};
    });
  } catch (const Enough&) {
    // what is behind it nobody has asked for
  }
  return text;
}

}  // namespace

std::optional<GuestFile> ExtGuestFiles::find(std::string_view path, Follow follow) const {
  const auto number = fs_.look_up(
      path, follow == Follow::All ? ExtReader::Follow::All : ExtReader::Follow::AllButLast);
  if (!number) return std::nullopt;
  InodeInfo inode = fs_.inode(*number);
  GuestFile file;
  file.id = *number;
  file.type = inode.type;
  file.permissions = inode.permissions;
  file.uid = inode.uid;
  file.gid = inode.gid;
  file.size_bytes = inode.size_bytes;
  file.link_target = std::move(inode.symlink_target);
  file.xattrs = std::move(inode.xattrs);
  file.path = path;
  return file;
}

std::string ExtGuestFiles::head(const GuestFile& file, std::size_t count) const {
  return count == 0 ? "" : read_up_to(fs_, file.id, count);
}

std::optional<std::string> ExtGuestFiles::read(const GuestFile& file) const {
  if (file.size_bytes > kMaxGuestFileBytes)
    throw Error(Errc::Unsupported, fmt::format("{} has {} bytes, more than {}", quote(file.path),
                                               file.size_bytes, kMaxGuestFileBytes))
        .with_path(file.path);
  return read_up_to(fs_, file.id, kMaxGuestFileBytes);
}

}  // namespace rawimg::cli
