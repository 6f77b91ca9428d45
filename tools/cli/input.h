// SPDX-License-Identifier: MIT
// What users and pipes send, where waiting for it can be interrupted.
#pragma once

#include <cstddef>
#include <span>
#include <stop_token>
#include <string>

namespace rawimg::cli {

/// Waits until a descriptor has something to read, or is at its end. Throws: Interrupted (stop),
/// Io.
void wait_for_input(int descriptor, const std::stop_token& stop, const std::string& name);
/// Up to out.size() bytes; 0: the end. Throws: Interrupted (stop, also while nothing comes), Io.
std::size_t read_some(int descriptor, std::span<std::byte> out, const std::stop_token& stop,
                      const std::string& name);
/// One line, without its end, and nothing of what is behind it. Throws: as read_some.
std::string read_line(int descriptor, const std::stop_token& stop);

}  // namespace rawimg::cli
