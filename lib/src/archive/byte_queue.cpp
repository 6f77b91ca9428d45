// SPDX-License-Identifier: MIT
#include "archive/byte_queue.h"

#include <utility>

#include <rawimg/error.h>

namespace rawimg {

std::optional<Buffer> ByteQueue::take_empty() {
  std::unique_lock lock(pool_->mutex);
  pool_->changed.wait(lock, [&] { return pool_->abandoned || pool_->out < pool_->limit || pool_->queue.empty(); });
  if (pool_->abandoned) return std::nullopt;
  std::unique_ptr<std::byte[]> memory;
  if (!pool_->idle.empty()) {
    memory = std::move(pool_->idle.back());
    pool_->idle.pop_back();
  } else {
    memory.reset(new std::byte[kBufferSize]);
  }
  ++pool_->out;
  const auto give_back = [pool = pool_](std::byte* gone) {
    std::unique_ptr<std::byte[]> owned(gone);
    const std::lock_guard guard(pool->mutex);
    --pool->out;
    if (pool->idle.size() < pool->limit && !pool->abandoned) pool->idle.push_back(std::move(owned));
    pool->changed.notify_all();
  };
  return Buffer{std::shared_ptr<std::byte[]>(memory.release(), give_back), 0};
}

void ByteQueue::push(Buffer buffer) {
  const std::lock_guard guard(pool_->mutex);
  pool_->queue.push_back(std::move(buffer));
  pool_->changed.notify_all();
}

void ByteQueue::finish(std::exception_ptr failure) {
  const std::lock_guard guard(pool_->mutex);
  pool_->ended = true;
  pool_->failure = std::move(failure);
  pool_->changed.notify_all();
}

std::optional<Buffer> ByteQueue::pop(const std::stop_token& stop) {
  std::unique_lock lock(pool_->mutex);
  const bool ready = pool_->changed.wait(lock, stop, [&] { return !pool_->queue.empty() || pool_->ended; });
  if (!ready) throw Error(Errc::Interrupted, "interrupted");
  if (pool_->queue.empty()) {
    if (pool_->failure) std::rethrow_exception(pool_->failure);
    return std::nullopt;
  }
  Buffer buffer = std::move(pool_->queue.front());
  pool_->queue.pop_front();
  pool_->changed.notify_all();
  return buffer;
}

void ByteQueue::abandon() {
  std::deque<Buffer> unread;  // declared first, so dropped when the lock is free again: their deleter takes it
  const std::lock_guard guard(pool_->mutex);
  pool_->abandoned = true;
  unread.swap(pool_->queue);
  pool_->changed.notify_all();
}

bool ByteQueue::abandoned() const {
  const std::lock_guard guard(pool_->mutex);
  return pool_->abandoned;
}

}  // namespace rawimg
