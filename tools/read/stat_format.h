// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "read/reading.h"
#include "read/text_format.h"

namespace rawimg::cli {

/// stat(1)'s -c: its letters, except those that make no sense in an image. Throws: Usage.
std::vector<FormatPart> parse_stat_format(std::string_view format);
/// Names escaped on a terminal.
std::string stat_text(const std::vector<FormatPart>& format, const ReadFile& file,
                      const InodeInfo& inode, bool terminal);

}  // namespace rawimg::cli
