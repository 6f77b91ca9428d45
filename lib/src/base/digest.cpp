// SPDX-License-Identifier: MIT
#include "base/digest.h"

#include <blake2.h>
#include <lzma.h>
#include <nettle/sha2.h>

#include <variant>

namespace rawimg {

struct Sha256::State {
  sha256_ctx context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) { sha256_init(&state_->context); }
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::add(std::span<const std::byte> bytes) {
  sha256_update(&state_->context, bytes.size(),
                reinterpret_cast<const std::uint8_t*>(bytes.data()));
}

Sha256::Value Sha256::finish() {
  Value value;
  sha256_digest(&state_->context, value.size(), value.data());
  return value;
}

struct RunningDigest::State {
  std::variant<sha256_ctx, sha512_ctx, blake2b_state> context;
};

namespace {

const std::uint8_t* octets(std::span<const std::byte> bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

void update(sha256_ctx& context, std::span<const std::byte> bytes) {
  sha256_update(&context, bytes.size(), octets(bytes));
}
void update(sha512_ctx& context, std::span<const std::byte> bytes) {
  sha512_update(&context, bytes.size(), octets(bytes));
}
void update(blake2b_state& context, std::span<const std::byte> bytes) {
  blake2b_update(&context, octets(bytes), bytes.size());
}

void finish(sha256_ctx& context, std::span<std::uint8_t> out) {
  sha256_digest(&context, out.size(), out.data());
}
void finish(sha512_ctx& context, std::span<std::uint8_t> out) {
  sha512_digest(&context, out.size(), out.data());
}
void finish(blake2b_state& context, std::span<std::uint8_t> out) {
  blake2b_final(&context, out.data(), out.size());
}

}  // namespace

RunningDigest::RunningDigest(DigestKind kind) : state_(std::make_unique<State>()) {
  switch (kind) {
    case DigestKind::Sha256:
      sha256_init(&state_->context.emplace<sha256_ctx>());
      break;
    case DigestKind::Sha512:
      sha512_init(&state_->context.emplace<sha512_ctx>());
      break;
    case DigestKind::Blake2b:
      blake2b_init(&state_->context.emplace<blake2b_state>(), BLAKE2B_OUTBYTES);
      break;
  }
}
RunningDigest::RunningDigest(RunningDigest&&) noexcept = default;
RunningDigest& RunningDigest::operator=(RunningDigest&&) noexcept = default;
RunningDigest::~RunningDigest() = default;

void RunningDigest::add(std::span<const std::byte> bytes) {
  std::visit([&](auto& context) { update(context, bytes); }, state_->context);
}

std::string RunningDigest::finish_hex() {
  std::array<std::uint8_t, SHA512_DIGEST_SIZE> value;
  const auto used = std::span(value).first(
      std::holds_alternative<sha256_ctx>(state_->context) ? SHA256_DIGEST_SIZE : value.size());
  std::visit([&](auto& context) { finish(context, used); }, state_->context);
  return to_hex(used);
}

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before) {
  return lzma_crc32(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), before);
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace rawimg
