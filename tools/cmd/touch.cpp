// SPDX-License-Identifier: MIT
#include <optional>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/place.h"
#include "edit/run_edit.h"
#include "edit/touch_time.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"no-create", "", "make nothing that does not exist", 'c'},
    {"date", "DATE",
     "2024-02-29, '2024-02-29 12:34:56.5 +0100' (UTC without a zone) or @SECONDS since 1970", 'd'},
    {"stamp", "STAMP", "[[CC]YY]MMDDhhmm[.ss] in UTC, in place of DATE", 't'},
    {"reference", "IMG:/path", "the times of this file of the image", 'r'},
    {"access", "", "the access time only", 'a'},
    {"modification", "", "the modification time only", 'm'},
    {"no-dereference", "", "symlinks themselves, not what they lead to", 'h'},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kEditOptions, kLockOptions,
                                                   kLiteralImageOption, kCommonOptions};

struct Times {
  Timestamp access, modification;
};

Times read_times(const Edit& edit, const Args& args) {
  if (args.has("date") + args.has("stamp") + args.has("reference") > 1)
    throw Error(Errc::Usage, "one time is wanted: --date, --stamp or --reference");
  if (const auto reference = args.value("reference")) {
    const auto follow = args.has("no-dereference") ? ExtFs::Follow::AllButLast : ExtFs::Follow::All;
    const InodeInfo inode = edit.fs().inode(edit.resolve(edit.in_image(*reference), follow));
    return {inode.atime, inode.mtime};
  }
  Timestamp time = edit.now();
  if (const auto date = args.value("date")) time = parse_date(*date);
  if (const auto stamp = args.value("stamp")) time = parse_stamp(*stamp, edit.now());
  return {time, time};
}

/// Nothing where there is nothing to change.
std::optional<std::uint32_t> find_file(Edit& edit, const Operand& file, const Args& args) {
  const bool itself = args.has("no-dereference");
  const auto follow = itself ? ExtFs::Follow::AllButLast : ExtFs::Follow::All;
  if (args.has("no-create")) return find_only(edit, file, follow);
  if (itself) return edit.resolve(file, follow);  // as touch(1), -h makes nothing
  return find_or_make(edit, file);
}

void apply(Edit& edit, const Args& args) {
  const Times times = read_times(edit, args);
  const bool both = args.has("access") == args.has("modification");
  for_each_file(edit, args.operands(), Missing::IsError, [&](const Operand& file) {
    const auto inode = find_file(edit, file, args);
    if (!inode) return;
    MetadataChange change;
    if (both || args.has("access")) change.atime = times.access;
    if (both || args.has("modification")) change.mtime = times.modification;
    edit.fs().change(*inode, change);
  });
}

}  // namespace

const Command kTouch{
    .name = "touch",
    .synopsis = "[-c] [-h] [-d DATE | -t STAMP | -r IMG:/path] IMG:/path...",
    .summary = "change times in an image; make empty files",
    .examples =
        "  rawimg touch disk.img:/etc/machine-id\n  rawimg touch -d 2024-02-29 "
        "disk.img:/etc/fstab\n",
    .details =
        "The time is SOURCE_DATE_EPOCH where that is set, else now, unless an option gives one.\n"
        "Names with * ? [ match inside the image, and make nothing, unless a file has just that "
        "name.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kTouch, args, io); },
    .require_words = [](const Args& args) { require_operands(args, 1); },
    .apply = apply,
};

}  // namespace rawimg::cli
