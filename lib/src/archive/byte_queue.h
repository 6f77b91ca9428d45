// SPDX-License-Identifier: MIT
// Buffers of decoded bytes on their way from the decoding thread to the parsing one.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

namespace rawimg {

/// Small enough that decoding, parsing and copying meet the bytes in a core's cache; a multiple of
/// tar's block, so that headers do not straddle buffers.
inline constexpr std::size_t kBufferSize = 256u << 10;

/// A buffer of the pool; the last owner's letting go gives it back.
struct Buffer {
  std::shared_ptr<std::byte[]> memory;
  std::size_t size = 0;
  std::span<std::byte> room() { return {memory.get(), kBufferSize}; }
  std::span<const std::byte> bytes() const { return {memory.get(), size}; }
};

/// One producer, one consumer. When `most_queued` buffers are in the queue, the producer waits
/// until half of them are gone, and for nothing else: what the consumer has taken out is the
/// consumer's, however much it keeps and however long, so the two cannot wait for each other.
/// Either is woken only when it waits: for every buffer, that would cost more than parsing one.
/// Buffers outlive the queue.
class ByteQueue {
 public:
  explicit ByteQueue(std::size_t most_queued);

  // The producer's side.
  /// Nothing when the consumer has gone.
  std::optional<Buffer> take_empty();
  void push(Buffer buffer);
  void finish(std::exception_ptr failure);

  // The consumer's side.
  /// The next buffer; nothing at the end. Throws: what the producer failed with, Interrupted.
  std::optional<Buffer> pop(const std::stop_token& stop);
  /// No more is wanted.
  void abandon();

 private:
  struct Pool {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::vector<std::unique_ptr<std::byte[]>> idle;
    std::deque<Buffer> queue;
    std::size_t limit = 0;
    bool ended = false, abandoned = false;
    std::exception_ptr failure;
  };
  std::shared_ptr<Pool> pool_;
};

}  // namespace rawimg
