// SPDX-License-Identifier: MIT
// A byte range of an image file, where a filesystem lives: the whole file, or one partition.
#pragma once

#include <rawimg/image_file.h>
#include <rawimg/units.h>

namespace rawimg {

/// Does not own the file, which must outlive it.
class Window {
 public:
  /// Throws: Corrupt when the range passes the end of the file.
  Window(ImageFile& file, ByteRange range);
  /// The whole file.
  explicit Window(ImageFile& file);

  ImageFile& file() const { return *file_; }
  ByteRange range() const { return range_; }

 private:
  ImageFile* file_;
  ByteRange range_;
};

}  // namespace rawimg
