// SPDX-License-Identifier: MIT
// Verbs as commands: run_edit() runs one of them in a transaction, `batch` many.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "edit/edit.h"

namespace rawimg::cli {

inline constexpr OptionSpec kEditOptions[] = {
    {"dry-run", "", "change nothing, and check all but whether the image may be written"},
    {"no-sync", "", "do not wait until everything is on stable storage"},
    {"no-keep-undo", "", "keep nothing for 'rawimg undo' (kept by default up to 64 MiB)"},
    {"quiet", "", "no closing line", 'q'},
};
/// An undo file is kept up to so many bytes, unless --no-keep-undo.
inline constexpr std::uint64_t kKeptUndoBytes = 64u << 20;
/// Opens an image that is about to be changed, and takes back what was interrupted in it, which is
/// said; with --dry-run it is only read.
ImageFile open_to_change(const std::filesystem::path& path, const Args& args, Streams& io);

inline constexpr OptionSpec kVerboseOption[] = {{"verbose", "", "say what is done", 'v'}};

/// For verbs whose operands are all in the image.
inline constexpr OptionSpec kLiteralImageOption[] = {
    {"image", "FILE", "take this file name literally; paths are then /path, the first [N]/path"},
};
/// For cp, whose operands may be on the host.
inline constexpr OptionSpec kLiteralImageOrHostOption[] = {
    {"image", "FILE",
     "take this file name literally; :[N]/path is then in it, and anything else on the host"},
};

/// The operands, and what --target-directory names: where an image can be named.
std::vector<std::string> words_for_image(const Args& args);

/// For what reads standard input: whoever types, or has still to begin, keeps no image locked.
/// Does nothing where no image is named, so that it is said at once.
void await_input(const Args& args, Streams& io);

/// A verb as a command of its own: begins a transaction on the image that `words` name (all of
/// words_for_image unless given), applies, commits, and says so.
ExitCode run_edit(const Command& command, const Args& args, Streams& io);
ExitCode run_edit(const Command& command, const Args& args, Streams& io,
                  const std::vector<std::string>& words);
enum class Verbs { One, Batch };
/// The same for `apply` on the image at `address`; the summary goes to standard error or, with
/// --json, to standard output, with Edit::result in it.
ExitCode run_edit_on(const Command& command, const Address& address, const Args& args, Streams& io,
                     Verbs verbs, const std::function<void(Edit&)>& apply);

}  // namespace rawimg::cli
