// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <rawimg/ext_fs.h>
#include <rawimg/recovery.h>

#include "cli/requests.h"

namespace rawimg::cli {

inline constexpr OptionSpec kJournalOption[] = {
    {"ignore-journal", "",
     "read although the journal must be replayed first: some of it may be stale"}};

/// A filesystem, open for reading, and what it needs.
struct OpenedFs {
  std::unique_ptr<ImageFile> image;
  std::unique_ptr<const WindowReader> recovered;  ///< in front of what an interrupted change left
  ExtFs fs;
  unsigned slot = 0;
  std::uint64_t start = 0;             ///< byte of the image
  std::vector<Warning> warnings = {};  ///< on standard error already; for JSON
  std::string partuuid = {};           ///< of the partition; empty for slot 0
};

/// With the image's name in front, unless it is in the message, and in place of IMG in a command
/// that the hint proposes, as e2fsck takes it. `start`: byte of the filesystem.
Error with_image(const Error& error, const std::filesystem::path& image, std::uint64_t start);

/// Runs `action`; an Error that leaves it is one of this image.
template <class Action>
auto about_image(const std::filesystem::path& image, std::uint64_t start, Action&& action)
    -> decltype(action()) {
  try {
    return action();
  } catch (const Error& error) {
    throw with_image(error, image, start);
  }
}

/// Reading writes nothing: a change that was interrupted is looked past, with a word on standard
/// error.
OpenedFs open_filesystem(const Address& address, const Args& args, Streams& io);
/// The same open file once more, for reading: under the lock that it holds, where to lock it again
/// would be to wait for oneself. Throws: Io.
ImageFile second_reader(const ImageFile& file);
/// open_filesystem() in a file that is open already.
OpenedFs open_filesystem_in(ImageFile file, const Address& address, const Args& args, Streams& io);

}  // namespace rawimg::cli
