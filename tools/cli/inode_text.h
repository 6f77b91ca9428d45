// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <rawimg/ext_fs.h>

#include "cli/output.h"

namespace rawimg::cli {

/// "drwxr-sr-x"
std::string mode_string(const InodeInfo& inode);
/// "regular file", as stat(1) says it.
std::string_view type_name(FileType type);
/// "2023-11-14 22:13:20.123456789 +0000", always UTC: an image has no time zone.
std::string time_string(Timestamp time);
std::string short_time_string(Timestamp time);

Json to_json(const InodeInfo& inode);

}  // namespace rawimg::cli
