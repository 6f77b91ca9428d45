// SPDX-License-Identifier: MIT
#include <algorithm>
#include <ostream>
#include <unordered_set>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/inode_text.h"
#include "cli/numbers.h"
#include "cli/open_fs.h"
#include "cmd/all.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"long", "", "mode, links, owner, group, size, time (UTC) and where a symlink leads", 'l'},
    {"all", "", "also names that begin with a dot", 'a'},
    {"recursive", "", "directories below, too", 'R'},
    {"human-readable", "", "with -l: sizes such as 1.5K and 20M", 'h'},
    {"inode", "", "the inode number in front", 'i'},
    {"directory", "", "the directory itself, not what it holds", 'd'},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kJournalOption, kLockOptions, kImageOption,
                                                   kCommonOptions};
constexpr std::size_t kMostJson = 1u << 30;

struct Request {
  Address address;
  bool long_form = false, all = false, recursive = false, human = false, inodes = false,
       itself = false, json = false;
};

Request read_request(const Args& args) {
  Request request;
  request.address = read_address(args);
  args.require_at_most(1);
  if (request.address.path.empty()) request.address.path = "/";
  request.long_form = args.has("long");
  request.all = args.has("all");
  request.recursive = args.has("recursive");
  request.human = args.has("human-readable");
  request.inodes = args.has("inode");
  request.itself = args.has("directory");
  request.json = args.has("json");
  return request;
}

struct Row {
  std::string name;
  InodeInfo inode;
};

std::string size_text(const InodeInfo& inode, bool human) {
  if (inode.type == FileType::CharDevice || inode.type == FileType::BlockDevice)
    return fmt::format("{}, {}", inode.device_major, inode.device_minor);
  return human ? short_size(inode.size_bytes) : fmt::format("{}", inode.size_bytes);
}

class Lister {
 public:
  Lister(const Request& request, const ExtFs& fs, Streams& io)
      : request_(request), fs_(fs), io_(io) {}

  void run() {
    const auto follow =
        request_.long_form || request_.itself ? ExtFs::Follow::AllButLast : ExtFs::Follow::All;
    std::uint32_t number = fs_.resolve(
        request_.address.path, request_.address.path.ends_with('/') ? ExtFs::Follow::All : follow);
    InodeInfo inode = fs_.inode(number);
    if (inode.type != FileType::Directory || request_.itself) {
      print({{request_.address.path, inode}});
      return;
    }
    walk(request_.address.path, number);
  }

  std::string result() const { return "{\"entries\":[" + result_ + "]}"; }

 private:
  /// Depth first without recursion: how deep directories are nested is the image's business, not
  /// our stack's.
  void walk(const std::string& start, std::uint32_t number) {
    struct Level {
      std::vector<std::pair<std::string, std::uint32_t>> directories;  // the next one is the last
      std::size_t path_length;
    };
    std::unordered_set<std::uint32_t> seen{number};
    directory_ = start;
    std::vector<Level> levels{{list(number), directory_.size()}};
    while (!levels.empty() && io_.out.good()) {
      Level& level = levels.back();
      directory_.resize(level.path_length);
      if (level.directories.empty()) {
        levels.pop_back();
        continue;
      }
      const auto [name, inode] = std::move(level.directories.back());
      level.directories.pop_back();
      if (!directory_.ends_with('/')) directory_ += '/';
      directory_ += name;
      if (!seen.insert(inode).second)
        throw Error(Errc::Corrupt, fmt::format("directory inode {} has a second name, {}", inode,
                                               quote(directory_)))
            .with_path(directory_);
      if (!request_.json) io_.out << '\n';
      levels.push_back({list(inode), directory_.size()});
    }
  }

  /// Prints directory_ and returns the directories in it, last one first, when they are to be
  /// listed, too.
  std::vector<std::pair<std::string, std::uint32_t>> list(std::uint32_t directory) {
    const std::vector<Row> rows = read(directory);
    if (request_.recursive && !request_.json)
      io_.out << shown(directory_, io_.out_is_terminal) << ":\n";
    print(rows);
    std::vector<std::pair<std::string, std::uint32_t>> below;
    if (!request_.recursive) return below;
    for (auto row = rows.rbegin(); row != rows.rend(); ++row)
      if (row->inode.type == FileType::Directory) below.emplace_back(row->name, row->inode.number);
    return below;
  }

  std::vector<Row> read(std::uint32_t directory) {
    std::vector<DirEntry> entries = fs_.read_directory(directory);
    std::sort(entries.begin(), entries.end(),
              [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
    std::vector<Row> rows;
    const bool needs_inodes = request_.long_form || request_.recursive || request_.json;
    for (DirEntry& entry : entries) {
      if (!request_.all && entry.name.starts_with('.')) continue;
      InodeInfo inode;
      if (needs_inodes) inode = fs_.inode(entry.inode);
      inode.number = entry.inode;
      rows.push_back({std::move(entry.name), std::move(inode)});
    }
    return rows;
  }

  void print(const std::vector<Row>& rows) {
    if (request_.json) return add_json(rows);
    std::size_t links = 1, uid = 1, gid = 1, size = 1, number = 1;
    for (const Row& row : rows) {
      links = std::max(links, fmt::formatted_size("{}", row.inode.links));
      uid = std::max(uid, fmt::formatted_size("{}", row.inode.uid));
      gid = std::max(gid, fmt::formatted_size("{}", row.inode.gid));
      size = std::max(size, size_text(row.inode, request_.human).size());
      number = std::max(number, fmt::formatted_size("{}", row.inode.number));
    }
    for (const Row& row : rows) {
      const InodeInfo& inode = row.inode;
      if (request_.inodes) io_.out << fmt::format("{:>{}} ", inode.number, number);
      if (request_.long_form)
        io_.out << fmt::format("{} {:>{}} {:>{}} {:>{}} {:>{}} {} ", mode_string(inode),
                               inode.links, links, inode.uid, uid, inode.gid, gid,
                               size_text(inode, request_.human), size,
                               short_time_string(inode.mtime));
      io_.out << shown(row.name, io_.out_is_terminal);
      if (request_.long_form && inode.type == FileType::Symlink)
        io_.out << " -> " << shown(inode.symlink_target, io_.out_is_terminal);
      io_.out << '\n';
    }
  }

  void add_json(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      Json json;
      put_bytes(json, "name", row.name);
      if (request_.recursive) put_bytes(json, "directory", directory_);
      json.update(to_json(row.inode));
      result_ += (result_.empty() ? "" : ",") + json.dump();
      if (result_.size() > kMostJson)
        throw Error(Errc::Unsupported,
                    fmt::format("the list takes more than {} bytes of JSON", kMostJson))
            .with_hint("list parts of the tree, or leave out --json");
    }
  }

  const Request& request_;
  const ExtFs& fs_;
  Streams& io_;
  std::string directory_;
  std::string result_;  // as text: a tree of JSON values takes several times as much
};

ExitCode run(const Args& args, Streams& io) {
  const Request request = read_request(args);
  const OpenedFs opened = open_filesystem(request.address, args, io);
  Lister lister(request, opened.fs, io);
  lister.run();
  if (request.json) print_result_text(io, "ls", lister.result(), opened.warnings);
  return ExitCode::Done;
}

}  // namespace

const Command kLs{
    .name = "ls",
    .synopsis = "[-laRhid] IMG[:N][/path]",
    .summary = "list a directory of an image",
    .examples =
        "  rawimg ls disk.img\n  rawimg ls -l disk.img:/etc\n  rawimg ls -lhaR disk.img:1/usr > "
        "list.txt\n",
    .details = "Names are sorted by bytes. Partitions are shown by 'rawimg info'.\n",
    .options = kTables,
    .run = run,
};

}  // namespace rawimg::cli
