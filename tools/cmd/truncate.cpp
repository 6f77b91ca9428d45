// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/numbers.h"
#include "cmd/all.h"
#include "edit/edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"size", "SIZE", "the size: 4096, 1M; +1M and -1M change the one there is", 's'},
    {"no-create", "", "make nothing that does not exist", 'c'},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kEditOptions, kLockOptions, kImageOption,
                                                   kCommonOptions};

std::uint64_t wanted_size(const std::string& text, std::uint64_t now) {
  if (!text.starts_with('+') && !text.starts_with('-')) return parse_size(text, "size");
  const std::uint64_t by = parse_size(text.substr(1), "size");
  if (text[0] == '-') return now - std::min(now, by);
  if (by > UINT64_MAX - now)
    throw Error(Errc::Usage, fmt::format("size {}: it is larger than 2^64 bytes", quote(text)));
  return now + by;
}

void apply(Edit& edit, const Args& args) {
  (void)args.require(0, "IMG:/path");
  const auto size = args.value("size");
  if (!size) throw Error(Errc::Usage, "--size is missing").with_hint("for example --size 1M");
  (void)wanted_size(*size, 0);
  for (const std::string& word : args.operands()) {
    const Operand file = edit.in_image(word);
    try {
      auto inode = edit.find(file);
      if (!inode && args.has("no-create")) continue;
      if (!inode) {
        const Transaction::Place place = edit.place(file);
        Entry meta;
        meta.permissions = 0644;
        meta.mtime = edit.now();
        inode = edit.fs().make(place.directory, place.name, meta);
      }
      edit.fs().set_size(*inode, wanted_size(*size, edit.fs().inode(*inode).size_bytes));
    } catch (const Error& error) {
      throw in_file(error, file);
    }
  }
}

}  // namespace

const Command kTruncate{
    .name = "truncate",
    .synopsis = "-s SIZE IMG:/path...",
    .summary = "set the size of files in an image",
    .examples =
        "  rawimg truncate -s 0 disk.img:/var/log/messages\n  rawimg truncate -s 64M "
        "disk.img:/swapfile\n",
    .details = "What is added is a hole. Files that do not exist are made.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kTruncate, args, io); },
    .apply = apply,
};

}  // namespace rawimg::cli
