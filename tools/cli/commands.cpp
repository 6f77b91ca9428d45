// SPDX-License-Identifier: MIT
#include <array>

#include "cmd/all.h"

namespace rawimg::cli {

std::span<const Command* const> commands() {
  static constexpr std::array<const Command*, 12> kAll{&kBuild,  &kInit,     &kCreate, &kPartition,
                                                       &kFormat, &kPopulate, &kInfo,   &kLs,
                                                       &kCat,    &kStat,     &kHelp,   &kVersion};
  return kAll;
}

}  // namespace rawimg::cli
