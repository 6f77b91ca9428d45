// SPDX-License-Identifier: MIT
#include <algorithm>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "cli/open_fs.h"
#include "cmd/all.h"
#include "edit/edit.h"
#include "read/find_expression.h"
#include "read/reading.h"
#include "read/walk.h"

namespace rawimg::cli {
namespace {

constexpr std::span<const OptionSpec> kTables[] = {kJournalOption, kLockOptions, kImageOption,
                                                   kCommonOptions};

/// Looks at all that one plan is about.
void search(const ReadFile& start, std::uint32_t inode, const FindPlan& plan, FindRun& run) {
  const auto judge = [&](const WalkStep& step) {
    run.prune = false;
    if (step.depth >= plan.least_depth && step.depth <= plan.most_depth)
      (void)plan.test({step, start}, run);
    return run.quit || !run.reading.io().out.good() ? Walk::Stop : Walk::In;
  };
  walk_tree(
      *start.fs, start.shown, inode,
      {.enter =
           [&](const WalkStep& step) {
             const bool later = plan.depth_first && step.inode.type == FileType::Directory;
             if (!later && judge(step) == Walk::Stop) return Walk::Stop;
             const bool past = step.depth >= plan.most_depth || (!later && run.prune);
             return past ? Walk::Past : Walk::In;
           },
       .leave = [&](const WalkStep& step) { return plan.depth_first ? judge(step) : Walk::In; }});
}

ExitCode read(Reading& reading, const Args& args) {
  std::vector<ReadFile> files = reading.files(args);
  FindRun run{.reading = reading};
  const std::vector<std::uint32_t> inodes = reading.resolve(files, follow_slash);
  std::vector<FindPlan> plans;
  for (const ReadFile& file : files)
    plans.push_back(parse_find(args.expression(), file, time_of_edit(reading.io())));
  for (std::size_t i = 0; i < files.size() && !run.quit; ++i)
    search(files[i], inodes[i], plans[i], run);
  if (reading.wants_json()) reading.set_result_text("{\"entries\":" + run.entries.text() + "}");
  return ExitCode::Done;
}

}  // namespace

const Command kFind{
    .name = "find",
    .synopsis = "IMG[:N][/path]... [EXPRESSION]",
    .summary = "search directories of an image",
    .examples =
        "  rawimg find disk.img -name '*.conf'\n  rawimg find disk.img:/usr -type f -perm /6000 "
        "-ls\n  rawimg find disk.img -xattr security.capability\n  rawimg find disk.img:1/var "
        "'(' -name '*.log' -o -size +10M ')' -printf '%s %p\\n'\n",
    .details =
        "EXPRESSION is find(1)'s:\n"
        "  options    -maxdepth N -mindepth N -depth\n"
        "  names      -name -iname -path -ipath -lname -ilname GLOB\n"
        "  kinds      -type and -xtype b,c,d,f,l,p,s   -empty   -xattr GLOB (rawimg's own: has "
        "such an attribute)\n"
        "  numbers    -size N[cwbkMG] -links -inum -uid -gid N; +N is more, -N is less\n"
        "  owners     -user -group NAME, as in the image's passwd and group   -nouser -nogroup\n"
        "  modes      -perm MODE, -MODE (all of these bits), /MODE (any of them)\n"
        "  times      -mtime -atime -ctime -mmin -amin -cmin N   -newer FILE   -newermt "
        "'YYYY-MM-DD HH:MM' or @SECONDS\n"
        "  others     -samefile FILE -true -false -prune -quit\n"
        "  actions    -print -print0 -ls -printf FORMAT\n"
        "  together   ( ) ! -not -a -o ,\n"
        "Paths are printed as they are inside of the image (/etc/fstab), sorted by bytes; where "
        "several filesystems are searched, with the\n"
        "image in front. Symlinks are not followed. Days and minutes are counted back from "
        "SOURCE_DATE_EPOCH, else from now. With --json, -print\n"
        "and -ls list the file.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_reading(kFind, args, io); },
    .read = read,
    .words_behind = words_behind_find,
};

}  // namespace rawimg::cli
