// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <rawimg/entry.h>

namespace rawimg::cli {

/// A time in UTC, in date(1)'s words: what strftime knows in the C locale, %s seconds since 1970
/// and %N nanoseconds.
std::string format_time(std::string_view format, Timestamp time);

}  // namespace rawimg::cli
