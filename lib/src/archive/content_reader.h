// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <rawimg/entry.h>

#include "archive/decoded_stream.h"
#include "archive/sparse_map.h"
#include "archive/tar_metadata.h"

namespace rawimg {

/// Zeros between `size` bytes of content and the next block.
inline std::uint64_t tar_padding(std::uint64_t size) {
  return (kTarBlock - size % kTarBlock) % kTarBlock;
}

/// The content of the current member: what is behind its header in the stream, and where in the
/// file it belongs.
class ContentReader {
 public:
  explicit ContentReader(DecodedStream& stream) : stream_(stream) {}

  void begin_none();
  /// `size` bytes that are nobody's content.
  void begin_ignored(std::uint64_t size);
  /// A regular file of `stored_size` bytes in the archive; reads what maps of holes are in front of
  /// the content. Returns the file's size. Throws: BadInput.
  std::uint64_t begin_file(const TarMember& member, std::uint64_t stored_size);

  std::optional<DataChunk> next();
  void skip_rest();

 private:
  std::uint64_t begin_old_sparse(const TarHeader& header, const TarMember& member,
                                 std::uint64_t stored_size);
  std::uint64_t begin_sparse(SparseMap map, std::uint64_t file_size, std::uint64_t stored_size);
  SparseMap read_sparse_text(std::uint64_t& stored_size);
  [[noreturn]] void fail_truncated() const;

  DecodedStream& stream_;
  std::vector<StoredExtent> extents_;  // of the file, as they follow in the stream
  std::size_t current_ = 0;
  std::uint64_t done_ = 0;                // of the current extent
  std::uint64_t left_ = 0, padding_ = 0;  // in the stream: content, then zeros
};

}  // namespace rawimg
