// SPDX-License-Identifier: MIT
#pragma once

#include <stop_token>

#include <rawimg/error.h>

namespace rawimg {

/// Throws: Interrupted (a stop was asked for).
inline void require_no_stop(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(Errc::Interrupted, "interrupted");
}

}  // namespace rawimg
