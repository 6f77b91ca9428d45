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
    {"no-clobber", "", "leave what exists as it is", 'n'},
    {"force", "", "replace what exists (the default)", 'f'},
};
constexpr std::span<const OptionSpec> kTables[] = {
    kOwn,         kDestinationOptions, kVerboseOption, kEditOptions,
    kLockOptions, kImageOption,        kCommonOptions};

void apply(Edit& edit, const Args& args) {
  const Destination destination = read_destination(edit, args, true);
  for (const std::string& word : destination.sources) {
    for (const Operand& source : edit.expand(word)) {
      const Operand target = destination.target_for(source);
      try {
        if (args.has("no-clobber") && edit.find(target, ExtFs::Follow::AllButLast)) continue;
        const Transaction::Place from = edit.place(source), to = edit.place(target);
        edit.fs().rename(from.directory, from.name, to.directory, to.name);
      } catch (const Error& error) {
        throw error.in(fmt::format("{} to {}", quote(source.word), quote(target.word)))
            .with_path(source.word);
      }
      edit.say(fmt::format("renamed {} -> {}", quote(source.word), quote(target.word)));
    }
  }
}

}  // namespace

const Command kMv{
    .name = "mv",
    .synopsis = "[-n] [-T | -t IMG:/directory] IMG:/path... IMG:/path",
    .summary = "rename and move files inside of an image",
    .examples =
        "  rawimg mv disk.img:/sbin/init disk.img:/sbin/init.old\n  rawimg mv -t disk.img:/srv "
        "disk.img:/home disk.img:/data\n",
    .details = "Between an image and the host, or two images: cp, then rm.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kMv, args, io); },
    .apply = apply,
};

}  // namespace rawimg::cli
