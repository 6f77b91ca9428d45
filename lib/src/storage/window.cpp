// SPDX-License-Identifier: MIT
#include <rawimg/window.h>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg {

Window::Window(ImageFile& file, ByteRange range) : file_(&file), range_(range) {
  if (const ByteCount size = file.size(); range.end() > size.value)
    throw Error(Errc::Corrupt,
                fmt::format("{}: a partition ends at byte {} but the image has {} bytes",
                            quote(file.path().string()), range.end(), size.value));
}

Window::Window(ImageFile& file) : file_(&file), range_(ByteOffset{0}, file.size()) {}

}  // namespace rawimg
