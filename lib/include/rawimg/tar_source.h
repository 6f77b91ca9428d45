// SPDX-License-Identifier: MIT
// Tarballs as sources: every common dialect (v7, ustar, pax, GNU, star, Solaris) and compression
// (gzip, bzip2, xz, lzma, lzip, zstd, lz4, compress), from a file or a stream.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <rawimg/digest_list.h>
#include <rawimg/entry.h>

#pragma GCC visibility push(default)

namespace rawimg {

struct TarOptions {
  unsigned threads = 1;  ///< decompression threads, 1 to 64
  /// bound for decoders and buffers together, at least 64 MiB; fewer threads are used where it is
  /// tight
  std::uint64_t memory_bytes = 256u << 20;
  /// of the file as it is stored; checked when the archive has ended, trailing bytes included
  std::vector<ExpectedDigest> digests{};
  std::stop_token stop{};
};

/// Opens a tarball; `-` is not special here. Decoding starts at once, on threads of its own.
/// Throws: Io (missing, a directory), Usage (what is expected is no digest). Bad content
/// shows at next().
std::unique_ptr<EntrySource> open_tar(const std::filesystem::path& file, const TarOptions& options);
/// The same from a descriptor that stays the caller's (standard input); `name` is for messages.
std::unique_ptr<EntrySource> open_tar(int descriptor, std::string name, const TarOptions& options);

}  // namespace rawimg

#pragma GCC visibility pop
