// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/destination.h"
#include "edit/place.h"
#include "edit/placing.h"
#include "edit/run_edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"no-clobber", "", "leave what exists as it is", 'n'},
    {"force", "", "replace what exists (the default)", 'f'},
    {"update", "", "leave what exists as it is, unless the source has a later time", 'u'},
};
constexpr std::span<const OptionSpec> kTables[] = {
    kOwn,         kDestinationOptions, kVerboseOption, kEditOptions,
    kLockOptions, kLiteralImageOption, kCommonOptions};

Error same_file() { return Error(Errc::Exists, "they are the same file"); }

/// What is in the way of a rename, in the words of a user: the library knows numbers only.
void require_replaceable(const Edit& edit, const Named& from, const Operand& source,
                         const Named& there, const Operand& target) {
  if (there.inode == from.inode) throw same_file();
  // a symlink over what it leads to would lead to itself
  if (from.type == FileType::Symlink && edit.find(source) == there.inode &&
      there.type != FileType::Directory) {
    const Transaction::Place end = follow_to_place(edit, source);
    if (end.directory == there.place.directory && end.name == there.place.name) throw same_file();
  }
  require_not_lost_and_found(edit, there);
  const bool is_directory = from.type == FileType::Directory,
             over_directory = there.type == FileType::Directory;
  if (is_directory && !over_directory)
    throw Error(Errc::Exists,
                fmt::format("{} is not a directory, and a directory cannot replace it",
                            quote(target.path)));
  if (!is_directory && over_directory)
    throw Error(Errc::Exists,
                fmt::format("{} is a directory, and a file cannot replace it", quote(target.path)));
}

void require_empty(const Edit& edit, const Named& there, const Operand& target) {
  if (there.type == FileType::Directory && !edit.fs().read_directory(there.inode).empty())
    throw Error(Errc::Exists, fmt::format("directory {} is not empty", quote(target.path)));
}

bool is_newer(const Edit& edit, const Named& from, const Named& there) {
  return edit.fs().inode(from.inode).mtime > edit.fs().inode(there.inode).mtime;
}

/// Returns whether the name has changed.
bool move_one(Edit& edit, const Operand& source, const Operand& target, const Args& args) {
  const Named from = require_named(edit, source);
  require_not_lost_and_found(edit, from);
  const Transaction::Place to = place_for(
      edit, target, from.type == FileType::Directory ? NewName::Directory : NewName::File);
  if (const auto inode = edit.fs().find(to.directory, to.name)) {
    const Named there{to, *inode, edit.fs().type(*inode)};
    if (last_of(args, {"no-clobber", "force"}) == "no-clobber") return false;
    require_replaceable(edit, from, source, there, target);
    if (args.has("update") && !is_newer(edit, from, there)) return false;
    require_empty(edit, there, target);
  }
  change_names(
      [&] { edit.fs().rename(from.place.directory, from.place.name, to.directory, to.name); });
  return true;
}

/// The two commands that do it.
std::string hint_of_two(const Edit& edit, const Args& args, const std::string& word) {
  const std::string rawimg = edit.in_batch() ? "" : "rawimg ";
  const auto literal = args.value("image");
  const std::string image = literal ? "--image " + shell_word(*literal) + " " : "";
  std::string words;
  for (const std::string& each : words_for_image(args))
    words += ' ' + shell_word(literal && each.starts_with('/') ? ':' + each : each);
  const std::string hint =
      "cp, then rm: " + quote_command(rawimg + "cp -a " + image + words.substr(1)) + " copies";
  if (edit.operand(word).kind != Operand::Kind::OtherImage)
    return hint + ", and what was copied can go";
  return hint + ", and " + quote_command(rawimg + "rm -r " + image + shell_word(word)) + " removes";
}

/// A transaction is about one filesystem: what comes from elsewhere, or goes there, takes two.
void require_in_image(const Edit& edit, const Args& args) {
  for (const std::string& word : words_for_image(args)) {
    const Operand file = edit.operand(word);
    if (file.kind == Operand::Kind::Image) continue;
    // a path in an image that is not there, or has lost its colon
    if (file.kind == Operand::Kind::Host && (with_slash(word) || !parse_address(word).path.empty()))
      continue;
    try {
      if (file.kind == Operand::Kind::OtherImage) (void)edit.in_image(word);  // says which
      throw Error(Errc::Usage,
                  fmt::format("{} is on the host, and mv moves inside of one image", quote(word)));
    } catch (const Error& error) {
      throw Error(error).with_hint(hint_of_two(edit, args, word));
    }
  }
}

void apply(Edit& edit, const Args& args) {
  require_in_image(edit, args);
  const Destination destination = read_destination(edit, args, MayBe::InImage);
  NewNames names;
  for (const std::string& word : destination.sources) {
    const std::vector<Operand> sources = expand_removable(edit, word);
    destination.require_room_for(sources.size());
    for (const Operand& source : sources) {
      if (names_root(source))
        throw in_file(Error(Errc::Exists, "the root directory cannot be moved"), source);
      const Operand target = destination.target_for(source);
      names.take(source, target);
      bool moved = false;
      try {
        moved = move_one(edit, source, target, args);
      } catch (const Error& error) {
        throw error.in(fmt::format("{} to {}", quote(source.word), quote(target.word)))
            .with_path(source.path);
      }
      if (moved)
        edit.say([&] {
          return fmt::format("renamed {} -> {}", quote(source.word), quote(target.word));
        });
    }
  }
}

}  // namespace

const Command kMv{
    .name = "mv",
    .synopsis = "[-n] [-u] [-T | -t IMG:/directory] IMG:/path... IMG:/path",
    .summary = "rename and move files inside of an image",
    .examples =
        "  rawimg mv disk.img:/sbin/init disk.img:/sbin/init.old\n  rawimg mv -t disk.img:/srv "
        "disk.img:/home disk.img:/data\n",
    .details =
        "Between an image and the host, or two filesystems: cp, then rm. Names with * ? [ match "
        "inside the image, unless a\nfile has just that name; lost+found is left out.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kMv, args, io); },
    .require_words = require_destination,
    .apply = apply,
};

}  // namespace rawimg::cli
