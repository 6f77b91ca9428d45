// SPDX-License-Identifier: MIT
// The undo file of a transaction: what stood where the transaction writes. IMG.rawimg-undo while it
// runs, IMG.rawimg-kept when it is kept for `undo`. Numbers are little-endian.
//
//      0    16  magic "rawimg undo 1\n\0\0"
//     16    32  transaction id: SHA-256 of bytes 48 to the end of the ranges
//     48     8  length of the image
//     56     8  start of the window
//     64     8  size of the window
//     72     8  number of ranges
//     80     8  bytes of pre-images
//     88     8  zero
//     96  1024  the superblock as the transaction's last write leaves it
//   1120  80 each  ranges, ascending: byte of the window (8), size (8), SHA-256 of the pre-image
//                  (32), of the post-image (32)
//   ...      the pre-images, one behind the other
//   last 32  SHA-256 of bytes 0 to 1119: an undo file without it was never finished, and nothing
//            was written to the image then
//
// Which state the image is in, the superblock says. The mark is the superblock of before with the
// INCOMPAT bit 0x40000000 and the first 16 bytes of the transaction id. Sectors of 512 bytes are
// written whole or not at all, so each half of it is that of before, of the mark, or of the end:
//   both of before           the mark was never written: nothing has happened
//   both of the end          everything is written: the undo file was only not removed
//   both of the mark, or before and mark
//                            roll back: the pre-images, the superblock of before last
//   mark and end             everything else is written: the superblock of the end. Rolled back,
//                            and torn again, it could become a mixture of before and end
//   anything else            the undo file is not about this filesystem; if that bears a mark all
//                            the same, nobody knows what it holds
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <rawimg/error.h>
#include <rawimg/window.h>

#include "base/digest.h"
#include "ext/superblock.h"

namespace rawimg {

constexpr std::uint64_t kSuperblockSize = 1024;
using SuperblockBytes = std::array<std::byte, kSuperblockSize>;

/// The superblock with the mark, its checksum right. `id`: of the transaction; empty: none.
SuperblockBytes marked_superblock(const SuperblockBytes& before, std::span<const std::uint8_t> id);

std::filesystem::path undo_path(const ImageFile& image);
std::filesystem::path kept_path(const ImageFile& image);

/// Whether a file of that name can be one that UndoFile::read() believes: a regular one, and of
/// somebody who is trusted.
bool may_be_undone(const std::filesystem::path& path, const ImageFile& image);

/// An undo file that was read and found complete: every digest is right.
class UndoFile {
 public:
  /// Reads the window before the transaction and `after` behind it, and writes the file for these
  /// ranges of the window (ascending; one of them is the superblock). Syncs it and its directory if
  /// asked. Throws: Exists (there is one already), NoSpace, Io; nothing is left then.
  static UndoFile write(const std::filesystem::path& path, const Window& where,
                        std::span<const ByteRange> ranges, const WindowReader& after,
                        Durability durability);
  /// Nothing when there is no such file. The file stays open: what was checked is what is read
  /// later. Throws: BadInput (not complete, or damaged), Dirty (it is neither ours, nor root's, nor
  /// of the image's owner: whoever may make files beside the image is not thereby somebody who may
  /// change it), Io.
  static std::optional<UndoFile> read(const std::filesystem::path& path, const ImageFile& image);
  /// Where a file that read() calls damaged says that its window begins, if it says so.
  static std::optional<std::uint64_t> claimed_start(const std::filesystem::path& path);

  ByteRange window() const { return window_; }
  std::uint64_t image_bytes() const { return image_bytes_; }
  std::uint64_t payload_bytes() const;
  const SuperblockBytes& superblock_before() const { return before_; }
  const SuperblockBytes& superblock_after() const { return after_; }
  SuperblockBytes superblock_marked() const {
    return marked_superblock(before_, std::span(id_).first(16));
  }

  struct Range {
    std::uint64_t at = 0, size = 0;
    Sha256::Value before{}, after{};
    std::uint64_t in_file = 0;  ///< where its pre-image stands in the undo file
  };
  const std::vector<Range>& ranges() const { return ranges_; }
  /// The pre-images, one after the other, at most 1 MiB at a time. Throws: BadInput (changed since
  /// it was opened), Io.
  void read_pre_images(
      const std::function<void(std::uint64_t at, std::span<const std::byte> bytes)>& sink) const;
  /// Whether the window still holds what the transaction wrote, all of it: only then can it be
  /// taken back. Throws: Io.
  bool is_last_change(ImageFile& image) const;
  /// Replaces what the pre-images know of these bytes of the window; the rest stays. Throws: Io.
  void overlay_pre_images(std::uint64_t at, std::span<std::byte> bytes) const;

 private:
  std::vector<std::byte> head() const;

  Error damaged(const std::string& why) const;

  std::shared_ptr<const ImageFile> file_;
  ByteRange window_{ByteOffset{0}, ByteCount{0}};
  std::uint64_t image_bytes_ = 0;
  Sha256::Value id_{};
  SuperblockBytes before_{}, after_{};
  std::vector<Range> ranges_;
};

}  // namespace rawimg
