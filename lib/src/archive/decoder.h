// SPDX-License-Identifier: MIT
// One layer of compression between the stored bytes and the tar archive, recognised by its first
// bytes. Compressed data inside of compressed data is refused further up: nobody needs it but
// bombs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "archive/stored_input.h"

namespace rawimg {

/// Yields the decoded bytes of an input.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Fills `out`; less only at the end, and 0 behind it. Throws: BadInput (damaged, truncated,
  /// takes too much memory), Io, Interrupted.
  virtual std::size_t decode(std::span<std::byte> out) = 0;
  /// Whether the format itself says where it ends, so that a truncated file cannot have gone
  /// unseen.
  virtual bool knows_its_end() const { return true; }
};

struct DecoderLimits {
  unsigned threads = 1;
  std::uint64_t memory_bytes = 256u << 20;
};

/// The decoder that the input's first bytes call for; a tar archive, and what is not known at all,
/// passes as it is. Throws: BadInput (a compression that rawimg does not read).
std::unique_ptr<Decoder> make_decoder(StoredInput& input, const DecoderLimits& limits);

/// "gzip", "xz", ... for bytes that begin like one of them, known to make_decoder or not; else
/// empty. Asks for a dozen bytes at least.
std::string_view compression_name(std::span<const std::byte> first);

// One maker a file: decode_lzma.cpp, decode_gzip.cpp, decode_zstd.cpp, decode_libarchive.cpp.
enum class LzmaFormat { Xz, Alone, Lzip };
std::unique_ptr<Decoder> make_lzma_decoder(StoredInput& input, LzmaFormat format,
                                           const DecoderLimits& limits);
std::unique_ptr<Decoder> make_gzip_decoder(StoredInput& input);
std::unique_ptr<Decoder> make_zstd_decoder(StoredInput& input, const DecoderLimits& limits);
/// `filter`: an ARCHIVE_FILTER_ code that libarchive decodes itself.
std::unique_ptr<Decoder> make_libarchive_decoder(StoredInput& input, int filter,
                                                 std::string_view name);

}  // namespace rawimg
