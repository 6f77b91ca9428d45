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

Window Window::growing(ImageFile& file, ByteOffset start) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 42;
  Window window;
  window.file_ = &file;
  window.range_ = ByteRange{start, ByteCount{kMost}};
  return window;
}

Window Window::through(const WindowReader& reader) const {
  Window window = *this;
  window.reader_ = &reader;
  return window;
}

void Window::read_at(std::uint64_t at, std::span<std::byte> out) const {
  if (out.size() > range_.size() || at > range_.size() - out.size())
    throw Error(Errc::Corrupt, fmt::format("bytes {} to {} are outside of a window of {} bytes", at,
                                           at + out.size(), range_.size()));
  if (reader_ != nullptr) return reader_->read_at(at, out);
  file_->read_at(ByteOffset{range_.start() + at}, out);
}

Window::Window(ImageFile& file) : file_(&file), range_(ByteOffset{0}, file.size()) {}

}  // namespace rawimg
