// SPDX-License-Identifier: MIT
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"recursive", "", "directories with all that is in them, too", 'r'},
    {"recursive-as-well", "", "the same as -r", 'R'},
    {"force", "", "what does not exist is no error", 'f'},
    {"dir", "", "empty directories, too", 'd'},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn,         kVerboseOption, kEditOptions,
                                                   kLockOptions, kImageOption,   kCommonOptions};

void remove_one(Edit& edit, const Operand& file, const Transaction::Place& place, bool directory) {
  if (directory)
    edit.fs().remove_directory(place.directory, place.name);
  else
    edit.fs().unlink(place.directory, place.name);
  edit.say(fmt::format("removed {}{}", directory ? "directory " : "", quote(file.word)));
}

/// Depth first without recursion: how deep directories are nested is the image's business, not our
/// stack's.
void remove_tree(Edit& edit, const Operand& top, const Transaction::Place& place) {
  struct Level {
    Operand file;
    Transaction::Place place;
    std::vector<DirEntry> entries;  // still to go
  };
  const auto open = [&](const Operand& file, const Transaction::Place& at) {
    const std::uint32_t inode = *edit.fs().find(at.directory, at.name);
    return Level{file, at, edit.fs().read_directory(inode)};
  };
  std::vector<Level> levels{open(top, place)};
  while (!levels.empty()) {
    Level& level = levels.back();
    if (level.entries.empty()) {
      remove_one(edit, level.file, level.place, true);
      levels.pop_back();
      continue;
    }
    const DirEntry entry = std::move(level.entries.back());
    level.entries.pop_back();
    const Transaction::Place child{*edit.fs().find(level.place.directory, level.place.name),
                                   entry.name};
    const Operand file = Edit::below(level.file, entry.name);
    if (edit.is_directory(entry.inode))
      levels.push_back(open(file, child));
    else
      remove_one(edit, file, child, false);
  }
}

void remove(Edit& edit, const Operand& file, const Args& args) {
  const Transaction::Place place = edit.place(file);
  const auto inode = edit.fs().find(place.directory, place.name);
  if (!inode) throw Error(Errc::NotFound, "does not exist");
  if (!edit.is_directory(*inode)) return remove_one(edit, file, place, false);
  if (args.has("recursive") || args.has("recursive-as-well")) return remove_tree(edit, file, place);
  if (args.has("dir")) return remove_one(edit, file, place, true);
  throw Error(Errc::Usage, "it is a directory").with_hint("-r removes it with all that is in it");
}

void apply(Edit& edit, const Args& args) {
  const bool force = args.has("force");
  if (!force) (void)args.require(0, "IMG:/path");
  for (const std::string& word : args.operands()) {
    try {
      for (const Operand& file : edit.expand(word)) {
        try {
          remove(edit, file, args);
        } catch (const Error& error) {
          throw in_file(error, file);
        }
      }
    } catch (const Error& error) {
      if (!force || error.code() != Errc::NotFound) throw;
    }
  }
}

}  // namespace

const Command kRm{
    .name = "rm",
    .synopsis = "[-r] [-f] IMG:/path...",
    .summary = "remove files from an image",
    .examples = "  rawimg rm disk.img:/etc/motd\n  rawimg rm -rf 'disk.img:/var/cache/*'\n",
    .details =
        "Names with * ? [ match inside the image, unless a file has just that name; quote them "
        "from your shell.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kRm, args, io); },
    .apply = apply,
};

}  // namespace rawimg::cli
