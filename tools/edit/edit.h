// SPDX-License-Identifier: MIT
// What the editing verbs share: which words are paths in the image, and the transaction that they
// add to. A verb is a function that changes; run_edit() runs one of them as a command, `batch` many
// in one transaction.
#pragma once

#include <cstdint>
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
  std::string word;  ///< as typed, for messages
  std::string path;  ///< on the host, or inside an image (with a leading slash)
  Address other;     ///< OtherImage: one that is only read
};

class Edit {
 public:
  Edit(Transaction& transaction, const Address& image, bool in_batch, const Args& args,
       Streams& io);

  Transaction& fs() { return fs_; }
  const Transaction& fs() const { return fs_; }
  Streams& io() { return io_; }
  const Args& options() const { return args_; }  ///< of the command line, not of a line of a batch
  bool verbose = false;
  std::vector<Warning> warnings;
  /// What --json shows of a verb beside what it shows of every one, and what a dry run would change
  /// in a text.
  Json result = Json::object();
  std::string diff;
  /// The two as one object; the next line of a batch begins anew.
  Json take_result();

  /// Which file a word means. In a batch ":/path" is in the image and anything else on the host.
  Operand operand(const std::string& word) const;
  /// The same, for what must be in the image. Throws: Usage.
  Operand in_image(const std::string& word) const;
  /// in_image with wildcards: the paths that match, sorted; a name that exists as it is wins.
  /// Throws: NotFound (no match).
  std::vector<Operand> expand(const std::string& word) const;

  /// The inode of a path. Throws: NotFound and so on, with the word in the message.
  std::uint32_t resolve(const Operand& file, ExtFs::Follow follow = ExtFs::Follow::All) const;
  std::optional<std::uint32_t> find(const Operand& file, ExtFs::Follow follow = ExtFs::Follow::All)
      const;  ///< nothing where NotFound
  bool is_directory(std::uint32_t inode) const {
    return fs_.inode(inode).type == FileType::Directory;
  }
  Transaction::Place place(const Operand& file) const;
  /// `directory` and a name in it.
  static Operand below(const Operand& directory, std::string_view name);

  const Address& image() const { return image_; }
  Timestamp now() const { return now_; }
  bool in_batch() const { return in_batch_; }
  bool is_dry_run() const { return args_.has("dry-run"); }
  bool wants_json() const { return args_.has("json"); }
  /// "PARTUUID=..." of the partition that is edited; empty where there is no table.
  std::string partuuid;
  void say(const std::string& line);  ///< for --verbose, on standard output

 private:
  Transaction& fs_;
  const Address& image_;
  bool in_batch_;
  const Args& args_;
  Streams& io_;
  Timestamp now_;
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
/// Says what an interrupted change has left, and what came of it.
void tell_recovery(const Recovery& recovery, const std::filesystem::path& image, Streams& io);

inline constexpr OptionSpec kVerboseOption[] = {{"verbose", "", "say what is done", 'v'}};

/// A verb as a command of its own: begins a transaction on the image that its operands name,
/// applies, commits, and says so.
ExitCode run_edit(const Command& command, const Args& args, Streams& io);
/// The same for `apply` on the image at `address`; the summary goes to standard error or, with
/// --json, to standard output, with `extra` in it.
ExitCode run_edit_on(const Command& command, const Address& address, const Args& args, Streams& io,
                     bool in_batch, const std::function<void(Edit&)>& apply);

/// With the file's name in front, for people.
Error in_file(const Error& error, const Operand& file);

}  // namespace rawimg::cli
