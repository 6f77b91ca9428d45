// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <cerrno>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/errno_error.h"
#include "base/text.h"
#include "cmd/all.h"
#include "edit/file_content.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {{"append", "", "behind what is there", 'a'}};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kEditOptions, kLockOptions, kImageOption,
                                                   kCommonOptions};

void apply(Edit& edit, const Args& args) {
  (void)args.require(0, "IMG:/path");
  const std::string input = read_descriptor(edit.io().in, "standard input");
  if (!args.has("json")) edit.io().out << input;
  for (const std::string& word : args.operands()) {
    const Operand file = edit.in_image(word);
    try {
      const std::string before =
          args.has("append") && edit.find(file) ? read_content(edit, edit.resolve(file)) : "";
      write_content(edit, file, before + input);
    } catch (const Error& error) {
      throw in_file(error, file);
    }
  }
}

}  // namespace

const Command kTee{
    .name = "tee",
    .synopsis = "[-a] IMG:/path...",
    .summary = "write standard input to files in an image, and to standard output",
    .examples =
        "  echo gem5 | rawimg tee disk.img:/etc/hostname\n  rawimg tee -a disk.img:/etc/fstab "
        "<more\n",
    .details =
        "A file that exists keeps its mode and owner. For large input: rawimg cp - IMG:/path.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kTee, args, io); },
    .apply = apply,
};

}  // namespace rawimg::cli
