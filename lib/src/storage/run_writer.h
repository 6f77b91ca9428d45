// SPDX-License-Identifier: MIT
// Turns many small pieces that lie back to back into few long gathered writes, made on a thread of
// its own while the caller goes on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <rawimg/image_file.h>

namespace rawimg {

/// Pieces are written in the order in which they were put (one thread, first in, first out): a
/// later piece for the same place wins. Thread rule: one caller.
class RunWriter {
 public:
  /// At most `queue_bytes` wait to be written; then put() blocks.
  RunWriter(ImageFile& file, std::uint64_t queue_bytes);
  ~RunWriter();  ///< what was not drained may be written or not
  RunWriter(const RunWriter&) = delete;
  RunWriter& operator=(const RunWriter&) = delete;

  /// The bytes must stay as they are while a copy of `owner` lives; null: they stay for ever.
  /// Throws: what an earlier write threw.
  void put(ByteOffset at, std::span<const std::byte> bytes, std::shared_ptr<const void> owner);
  /// `size` zeros.
  void put_zeros(ByteOffset at, std::uint64_t size);
  /// Copies the bytes.
  void put_copy(ByteOffset at, std::span<const std::byte> bytes);
  /// Returns when everything has been handed to the kernel. Throws: NoSpace, Io, whatever the
  /// file's seam throws; then this and every later call throws it again.
  void drain();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rawimg
