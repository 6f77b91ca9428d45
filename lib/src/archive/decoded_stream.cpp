// SPDX-License-Identifier: MIT
#include "archive/decoded_stream.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include <rawimg/error.h>

namespace rawimg {
namespace {

constexpr std::size_t kMostQueued =
    8;  // 2 MiB ahead of the parser: with more, bytes leave the cache
// queue, idle buffers, slabs: what the decoder may not use
constexpr std::uint64_t kOwnMemory = 32u << 20;
constexpr std::uint64_t kLeastDecoderMemory = 32u << 20;  // below this nothing decodes but gzip
constexpr unsigned kMostThreads = 64;

DecoderLimits decoder_limits(const DecodedStream::Options& options) {
  const std::uint64_t rest =
      options.memory_bytes > kOwnMemory ? options.memory_bytes - kOwnMemory : 0;
  return {std::clamp(options.threads, 1U, kMostThreads), std::max(rest, kLeastDecoderMemory)};
}

}  // namespace

DecodedStream::DecodedStream(int descriptor, std::string name, const Options& options)
    : input_(descriptor, std::move(name), options.digests),
      queue_(kMostQueued),
      stop_(options.stop) {
  thread_ = std::thread([this, limits = decoder_limits(options)] { decode(limits); });
}

DecodedStream::~DecodedStream() {
  input_.stop();
  queue_.abandon();
  thread_.join();
}

void DecodedStream::decode(const DecoderLimits& limits) noexcept {
  try {
    const std::unique_ptr<Decoder> decoder = make_decoder(input_, limits);
    for (;;) {
      std::optional<Buffer> buffer = queue_.take_empty();
      if (!buffer) return;
      buffer->size = decoder->decode(buffer->room());
      if (buffer->size == 0) break;
      queue_.push(std::move(*buffer));
    }
    end_is_certain_ = decoder->knows_its_end();
    queue_.finish(nullptr);
  } catch (...) {
    queue_.finish(std::current_exception());
  }
}

bool DecodedStream::fetch() {
  std::optional<Buffer> buffer = queue_.pop(stop_);
  if (!buffer) return false;
  segments_.push_back({buffer->bytes(), std::move(buffer->memory)});
  return true;
}

void DecodedStream::advance(std::size_t size) {
  Segment& front = segments_.front();
  front.bytes = front.bytes.subspan(size);
  position_ += size;
  if (front.bytes.empty()) segments_.pop_front();
}

std::span<const std::byte> DecodedStream::peek(std::size_t size) {
  if (!segments_.empty() && segments_.front().bytes.size() >= size)
    return segments_.front().bytes.first(size);
  std::size_t have = 0;
  for (const Segment& segment : segments_) have += segment.bytes.size();
  while (have < size && fetch()) have += segments_.back().bytes.size();
  if (segments_.empty()) return {};
  if (segments_.front().bytes.size() >= size) return segments_.front().bytes.first(size);
  // It straddles: put it together in front of what is left.
  const std::size_t joined_size = std::min(have, size);
  const std::shared_ptr<std::byte[]> joined(new std::byte[joined_size]);
  for (std::size_t done = 0; done < joined_size;) {
    Segment& front = segments_.front();
    const std::size_t n = std::min(front.bytes.size(), joined_size - done);
    std::memcpy(joined.get() + done, front.bytes.data(), n);
    done += n;
    front.bytes = front.bytes.subspan(n);
    if (front.bytes.empty()) segments_.pop_front();
  }
  segments_.push_front({{joined.get(), joined_size}, joined});
  return segments_.front().bytes;
}

std::uint64_t DecodedStream::skip(std::uint64_t size) {
  std::uint64_t done = 0;
  while (done < size && (!segments_.empty() || fetch())) {
    const std::size_t n = static_cast<std::size_t>(
        std::min<std::uint64_t>(segments_.front().bytes.size(), size - done));
    advance(n);
    done += n;
  }
  return done;
}

std::optional<DecodedPiece> DecodedStream::take(std::uint64_t most) {
  if (segments_.empty() && !fetch()) return std::nullopt;
  const Segment& front = segments_.front();
  const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(front.bytes.size(), most));
  DecodedPiece piece{front.bytes.first(n), front.owner};
  advance(n);
  return piece;
}

void DecodedStream::drain() {
  do {
    for (const Segment& segment : segments_) position_ += segment.bytes.size();
    segments_.clear();
  } while (fetch());
}

}  // namespace rawimg
