// SPDX-License-Identifier: MIT
// Commands about a file that the guest reads: NOUN VERB IMG ..., in a batch NOUN VERB ....
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "edit/edit.h"

namespace rawimg::cli {

struct GuestWords {
  std::string verb;
  std::vector<std::string> operands;  ///< behind the verb and the image
};

/// The words of such a command: a known verb, or none and then `list`. Throws: Usage (names the
/// nearest verb).
GuestWords read_guest_words(const Args& args, std::span<const std::string_view> verbs,
                            bool in_batch);
/// Runs such a command: `list` reads the file at `path` and shows it, everything else is a
/// transaction.
ExitCode run_guest(const Command& command, const Args& args, Streams& io,
                   std::span<const std::string_view> verbs, const char* path,
                   void (*show)(const std::string& text, Streams& io));

/// The same text, of an image that is only read; nothing where there is no such file.
std::optional<std::string> read_guest_file(const ExtReader& fs, const std::string& path);

/// A text file of the image; nothing where there is none.
std::optional<std::string> read_guest_file(const Edit& edit, const std::string& path);
/// Writes it when it differs from `before`; a dry run prints the difference.
void write_guest_file(Edit& edit, const std::string& path, const std::optional<std::string>& before,
                      const std::string& after);
/// Throws: Usage, unless there are `least` to `most` operands.
void require_operands(const GuestWords& words, std::size_t least, std::size_t most,
                      std::string_view what);

}  // namespace rawimg::cli
