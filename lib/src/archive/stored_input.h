// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/digest.h"

namespace rawimg {

/// The bytes of a source as they are stored: a file or a stream, read once, digested on the way if
/// asked. Thread rule: read() and peek() from one thread, the rest from any.
class StoredInput {
 public:
  /// Does not own the descriptor. `with_digest`: compute SHA-256. Throws: Io (a directory, too).
  StoredInput(int descriptor, std::string name, bool with_digest);
  ~StoredInput();
  StoredInput(const StoredInput&) = delete;
  StoredInput& operator=(const StoredInput&) = delete;

  /// The first bytes, up to `size`, without consuming them; fewer at the end of the input.
  std::span<const std::byte> peek(std::size_t size);
  /// 0: the end. Throws: Io, Interrupted (stop() was called).
  std::size_t read(std::span<std::byte> out);
  /// Makes read() and peek() throw, also one that waits for a pipe, for good.
  void stop();

  Sha256::Value digest() { return hash_->finish(); }
  const std::string& name() const { return name_; }
  std::uint64_t position() const { return position_; }
  std::optional<std::uint64_t> total() const { return total_; }

 private:
  std::size_t read_some(std::span<std::byte> out);
  void wait_readable();

  int descriptor_, wake_ = -1;
  std::string name_;
  std::optional<std::uint64_t> total_;
  std::vector<std::byte> peeked_;
  std::size_t peeked_used_ = 0;
  std::optional<Sha256> hash_;
  std::atomic<std::uint64_t> position_ = 0;
  std::atomic<bool> stopped_ = false;
};

}  // namespace rawimg
