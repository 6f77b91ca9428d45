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
#include "edit/place.h"
#include "edit/run_edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {{"append", "", "behind what is there", 'a'}};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kEditOptions, kLockOptions,
                                                   kLiteralImageOption, kCommonOptions};

void apply(Edit& edit, const Args& args) {
  const std::string input = read_descriptor(edit.io().in, "standard input", edit.io().stop);
  if (!args.has("json")) edit.io().out << input;
  for_each_file(edit, args.operands(), Missing::IsError, [&](const Operand& file) {
    const auto inode = find_or_make_regular(edit, file);
    if (!inode) return;
    write_content(edit, file, (args.has("append") ? read_content(edit, *inode) : "") + input);
  });
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
        "A file that exists keeps its mode and owner. For large input: rawimg cp - IMG:/path. "
        "Names "
        "with * ? [\nmatch inside the image, and make nothing, unless a file has just that "
        "name.\n",
    .options = kTables,
    .run =
        [](const Args& args, Streams& io) {
          if (!args.operands().empty()) await_input(args, io);
          return run_edit(kTee, args, io);
        },
    .require_words = [](const Args& args) { require_operands(args, 1); },
    .apply = apply,
};

}  // namespace rawimg::cli
