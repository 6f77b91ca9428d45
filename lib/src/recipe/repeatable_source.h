// SPDX-License-Identifier: MIT
// A stream that can be read only once, for several readers one after the other: a plan asks what
// each type of filesystem would make of it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <rawimg/entry.h>
#include <rawimg/error.h>

namespace rawimg {

/// Keeps what the first reader has read: entries, and of their content where it is not zeros. A
/// later reader gets the same entries with made-up content, which takes the same blocks: what is
/// zeros stays so in cells of 1 KiB, the smallest block, and the place of a swap signature keeps
/// its bytes. Content that the first reader has not asked for is a hole to the others. Memory: what
/// an Entry takes and 100 bytes, for each.
class RepeatableSource {
 public:
  explicit RepeatableSource(std::unique_ptr<EntrySource> source) : source_(std::move(source)) {}

  /// Everything from its beginning; what nobody has read yet comes from the source. One reader at a
  /// time, and none outlives this.
  std::unique_ptr<EntrySource> read();
  /// Of content that was read, zeros included.
  std::uint64_t content_bytes() const { return content_bytes_; }

 private:
  class Reader;
  struct Run {
    std::uint64_t begin, end;
  };
  static constexpr std::size_t kPage = 4096, kSignature = 10;  // a signature ends its page
  struct Kept {
    Entry entry;
    std::vector<Run> data;  ///< bytes; ascending, apart from each other
    std::array<std::byte, kSignature> page_end{};
    std::optional<Error> failure;  ///< of an entry that cannot be represented, in its place
  };

  void keep(Kept& kept, const DataChunk& chunk);

  std::unique_ptr<EntrySource> source_;
  std::vector<std::unique_ptr<Kept>> kept_;
  std::uint64_t content_bytes_ = 0;
  bool ended_ = false;
};

}  // namespace rawimg
