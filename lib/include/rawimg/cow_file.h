// SPDX-License-Identifier: MIT
// gem5's COW layer files: the sectors that a simulated machine has written, kept beside the raw
// image that it was started from (CowDiskImage, *.cow in checkpoints). Reading one, making one of
// two images, and writing one into its image. Which files the sectors belong to is others'
// business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include <rawimg/image_file.h>
#include <rawimg/new_image.h>
#include <rawimg/window.h>

#pragma GCC visibility push(default)

namespace rawimg {

/// A sector that a layer has, and where its 512 bytes lie in the layer's file.
struct CowRecord {
  std::uint64_t sector = 0;  ///< of the image
  ByteOffset content;
};

/// A layer that is open for reading, all of its sector numbers checked: 16 bytes of memory each.
class CowFile {
 public:
  /// Reads the file once. Throws: Unsupported (no COW file; not version 1.0), Corrupt (it is cut
  /// short, goes on behind its last sector, or has a sector twice), Busy, Io.
  static CowFile open(const std::filesystem::path& path, LockPolicy lock = {});

  const std::filesystem::path& path() const { return file_.path(); }
  /// Ascending by sector, none twice.
  const std::vector<CowRecord>& records() const { return records_; }
  /// Throws: Mismatch (a sector is behind the end of the image: it is another's layer).
  void require_within(const ImageFile& image) const;
  /// The bytes of one sector. Throws: Io, Corrupt (the file has changed meanwhile).
  void read(const CowRecord& record, std::span<std::byte, kSectorSize> out) const;

 private:
  explicit CowFile(ImageFile file) : file_(std::move(file)) {}
  void read_records();
  [[noreturn]] void refuse_twice(std::uint64_t sector) const;

  ImageFile file_;
  std::vector<CowRecord> records_;
};

/// The window with the layer's sectors in place of its own, as the guest saw it; both must outlive
/// it.
std::unique_ptr<const WindowReader> read_through(const CowFile& layer, const Window& where);

struct ApplyOptions {
  Durability durability = Durability::Sync;
  LockPolicy lock = {};
  bool dry_run = false;  ///< everything is checked and counted, and nothing written
  std::stop_token stop = {};
  /// told the .part file's path as soon as it exists, for signal handlers
  std::function<void(const std::filesystem::path&)> part_created = {};
};
struct Applied {
  std::uint64_t sectors = 0;  ///< of the layer
  std::uint64_t changed = 0;  ///< of them, those whose bytes the image did not have already
  bool shared =
      false;  ///< the host's file system shares the other blocks of the old and the new one
};
/// Writes the layer into its image, which must be open for writing but for a dry run: a copy
/// (shared blocks where the host can, else all of its data, holes kept) gets the sectors and then
/// takes the image's name. Where nothing would change, nothing is written. Guarantee: strong.
/// Throws: Mismatch (a sector behind the end of the image), Exists, Busy, NoSpace, Io, Interrupted.
/// Does not check: that the layer was made over this image; that the image is whole.
Applied apply_cow(const CowFile& layer, ImageFile image, const ApplyOptions& options = {});

/// Writes a layer into an empty file: the sectors in which `changed` differs from `base`,
/// ascending. Gives their number; without a file, it only counts. Guarantee: none (of a NewImage:
/// strong). Throws: Mismatch (the images have different lengths), Unsupported (they differ behind
/// their last whole sector, where gem5 sees nothing), NoSpace, Io, Interrupted.
std::uint64_t make_cow(const ImageFile& base, const ImageFile& changed, ImageFile* layer,
                       const std::stop_token& stop = {});

}  // namespace rawimg

#pragma GCC visibility pop
