// SPDX-License-Identifier: MIT
// What the editing verbs share: which words are paths in the image, and the transaction that they
// add to. A verb is a function that changes; run_edit() runs one of them as a command, `batch` many
// in one transaction.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/recovery.h>
#include <rawimg/transaction.h>

#include "cli/address.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/open_fs.h"
#include "cli/output.h"

namespace rawimg::cli {

/// A word of the command line that names a file.
struct Operand {
  enum class Kind { Host, Image, OtherImage } kind = Kind::Host;
  std::string word;       ///< as typed, for messages
  std::string path;       ///< on the host, or inside an image (with a leading slash)
  Address other;          ///< OtherImage: one that is only read
  bool is_match = false;  ///< of a wildcard; else the user has typed the very name
};

/// How words name files in the image.
enum class PathWords {
  Addresses,  ///< IMG:/path; anything else is on the host
  Batch,      ///< :/path; anything else is on the host
  Colon,      ///< cp --image: [:][N]/path behind a colon; anything else is on the host
  Plain,      ///< --image: all of them, [N]/path
};

class Edit {
 public:
  Edit(Transaction& transaction, const Address& image, PathWords words, const Args& args,
       Streams& io);

  Transaction& fs() { return fs_; }
  const Transaction& fs() const { return fs_; }
  Streams& io() { return io_; }
  const Args& options() const { return args_; }  ///< of the command line, not of a line of a batch
  bool verbose = false;
  std::vector<Warning> warnings;
  /// Files of the host that were written to: no transaction takes that back.
  std::vector<std::string> written_on_host;
  /// What --json shows of a verb beside what it shows of every one, and what a dry run would change
  /// in a text.
  Json result = Json::object();
  std::string diff;
  /// The two as one object; the next line of a batch begins anew.
  Json take_result();

  /// Which file a word means. Throws: Usage (also for what names an image in a line of a batch).
  Operand operand(const std::string& word) const;
  /// The same, for what must be in the image. Throws: Usage.
  Operand in_image(const std::string& word) const;
  /// in_image with wildcards: the paths that match, sorted; a name that exists as it is wins. With
  /// a slash at the end, directories only. Throws: NotFound (no match).
  std::vector<Operand> expand(const std::string& word) const;

  /// in_image for what may be made: a wildcard names what it matches, `\` in front of one takes it
  /// as it is. Throws: NotFound (no match), Exists (several).
  Operand expand_new(const std::string& word) const;

  /// The inode of a path. Throws: NotFound and so on, with the word in the message.
  std::uint32_t resolve(const Operand& file, ExtFs::Follow follow = ExtFs::Follow::All) const;
  std::optional<std::uint32_t> find(const Operand& file, ExtFs::Follow follow = ExtFs::Follow::All)
      const;  ///< nothing where NotFound
  bool is_directory(std::uint32_t inode) const {
    return fs_.inode(inode).type == FileType::Directory;
  }
  /// Where a name is, or will be. Throws: as Transaction::resolve_place, with a hint that makes the
  /// directory where that would help.
  Transaction::Place place(const Operand& file) const;
  /// `directory` and a name in it.
  static Operand below(const Operand& directory, std::string_view name);

  const Address& image() const { return image_; }
  Timestamp now() const { return now_; }
  bool in_batch() const { return words_ == PathWords::Batch; }
  bool is_dry_run() const { return args_.has("dry-run"); }
  bool wants_json() const { return args_.has("json"); }
  /// "PARTUUID=..." of the partition that is edited; empty where there is no table.
  std::string partuuid;
  void say(const std::string& line);  ///< with --verbose
  /// On standard output, once it is true; with --json, in its object.
  void tell(const std::string& line);
  const std::string& told() const { return told_; }
  void warn(std::string code, const Operand& file, const std::string& message);

 private:
  void require_no_image(const std::string& word) const;
  bool can_be_made(const Operand& directory) const;
  std::string hint_to_make(const Operand& directory) const;

  Transaction& fs_;
  const Address& image_;
  PathWords words_;
  const Args& args_;
  Streams& io_;
  Timestamp now_;
  std::string told_;
};

/// Whether a word names an image that exists, and something in it.
bool names_image(const std::string& word);

/// The time of a change: SOURCE_DATE_EPOCH, else the clock.
Timestamp time_of_edit(const Streams& io);

inline constexpr OptionSpec kEditOptions[] = {
    {"dry-run", "", "check everything and change nothing"},
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
/// --json, to standard output, with `extra` in it.
ExitCode run_edit_on(const Command& command, const Address& address, const Args& args, Streams& io,
                     Verbs verbs, const std::function<void(Edit&)>& apply);

/// With the file's name in front, for people.
Error in_file(const Error& error, const Operand& file);

/// Throws: Usage, as coreutils say it, unless there are `least` operands.
void require_operands(const Args& args, std::size_t least, std::string_view what = "IMG:/path");
/// Throws: Usage, where the first operand, which is `what`, names a file in an image.
void require_first(const Args& args, std::string_view what);
/// Which of these options came last, and so counts; empty: none of them.
std::string_view last_of(const Args& args, std::initializer_list<std::string_view> names);

}  // namespace rawimg::cli
