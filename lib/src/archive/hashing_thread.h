// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "archive/byte_queue.h"
#include "base/digest.h"

namespace rawimg {

/// A digest that is computed beside the work of the thread that has the bytes: SHA-512 takes longer
/// than reading a plain archive does.
class HashingThread {
 public:
  explicit HashingThread(DigestKind kind);
  ~HashingThread();
  HashingThread(const HashingThread&) = delete;
  HashingThread& operator=(const HashingThread&) = delete;

  /// Copies the bytes; waits while the digest is far behind.
  void add(std::span<const std::byte> bytes);
  /// The digest of all that was added, in lower case. Once.
  std::string finish_hex();

 private:
  void end();

  ByteQueue queue_;
  RunningDigest digester_;  // the thread's until it has ended
  std::optional<Buffer> filling_;
  std::thread thread_;
};

}  // namespace rawimg
