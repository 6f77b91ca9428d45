// SPDX-License-Identifier: MIT
#include <algorithm>
#include <ostream>
#include <set>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/glob.h"
#include "cli/numbers.h"
#include "cli/open_fs.h"
#include "cmd/all.h"
#include "read/block_units.h"
#include "read/reading.h"
#include "read/walk.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"summarize", "", "only what is named, not the directories below", 's'},
    {"all", "", "files, too", 'a'},
    {"max-depth", "N", "directories up to N below what is named", 'd'},
    {"total", "", "a line with the sum", 'c'},
    {"apparent-size", "", "sizes of files, not of the blocks that they take"},
    {"bytes", "", "--apparent-size --block-size 1", 'b'},
    {"separate-dirs", "", "directories without what is below them", 'S'},
    {"count-links", "", "a file as often as it has names", 'l'},
    {"inodes", "", "count inodes"},
    {"exclude", "GLOB", "leave out what matches; repeatable"},
    {"null", "", "lines end with a zero byte", '0'},
    {"one-file-system", "", "nothing else is possible here", 'x'},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn,         kBlockOptions, kJournalOption,
                                                   kLockOptions, kImageOption,  kCommonOptions};

struct Request {
  BlockUnit unit;
  std::size_t depth = SIZE_MAX;
  bool files = false, total = false, apparent = false, separate = false, every_link = false,
       inodes = false;
  std::vector<Glob> excludes;
  char end = '\n';
};

Request read_request(const Args& args) {
  Request request;
  request.unit = read_block_unit(args);
  if (const auto depth = args.value("max-depth"))
    request.depth = parse_number(*depth, "--max-depth", 0, UINT32_MAX);
  request.files = args.has("all");
  if (args.has("summarize")) {
    if (request.files) throw Error(Errc::Usage, "--summarize and --all cannot both be meant");
    if (request.depth != SIZE_MAX && request.depth != 0)
      throw Error(Errc::Usage, "--summarize and --max-depth cannot both be meant");
    request.depth = 0;
  }
  request.total = args.has("total");
  request.inodes = args.has("inodes");
  request.apparent = args.has("apparent-size") || args.has("bytes");
  request.separate = args.has("separate-dirs");
  request.every_link = args.has("count-links");
  for (const auto& [name, value] : args.options())
    if (name == "exclude") request.excludes.emplace_back(value);
  if (args.has("null")) request.end = '\0';
  return request;
}

class Counter {
 public:
  Counter(const Request& request, Reading& reading) : request_(request), reading_(reading) {}

  void run(std::vector<ReadFile> files) {
    several_ = files.size() > 1;
    const std::vector<std::uint32_t> inodes = reading_.resolve(files, follow_slash);
    for (std::size_t i = 0; i < files.size(); ++i) count(files[i], inodes[i]);
    if (request_.total) print(total_, "total", false);
    if (!reading_.wants_json()) return;
    reading_.set_result_text(fmt::format("{{\"entries\":{},\"total\":{},\"unit\":\"{}\"}}",
                                         entries_.text(), total_,
                                         request_.inodes ? "inodes" : "bytes"));
  }

 private:
  struct Sum {
    std::uint64_t own = 0, below = 0;
  };

  void count(const ReadFile& file, std::uint32_t inode) {
    sums_.assign(1, {});
    walk_tree(*file.fs, file.shown, inode,
              {.enter = [&](const WalkStep& step) { return enter(file, step); },
               .open =
                   [&](const WalkStep& step, std::vector<DirEntry>& entries) {
                     if (request_.excludes.empty()) return;
                     std::erase_if(entries, [&](const DirEntry& entry) {
                       return is_excluded(entry.name) ||
                              is_excluded(join_path(step.path, entry.name));
                     });
                   },
               .leave = [&](const WalkStep& step) { return leave(step); }});
  }

  Walk enter(const ReadFile& file, const WalkStep& step) {
    if (!reading_.io().out.good()) return Walk::Stop;
    const InodeInfo& inode = step.inode;
    const bool directory = inode.type == FileType::Directory;
    // a hard link counts once, and so does what a word names that lies below another's
    const bool can_repeat = several_ || (inode.links > 1 && !directory);
    skipped_ = !request_.every_link && can_repeat && !seen_.emplace(file.fs, inode.number).second;
    if (skipped_) {
      skipped_ = directory;  // which is left, too
      return Walk::Past;
    }
    const std::uint64_t size = request_.inodes     ? 1
                               : request_.apparent ? inode.size_bytes
                                                   : inode.sectors * 512;
    total_ += size;
    if (directory) {
      sums_.push_back({size, 0});
      return Walk::In;
    }
    sums_.back().own += size;
    if (step.depth == 0 || (request_.files && step.depth <= request_.depth))
      print(size, step.path, true);
    return Walk::In;
  }

  Walk leave(const WalkStep& step) {
    if (std::exchange(skipped_, false)) return Walk::In;
    const Sum sum = sums_.back();
    sums_.pop_back();
    sums_.back().below += sum.own + sum.below;
    if (step.depth <= request_.depth)
      print(request_.separate ? sum.own : sum.own + sum.below, step.path, true);
    return Walk::In;
  }

  bool is_excluded(std::string_view name) const {
    return std::any_of(request_.excludes.begin(), request_.excludes.end(),
                       [&](const Glob& glob) { return glob.matches(name); });
  }

  void print(std::uint64_t size, const std::string& path, bool is_path) {
    if (!reading_.wants_json()) {
      const std::string number = request_.inodes && !request_.unit.human ? fmt::format("{}", size)
                                                                         : request_.unit.text(size);
      reading_.io().out << number << '\t' << reading_.shown(path) << request_.end;
      return;
    }
    if (!is_path) return;
    Json json;
    put_bytes(json, "path", path);
    json[request_.inodes ? "inodes" : "bytes"] = size;
    entries_.add(json);
  }

  const Request& request_;
  Reading& reading_;
  bool several_ = false, skipped_ = false;
  std::uint64_t total_ = 0;
  std::vector<Sum> sums_;  // of the directories on the way; the first is for what is named
  std::set<std::pair<const ExtReader*, std::uint32_t>> seen_;
  JsonList entries_;
};

}  // namespace

const Command kDu{
    .name = "du",
    .synopsis = "[-shacbS] [-d N] IMG[:N][/path]...",
    .summary = "what directories of an image take",
    .examples =
        "  rawimg du -sh disk.img:/usr\n  rawimg du -h -d 1 disk.img\n  rawimg du -sch "
        "'disk.img:/var/*'\n",
    .details =
        "Blocks in KiB, as du(1) counts them: a file with several names once, directories and "
        "block maps as well. --json has bytes, whatever\nthe unit.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_reading(kDu, args, io); },
    .read =
        [](Reading& reading, const Args& args) {
          const Request request = read_request(args);
          Counter(request, reading).run(reading.files(args));
          return ExitCode::Done;
        },
};

}  // namespace rawimg::cli
