// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include <rawimg/ext_fs.h>

#include "cli/requests.h"

namespace rawimg::cli {

inline constexpr OptionSpec kJournalOption[] = {
    {"ignore-journal", "",
     "read although the journal must be replayed first: some of it may be stale"}};

/// A filesystem, open for reading, and the image that it needs.
struct OpenedFs {
  std::unique_ptr<ImageFile> image;
  ExtFs fs;
  unsigned slot = 0;
};

OpenedFs open_filesystem(const Address& address, const Args& args);

}  // namespace rawimg::cli
