// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/destination.h"
#include "edit/place.h"
#include "edit/placing.h"
#include "edit/run_edit.h"
#include "read/expand_paths.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"symbolic", "", "a symlink; TARGET is then text, and need not exist", 's'},
    {"relative", "",
     "with -s: TARGET is a path in the image, and the text leads there from the link", 'r'},
    {"force", "", "replace a file that has the name", 'f'},
    {"no-dereference", "", "a symlink to a directory is a name like any other", 'n'},
    {"logical", "", "a hard link of a symlink is one of what it leads to", 'L'},
    {"physical", "", "a hard link of a symlink is one of the symlink (the default)", 'P'},
};
constexpr std::span<const OptionSpec> kTables[] = {
    kOwn,         kDestinationOptions, kVerboseOption, kEditOptions,
    kLockOptions, kLiteralImageOption, kCommonOptions};

/// What a link leads to.
struct Target {
  std::string word;
  std::optional<Operand> file;  ///< in the image; none: the text of a symlink
};

bool is_text(const Args& args) { return args.has("symbolic") && !args.has("relative"); }

Error no_text(const std::string& word) {
  return Error(Errc::Usage,
               fmt::format("{} would be the text of the symlink, and the guest knows no images",
                           quote(word)))
      .with_hint("write the path as the guest sees it; with -r it is found in the image");
}

std::vector<Target> expand_target(const Edit& edit, const Args& args, const std::string& word) {
  if (is_text(args)) {
    const bool is_behind_colon = edit.in_batch() || edit.options().has("image");
    if (is_behind_colon && word.starts_with(":/")) throw no_text(word);
    return {{word, std::nullopt}};
  }
  std::vector<Target> targets;
  // with -r the target may be typed as the guest will see it
  if (args.has("symbolic") && word.starts_with('/') &&
      edit.operand(word).kind == Operand::Kind::Host)
    return {{word, Operand{Operand::Kind::Image, word, word, {}}}};
  for (const Operand& file : edit.expand(word)) targets.push_back({file.word, file});
  return targets;
}

/// The directories and the name that a path goes through in the end, without symlinks on the way.
std::vector<std::string> real_parts(const Edit& edit, std::uint32_t directory) {
  const std::vector<std::uint32_t> line = edit.fs().ancestry(directory);
  std::vector<std::string> parts;
  for (std::size_t i = line.size() - 1; i-- > 0;) {
    const std::vector<DirEntry> entries = edit.fs().read_directory(line[i + 1]);
    const auto entry = std::find_if(entries.begin(), entries.end(),
                                    [&](const DirEntry& one) { return one.inode == line[i]; });
    if (entry == entries.end())
      throw Error(Errc::Corrupt, fmt::format("'..' of directory inode {} is wrong", line[i]));
    parts.push_back(entry->name);
  }
  return parts;
}

/// Where a path leads, as far as that exists; the rest as it is typed.
std::vector<std::string> real_parts(const Edit& edit, const Operand& file) {
  const auto inode = edit.find(file);
  if (inode && edit.is_directory(*inode)) return real_parts(edit, *inode);
  const Transaction::Place place = place_for(edit, file, NewName::Directory);
  std::vector<std::string> parts = real_parts(edit, place.directory);
  parts.push_back(place.name);
  return parts;
}

std::string relative_text(const Edit& edit, const Operand& target, std::uint32_t from_directory) {
  const std::vector<std::string> from = real_parts(edit, from_directory),
                                 to = real_parts(edit, target);
  const auto [a, b] = std::mismatch(from.begin(), from.end(), to.begin(), to.end());
  std::string text;
  for (auto part = a; part != from.end(); ++part) text += text.empty() ? ".." : "/..";
  for (auto part = b; part != to.end(); ++part) text += (text.empty() ? "" : "/") + *part;
  return text.empty() ? "." : text;
}

/// A name cannot lead to itself.
void require_other_name(const Edit& edit, const Transaction::Place& place, const Target& target) {
  if (!target.file || names_root(*target.file)) return;
  const Transaction::Place other = edit.place(*target.file);
  if (other.directory == place.directory && other.name == place.name)
    throw Error(Errc::Exists, "it and its target are the same file");
}

/// -f: the name goes.
void clear_name(Edit& edit, const Transaction::Place& place) {
  const auto there = edit.fs().find(place.directory, place.name);
  if (!there) return;
  if (edit.is_directory(*there))
    throw Error(Errc::Exists, "it is a directory, and a link cannot replace it");
  change_names([&] { edit.fs().unlink(place.directory, place.name); });
}

void make_symlink(Edit& edit, const Transaction::Place& place, const std::string& text) {
  Entry link;
  link.type = FileType::Symlink;
  link.permissions = 0777;
  link.mtime = edit.now();
  link.link_target = text;
  edit.fs().make(place.directory, place.name, link);
}

bool follows(const Args& args) {
  return !args.has("symbolic") && last_of(args, {"logical", "physical"}) == "logical";
}

/// Returns the text of the symlink, or the word of what has one name more.
std::string link_one(Edit& edit, const Args& args, const Target& target, const Operand& name) {
  const bool symbolic = args.has("symbolic");
  std::optional<std::uint32_t> inode;
  if (!symbolic) {
    inode =
        edit.resolve(*target.file, follows(args) ? ExtFs::Follow::All : ExtFs::Follow::AllButLast);
    if (edit.is_directory(*inode))
      throw Error(Errc::Exists,
                  fmt::format("{} is a directory, which has one name only", quote(target.word)))
          .with_hint("-s makes a symlink");
  }
  const Transaction::Place place = place_for(edit, name, NewName::File);
  const std::string text = !symbolic     ? target.word
                           : target.file ? relative_text(edit, *target.file, place.directory)
                                         : target.word;
  if (args.has("force")) {
    require_other_name(edit, place, target);
    if (inode && edit.fs().find(place.directory, place.name) == inode) return text;  // it is one
    clear_name(edit, place);
  }
  if (edit.fs().find(place.directory, place.name)) throw Error(Errc::Exists, "it exists");
  if (symbolic)
    make_symlink(edit, place, text);
  else
    edit.fs().link(place.directory, place.name, *inode);
  return text;
}

Destination read_link_destination(Edit& edit, const Args& args) {
  Destination destination = read_destination(edit, args, MayBe::InImage);
  if (!args.has("no-dereference") || args.has("target-directory") || !destination.is_directory)
    return destination;
  const auto named = edit.find(destination.target, ExtFs::Follow::AllButLast);
  destination.is_directory = named && edit.is_directory(*named);
  destination.require_room_for(destination.sources.size());
  return destination;
}

void apply(Edit& edit, const Args& args) {
  if (args.has("relative") && !args.has("symbolic"))
    throw Error(Errc::Usage, "-r is of symlinks: -s is missing");
  const Destination destination = read_link_destination(edit, args);
  NewNames names;
  for (const std::string& word : destination.sources) {
    const std::vector<Target> targets = expand_target(edit, args, word);
    destination.require_room_for(targets.size());
    bool is_left = targets.empty();
    for (const Target& target : targets) {
      if (follows(args) && !resolve_or_skip(edit, *target.file, ExtFs::Follow::All)) continue;
      is_left = true;
      Operand name = destination.target;
      if (destination.is_directory)
        name = Edit::below(name, base_name(target.file ? target.file->path : target.word));
      names.take({Operand::Kind::Image, target.word, target.word, {}}, name);
      std::string text;
      try {
        text = link_one(edit, args, target, name);
      } catch (const Error& error) {
        throw in_file(error, name);
      }
      edit.say([&] {
        return fmt::format("{} {} {}", quote(name.word), args.has("symbolic") ? "->" : "=>",
                           quote(text));
      });
    }
    if (!is_left) throw all_dangling(word);
  }
}

std::vector<std::string> words_of_targets(const Args& args) {
  std::vector<std::string> words = args.operands();
  if (!args.has("target-directory")) words.pop_back();
  return words;
}

ExitCode run(const Args& args, Streams& io) {
  require_destination(args);
  std::vector<std::string> words = words_for_image(args);
  if (is_text(args)) {
    for (const std::string& target : words_of_targets(args))
      if (names_image(target)) throw no_text(target);
    words = {words.back()};  // the text of a symlink names no image
  }
  return run_edit(kLn, args, io, words);
}

}  // namespace

const Command kLn{
    .name = "ln",
    .synopsis = "[-s [-r]] [-f] [-T | -t IMG:/directory] TARGET... IMG:/name",
    .summary = "make hard links and symlinks in an image",
    .examples =
        "  rawimg ln -s /usr/lib/systemd/systemd disk.img:/sbin/init\n  rawimg ln "
        "disk.img:/bin/busybox disk.img:/bin/sh\n  rawimg ln -sr disk.img:/usr/lib/os-release "
        "disk.img:/etc/os-release\n",
    .details =
        "The target of a symlink (-s) is taken as it is typed, wildcards and all. That of a hard "
        "link, and of -s -r, is a path\nin the image.\n",
    .options = kTables,
    .run = run,
    .apply = apply,
};

}  // namespace rawimg::cli
