// SPDX-License-Identifier: MIT
#pragma once

#include "cli/command.h"

namespace rawimg::cli {

/// Null: help lists no such command.
const Command* find_command(std::string_view name);

}  // namespace rawimg::cli
