// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <rawimg/error.h>

namespace rawimg::cli {

/// The one table of exit codes (DESIGN.md section 2; `rawimg help exit-codes`).
enum class ExitCode : int {
  Done = 0,
  Failed = 1,
  Usage = 2,
  Unsupported = 3,
  NotFound = 4,
  NoSpace = 5,
  Damaged = 6,
  Mismatch = 7,
  Busy = 8,
  Interrupted = 130,
  Terminated = 143
};

ExitCode exit_code_of(Errc code);
/// "no-space": the code's name in JSON.
std::string_view name_of(Errc code);

}  // namespace rawimg::cli
