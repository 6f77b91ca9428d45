// SPDX-License-Identifier: MIT
// SOURCE... DESTINATION, as cp, mv and ln take it.
#pragma once

#include <string>
#include <vector>

#include "edit/edit.h"

namespace rawimg::cli {

inline constexpr OptionSpec kDestinationOptions[] = {
    {"no-target-directory", "", "the last operand is the new name, also where a directory has it",
     'T'},
    {"target-directory", "DIRECTORY", "where all operands go", 't'},
};

struct Destination {
  std::vector<std::string> sources;
  Operand target;
  bool is_directory = false;  ///< sources keep their names, below it

  /// Throws: NotFound, where a wildcard matches several files that would all get one name.
  void require_room_for(std::size_t count) const;
  /// Where this source goes.
  Operand target_for(const Operand& source) const;
};

/// Throws: Usage (too few operands, or too many for -T).
void require_destination(const Args& args);
/// Throws: Usage as above, NotFound (several sources and no directory).
Destination read_destination(Edit& edit, const Args& args, bool in_image);

/// The last part of a path, without slashes behind it.
std::string base_name(const std::string& path);
/// Whether a file can keep its name in a directory: not "/", "dir/." and "dir/..".
bool has_own_name(const std::string& path);

}  // namespace rawimg::cli
