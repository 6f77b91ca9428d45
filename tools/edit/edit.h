// SPDX-License-Identifier: MIT
// What the editing verbs share: which words are paths in the image, and the transaction that they
// add to. A verb is a function that changes; run_edit.h runs them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  Address other;          ///< OtherImage: one that is only read, or another slot of that one
  bool is_match = false;  ///< of a wildcard; else the user has typed the very name
};

/// An operand that a walk takes down into directories and up again: one text for all levels,
/// because an image can nest directories so deep that a path for each would take all memory.
class MovingOperand {
 public:
  explicit MovingOperand(Operand top) : operand_(std::move(top)) {}
  const Operand& operand() const { return operand_; }
  void enter(std::string_view name);
  void leave();

 private:
  Operand operand_;
  std::vector<std::pair<std::size_t, std::size_t>> lengths_;  // of word and path, of those above
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
  /// `found`: the filesystem at `image`, which the transaction is about.
  Edit(Transaction& transaction, const Address& image, const FoundWindow& found, PathWords words,
       const Args& args, Streams& io);

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
  /// The same, for what must be in the filesystem that is changed. Throws: Usage.
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
  /// The filesystem of an operand that is OtherImage, for reading. Throws: Usage (it overlaps the
  /// one that is changed), and what opening it throws.
  OpenedFs open_other(const Operand& file) const;
  Timestamp now() const { return now_; }
  bool in_batch() const { return words_ == PathWords::Batch; }
  bool is_dry_run() const { return args_.has("dry-run"); }
  bool wants_json() const { return args_.has("json"); }
  /// "PARTUUID=..." of the partition that is edited; empty where there is no table.
  std::string partuuid;
  /// With --verbose, the line that `make` returns: a path of the image may have megabytes.
  template <class Make>
  void say(Make&& make) {
    if (verbose) tell(make());
  }
  /// Throws: Interrupted, when that is asked for.
  /// On standard output, once it is true; with --json, in its object.
  void tell(const std::string& line);
  const std::string& told() const { return told_; }
  void warn(std::string code, const Operand& file, const std::string& message);

 private:
  void require_no_image(const std::string& word) const;
  Error no_batch_path(const std::string& word) const;
  bool is_in_file(const Address& address) const;
  bool is_changed(const Address& address) const;
  Operand operand_at(const std::string& word, const Address& address) const;
  Error in_other_image(const Operand& file) const;
  bool can_be_made(const Operand& directory) const;
  std::string hint_to_make(const Operand& directory) const;

  Transaction& fs_;
  const Address& image_;
  const FoundWindow& found_;
  PathWords words_;
  const Args& args_;
  Streams& io_;
  Timestamp now_;
  std::string told_;
};

/// The time of a change: SOURCE_DATE_EPOCH, else the clock.
Timestamp time_of_edit(const Streams& io);

/// With the file's name in front, for people.
Error in_file(const Error& error, const Operand& file);

/// Throws: Usage, as coreutils say it, unless there are `least` operands.
void require_operands(const Args& args, std::size_t least, std::string_view what = "IMG:/path");
/// Throws: Usage, where the first operand, which is `what`, names a file in an image.
void require_first(const Args& args, std::string_view what);
/// Which of these options came last, and so counts; empty: none of them.
std::string_view last_of(const Args& args, std::initializer_list<std::string_view> names);

}  // namespace rawimg::cli
