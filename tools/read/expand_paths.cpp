// SPDX-License-Identifier: MIT
#include "read/expand_paths.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/glob.h"
#include "base/text.h"

namespace rawimg::cli {
namespace {

bool has_wildcard(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

/// The text that a pattern without wildcards stands for, `\*` being one byte; none: it has some.
std::optional<std::string> literal_of(std::string_view pattern) {
  std::string text;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const bool escaped = pattern[at] == '\\' && at + 1 < pattern.size();
    if (escaped) ++at;
    const char c = pattern[at];
    const bool opens = c == '[' && pattern.find(']', at + 2) != std::string_view::npos;
    if (!escaped && (c == '*' || c == '?' || opens)) return std::nullopt;
    text += c;
  }
  return text;
}

bool exists(const ExtReader& fs, const std::string& path) {
  return fs.look_up(path, ExtReader::Follow::AllButLast).has_value();
}

bool is_directory(const ExtReader& fs, const std::string& path) {
  const auto inode = fs.look_up(path);
  return inode && fs.type(*inode) == FileType::Directory;
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

Error no_match(const std::string& path) {
  return Error(Errc::NotFound, fmt::format("nothing in the image matches {}", quote(path)))
      .with_path(path);
}

/// As a pattern that matches just this.
std::string escaped(std::string_view literal) {
  std::string pattern;
  for (const char c : literal) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

/// Where the longest front of the path that exists has wildcards in its names: how they are meant
/// literally, while those behind it are not.
std::string hint_of_literal(const ExtReader& fs, const std::string& path) {
  for (std::size_t slash = path.rfind('/'); slash != 0 && slash != std::string::npos;
       slash = path.rfind('/', slash - 1)) {
    const std::string front = path.substr(0, slash);
    if (!has_wildcard(front) || !exists(fs, front)) continue;
    return fmt::format("{} exists by this name: {} means it literally", quote(front),
                       shell_word(escaped(front) + path.substr(slash)));
  }
  return "";
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
      const bool is_dots = parts_[next] == "." || parts_[next] == "..";
      if (is_dots || fs_.find(directory, parts_[next])) take(prefix + "/" + parts_[next], next);
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
    const auto inode = fs_.look_up(path);  // none: a symlink that leads nowhere
    if (inode && fs_.type(*inode) == FileType::Directory) below(path, *inode, part + 1);
  }

  const ExtReader& fs_;
  std::vector<std::string> parts_, found_;
};

}  // namespace

std::vector<std::string> expand_paths(const ExtReader& fs, const std::string& path) {
  if (!has_wildcard(path) || exists(fs, path)) return {path};
  std::vector<std::string> found = Expander(fs, path).run();
  if (found.empty()) throw no_match(path).with_hint(hint_of_literal(fs, path));
  if (!path.ends_with('/')) return found;
  std::erase_if(found, [&](const std::string& match) { return !is_directory(fs, match); });
  if (found.empty())
    throw Error(Errc::NotFound, fmt::format("no directory in the image matches {}", quote(path)))
        .with_path(path);
  for (std::string& match : found) match += '/';
  return found;
}

std::optional<std::uint32_t> resolve_match(const ExtReader& fs, const std::string& path,
                                           ExtReader::Follow follow, const std::string& word,
                                           std::vector<Warning>& warnings) {
  try {
    return fs.resolve(path, follow);
  } catch (const Error& error) {
    if (error.code() != Errc::NotFound) throw;
    warnings.push_back({std::string(kDanglingSymlink), word,
                        fmt::format("{}: a symlink, left out: {}", quote(word), error.what())});
    return std::nullopt;
  }
}

Error all_dangling(const std::string& word) {
  return Error(Errc::NotFound,
               fmt::format("{} matches nothing in the image but symlinks that lead nowhere",
                           quote(word)))
      .with_path(word);
}

std::string expand_new_path(const ExtReader& fs, const std::string& path) {
  if (!has_wildcard(path) || exists(fs, path)) return path;
  const std::vector<std::string> found = Expander(fs, path).run();
  if (found.size() > 1)
    throw Error(Errc::Exists,
                fmt::format("{} matches {} files, and names one", quote(path), found.size()))
        .with_path(path);
  std::size_t end = path.size();
  while (end > 1 && path[end - 1] == '/') --end;
  const std::string behind = path.substr(end);
  if (!found.empty()) return found.front() + behind;
  const std::size_t slash = path.rfind('/', end - 1);
  const auto name = literal_of(std::string_view(path).substr(slash + 1, end - slash - 1));
  if (!name) {
    const std::string made = path.substr(0, slash + 1) +
                             escaped(std::string_view(path).substr(slash + 1, end - slash - 1)) +
                             behind;
    throw no_match(path).with_hint(
        fmt::format("to make a name that has them: {}", shell_word(made)));
  }
  const std::string directory = slash == 0 ? "/" : path.substr(0, slash);
  const std::string front = expand_new_path(fs, directory);
  return front + (front == "/" ? "" : "/") + *name + behind;
}

}  // namespace rawimg::cli
