// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <rawimg/digest_list.h>

namespace rawimg {

/// SHA-256 (FIPS 180-4) of bytes as they come.
class Sha256 {
 public:
  using Value = std::array<std::uint8_t, 32>;
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void add(std::span<const std::byte> bytes);
  void add(std::string_view bytes) { add(std::as_bytes(std::span(bytes))); }
  /// The digest of all that was added; starts anew.
  Value finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A digest of any kind, of bytes as they come.
class RunningDigest {
 public:
  explicit RunningDigest(DigestKind kind);
  RunningDigest(RunningDigest&&) noexcept;
  RunningDigest& operator=(RunningDigest&&) noexcept;
  ~RunningDigest();

  void add(std::span<const std::byte> bytes);
  /// In lower case, of all that was added. Once.
  std::string finish_hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The CRC-32 of IEEE 802.3 (reflected polynomial EDB88320), as gzip and GPT have it. `before` is
/// that of the bytes in front of these.
std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before = 0);

std::string to_hex(std::span<const std::uint8_t> bytes);

}  // namespace rawimg
