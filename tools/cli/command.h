// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/args.h"
#include "cli/exit_code.h"
#include "cli/streams.h"

namespace rawimg::cli {

class Edit;
class Reading;

struct Command {
  std::string_view name, synopsis, summary;
  std::string_view examples;  ///< lines of "command  # what for", shown first in help
  std::string_view details;   ///< paragraphs behind the options, or empty
  std::span<const std::span<const OptionSpec>> options;  ///< tables, joined
  ExitCode (*run)(const Args& args, Streams& io);
  /// of what changes an image: throws Usage for words that are wrong in any image; asked before one
  /// is opened
  void (*require_words)(const Args& args) = nullptr;
  /// of what changes an image: the change itself, as `batch` makes it, too
  void (*apply)(Edit& edit, const Args& args) = nullptr;
  /// of what only reads an image: the reading itself, as `batch` does it, too
  ExitCode (*read)(Reading& reading, const Args& args) = nullptr;
  /// of what takes an expression behind its operands: how many words belong to a word of it
  std::size_t (*words_behind)(std::string_view word) = nullptr;
  /// of what copies: operands may be files on the host, with --image, too
  bool takes_host_files = false;
  /// of chmod: whether a word with a dash in front is a mode; it becomes the first operand
  bool (*is_dashed_operand)(std::string_view word) = nullptr;
};

/// The words of a command line, sorted by the command's table. An expression begins behind the
/// first operand, with the first word that is none: with a dash and a letter, or one of ( ) ! and
/// the comma. Options of the table with two dashes are found in it, too. Throws: Usage.
Args parse_words(const Command& command, const std::vector<std::string>& words);

/// All commands, in the order of help.
std::span<const Command* const> commands();

std::vector<OptionSpec> all_options(const Command& command);
std::string help_text(const Command& command);
std::string overview_text();

// Options that mean the same everywhere.
inline constexpr OptionSpec kCommonOptions[] = {
    {"json", "", "print one JSON object on standard output"},
    {"help", "", "show this help"},
};
inline constexpr OptionSpec kLockOptions[] = {
    {"wait", "[SECONDS]", "when the image is in use, wait for it, or for so long"},
    {"no-lock", "",
     "go on without locks, where the file system has none; read what is being changed"},
};
inline constexpr OptionSpec kImageOption[] = {
    {"image", "FILE", "take this file name literally; the first operand is then [N][/path]"},
};
inline constexpr OptionSpec kWriteOptions[] = {
    {"force", "", "replace or overwrite what is there", 'f'},
    {"dry-run", "", "check everything, say what would be made, and write nothing"},
    {"no-sync", "", "do not wait until everything is on stable storage"},
};
inline constexpr OptionSpec kQuietOption[] = {{"quiet", "", "no closing line", 'q'}};
inline constexpr OptionSpec kProgressOptions[] = {
    {"quiet", "", "no progress and no closing line", 'q'},
    {"progress", "MODE", "auto, bar, lines, json or none (default: auto)"},
};

}  // namespace rawimg::cli
