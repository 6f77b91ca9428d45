// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
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
  std::vector<Warning> warnings = {};  ///< on standard error already; for JSON
};

/// Reading writes nothing: a change that was interrupted is looked past, with a word on standard
/// error.
OpenedFs open_filesystem(const Address& address, const Args& args, Streams& io);

}  // namespace rawimg::cli
