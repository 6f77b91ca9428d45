// SPDX-License-Identifier: MIT
// Times as touch takes them. Without a zone they are UTC: an image has none, and the host's must
// not matter.
#pragma once

#include <string_view>

#include <rawimg/entry.h>

namespace rawimg::cli {

/// "2024-02-29", "2024-02-29 12:34", "2024-02-29T12:34:56.5Z", "2024-02-29 12:34:56 +0100", "@1.5".
/// Throws: Usage.
Timestamp parse_date(std::string_view text);
/// "[[CC]YY]MMDDhhmm[.ss]", as touch -t has it; the year of `now` where there is none. Throws:
/// Usage.
Timestamp parse_stamp(std::string_view text, Timestamp now);

}  // namespace rawimg::cli
