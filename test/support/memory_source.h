// SPDX-License-Identifier: MIT
// A source that a test writes down: MemorySource::make({directory("usr"), file("usr/a",
// "text").mode(0600), hard_link("b", "usr/a")}). It keeps the promises of EntrySource and no more:
// entry and chunks die as early as they may, so that a reader who holds on to them is caught by
// ASan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rawimg/entry.h>
#include <rawimg/error.h>

namespace rawimg::test {

/// An entry with its content, or a failure in its place.
struct Item {
  Entry entry;
  std::vector<std::pair<std::uint64_t, std::string>> pieces;  ///< offset in the file, bytes
  std::optional<Error> failure;                               ///< next() throws this instead
  std::optional<Error> content_failure;  ///< next_chunk() throws this behind the last piece

  Item&& mode(std::uint16_t permissions) && {
    entry.permissions = permissions;
    return std::move(*this);
  }
  Item&& owner(std::uint32_t uid, std::uint32_t gid) && {
    entry.uid = uid;
    entry.gid = gid;
    return std::move(*this);
  }
  Item&& mtime(std::int64_t seconds, std::uint32_t nanoseconds = 0) && {
    entry.mtime = {seconds, nanoseconds};
    return std::move(*this);
  }
  /// In the order of their names.
  Item&& xattr(std::string name, std::string value) && {
    entry.xattrs.push_back({std::move(name), std::move(value)});
    return std::move(*this);
  }
  /// The size of the file when it ends in a hole.
  Item&& size(std::uint64_t bytes) && {
    entry.size_bytes = bytes;
    return std::move(*this);
  }
  Item&& piece(std::uint64_t offset, std::string bytes) &&;
  Item&& fails_in_content(Error error) && {
    content_failure = std::move(error);
    return std::move(*this);
  }
};

Item file(std::string path, std::string content = "");  ///< 0644 0:0
Item directory(std::string path);                       ///< 0755 0:0
Item symlink(std::string path, std::string target);     ///< 0777 0:0
Item hard_link(std::string path, std::string target);
/// 0600 0:0
Item special(std::string path, FileType type, std::uint32_t major = 0, std::uint32_t minor = 0);
Item failure(Error error);

class MemorySource : public EntrySource {
 public:
  explicit MemorySource(std::vector<Item> items, std::string name = "memory")
      : items_(std::move(items)), name_(std::move(name)) {}
  static std::unique_ptr<MemorySource> make(std::vector<Item> items, std::string name = "memory") {
    return std::make_unique<MemorySource>(std::move(items), std::move(name));
  }

  const Entry* next() override;
  std::optional<DataChunk> next_chunk() override;
  const std::string& name() const override { return name_; }
  Position position() const override { return {at_, items_.size()}; }

  /// Longest piece that next_chunk() hands out; longer ones come in parts.
  std::size_t chunk_bytes = SIZE_MAX;

 private:
  std::vector<Item> items_;
  std::string name_;
  std::size_t at_ = 0;  ///< items begun
  std::size_t piece_ = 0, in_piece_ = 0;
  std::unique_ptr<Entry> current_;
};

}  // namespace rawimg::test
