// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "archive/stored_input.h"

namespace rawimg {

/// Compressed bytes in front of a decoder, refilled from the input as they are used.
class InputBuffer {
 public:
  /// `format`: for messages.
  InputBuffer(StoredInput& input, std::string_view format)
      : input_(input), format_(format), bytes_(kSize) {}

  /// What is left; refilled when empty. Empty at the end of the input.
  std::span<const std::byte> available() {
    if (used_ == size_ && !at_end_) {
      used_ = 0;
      size_ = 0;  // read() may throw
      size_ = input_.read(bytes_);
      at_end_ = size_ == 0;
    }
    return std::span(bytes_).subspan(used_, size_ - used_);
  }
  void use(std::size_t count) { used_ += count; }

  /// Reads on to the end of the input. False: there was something else than zeros, which are
  /// padding.
  bool rest_is_zeros() {
    bool zeros = true;
    for (auto rest = available(); !rest.empty(); rest = available()) {
      zeros = zeros && std::ranges::all_of(rest, [](std::byte b) { return b == std::byte{0}; });
      use(rest.size());
    }
    return zeros;
  }

  [[noreturn]] void fail(std::string_view why) const {
    throw Error(Errc::BadInput, fmt::format("the {} data is damaged about byte {}: {}", format_,
                                            input_.position() - (size_ - used_), why))
        .with_path(input_.name());
  }
  [[noreturn]] void fail_truncated() const {
    throw Error(Errc::BadInput, fmt::format("the {} data is truncated: it stops at byte {}",
                                            format_, input_.position()))
        .with_path(input_.name());
  }
  [[noreturn]] void fail_memory(std::uint64_t needed, std::uint64_t allowed) const {
    throw Error(
        Errc::BadInput,
        fmt::format("decompressing its {} data takes {} MiB of memory, but {} MiB are allowed",
                    format_, (needed + kMiB - 1) / kMiB, allowed / kMiB))
        .with_path(input_.name())
        .with_hint("allow more with --memory");
  }

 private:
  static constexpr std::size_t kSize = 256u << 10;
  static constexpr std::uint64_t kMiB = 1u << 20;

  StoredInput& input_;
  std::string_view format_;
  std::vector<std::byte> bytes_;
  std::size_t used_ = 0, size_ = 0;
  bool at_end_ = false;
};

}  // namespace rawimg
