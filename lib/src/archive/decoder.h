// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "archive/stored_input.h"

namespace rawimg {

/// Yields the decoded bytes of an input.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Fills `out` as far as it can; 0 only at the end (which has been checked: sizes, checksums, nothing strange behind). Throws: BadInput, Io.
  virtual std::size_t decode(std::span<std::byte> out) = 0;
};

struct DecoderLimits {
  unsigned threads = 1;
  std::uint64_t memory_bytes = 256u << 20;
};

/// The decoder that the input's first bytes call for: xz, gzip and zstd here; everything else passes as it is (libarchive knows the other compressions).
std::unique_ptr<Decoder> make_decoder(StoredInput& input, const DecoderLimits& limits);

}  // namespace rawimg
