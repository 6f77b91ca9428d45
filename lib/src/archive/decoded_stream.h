// SPDX-License-Identifier: MIT
// The decoded bytes of an archive as the parser reads them; reading and decoding go on ahead, on a
// thread of their own.
//
//   thread:  StoredInput (digest) -> Decoder -> Buffer -> ByteQueue        caller:  ByteQueue ->
//   peek, skip, take
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <thread>

#include "archive/byte_queue.h"
#include "archive/decoder.h"
#include "archive/stored_input.h"

namespace rawimg {

struct DecodedPiece {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

class DecodedStream {
 public:
  struct Options {
    unsigned threads = 1;
    std::uint64_t memory_bytes = 256u << 20;
    std::vector<DigestKind> digests{};
    std::stop_token stop;
  };
  /// Starts at once. The descriptor must stay open until the destructor returns. Throws: Io.
  DecodedStream(int descriptor, std::string name, const Options& options);
  ~DecodedStream();
  DecodedStream(const DecodedStream&) = delete;
  DecodedStream& operator=(const DecodedStream&) = delete;

  // All throw what reading and decoding throw, and Interrupted.
  /// The next `size` bytes in one piece, valid until the next call of any kind; fewer at the end.
  std::span<const std::byte> peek(std::size_t size);
  /// Passes over up to `size` bytes; less at the end. Returns how many.
  std::uint64_t skip(std::uint64_t size);
  /// Some of the next `most` bytes, at least one; nothing at the end. The bytes live as long as a
  /// copy of `owner`.
  std::optional<DecodedPiece> take(std::uint64_t most);
  /// Reads on to the end of the input, whatever is there.
  void drain();

  std::uint64_t position() const { return position_; }
  /// Behind the end: whether the compression vouches that nothing is missing.
  bool end_is_certain() const { return end_is_certain_; }
  /// Behind drain().
  std::vector<std::string> digests_hex() { return input_.digests_hex(); }
  const StoredInput& input() const { return input_; }

 private:
  struct Segment {
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
  };

  void decode(const DecoderLimits& limits) noexcept;
  bool fetch();
  void advance(std::size_t size);

  StoredInput input_;
  ByteQueue queue_;
  std::stop_token stop_;
  std::deque<Segment> segments_;  // what the queue has given and is not yet used
  std::uint64_t position_ = 0;
  // written by the thread before the queue's end shows, which is a mutex in between
  bool end_is_certain_ = false;
  std::thread thread_;
};

}  // namespace rawimg
