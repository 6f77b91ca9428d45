// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "archive/hashing_thread.h"

namespace rawimg {

/// The bytes of a source as they are stored: a file or a stream, read once, digested on the way if
/// asked. Thread rule: read() and peek() from one thread, the rest from any.
class StoredInput {
 public:
  /// Does not own the descriptor. Throws: Io (a directory, too).
  StoredInput(int descriptor, std::string name, std::span<const DigestKind> digests);
  ~StoredInput();
  StoredInput(const StoredInput&) = delete;
  StoredInput& operator=(const StoredInput&) = delete;

  /// The first bytes, up to `size`, without consuming them; fewer at the end of the input.
  std::span<const std::byte> peek(std::size_t size);
  /// 0: the end. Throws: Io, Interrupted (stop() was called).
  std::size_t read(std::span<std::byte> out);
  /// Makes read() and peek() throw, also one that waits for a pipe, for good.
  void stop();

  /// Of all that was read, in lower case; one for each kind that was asked for. Once.
  std::vector<std::string> digests_hex();
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
  std::vector<std::unique_ptr<HashingThread>> hashes_;
  std::atomic<std::uint64_t> position_ = 0;
  std::atomic<bool> stopped_ = false;
};

}  // namespace rawimg
