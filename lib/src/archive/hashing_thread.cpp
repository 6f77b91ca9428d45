// SPDX-License-Identifier: MIT
#include "archive/hashing_thread.h"

#include <algorithm>
#include <cstring>

namespace rawimg {
namespace {

constexpr std::size_t kMostQueued = 4;

}  // namespace

HashingThread::HashingThread(DigestKind kind) : queue_(kMostQueued), digester_(kind) {
  thread_ = std::thread([this] {
    while (const auto buffer = queue_.pop({})) digester_.add(buffer->bytes());
  });
}

HashingThread::~HashingThread() { end(); }

void HashingThread::add(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (!filling_) filling_ = queue_.take_empty();
    const auto room = filling_->room().subspan(filling_->size);
    const std::size_t n = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), n);
    filling_->size += n;
    bytes = bytes.subspan(n);
    if (n == room.size()) {
      queue_.push(std::move(*filling_));
      filling_.reset();
    }
  }
}

std::string HashingThread::finish_hex() {
  if (filling_) queue_.push(std::move(*filling_));
  filling_.reset();
  end();
  return digester_.finish_hex();
}

void HashingThread::end() {
  if (!thread_.joinable()) return;
  queue_.finish(nullptr);
  thread_.join();
}

}  // namespace rawimg
