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

inline constexpr std::size_t kBufferSize = 1u << 20;

/// A buffer of the pool; the last owner's letting go gives it back.
struct Buffer {
  std::shared_ptr<std::byte[]> memory;
  std::size_t size = 0;
  std::span<std::byte> room() { return {memory.get(), kBufferSize}; }
  std::span<const std::byte> bytes() const { return {memory.get(), size}; }
};

/// One producer, one consumer. The producer waits while too many buffers are out and the consumer has something to do; it never waits for a consumer that waits for it, so however many buffers
/// the consumer keeps, there is no deadlock.
class ByteQueue {
 public:
  explicit ByteQueue(std::size_t most_buffers) : pool_(std::make_shared<Pool>()) { pool_->limit = most_buffers; }

  // The producer's side. All return false or nothing when the consumer has gone.
  std::optional<Buffer> take_empty();
  void push(Buffer buffer);
  void finish(std::exception_ptr failure);

  // The consumer's side.
  /// The next buffer; nothing at the end. Throws: what the producer failed with, Interrupted.
  std::optional<Buffer> pop(const std::stop_token& stop);
  /// No more is wanted.
  void abandon();
  bool abandoned() const;

 private:
  struct Pool {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::vector<std::unique_ptr<std::byte[]>> idle;
    std::deque<Buffer> queue;
    std::size_t limit = 0, out = 0;  // out: not idle, queued ones included
    bool ended = false, abandoned = false;
    std::exception_ptr failure;
  };
  std::shared_ptr<Pool> pool_;
};

}  // namespace rawimg
