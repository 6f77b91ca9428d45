// SPDX-License-Identifier: MIT
// gem5's util/gem5img.py in rawimg's words: each of its commands that makes something is one of
// ours, with the geometry that it has under Python 2, whole cylinders of an IDE disk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/observer.h>
#include <rawimg/partition_table.h>

#include "cli/args.h"
#include "cli/command.h"

namespace rawimg::cli {

inline constexpr OptionSpec kGem5imgOptions[] = {
    {"type", "FSTYPE", "of init and format: ext2, ext3 or ext4 (default: ext2)", 't'},
    {"align", "SECTOR", "of init and partition: where the partition starts (default: 63)"},
    {"exact", "", "of init and new: exactly MB MiB, neither cut to cylinders nor at 8064 MiB"},
    {"debug", "", "print the rawimg line that does it", 'd'},
    {"h", "", "behind a command: what it takes"},
};

/// A command of gem5img.py.
struct Gem5imgVerb {
  std::string_view name, description;
  std::vector<std::pair<std::string_view, std::string_view>> operands;  ///< names and meanings
  std::vector<std::string_view> options;  ///< of kGem5imgOptions, what not all have
};
/// In the order of its usage.
const std::vector<Gem5imgVerb>& gem5img_verbs();

/// A command of ours with its words.
struct Gem5imgLine {
  const Command& command;
  std::vector<std::string> words;
  std::vector<Warning> warnings;
};
std::string to_text(const Gem5imgLine& line);

/// What init, new, partition or format is, its operands counted. Of format, the image is read.
/// Throws: Usage, and what opening an image and its table throws.
Gem5imgLine gem5img_line(const std::string& verb, const Args& args);
/// Throws: NotFound (there is none), and what opening an image and its table throws.
Partition first_partition(const Args& args, const std::string& file);

}  // namespace rawimg::cli
