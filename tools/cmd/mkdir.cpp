// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/mode_change.h"
#include "edit/place.h"
#include "edit/run_edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"parents", "", "no error if it exists; make parents, too", 'p'},
    {"mode", "MODE", "permissions, as in chmod: a change is one of 0777 (default: 0755)", 'm'},
};
constexpr std::span<const OptionSpec> kTables[] = {
    kOwn, kVerboseOption, kEditOptions, kLockOptions, kLiteralImageOption, kCommonOptions};

void make_one(Edit& edit, const Operand& directory, std::uint16_t permissions) {
  const Transaction::Place place = place_for_new(edit, directory, NewName::Directory);
  Entry meta;
  meta.type = FileType::Directory;
  meta.permissions = permissions;
  meta.mtime = edit.now();
  edit.fs().make(place.directory, place.name, meta);
  edit.say([&] { return fmt::format("created directory {}", quote(directory.word)); });
}

void make_with_parents(Edit& edit, const Operand& directory, std::uint16_t permissions) {
  for (std::size_t at = directory.path.find_first_not_of('/'); at != std::string::npos;) {
    const std::size_t slash = directory.path.find('/', at);
    Operand part = directory;
    part.path = directory.path.substr(0, slash);
    part.word = directory.word.substr(
        0, directory.word.size() - (directory.path.size() - part.path.size()));
    at = directory.path.find_first_not_of('/', slash);
    const bool is_last = at == std::string::npos;
    const auto there = edit.find(part);
    if (!there && edit.find(part, ExtFs::Follow::AllButLast))
      throw Error(Errc::Exists,
                  fmt::format("{} is a symlink that leads nowhere", quote(part.word)));
    if (!there)
      make_one(edit, part, is_last ? permissions : 0755);
    else if (!edit.is_directory(*there))
      throw Error(Errc::Exists, fmt::format("{} exists and is not a directory", quote(part.word)));
  }
}

void apply(Edit& edit, const Args& args) {
  const std::uint16_t permissions =
      args.value("mode") ? ModeChange(*args.value("mode")).apply(0777, FileType::Directory) : 0755;
  for (const std::string& word : args.operands()) {
    const Operand directory = edit.expand_new(word);
    try {
      if (args.has("parents"))
        make_with_parents(edit, directory, permissions);
      else
        make_one(edit, directory, permissions);
    } catch (const Error& error) {
      throw in_file(error, directory);
    }
  }
}

}  // namespace

const Command kMkdir{
    .name = "mkdir",
    .synopsis = "[-p] [-m MODE] IMG:/directory...",
    .summary = "make directories in an image",
    .examples = "  rawimg mkdir disk.img:/mnt/data\n  rawimg mkdir -p disk.img:/etc/conf.d/local\n",
    .details = "",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kMkdir, args, io); },
    .require_words = [](const Args& args) { require_operands(args, 1, "IMG:/directory"); },
    .apply = apply,
};

}  // namespace rawimg::cli
