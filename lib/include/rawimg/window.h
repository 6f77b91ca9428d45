// SPDX-License-Identifier: MIT
// A byte range of an image file, where a filesystem lives: the whole file, or one partition.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <rawimg/image_file.h>
#include <rawimg/units.h>

#pragma GCC visibility push(default)

namespace rawimg {

/// Reads in place of the file, where what a window holds is not all in the file yet (an open
/// transaction), or no longer what it shall be (an interrupted one).
class WindowReader {
 public:
  virtual ~WindowReader() = default;
  /// Fills `out` from byte `at` of the window on; both within the window. Throws: Io.
  virtual void read_at(std::uint64_t at, std::span<std::byte> out) const = 0;
};

/// Does not own the file, which must outlive it.
class Window {
 public:
  /// Throws: Corrupt when the range passes the end of the file.
  Window(ImageFile& file, ByteRange range);
  /// The whole file.
  explicit Window(ImageFile& file);

  /// From `start` as far as an image may grow: for a filesystem whose size comes last. The file may
  /// be shorter.
  static Window growing(ImageFile& file, ByteOffset start);

  /// The same window, read through `reader`, which must outlive it.
  Window through(const WindowReader& reader) const;

  /// Fills `out` from byte `at` of the window on. Throws: Corrupt (past the end), Io.
  void read_at(std::uint64_t at, std::span<std::byte> out) const;

  ImageFile& file() const { return *file_; }
  ByteRange range() const { return range_; }

 private:
  Window() = default;
  ImageFile* file_ = nullptr;
  ByteRange range_{ByteOffset{0}, ByteCount{0}};
  const WindowReader* reader_ = nullptr;
};

}  // namespace rawimg

#pragma GCC visibility pop
