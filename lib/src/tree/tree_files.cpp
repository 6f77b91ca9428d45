// SPDX-License-Identifier: MIT
#include "tree/tree_files.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg {
namespace {

constexpr std::size_t kHead = 64;  // an ELF header

bool is_program(std::string_view head) {
  return head.starts_with(
      "\x7F"
      "ELF");
}

}  // namespace

void KeptContent::begin(const Entry& entry, const std::function<bool(std::string_view)>& reads) {
  current_ = {};
  wanted_ = 0;
  if (entry.is_hard_link || entry.type != FileType::Regular) return;
  const std::string_view path = entry.path;
  const std::size_t slash = path.rfind('/');
  const bool is_asked_for = reads(slash == std::string_view::npos ? path : path.substr(slash + 1));
  current_.is_whole = is_asked_for && entry.size_bytes <= kMaxGuestFileBytes;
  if (current_.is_whole) current_.xattrs = entry.xattrs;
  wanted_ = current_.is_whole ? entry.size_bytes : std::min<std::uint64_t>(entry.size_bytes, kHead);
}

void KeptContent::add(const DataChunk& chunk) {
  if (chunk.offset >= wanted_ || chunk.bytes.empty()) return;
  if (!current_.is_whole && current_.bytes.empty() &&
      (chunk.offset != 0 || chunk.bytes[0] != std::byte{0x7F})) {
    wanted_ = 0;
    return;
  }
  const std::size_t count = std::min<std::uint64_t>(chunk.bytes.size(), wanted_ - chunk.offset);
  current_.bytes.resize(chunk.offset);  // a hole
  current_.bytes.append(reinterpret_cast<const char*>(chunk.bytes.data()), count);
}

void KeptContent::end(NodeId node) {
  if (current_.is_whole)
    current_.bytes.resize(wanted_);
  else if (!is_program(current_.bytes))
    return;
  kept_[static_cast<std::uint32_t>(node)] = std::exchange(current_, {});
}

const KeptContent::Kept* KeptContent::find(NodeId node) const {
  const auto kept = kept_.find(static_cast<std::uint32_t>(node));
  return kept == kept_.end() ? nullptr : &kept->second;
}

std::optional<GuestFile> TreeFiles::find(std::string_view path, Follow follow) const {
  const auto found = tree_.resolve(
      path, follow == Follow::All ? TreeBuilder::Follow::All : TreeBuilder::Follow::AllButLast);
  if (!found) return std::nullopt;
  const NodeMeta& meta = builder_.meta(found->node);
  GuestFile file;
  file.id = static_cast<std::uint32_t>(found->node);
  file.type = meta.type;
  file.permissions = meta.permissions;
  file.uid = meta.uid;
  file.gid = meta.gid;
  file.size_bytes = builder_.size_of(found->node);
  file.link_target = builder_.symlink_target(found->node);
  // by the name that leads there: a file may have others
  if (found->directory != ExtBuilder::kRoot) file.path = tree_.names().path_of(found->directory);
  file.path += '/' + found->name;
  if (const KeptContent::Kept* kept = kept_.find(found->node)) file.xattrs = kept->xattrs;
  return file;
}

std::string TreeFiles::head(const GuestFile& file, std::size_t count) const {
  const KeptContent::Kept* kept = kept_.find(NodeId{static_cast<std::uint32_t>(file.id)});
  return kept == nullptr ? "" : kept->bytes.substr(0, count);
}

std::optional<std::string> TreeFiles::read(const GuestFile& file) const {
  const KeptContent::Kept* kept = kept_.find(NodeId{static_cast<std::uint32_t>(file.id)});
  if (kept == nullptr || !kept->is_whole) {
    if (file.size_bytes > kMaxGuestFileBytes)
      throw Error(Errc::Unsupported, fmt::format("{} has {} bytes, more than {}", quote(file.path),
                                                 file.size_bytes, kMaxGuestFileBytes))
          .with_path(file.path);
    return std::nullopt;
  }
  return kept->bytes;
}

}  // namespace rawimg
