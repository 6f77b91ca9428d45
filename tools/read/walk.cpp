// SPDX-License-Identifier: MIT
#include "read/walk.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/output.h"

namespace rawimg::cli {
namespace {

class Walker {
 public:
  Walker(const ExtReader& fs, const std::string& start, const WalkHooks& hooks)
      : fs_(fs), hooks_(hooks), path_(start) {}

  void run(std::uint32_t start) {
    const std::size_t end = std::min(path_.find_last_not_of('/'), path_.size() - 1) + 1;
    const std::size_t slash = path_.substr(0, end).rfind('/');
    if (!visit(start, end == 0 || slash == std::string::npos ? 0 : slash + 1)) return;
    while (!levels_.empty()) {
      Level& level = levels_.back();
      path_.resize(level.path_length);
      if (level.entries.empty()) {
        const Level done = std::move(level);
        levels_.pop_back();
        if (!leave(done.inode, done.name_at, done.is_last)) return;
        continue;
      }
      const DirEntry entry = std::move(level.entries.back());
      level.entries.pop_back();
      if (!path_.ends_with('/')) path_ += '/';
      const std::size_t name_at = path_.size();
      path_ += entry.name;
      if (!visit(entry.inode, name_at)) return;
    }
  }

 private:
  struct Level {
    InodeInfo inode;
    std::vector<DirEntry> entries;  // still to come, the next one last
    std::size_t path_length, name_at;
    bool is_last;
  };

  WalkStep step(const InodeInfo& inode, std::size_t name_at, bool is_last) const {
    return {path_,          std::string_view(path_).substr(name_at),
            inode,          levels_.empty() ? 0 : levels_.back().inode.number,
            levels_.size(), is_last};
  }

  /// False ends the walk.
  bool visit(std::uint32_t number, std::size_t name_at) {
    const bool is_last = levels_.empty() || levels_.back().entries.empty();
    InodeInfo inode = about(path_, [&] { return fs_.inode(number); });
    const WalkStep here = step(inode, name_at, is_last);
    const Walk walk = hooks_.enter(here);
    if (walk == Walk::Stop) return false;
    if (inode.type != FileType::Directory) return true;
    if (!seen_.insert(number).second)
      throw Error(Errc::Corrupt,
                  fmt::format("directory inode {} has a second name, {}", number, quote(path_)))
          .with_path(path_);
    if (walk == Walk::Past) return leave(inode, name_at, is_last);
    std::vector<DirEntry> entries = about(path_, [&] { return fs_.read_directory(number); });
    std::sort(entries.begin(), entries.end(),
              [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
    if (hooks_.open) hooks_.open(here, entries);
    std::reverse(entries.begin(), entries.end());
    levels_.push_back({std::move(inode), std::move(entries), path_.size(), name_at, is_last});
    return true;
  }

  bool leave(const InodeInfo& inode, std::size_t name_at, bool is_last) const {
    return !hooks_.leave || hooks_.leave(step(inode, name_at, is_last)) != Walk::Stop;
  }

  const ExtReader& fs_;
  const WalkHooks& hooks_;
  std::string path_;
  std::vector<Level> levels_;
  std::unordered_set<std::uint32_t> seen_;
};

}  // namespace

void walk_tree(const ExtReader& fs, const std::string& start, std::uint32_t inode,
               const WalkHooks& hooks) {
  Walker(fs, start, hooks).run(inode);
}

std::string join_path(std::string directory, std::string_view name) {
  if (!directory.ends_with('/')) directory += '/';
  return directory.append(name);
}

}  // namespace rawimg::cli
