// SPDX-License-Identifier: MIT
// Whole files of modest size, as text verbs need them.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "edit/edit.h"

namespace rawimg::cli {

inline constexpr std::uint64_t kMostContent = 1u << 30;  ///< it is held in RAM

/// Throws: Unsupported. `name`: the message begins with it.
void require_modest(std::uint64_t size, const std::string& name, std::uint64_t most = kMostContent);
/// All of a descriptor, which messages call `name`. Throws: Unsupported (over `most` bytes),
/// Interrupted, Io.
std::string read_descriptor(int descriptor, const std::string& name, const std::stop_token& stop,
                            std::uint64_t most = kMostContent);
/// A file of the image. Throws: Unsupported (over 1 GiB), and as Transaction does; the message
/// lacks the file, which in_file() puts in front.
std::string read_content(const Edit& edit, std::uint32_t inode);
/// Makes the file (0644, 0:0) or replaces its content; symlinks are followed.
void write_content(Edit& edit, const Operand& file, const std::string& content);

}  // namespace rawimg::cli
