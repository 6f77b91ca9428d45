// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {{"parents", "", "remove the parents that become empty, too", 'p'}};
constexpr std::span<const OptionSpec> kTables[] = {kOwn,         kVerboseOption, kEditOptions,
                                                   kLockOptions, kImageOption,   kCommonOptions};

void apply(Edit& edit, const Args& args) {
  (void)args.require(0, "IMG:/directory");
  for (const std::string& word : args.operands()) {
    for (Operand directory : edit.expand(word)) {
      for (;;) {
        try {
          const Transaction::Place place = edit.place(directory);
          edit.fs().remove_directory(place.directory, place.name);
        } catch (const Error& error) {
          throw in_file(error, directory);
        }
        edit.say(fmt::format("removed directory {}", quote(directory.word)));
        const std::size_t slash = directory.path.rfind('/');
        if (!args.has("parents") || slash == 0 || slash == std::string::npos) break;
        directory.word.resize(directory.word.size() - (directory.path.size() - slash));
        directory.path.resize(slash);
      }
    }
  }
}

}  // namespace

const Command kRmdir{
    .name = "rmdir",
    .synopsis = "[-p] IMG:/directory...",
    .summary = "remove empty directories from an image",
    .examples = "  rawimg rmdir disk.img:/mnt/floppy\n",
    .details = "",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kRmdir, args, io); },
    .apply = apply,
};

}  // namespace rawimg::cli
