// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/open_fs.h"
#include "cmd/all.h"
#include "read/lister.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"long", "", "mode, links, owner, group, size, time (UTC) and where a symlink leads", 'l'},
    {"all", "", "also names that begin with a dot, and . and ..", 'a'},
    {"almost-all", "", "also names that begin with a dot", 'A'},
    {"recursive", "", "directories below, too", 'R'},
    {"directory", "", "directories themselves, not what they hold", 'd'},
    {"human-readable", "", "sizes such as 1.5K and 20M", 'h'},
    {"inode", "", "the inode number in front", 'i'},
    {"size", "", "the KiB that it takes in front", 's'},
    {"numeric-uid-gid", "", "-l with numbers of owners", 'n'},
    {"no-owner", "", "-l without owners", 'g'},
    {"long-no-group", "", "-l without groups", 'o'},
    {"no-group", "", "in -l, no groups", 'G'},
    {"by-time", "", "the newest first", 't'},
    {"by-size", "", "the largest first", 'S'},
    {"unsorted", "", "in the order of the directory", 'U'},
    {"reverse", "", "the other way round", 'r'},
    {"group-directories-first", "", "directories before files"},
    {"atime", "", "show, and with -t sort by, the time of the last access", 'u'},
    {"ctime", "", "show, and with -t sort by, the time of the last change of the inode", 'c'},
    {"time-style", "STYLE", "long-iso, full-iso or +FORMAT of date(1) (default: long-iso)"},
    {"full-time", "", "-l --time-style full-iso"},
    {"classify", "", "a mark behind the name: / @ | = and * for programs", 'F'},
    {"slash", "", "a slash behind directories", 'p'},
    {"quote-name", "", "names in double quotes, with C's escapes", 'Q'},
    {"dereference", "", "what symlinks lead to", 'L'},
    {"one", "", "one name a line, as always", '1'},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kJournalOption, kLockOptions, kImageOption,
                                                   kCommonOptions};

std::string read_time_format(const Args& args) {
  const std::string style =
      args.value("time-style").value_or(args.has("full-time") ? "full-iso" : "long-iso");
  if (style.starts_with('+')) return style.substr(1);
  if (style == "full-iso") return "%Y-%m-%d %H:%M:%S.%N %z";
  if (style == "long-iso") return "%Y-%m-%d %H:%M";
  throw Error(Errc::Usage,
              fmt::format("--time-style {}: it is long-iso, full-iso or +FORMAT", quote(style)));
}

ListRequest read_request(const Args& args) {
  ListRequest request;
  ListStyle& style = request.style;
  for (const char* name : {"long", "numeric-uid-gid", "no-owner", "long-no-group", "full-time"})
    style.long_form |= args.has(name);
  style.inode = args.has("inode");
  style.blocks = args.has("size");
  style.human = args.has("human-readable");
  style.numeric = args.has("numeric-uid-gid");
  style.owner = !args.has("no-owner");
  style.group = !args.has("no-group") && !args.has("long-no-group");
  style.quoted = args.has("quote-name");
  if (args.has("slash")) style.mark = ListStyle::Mark::Slash;
  if (args.has("classify")) style.mark = ListStyle::Mark::All;
  if (args.has("ctime")) style.time = TimeField::Change;
  if (args.has("atime")) style.time = TimeField::Access;
  style.time_format = read_time_format(args);
  for (const auto& [name, value] : args.options()) {  // the last one counts
    if (name == "by-time") request.order = ListRequest::Order::Time;
    if (name == "by-size") request.order = ListRequest::Order::Size;
    if (name == "unsorted") request.order = ListRequest::Order::None;
  }
  const bool other_time = style.time != TimeField::Modify;
  if (other_time && !style.long_form && request.order == ListRequest::Order::Name)
    request.order = ListRequest::Order::Time;
  request.dots = args.has("all");
  request.hidden = request.dots || args.has("almost-all");
  request.recursive = args.has("recursive");
  request.itself = args.has("directory");
  request.reverse = args.has("reverse");
  request.directories_first = args.has("group-directories-first");
  request.dereference = args.has("dereference");
  return request;
}

}  // namespace

const Command kLs{
    .name = "ls",
    .synopsis = "[-laARhidsntSr] IMG[:N][/path]...",
    .summary = "list directories of an image",
    .examples =
        "  rawimg ls disk.img\n  rawimg ls -l disk.img:/etc\n  rawimg ls -lhaR disk.img:1/usr > "
        "list.txt\n  rawimg ls -lt 'disk.img:/var/log/*.log'\n",
    .details =
        "Options mean what they mean to ls(1). Names are sorted by bytes, one a line; owners are "
        "named by the image's own /etc/passwd and\n"
        "/etc/group, where it has them. Times are UTC. Partitions are shown by 'rawimg info'.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_reading(kLs, args, io); },
    .read =
        [](Reading& reading, const Args& args) {
          const ListRequest request = read_request(args);
          list_files(request, reading.files(args), reading);
          return ExitCode::Done;
        },
};

}  // namespace rawimg::cli
