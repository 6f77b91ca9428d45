// SPDX-License-Identifier: MIT
// Reading what is data in an image, and copying it with its holes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <stop_token>
#include <vector>

#include <rawimg/error.h>
#include <rawimg/image_file.h>

#include "base/stop.h"
#include "base/zeros.h"
#include "storage/host_file.h"

namespace rawimg {

inline constexpr std::uint64_t kCopyPiece = 1u << 20, kHoleBlock = 4096;

/// Calls action(offset, bytes, are zeros) for runs of blocks that are zeros, or are not. Blocks are
/// those of the file, in which the bytes begin at `at`.
template <class Action>
void in_runs(std::uint64_t at, std::span<const std::byte> bytes, Action action) {
  const auto block_at = [&](std::size_t from) {
    return bytes.subspan(
        from, std::min<std::uint64_t>(kHoleBlock - (at + from) % kHoleBlock, bytes.size() - from));
  };
  for (std::size_t begin = 0; begin < bytes.size();) {
    const bool zeros = is_zeros(block_at(begin));
    std::size_t end = begin + block_at(begin).size();
    while (end < bytes.size() && is_zeros(block_at(end)) == zeros) end += block_at(end).size();
    action(at + begin, bytes.subspan(begin, end - begin), zeros);
    begin = end;
  }
}

/// Calls action(offset, bytes) for what is data, at most 1 MiB at a time. Throws: Interrupted, Io.
template <class Action>
void read_data(const ImageFile& image, const std::stop_token& stop, Action action) {
  const std::uint64_t size = image.size().value;
  std::vector<std::byte> buffer(kCopyPiece);
  for (auto data = next_data(image.descriptor(), 0, size); data;
       data = next_data(image.descriptor(), data->end(), size)) {
    for (std::uint64_t from = data->start(); from < data->end();) {
      require_no_stop(stop);
      const auto piece =
          std::span(buffer).first(std::min(kCopyPiece - from % kCopyPiece, data->end() - from));
      image.read_at(ByteOffset{from}, piece);
      action(from, std::span<const std::byte>(piece));
      from += piece.size();
    }
  }
}

/// Lets an empty file share all blocks of another one; false where the host cannot.
bool share_blocks(const ImageFile& from, const ImageFile& to);

}  // namespace rawimg
