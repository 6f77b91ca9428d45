// SPDX-License-Identifier: MIT
// What may stand behind IMG: on a command line: slots, and the paths in a filesystem. Reading only,
// without locks, so that nobody who changes the image is in the way or disturbed.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "cli/address.h"

namespace rawimg::cli {

/// Whether there is an image of that name: a table, or a filesystem.
bool holds_image(const std::filesystem::path& name);

enum class Behind { Slot, SlotAndPath };
/// The texts "1", "1/", "/etc/fstab" that can stand behind the colon in place of what is typed
/// there, which `address` has taken apart; directories have a slash behind them. Sorted. Throws:
/// whatever reading the image throws.
std::vector<std::string> find_behind_colon(const Address& address, std::string_view typed,
                                           Behind behind);

}  // namespace rawimg::cli
