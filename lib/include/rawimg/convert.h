// SPDX-License-Identifier: MIT
// Raw images as files: copies that keep holes and make them of zeros, from compressed images, too.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>

#include <rawimg/new_image.h>

#pragma GCC visibility push(default)

namespace rawimg {

struct ConvertOptions {
  Replace replace = Replace::Refuse;
  Durability durability = Durability::Sync;
  LockPolicy lock = {};
  bool dry_run = false;  ///< everything is read, and no file is made
  unsigned threads = 1;  ///< for decompression, 1 to 64
  std::stop_token stop = {};
  /// told the .part file's path as soon as it exists, for signal handlers
  std::function<void(const std::filesystem::path&)> part_created = {};
};

struct ConvertResult {
  ByteCount size;       ///< of the new image
  ByteCount data;       ///< of it, what is not zeros, in whole blocks of 4096 bytes
  bool shared = false;  ///< the host's file system shares the blocks of both: nothing was copied
};

/// Copies a raw image, or what a raw image was compressed to (gzip, bzip2, xz, lzma, lzip, zstd,
/// lz4, compress). Blocks of zeros become holes; where the host can share the blocks of two files,
/// it does, and holes stay as they are. Guarantee: strong. Throws: Unsupported (what comes out is a
/// disk image of another format, or an archive), BadInput (damaged compression), Dirty (a change of
/// it was interrupted), Exists, Busy, NoSpace, Io, Interrupted.
ConvertResult convert(const std::filesystem::path& from, const std::filesystem::path& to,
                      const ConvertOptions& options);
/// The same from a descriptor that stays the caller's (standard input); `name` is for messages.
ConvertResult convert(int descriptor, const std::string& name, const std::filesystem::path& to,
                      const ConvertOptions& options);

enum class Sparsify { Now, DryRun };
/// Makes holes of the blocks of zeros in an image; what it reads as stays the same at any instant.
/// Gives the bytes of disk that came back; in a dry run, those that are zeros and not yet holes.
/// Throws: Io, Interrupted.
ByteCount sparsify(ImageFile& image, Sparsify how = Sparsify::Now,
                   const std::stop_token& stop = {});

}  // namespace rawimg

#pragma GCC visibility pop
