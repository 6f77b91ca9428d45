// SPDX-License-Identifier: MIT
// Commands about a file that the guest reads: NOUN VERB IMG ..., in a batch NOUN VERB ....
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/edit_count.h>

#include "edit/edit.h"

namespace rawimg::cli {

/// Such a command, and its file.
struct GuestNoun {
  const Command& command;  ///< with `apply`, which sees its words without the image
  std::span<const std::string_view> verbs;
  std::string_view operands;  ///< behind the image, for hints
  const char* path;
  /// of a noun that has the verb `list`: the file for people, and for --json
  std::string (*lines)(const std::string& text) = nullptr;
  Json (*result)(const std::string& text) = nullptr;
  /// throws Usage for words that are wrong in any image, before one is opened; not the command's
  /// own: in a batch `apply` asks first whether they name an image
  void (*require_words)(const Args& args) = nullptr;
};

inline constexpr OptionSpec kGuestImageOption[] = {
    {"image", "FILE", "take this file name literally; IMG is then left out, or :N for a slot"},
};

struct GuestWords {
  std::string verb;
  std::vector<std::string> operands;
};

/// The words of such a command behind its image. Throws: Usage (no verb, or an unknown one: names
/// the nearest).
GuestWords read_guest_words(const Args& args, const GuestNoun& noun);
/// The same of what is carried out. Throws: also as require_no_image.
GuestWords read_guest_words(const Edit& edit, const Args& args, const GuestNoun& noun);
/// A line of a batch is about the batch's image. Throws: Usage, where the first word names one.
void require_no_image(const Edit& edit, std::span<const std::string> words);
/// Runs such a command: without a verb it is `list`, which reads; everything else is a transaction.
/// Throws: Usage (also: the words are in another order; shows the right one).
ExitCode run_guest(const GuestNoun& noun, const Args& args, Streams& io);
/// Takes the word at `at`, which names the image, out of `words`; with --image a word :N is taken,
/// and may be missing. Throws: Usage (it is missing, or has a path).
Address take_image(const Args& args, std::vector<std::string>& words, std::size_t at);
/// The same command line with other operands.
Args with_operands(const Args& args, std::vector<std::string> operands);
/// "rawimg WORDS...", quoted where a shell would need it.
std::string command_line(std::string_view command, std::span<const std::string> words);

/// The file of the image at `path`, which no word names.
Operand file_at(const std::string& path);
/// A text file of the image; nothing where there is none. Throws, with the file's name in front:
/// NotFound (a symlink leads below /proc, /sys, /dev or /run, where only a running guest has
/// files), Exists (no regular file), Unsupported (over 1 GiB), and as ExtReader does.
std::optional<std::string> read_guest_file(const ExtReader& fs, const std::string& path);
/// What `list` prints, inside of a batch.
void show_guest_file(Edit& edit, const GuestNoun& noun, const std::string& text);
/// Writes it when it differs from `before`; a dry run shows the difference.
void write_guest_file(Edit& edit, const std::string& path, const std::optional<std::string>& before,
                      const std::string& after);
/// The two halves of that: for a file that is shown otherwise than it is. Throws: as
/// read_guest_file, NoSpace.
void show_difference(Edit& edit, const std::string& path, const std::string& before,
                     const std::string& after);
void replace_guest_file(Edit& edit, const std::string& path, const std::string& content);

/// Warns when a pattern met nothing; `what` it looks for: "entry", "active entry".
void note_match(Edit& edit, const char* path, std::string_view what, const std::string& pattern,
                const EditCount& count);
/// Throws: Usage, unless there are `least` to `most` operands.
void require_operands(const GuestWords& words, std::size_t least, std::size_t most,
                      std::string_view what);
/// Whether a terminal shows all of it and obeys nothing in it.
bool is_printable(std::string_view bytes);

}  // namespace rawimg::cli
