// SPDX-License-Identifier: MIT
#include "storage/run_writer.h"

#include <sys/uio.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/zeros.h"

namespace rawimg {
namespace {

constexpr std::size_t kMaxPieces = 1024;  // IOV_MAX of Linux
// larger gains nothing, and the writer starts sooner
constexpr std::uint64_t kMaxBatch = 1u << 20;
// of a batch: pieces of a sparse file are few bytes, yet each may hold a whole buffer of the reader
constexpr std::size_t kMaxOwners = 12;
// of the queue
constexpr std::size_t kMaxQueuedOwners = 24;
// below this a copy is cheaper than a piece and its owner's count
constexpr std::size_t kCopyBelow = 512;

struct Run {
  std::uint64_t at, size;
  std::size_t first_piece, piece_count;
};

/// What is handed to the thread at once: waking it costs more than a short write.
struct Batch {
  std::vector<Run> runs;
  std::vector<iovec> pieces;
  std::vector<std::shared_ptr<const void>> owners;
  std::uint64_t size = 0;
};

iovec piece_of(std::span<const std::byte> bytes) {
  return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

}  // namespace

struct RunWriter::State {
  State(ImageFile& target, std::uint64_t limit)
      : file(target), queue_limit(limit), thread([this] { work(); }) {}

  void work() noexcept {
    for (;;) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return !queue.empty() || quit; });
      if (queue.empty()) return;
      Batch batch = std::move(queue.front());
      queue.pop_front();
      const bool failed = failure != nullptr;
      lock.unlock();
      std::exception_ptr error;
      if (!failed) {
        try {
          for (const Run& run : batch.runs)
            file.write_gather(ByteOffset{run.at},
                              std::span(batch.pieces).subspan(run.first_piece, run.piece_count));
        } catch (...) {
          error = std::current_exception();
        }
      }
      const std::size_t owners = batch.owners.size();
      batch.owners.clear();  // gives buffers back before the caller is woken
      lock.lock();
      queued_owners -= owners;
      if (error) failure = error;
      queued_bytes -= batch.size;
      changed.notify_all();
    }
  }

  void submit() {
    if (open.size == 0) return;
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] {
      return queued_bytes == 0 || (queued_bytes + open.size <= queue_limit &&
                                   queued_owners + open.owners.size() <= kMaxQueuedOwners);
    });
    if (failure) std::rethrow_exception(failure);
    queued_bytes += open.size;
    queued_owners += open.owners.size();
    queue.push_back(std::exchange(open, Batch{}));
    open.pieces.reserve(queue.back().pieces.size());
    changed.notify_all();
  }

  void add(std::uint64_t at, std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
    if (bytes.empty()) return;
    const bool goes_on = !open.runs.empty() && open.runs.back().at + open.runs.back().size == at &&
                         open.runs.back().piece_count < kMaxPieces;
    if (!goes_on) open.runs.push_back({at, 0, open.pieces.size(), 0});
    Run& run = open.runs.back();
    const bool extends =
        run.piece_count != 0 &&
        static_cast<const std::byte*>(open.pieces.back().iov_base) + open.pieces.back().iov_len ==
            bytes.data();
    if (extends) {
      open.pieces.back().iov_len += bytes.size();
    } else {
      open.pieces.push_back(piece_of(bytes));
      ++run.piece_count;
    }
    run.size += bytes.size();
    open.size += bytes.size();
    if (owner && std::find(open.owners.rbegin(), open.owners.rend(), owner) == open.owners.rend())
      open.owners.push_back(std::move(owner));
    if (open.size >= kMaxBatch || open.owners.size() >= kMaxOwners) submit();
  }

  ImageFile& file;
  const std::uint64_t queue_limit;
  Batch open;

  // Small copies share blocks, so that a tiny file costs no allocation.
  std::shared_ptr<std::vector<std::byte>> small;
  std::size_t small_used = 0;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Batch> queue;
  std::uint64_t queued_bytes = 0;
  std::size_t queued_owners = 0;
  std::exception_ptr failure;
  bool quit = false;
  std::thread thread;  // last: it uses all of the above
};

RunWriter::RunWriter(ImageFile& file, std::uint64_t queue_bytes)
    : state_(std::make_unique<State>(file, queue_bytes)) {}

RunWriter::~RunWriter() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->quit = true;
    state_->queue.clear();
    state_->changed.notify_all();
  }
  state_->thread.join();
}

void RunWriter::put(ByteOffset at, std::span<const std::byte> bytes,
                    std::shared_ptr<const void> owner) {
  if (owner && bytes.size() < kCopyBelow) return put_copy(at, bytes);
  state_->add(at.value, bytes, std::move(owner));
}

void RunWriter::put_zeros(ByteOffset at, std::uint64_t size) {
  rawimg::put_zeros(size, [&](std::span<const std::byte> zeros) {
    state_->add(at.value, zeros, nullptr);
    at.value += zeros.size();
  });
}

void RunWriter::put_copy(ByteOffset at, std::span<const std::byte> bytes) {
  constexpr std::size_t kShared = 256 * 1024;
  State& s = *state_;
  if (bytes.size() > kShared / 4) {
    auto own = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
    const std::span<const std::byte> copy(*own);
    return s.add(at.value, copy, std::move(own));
  }
  if (!s.small || s.small->size() - s.small_used < bytes.size()) {
    s.small = std::make_shared<std::vector<std::byte>>(kShared);
    s.small_used = 0;
  }
  std::byte* to = s.small->data() + s.small_used;
  std::copy(bytes.begin(), bytes.end(), to);
  s.small_used += bytes.size();
  s.add(at.value, {to, bytes.size()}, s.small);
}

void RunWriter::drain() {
  state_->submit();
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [&] { return state_->queued_bytes == 0; });
  if (state_->failure) std::rethrow_exception(state_->failure);
}

}  // namespace rawimg
