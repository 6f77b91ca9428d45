// SPDX-License-Identifier: MIT
#include "support/memory_source.h"

#include <algorithm>

namespace rawimg::test {
namespace {

Item item(std::string path, FileType type, std::uint16_t permissions) {
  Item made;
  made.entry.path = std::move(path);
  made.entry.type = type;
  made.entry.permissions = permissions;
  return made;
}

}  // namespace

Item&& Item::piece(std::uint64_t offset, std::string bytes) && {
  entry.size_bytes = std::max(entry.size_bytes, offset + bytes.size());
  pieces.emplace_back(offset, std::move(bytes));
  return std::move(*this);
}

Item file(std::string path, std::string content) {
  Item made = item(std::move(path), FileType::Regular, 0644);
  return content.empty() ? made : std::move(made).piece(0, std::move(content));
}

Item directory(std::string path) { return item(std::move(path), FileType::Directory, 0755); }

Item symlink(std::string path, std::string target) {
  Item made = item(std::move(path), FileType::Symlink, 0777);
  made.entry.link_target = std::move(target);
  return made;
}

Item hard_link(std::string path, std::string target) {
  Item made = item(std::move(path), FileType::Regular, 0);
  made.entry.is_hard_link = true;
  made.entry.link_target = std::move(target);
  return made;
}

Item special(std::string path, FileType type, std::uint32_t major, std::uint32_t minor) {
  Item made = item(std::move(path), type, 0600);
  made.entry.device_major = major;
  made.entry.device_minor = minor;
  return made;
}

Item failure(Error error) {
  Item made;
  made.failure = std::move(error);
  return made;
}

const Entry* MemorySource::next() {
  current_.reset();
  if (at_ == items_.size()) return nullptr;
  const Item& item = items_[at_++];
  piece_ = in_piece_ = 0;
  if (item.failure) throw Error(*item.failure);
  current_ = std::make_unique<Entry>(item.entry);
  return current_.get();
}

std::optional<DataChunk> MemorySource::next_chunk() {
  const Item& item = items_.at(at_ - 1);
  if (piece_ == item.pieces.size()) {
    if (item.content_failure) throw Error(*item.content_failure);
    return std::nullopt;
  }
  const auto& [offset, bytes] = item.pieces[piece_];
  const auto part = std::make_shared<const std::string>(bytes.substr(in_piece_, chunk_bytes));
  const DataChunk chunk{offset + in_piece_, std::as_bytes(std::span(*part)), part};
  in_piece_ += part->size();
  if (in_piece_ == bytes.size()) {
    ++piece_;
    in_piece_ = 0;
  }
  return chunk;
}

}  // namespace rawimg::test
