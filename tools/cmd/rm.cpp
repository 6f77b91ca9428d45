// SPDX-License-Identifier: MIT
#include <optional>
#include <ostream>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/stop.h"
#include "base/text.h"
#include "cli/inode_text.h"
#include "cli/input.h"
#include "cmd/all.h"
#include "edit/place.h"
#include "edit/run_edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"recursive", "", "directories with all that is in them, too", 'r'},
    {"R", "", "the same as -r"},
    {"force", "", "what does not exist is no error, and nothing is asked", 'f'},
    {"dir", "", "empty directories, too", 'd'},
    {"interactive", "", "ask before each file, on standard input", 'i'},
    {"interactive-once", "", "ask once before more than three files, or with -r", 'I'},
};
constexpr std::span<const OptionSpec> kTables[] = {
    kOwn, kVerboseOption, kEditOptions, kLockOptions, kLiteralImageOption, kCommonOptions};
constexpr std::size_t kManyFiles = 3;

/// "force", "interactive", "interactive-once" or nothing of these: the last one counts.
std::string_view manner_of(const Args& args) {
  return last_of(args, {"force", "interactive", "interactive-once"});
}

bool is_recursive(const Args& args) { return args.has("recursive") || args.has("R"); }

class Remover {
 public:
  Remover(Edit& edit, const Args& args)
      : edit_(edit),
        recursive_(is_recursive(args)),
        empty_directories_(args.has("dir")),
        asks_(manner_of(args) == "interactive") {}

  void remove(const Operand& file) {
    if (names_root(file))
      throw Error(Errc::Exists, "the root directory cannot be removed")
          .with_hint(fmt::format("{} and {} are all that is in it", shell_word(file.word + "*"),
                                 shell_word(file.word + ".[!.]*")));
    const Named named = require_named(edit_, file);
    if (named.type != FileType::Directory) return (void)remove_one(file, named);
    require_not_lost_and_found(edit_, named);
    if (recursive_) return remove_tree(file, named);
    if (!empty_directories_)
      throw Error(Errc::Exists, "it is a directory")
          .with_hint("-r removes it with all that is in it");
    (void)remove_one(file, named);
  }

  /// Whether the answer begins with y.
  bool agrees(const std::string& question) {
    edit_.io().err << "rawimg rm: " << question << "? " << std::flush;
    const std::string answer = read_line(edit_.io().in, edit_.io().stop);
    return answer.starts_with('y') || answer.starts_with('Y');
  }

 private:
  struct Level {
    Named named;
    std::vector<DirEntry> entries;  // still to go
    bool keeps_some = false;        // because of an answer: then it cannot go either
  };

  /// Returns false where the answer was no.
  bool remove_one(const Operand& file, const Named& named) {
    const bool directory = named.type == FileType::Directory;
    if (asks_ && !agrees(fmt::format("remove {} {}", kind_of(named), quote(file.word))))
      return false;
    change_names([&] {
      if (directory)
        edit_.fs().remove_directory(named.place.directory, named.place.name);
      else
        edit_.fs().unlink(named.place.directory, named.place.name);
    });
    edit_.say([&] {
      return fmt::format("removed {}{}", directory ? "directory " : "", quote(file.word));
    });
    return true;
  }

  std::string kind_of(const Named& named) const {
    if (named.type == FileType::Regular && edit_.fs().inode(named.inode).size_bytes == 0)
      return "regular empty file";
    return std::string(type_name(named.type));
  }

  /// Nothing where the answer was no.
  std::optional<Level> open(const Operand& file, const Named& named) {
    if (!opened_.insert(named.inode).second)
      throw Error(Errc::Corrupt, fmt::format("{} is a directory with two names", quote(file.word)));
    Level level{named, edit_.fs().read_directory(named.inode)};
    if (asks_ && !level.entries.empty() &&
        !agrees(fmt::format("descend into directory {}", quote(file.word))))
      return std::nullopt;
    return level;
  }

  /// Depth first without recursion: how deep directories are nested is the image's business, not
  /// our stack's.
  void remove_tree(const Operand& top, const Named& named) {
    opened_.clear();
    std::vector<Level> levels;
    MovingOperand file(top);
    if (auto first = open(top, named)) levels.push_back(std::move(*first));
    while (!levels.empty()) {
      require_no_stop(edit_.io().stop);
      Level& level = levels.back();
      if (level.entries.empty()) {
        const bool kept = level.keeps_some || !remove_one(file.operand(), level.named);
        levels.pop_back();
        if (levels.empty()) break;
        file.leave();
        if (kept) levels.back().keeps_some = true;
        continue;
      }
      const DirEntry entry = std::move(level.entries.back());
      level.entries.pop_back();
      const Named child{{level.named.inode, entry.name}, entry.inode, edit_.fs().type(entry.inode)};
      file.enter(entry.name);
      if (child.type != FileType::Directory) {
        if (!remove_one(file.operand(), child)) level.keeps_some = true;
      } else if (auto below = open(file.operand(), child)) {
        levels.push_back(std::move(*below));
        continue;
      } else {
        level.keeps_some = true;
      }
      file.leave();
    }
  }

  Edit& edit_;
  bool recursive_, empty_directories_, asks_;
  std::set<std::uint32_t> opened_;  // of one operand: an inode that is free may come again
};

/// -I: one question for all of them.
bool agrees_to_all(Edit& edit, const Args& args, Remover& remover) {
  if (manner_of(args) != "interactive-once") return true;
  std::size_t files = 0;
  for (const std::string& word : args.operands()) files += edit.expand(word).size();
  if (files <= kManyFiles && !is_recursive(args)) return true;
  return remover.agrees(fmt::format("remove {} argument{}{}", files, files == 1 ? "" : "s",
                                    is_recursive(args) ? " recursively" : ""));
}

std::vector<Operand> files_of(Edit& edit, const std::string& word, bool force) {
  try {
    return expand_removable(edit, word);
  } catch (const Error& error) {
    if (!force || error.code() != Errc::NotFound) throw;
    return {};
  }
}

void apply(Edit& edit, const Args& args) {
  const bool force = manner_of(args) == "force";
  if (!force) require_operands(args, 1);
  Remover remover(edit, args);
  if (!agrees_to_all(edit, args, remover)) return;
  for (const std::string& word : args.operands()) {
    for (const Operand& file : files_of(edit, word, force)) {
      try {
        remover.remove(file);
      } catch (const Error& error) {
        if (!force || error.code() != Errc::NotFound) throw in_file(error, file);
      }
    }
  }
}

ExitCode run(const Args& args, Streams& io) {
  if (args.operands().empty() && manner_of(args) == "force") return ExitCode::Done;  // as rm(1)
  require_operands(args, 1);
  return run_edit(kRm, args, io);
}

}  // namespace

const Command kRm{
    .name = "rm",
    .synopsis = "[-r] [-f] [-i | -I] IMG:/path...",
    .summary = "remove files from an image",
    .examples = "  rawimg rm disk.img:/etc/motd\n  rawimg rm -rf 'disk.img:/var/cache/*'\n",
    .details =
        "Names with * ? [ match inside the image, unless a file has just that name; quote them "
        "from your shell. lost+found has\nto stay: a wildcard leaves it out, with a warning.\n",
    .options = kTables,
    .run = run,
    .apply = apply,
};

}  // namespace rawimg::cli
