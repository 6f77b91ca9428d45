// SPDX-License-Identifier: MIT
#include <algorithm>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "cli/inode_text.h"
#include "cli/numbers.h"
#include "cli/open_fs.h"
#include "cmd/all.h"
#include "read/reading.h"
#include "read/walk.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"all", "", "also names that begin with a dot", 'a'},
    {"directories", "", "directories only", 'd'},
    {"level", "N", "so many levels", 'L'},
    {"full-path", "", "whole paths", 'f'},
    {"no-indent", "", "no lines in front", 'i'},
    {"inodes", "", "inode numbers"},
    {"permissions", "", "modes", 'p'},
    {"user", "", "owners, as the image's /etc/passwd names them", 'u'},
    {"group", "", "groups, as its /etc/group names them", 'g'},
    {"size", "", "sizes in bytes", 's'},
    {"human-readable", "", "sizes such as 1.5K and 20M", 'h'},
    {"date", "", "times of the last modification (UTC)", 'D'},
    {"dirsfirst", "", "directories before files"},
    {"noreport", "", "no closing line"},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kJournalOption, kLockOptions, kImageOption,
                                                   kCommonOptions};

struct Strokes {
  const char *tee, *corner, *bar, *blank;
};
constexpr Strokes kUtf8{"├── ", "└── ", "│   ", "    "}, kAscii{"|-- ", "`-- ", "|   ", "    "};

/// As tree(1) does: lines where the locale has them.
const Strokes& strokes_of(const Streams& io) {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const auto value = io.environment(name);
    if (!value || value->empty()) continue;
    const bool utf8 =
        value->find("UTF-8") != std::string::npos || value->find("utf8") != std::string::npos;
    return utf8 ? kUtf8 : kAscii;
  }
  return kAscii;
}

class Drawer {
 public:
  Drawer(const Args& args, Reading& reading)
      : args_(args), reading_(reading), strokes_(strokes_of(reading.io())) {
    if (const auto level = args.value("level"))
      level_ = parse_number(*level, "--level", 1, UINT32_MAX);
  }

  void run(std::vector<ReadFile> files) {
    const std::vector<std::uint32_t> inodes =
        reading_.resolve(files, [](const ReadFile&) { return ExtReader::Follow::All; });
    for (std::size_t i = 0; i < files.size(); ++i)
      if (files[i].fs->type(inodes[i]) != FileType::Directory)
        throw Error(Errc::Exists, "it is not a directory").in(quote(files[i].shown));
    for (std::size_t i = 0; i < files.size(); ++i) draw(files[i], inodes[i]);
    if (reading_.wants_json())
      reading_.set_result_text(fmt::format("{{\"entries\":{},\"directories\":{},\"files\":{}}}",
                                           entries_.text(), directories_, files_));
    else if (!args_.has("noreport"))
      reading_.io().out << report();
  }

 private:
  void draw(const ReadFile& file, std::uint32_t inode) {
    walk_tree(*file.fs, file.shown, inode,
              {.enter =
                   [&](const WalkStep& step) {
                     if (!reading_.io().out.good()) return Walk::Stop;
                     enter(file, step);
                     return step.depth < level_ ? Walk::In : Walk::Past;
                   },
               .open = [&](const WalkStep& step,
                           std::vector<DirEntry>& entries) { arrange(file, step, entries); }});
  }

  /// What a symlink leads to counts.
  bool leads_to_directory(const ReadFile& file, const std::string& path, FileType type) const {
    if (type != FileType::Symlink) return type == FileType::Directory;
    const auto target = file.fs->look_up(file.path + path.substr(file.shown.size()));
    return target && file.fs->type(*target) == FileType::Directory;
  }

  void arrange(const ReadFile& file, const WalkStep& step, std::vector<DirEntry>& entries) const {
    if (!args_.has("all"))
      std::erase_if(entries, [](const DirEntry& entry) { return entry.name.starts_with('.'); });
    const bool first = args_.has("dirsfirst"), only = args_.has("directories");
    if (!first && !only) return;
    const auto is_directory = [&](const DirEntry& entry) {
      return leads_to_directory(file, join_path(step.path, entry.name), file.fs->type(entry.inode));
    };
    if (only)
      std::erase_if(entries, [&](const DirEntry& entry) { return !is_directory(entry); });
    else
      std::stable_partition(entries.begin(), entries.end(), is_directory);
  }

  void enter(const ReadFile& file, const WalkStep& step) {
    ++(leads_to_directory(file, step.path, step.inode.type) ? directories_ : files_);
    if (reading_.wants_json()) {
      Json json;
      put_bytes(json, "path", step.path);
      json["depth"] = step.depth;
      json.update(inode_json(step.inode, *file.names));
      return entries_.add(json);
    }
    std::ostream& out = reading_.io().out;
    if (!args_.has("no-indent")) {
      open_.resize(step.depth);
      for (std::size_t i = 0; i + 1 < step.depth; ++i)
        out << (open_[i] ? strokes_.bar : strokes_.blank);
      if (step.depth != 0) {
        open_.back() = !step.is_last;
        out << (step.is_last ? strokes_.corner : strokes_.tee);
      }
    }
    const bool whole = step.depth == 0 || args_.has("full-path");
    out << brackets(file, step.inode) << reading_.shown(whole ? step.path : step.name);
    if (step.inode.type == FileType::Symlink)
      out << " -> " << reading_.shown(step.inode.symlink_target);
    out << '\n';
  }

  /// "[-rw-r--r-- root     1.5K]  "
  std::string brackets(const ReadFile& file, const InodeInfo& inode) const {
    std::string text;
    const auto add = [&](const std::string& cell) { text += (text.empty() ? "" : " ") + cell; };
    if (args_.has("inodes")) add(fmt::format("{:>7}", inode.number));
    if (args_.has("permissions")) add(mode_string(inode));
    if (args_.has("user"))
      add(fmt::format("{:<8}", reading_.shown(file.names->user_text(inode.uid))));
    if (args_.has("group"))
      add(fmt::format("{:<8}", reading_.shown(file.names->group_text(inode.gid))));
    if (args_.has("human-readable"))
      add(fmt::format("{:>4}", short_size(inode.size_bytes)));
    else if (args_.has("size"))
      add(fmt::format("{:>11}", inode.size_bytes));
    if (args_.has("date")) add(short_time_string(inode.mtime));
    return text.empty() ? "" : "[" + text + "]  ";
  }

  std::string report() const {
    std::string text =
        fmt::format("\n{} director{}", directories_, directories_ == 1 ? "y" : "ies");
    if (!args_.has("directories"))
      text += fmt::format(", {} file{}", files_, files_ == 1 ? "" : "s");
    return text + "\n";
  }

  const Args& args_;
  Reading& reading_;
  const Strokes& strokes_;
  std::size_t level_ = SIZE_MAX;
  std::uint64_t directories_ = 0, files_ = 0;
  std::vector<bool> open_;  // of the directories on the way: whether more of theirs comes
  JsonList entries_;
};

}  // namespace

const Command kTree{
    .name = "tree",
    .synopsis = "[-adfipugshD] [-L N] IMG[:N][/path]...",
    .summary = "draw the directories of an image",
    .examples =
        "  rawimg tree disk.img:/etc\n  rawimg tree -d -L 2 disk.img\n  rawimg tree -apugh "
        "--dirsfirst disk.img:1/home\n",
    .details =
        "As tree(1) draws them; in a UTF-8 locale with lines. --json lists them, each with its "
        "path and depth.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_reading(kTree, args, io); },
    .read =
        [](Reading& reading, const Args& args) {
          Drawer(args, reading).run(reading.files(args));
          return ExitCode::Done;
        },
};

}  // namespace rawimg::cli
