// SPDX-License-Identifier: MIT
#include <charconv>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/numbers.h"
#include "cmd/all.h"
#include "edit/edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"no-create", "", "make nothing that does not exist", 'c'},
    {"date", "@SECONDS", "this time, in seconds since 1970 (default: SOURCE_DATE_EPOCH, else now)",
     'd'},
    {"access", "", "the access time only", 'a'},
    {"modification", "", "the modification time only", 'm'},
    {"no-dereference", "", "symlinks themselves, not what they lead to", 'P'},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kEditOptions, kLockOptions, kImageOption,
                                                   kCommonOptions};

Timestamp read_time(const Edit& edit, const Args& args) {
  const auto date = args.value("date");
  if (!date) return edit.now();
  std::int64_t seconds = 0;
  const char* begin = date->data() + (date->starts_with('@') ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, date->data() + date->size(), seconds);
  if (error != std::errc{} || end != date->data() + date->size())
    throw Error(Errc::Usage, fmt::format("date {}: it is @ and seconds since 1970", quote(*date)));
  return {seconds, 0};
}

void touch(Edit& edit, const Operand& file, const Args& args, Timestamp time) {
  const auto follow = args.has("no-dereference") ? ExtFs::Follow::AllButLast : ExtFs::Follow::All;
  if (const auto inode = edit.find(file, follow)) {
    MetadataChange change;
    const bool both = args.has("access") == args.has("modification");
    if (both || args.has("access")) change.atime = time;
    if (both || args.has("modification")) change.mtime = time;
    return edit.fs().change(*inode, change);
  }
  if (args.has("no-create")) return;
  const Transaction::Place place = edit.place(file);
  Entry meta;
  meta.permissions = 0644;
  meta.mtime = time;
  edit.fs().make(place.directory, place.name, meta);
}

void apply(Edit& edit, const Args& args) {
  (void)args.require(0, "IMG:/path");
  const Timestamp time = read_time(edit, args);
  for (const std::string& word : args.operands()) {
    const Operand file = edit.in_image(word);
    try {
      touch(edit, file, args, time);
    } catch (const Error& error) {
      throw in_file(error, file);
    }
  }
}

}  // namespace

const Command kTouch{
    .name = "touch",
    .synopsis = "[-c] [-d @SECONDS] IMG:/path...",
    .summary = "change times in an image; make empty files",
    .examples =
        "  rawimg touch disk.img:/etc/machine-id\n  rawimg touch -d @1700000000 "
        "disk.img:/etc/fstab\n",
    .details = "",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kTouch, args, io); },
    .apply = apply,
};

}  // namespace rawimg::cli
