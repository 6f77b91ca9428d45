// SPDX-License-Identifier: MIT
#pragma once

#include "cli/command.h"

namespace rawimg::cli {

/// What shells call, and not people: no help lists it, so it is not one of commands().
extern const Command kComplete;

}  // namespace rawimg::cli
