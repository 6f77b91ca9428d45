// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/place.h"
#include "edit/run_edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"parents", "", "remove the parents that become empty, too, up to the first that does not",
     'p'},
    {"ignore-fail-on-non-empty", "", "a directory that is not empty is no error, and stays"},
};
constexpr std::span<const OptionSpec> kTables[] = {
    kOwn, kVerboseOption, kEditOptions, kLockOptions, kLiteralImageOption, kCommonOptions};

enum class NotEmpty { IsError, Stays };

/// Returns false where something is in it and that is no error.
bool remove_one(Edit& edit, const Operand& directory, NotEmpty not_empty) {
  if (names_root(directory)) throw Error(Errc::Exists, "the root directory cannot be removed");
  const Named named = require_named(edit, directory);
  if (named.type != FileType::Directory)
    throw Error(Errc::Exists, "it is not a directory").with_hint("'rawimg rm' removes files");
  require_not_lost_and_found(edit, named);
  if (!edit.fs().read_directory(named.inode).empty()) {
    if (not_empty == NotEmpty::Stays) return false;
    throw Error(Errc::Exists, "the directory is not empty");
  }
  change_names([&] { edit.fs().remove_directory(named.place.directory, named.place.name); });
  edit.say([&] { return fmt::format("removed directory {}", quote(directory.word)); });
  return true;
}

/// Returns nothing where the root is next.
std::optional<Operand> parent_of(Operand directory) {
  directory = without_slashes(std::move(directory));
  const std::size_t slash = directory.path.rfind('/');
  if (slash == std::string::npos) return std::nullopt;
  directory.word.resize(directory.word.size() - (directory.path.size() - slash));
  directory.path.resize(slash);
  if (names_root(directory)) return std::nullopt;
  return directory;
}

/// What a wildcard with a slash behind it matches beside directories: symlinks to them.
bool is_skipped(Edit& edit, const Operand& match) {
  if (!match.is_match || !has_slash_behind(match)) return false;
  const auto inode = edit.find(without_slashes(match), ExtFs::Follow::AllButLast);
  if (!inode || edit.is_directory(*inode)) return false;
  edit.warn("symlink", match, "a symlink, left out");
  return true;
}

void remove(Edit& edit, const Operand& match, const Args& args) {
  NotEmpty not_empty = args.has("ignore-fail-on-non-empty") ? NotEmpty::Stays : NotEmpty::IsError;
  for (std::optional<Operand> directory = match; directory;) {
    try {
      if (!remove_one(edit, *directory, not_empty)) return;
    } catch (const Error& error) {
      throw in_file(error, *directory);
    }
    not_empty = NotEmpty::Stays;  // a parent is removed if that is possible
    directory = args.has("parents") ? parent_of(std::move(*directory)) : std::nullopt;
  }
}

void apply(Edit& edit, const Args& args) {
  for (const std::string& word : args.operands())
    for (const Operand& match : expand_removable(edit, word))
      if (!is_skipped(edit, match)) remove(edit, match, args);
}

}  // namespace

const Command kRmdir{
    .name = "rmdir",
    .synopsis = "[-p] [--ignore-fail-on-non-empty] IMG:/directory...",
    .summary = "remove empty directories from an image",
    .examples =
        "  rawimg rmdir disk.img:/mnt/floppy\n  rawimg rmdir --ignore-fail-on-non-empty "
        "'disk.img:/mnt/*/'\n",
    .details = "",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kRmdir, args, io); },
    .require_words = [](const Args& args) { require_operands(args, 1, "IMG:/directory"); },
    .apply = apply,
};

}  // namespace rawimg::cli
