// SPDX-License-Identifier: MIT
#include "read/expand_paths.h"

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/glob.h"
#include "base/text.h"

namespace rawimg::cli {
namespace {

bool has_wildcard(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    if (slash > at) parts.emplace_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  return parts;
}

class Expander {
 public:
  Expander(const ExtReader& fs, const std::string& path) : fs_(fs), parts_(parts_of(path)) {}

  std::vector<std::string> run() {
    below("", fs_.resolve("/"), 0);
    return std::move(found_);
  }

 private:
  void below(const std::string& prefix, std::uint32_t directory, std::size_t next) {
    if (!has_wildcard(parts_[next])) {
      if (fs_.find(directory, parts_[next])) take(prefix + "/" + parts_[next], next);
      return;
    }
    const Glob pattern(parts_[next]);
    std::vector<DirEntry> entries = fs_.read_directory(directory);
    std::sort(entries.begin(), entries.end(),
              [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
    for (const DirEntry& entry : entries) {
      const bool hidden =
          entry.name.starts_with('.') && !parts_[next].starts_with('.');  // as shells do
      if (!hidden && pattern.matches(entry.name)) take(prefix + "/" + entry.name, next);
    }
  }

  void take(const std::string& path, std::size_t part) {
    if (part + 1 == parts_.size()) return found_.push_back(path);
    try {
      const std::uint32_t inode = fs_.resolve(path);
      if (fs_.inode(inode).type == FileType::Directory) below(path, inode, part + 1);
    } catch (const Error& error) {
      if (error.code() != Errc::NotFound) throw;  // a symlink that leads nowhere
    }
  }

  const ExtReader& fs_;
  std::vector<std::string> parts_, found_;
};

}  // namespace

std::vector<std::string> expand_paths(const ExtReader& fs, const std::string& path) {
  if (!has_wildcard(path)) return {path};
  try {
    (void)fs.resolve(path, ExtReader::Follow::AllButLast);
    return {path};
  } catch (const Error& error) {
    if (error.code() != Errc::NotFound) throw;
  }
  std::vector<std::string> found = Expander(fs, path).run();
  if (found.empty())
    throw Error(Errc::NotFound, fmt::format("nothing in the image matches {}", quote(path)))
        .with_path(path);
  return found;
}

}  // namespace rawimg::cli
