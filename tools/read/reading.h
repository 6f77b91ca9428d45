// SPDX-License-Identifier: MIT
// What the verbs that only read share: which files the words name, and where the result goes. The
// same verb is a command of its own and a line of a batch, where it sees what the lines before it
// have changed.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <rawimg/ext_fs.h>

#include "cli/command.h"
#include "cli/output.h"
#include "read/account_names.h"

namespace rawimg::cli {

/// A filesystem of an image, and a path in it.
struct ReadPlace {
  const ExtReader* fs = nullptr;
  std::string image;  ///< "disk.img:" or "disk.img:1": a path goes behind it; empty in a batch
  std::string path;   ///< with a leading slash, or empty
};

/// A file that a word of the command line names.
struct ReadFile {
  const ExtReader* fs = nullptr;
  AccountNames* names = nullptr;
  std::string image;      ///< as ReadPlace has it
  std::string path;       ///< inside of the image, as typed
  std::string shown;      ///< as results name it: the path; with its image where there are several
  std::string word;       ///< of the command line
  bool is_match = false;  ///< of a wildcard in the word
};

class Reading {
 public:
  using Locate = std::function<ReadPlace(const std::string& word)>;
  /// `no_word` stands for the filesystem itself where there is no operand; without it, one has to
  /// be there.
  Reading(Streams& io, bool wants_json, std::optional<std::string> no_word, Locate locate)
      : io_(io),
        wants_json_(wants_json),
        no_word_(std::move(no_word)),
        locate_(std::move(locate)) {}

  Streams& io() const { return io_; }
  bool wants_json() const { return wants_json_; }
  /// For people: escaped on a terminal.
  std::string shown(std::string_view bytes) const { return cli::shown(bytes, io_.out_is_terminal); }

  enum class NoPath { IsRoot, IsMissing };
  /// The files that the words name, wildcards expanded. Throws: Usage (no word; a word without a
  /// path and IsMissing), NotFound (no match), and what opening an image throws.
  std::vector<ReadFile> files(const Args& args, NoPath no_path = NoPath::IsRoot);
  ReadPlace locate(const std::string& word) const { return locate_(word); }
  using FollowOf = std::function<ExtReader::Follow(const ReadFile& file)>;
  /// The inodes of all files, before the first is shown: what is missing lets nothing be shown, but
  /// for symlinks that lead nowhere and that a wildcard has matched: they are taken out of `files`,
  /// with a warning. Throws: as ExtReader::resolve, and says so.
  std::vector<std::uint32_t> resolve(std::vector<ReadFile>& files, const FollowOf& follow);
  /// The operands, or what stands for them. Throws: Usage.
  std::vector<std::string> words(const Args& args) const;

  /// What --json shows; without it, nobody asks.
  void set_result(const Json& result) { result_ = result.dump(); }
  void set_result_text(std::string result) { result_ = std::move(result); }
  const std::string& result() const { return result_; }
  const std::vector<Warning>& warnings() const { return warnings_; }

 private:
  enum class Others { None, Some };
  Error missing(const Error& error, const std::string& image, Others others) const;

  Streams& io_;
  bool wants_json_;
  std::optional<std::string> no_word_;
  Locate locate_;
  std::map<const ExtReader*, AccountNames> names_;
  std::vector<Warning> warnings_;
  std::string result_ = "{}";
};

/// A symlink itself, as du and find take what is named, unless a slash is behind it.
ExtReader::Follow follow_slash(const ReadFile& file);

/// An inode with the names of its owners, where the image has them.
Json inode_json(const InodeInfo& inode, AccountNames& names);

/// A list of JSON values as text, with a bound: as a tree of values it would take several times as
/// much memory.
class JsonList {
 public:
  /// Throws: Unsupported (the list takes more than 1 GiB).
  void add(const Json& value);
  std::string text() const { return "[" + text_ + "]"; }

 private:
  std::string text_;
};

/// Runs a verb that has `read` as a command of its own: opens the images that its words name,
/// for reading.
ExitCode run_reading(const Command& command, const Args& args, Streams& io);

}  // namespace rawimg::cli
