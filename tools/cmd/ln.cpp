// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/destination.h"
#include "edit/edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"symbolic", "", "a symlink; TARGET is then text, and need not exist", 's'},
    {"force", "", "replace a file that has the name", 'f'},
    {"no-dereference", "", "a symlink to a directory is a name like any other", 'n'},
};
constexpr std::span<const OptionSpec> kTables[] = {
    kOwn,         kDestinationOptions, kVerboseOption, kEditOptions,
    kLockOptions, kImageOption,        kCommonOptions};

Operand name_for(Edit& edit, const Args& args, const std::string& target, const std::string& word) {
  const Operand name = edit.in_image(word);
  if (args.has("no-target-directory")) return name;
  const auto there =
      edit.find(name, args.has("no-dereference") ? ExtFs::Follow::AllButLast : ExtFs::Follow::All);
  return there && edit.is_directory(*there) ? Edit::below(name, base_name(target)) : name;
}

void link_one(Edit& edit, const Args& args, const std::string& target, const Operand& name) {
  const Transaction::Place place = edit.place(name);
  if (args.has("force") && edit.fs().find(place.directory, place.name))
    edit.fs().unlink(place.directory, place.name);
  if (!args.has("symbolic")) {
    edit.fs().link(place.directory, place.name,
                   edit.resolve(edit.in_image(target), ExtFs::Follow::AllButLast));
    return;
  }
  Entry link;
  link.type = FileType::Symlink;
  link.permissions = 0777;
  link.mtime = edit.now();
  link.link_target = target;
  edit.fs().make(place.directory, place.name, link);
}

void apply(Edit& edit, const Args& args) {
  std::vector<std::string> targets = args.operands();
  std::string last = args.value("target-directory").value_or("");
  if (last.empty()) {
    if (targets.size() < 2) throw Error(Errc::Usage, "TARGET and the link's name are needed");
    last = targets.back();
    targets.pop_back();
  }
  for (const std::string& target : targets) {
    const Operand name = name_for(edit, args, target, last);
    if (targets.size() > 1 && name.word == last)
      throw Error(Errc::NotFound, fmt::format("{} is not a directory", quote(last)))
          .with_path(last);
    try {
      link_one(edit, args, target, name);
    } catch (const Error& error) {
      throw in_file(error, name);
    }
    edit.say(fmt::format("{} {} {}", quote(name.word), args.has("symbolic") ? "->" : "=>",
                         quote(target)));
  }
}

}  // namespace

const Command kLn{
    .name = "ln",
    .synopsis = "[-s] [-f] TARGET... IMG:/name",
    .summary = "make hard links and symlinks in an image",
    .examples =
        "  rawimg ln -s /usr/lib/systemd/systemd disk.img:/sbin/init\n  rawimg ln "
        "disk.img:/bin/busybox disk.img:/bin/sh\n",
    .details =
        "The target of a symlink (-s) is taken as it is typed. That of a hard link is a path in "
        "the image.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kLn, args, io); },
    .apply = apply,
};

}  // namespace rawimg::cli
