// SPDX-License-Identifier: MIT
#pragma once

#include "cli/command.h"

namespace rawimg::cli {

extern const Command kBuild, kInit, kCreate, kPartition, kFormat, kPopulate, kInfo, kLs, kCat,
    kStat, kHelp, kVersion;

}  // namespace rawimg::cli
