// SPDX-License-Identifier: MIT
#include "archive/byte_queue.h"

#include <utility>

#include <rawimg/error.h>

#include "base/stop.h"

namespace rawimg {

ByteQueue::ByteQueue(std::size_t most_queued) : pool_(std::make_shared<Pool>()) {
  pool_->limit = most_queued;
  pool_->idle.reserve(most_queued);  // giving a buffer back must not fail
}

std::optional<Buffer> ByteQueue::take_empty() {
  std::unique_lock lock(pool_->mutex);
  if (pool_->queue.size() >= pool_->limit)
    pool_->changed.wait(
        lock, [&] { return pool_->abandoned || pool_->queue.size() <= pool_->limit / 2; });
  if (pool_->abandoned) return std::nullopt;
  std::unique_ptr<std::byte[]> memory;
  if (!pool_->idle.empty()) {
    memory = std::move(pool_->idle.back());
    pool_->idle.pop_back();
  } else {
    memory.reset(new std::byte[kBufferSize]);
  }
  const auto give_back = [pool = pool_](std::byte* gone) noexcept {
    std::unique_ptr<std::byte[]> owned(gone);  // freed behind the lock, if at all
    const std::lock_guard guard(pool->mutex);
    if (pool->idle.size() < pool->limit && !pool->abandoned) pool->idle.push_back(std::move(owned));
  };
  return Buffer{std::shared_ptr<std::byte[]>(memory.release(), give_back), 0};
}

void ByteQueue::push(Buffer buffer) {
  const std::lock_guard guard(pool_->mutex);
  if (pool_->abandoned) return;  // in the queue it would keep the pool alive, which keeps the queue
  pool_->queue.push_back(std::move(buffer));
  if (pool_->queue.size() == 1) pool_->changed.notify_all();
}

void ByteQueue::finish(std::exception_ptr failure) {
  const std::lock_guard guard(pool_->mutex);
  pool_->ended = true;
  pool_->failure = std::move(failure);
  pool_->changed.notify_all();
}

std::optional<Buffer> ByteQueue::pop(const std::stop_token& stop) {
  std::unique_lock lock(pool_->mutex);
  require_no_stop(stop);
  const bool ready =
      pool_->changed.wait(lock, stop, [&] { return !pool_->queue.empty() || pool_->ended; });
  if (!ready) throw Error(Errc::Interrupted, "interrupted");
  if (pool_->queue.empty()) {
    if (pool_->failure) std::rethrow_exception(pool_->failure);
    return std::nullopt;
  }
  Buffer buffer = std::move(pool_->queue.front());
  pool_->queue.pop_front();
  if (pool_->queue.size() == pool_->limit / 2) pool_->changed.notify_all();
  return buffer;
}

void ByteQueue::abandon() {
  // declared first, so dropped when the lock is free again: their deleter takes it
  std::deque<Buffer> unread;
  const std::lock_guard guard(pool_->mutex);
  pool_->abandoned = true;
  pool_->idle.clear();
  unread.swap(pool_->queue);
  pool_->changed.notify_all();
}

}  // namespace rawimg
