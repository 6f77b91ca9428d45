// SPDX-License-Identifier: MIT
// SOURCE... DESTINATION, as cp, mv and ln take it.
#pragma once

#include <filesystem>
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
  bool exists = false;
  std::string how_to_make;  ///< the directory, for a hint, where nothing exists
  bool is_output() const { return target.kind == Operand::Kind::Host && target.word == "-"; }

  /// Throws, where a wildcard matches several files that would all get one name: Io on the host,
  /// NotFound in the image.
  void require_room_for(std::size_t count) const;
  /// Where this source goes.
  Operand target_for(const Operand& source) const;
};

/// Throws: Usage (too few operands, or too many for -T).
void require_destination(const Args& args);
/// In the image, or else also on the host.
enum class MayBe { InImage, Anywhere };
/// A wildcard names what it matches, which must be one. Throws: Usage as above, NotFound (several
/// sources and no directory; no match), Exists (no directory; several matches).
Destination read_destination(Edit& edit, const Args& args, MayBe where);
/// One on the host, where no image is changed. Throws: Usage as above, Io (no directory).
Destination read_host_destination(const Args& args);

/// How a directory of the host is made that is missing.
std::string hint_to_make(const std::filesystem::path& host_directory);
bool is_host_directory(const std::filesystem::path& path);
/// Throws: Io.
void require_host_directory(const std::filesystem::path& path);

/// The last part of a path, without slashes behind it.
std::string base_name(const std::string& path);
/// Whether a file can keep its name in a directory: not "/", "dir/." and "dir/..".
bool has_own_name(const std::string& path);

}  // namespace rawimg::cli
