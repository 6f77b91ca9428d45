// SPDX-License-Identifier: MIT
#include "edit/place.h"

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/stop.h"
#include "base/text.h"
#include "edit/destination.h"
#include "read/expand_paths.h"
#include "read/walk.h"

namespace rawimg::cli {
namespace {

constexpr unsigned kMaxSymlinks = 40;  // as Linux
constexpr std::string_view kLostAndFound = "lost+found";

constexpr const char* kLostAndFoundStays = "lost+found has to stay: e2fsck needs it";

bool is_lost_and_found(const Edit& edit, const Named& named) {
  return named.type == FileType::Directory && named.place.name == kLostAndFound &&
         named.place.directory == edit.fs().resolve("/");
}

bool is_lost_and_found(const Edit& edit, const Operand& match) {
  const Operand file = without_slashes(match);
  if (base_name(file.path) != kLostAndFound) return false;
  return is_lost_and_found(edit, require_named(edit, file));
}

/// Only a directory of the name itself has a name with a slash behind it: no symlink to one.
void require_directory(const Edit& edit, const Operand& file, std::uint32_t inode) {
  if (!edit.is_directory(inode))
    throw Error(Errc::NotFound,
                fmt::format("{} is not a directory", quote(without_slashes(file).path)));
}

/// With how it is made.
Error no_directory(const Edit& edit, const Operand& file) {
  Error error(Errc::NotFound, "the slash asks for a directory, and none is there");
  try {
    (void)edit.place(Edit::below(file, "file"));
  } catch (const Error& why) {
    error.with_hint(why.hint());
  }
  return error;
}

}  // namespace

bool names_root(const Operand& file) {
  return file.path.find_first_not_of('/') == std::string::npos;
}

bool has_slash_behind(const Operand& file) { return file.path.ends_with('/'); }

Operand without_slashes(Operand file) {
  while (file.path.size() > 1 && file.path.ends_with('/')) {
    file.path.pop_back();
    if (file.word.ends_with('/')) file.word.pop_back();
  }
  return file;
}

Transaction::Place place_for(const Edit& edit, const Operand& file, NewName kind) {
  if (names_root(file)) throw Error(Errc::Exists, "it is the root directory");
  const std::string name = base_name(file.path);
  if (name == "." || name == "..")
    throw Error(Errc::Exists, "'.' and '..' are no names of their own");
  Transaction::Place place = edit.place(file);
  if (!has_slash_behind(file)) return place;
  if (const auto inode = edit.fs().find(place.directory, place.name))
    require_directory(edit, file, *inode);
  else if (kind == NewName::File)
    throw no_directory(edit, file);
  return place;
}

Transaction::Place place_for_new(const Edit& edit, const Operand& file, NewName kind) {
  Transaction::Place place = place_for(edit, file, kind);
  if (edit.fs().find(place.directory, place.name)) throw Error(Errc::Exists, "it exists");
  return place;
}

Named require_named(const Edit& edit, const Operand& file) {
  Named named;
  try {
    named.place = place_for(edit, file, NewName::Directory);
  } catch (const Error& error) {
    if (error.code() != Errc::NotFound) throw;
    throw Error(error).with_hint("");  // what is to go, or to move, is not made first
  }
  const auto inode = edit.fs().find(named.place.directory, named.place.name);
  if (!inode) throw Error(Errc::NotFound, "it does not exist in the image");
  named.inode = *inode;
  named.type = edit.fs().type(*inode);
  return named;
}

void require_not_lost_and_found(const Edit& edit, const Named& named) {
  if (is_lost_and_found(edit, named)) throw Error(Errc::Exists, kLostAndFoundStays);
}

std::vector<Operand> expand_removable(Edit& edit, const std::string& word) {
  std::vector<Operand> files;
  for (Operand& file : edit.expand(word)) {
    if (file.is_match && is_lost_and_found(edit, file))
      edit.warn("lost-and-found", file, kLostAndFoundStays);
    else
      files.push_back(std::move(file));
  }
  return files;
}

void for_each_file(Edit& edit, std::span<const std::string> words, Missing missing,
                   const std::function<void(const Operand&)>& action) {
  const auto tolerate = [&](const Error& error) {
    return missing == Missing::IsSkipped && error.code() == Errc::NotFound;
  };
  for (const std::string& word : words) {
    std::vector<Operand> files;
    try {
      files = edit.expand(word);
    } catch (const Error& error) {
      if (!tolerate(error)) throw;
    }
    const std::size_t warned = edit.warnings.size();
    for (const Operand& file : files) {
      require_no_stop(edit.io().stop);
      try {
        action(file);
      } catch (const Error& error) {
        if (!tolerate(error)) throw in_file(error, file);
      }
    }
    const auto left_out = std::count_if(
        edit.warnings.begin() + static_cast<std::ptrdiff_t>(warned), edit.warnings.end(),
        [](const Warning& warning) { return warning.code == kDanglingSymlink; });
    if (left_out > 0 && static_cast<std::size_t>(left_out) == files.size() &&
        missing == Missing::IsError)
      throw all_dangling(word);
  }
}

std::optional<std::uint32_t> resolve_or_skip(Edit& edit, const Operand& file,
                                             ExtFs::Follow follow) {
  if (!file.is_match) return edit.resolve(file, follow);
  return resolve_match(edit.fs(), file.path, follow, file.word, edit.warnings);
}

void for_each_inode(Edit& edit, const Operand& file, ExtFs::Follow follow, Depth depth,
                    const std::function<void(const std::string&, const InodeInfo&)>& action) {
  const auto inode = resolve_or_skip(edit, file, follow);
  if (!inode) return;
  if (depth == Depth::FileOnly) return action(file.word, edit.fs().inode(*inode));
  walk_tree(edit.fs(), file.word, *inode, {.enter = [&](const WalkStep& step) {
              require_no_stop(edit.io().stop);
              action(step.path, step.inode);
              return Walk::In;
            }});
}

std::optional<std::uint32_t> find_only(const Edit& edit, const Operand& file,
                                       ExtFs::Follow follow) {
  if (const auto inode = edit.find(file, follow)) return inode;
  for (std::size_t slash = file.path.find('/', 1); slash != std::string::npos;
       slash = file.path.find('/', slash + 1)) {
    Operand part = file;
    part.path.resize(slash);
    const auto inode = edit.find(part);
    if (!inode) break;
    require_directory(edit, part, *inode);
  }
  return std::nullopt;
}

namespace {

/// place_for() for where the symlink `link`, if it is one, has led.
Transaction::Place place_behind(const Edit& edit, const Operand& file, const std::string& link) {
  try {
    return place_for(edit, file, NewName::File);
  } catch (const Error& error) {
    if (link.empty()) throw;
    throw error.in(fmt::format("the symlink {} leads to {}", quote(link), quote(file.path)));
  }
}

}  // namespace

Transaction::Place follow_to_place(const Edit& edit, const Operand& file) {
  const std::string front =
      file.word.substr(0, file.word.size() - std::min(file.word.size(), file.path.size()));
  Operand at = file;
  std::string link;
  for (unsigned links = 0;; ++links) {
    Transaction::Place place = place_behind(edit, at, link);
    const auto there = edit.fs().find(place.directory, place.name);
    if (!there || edit.fs().type(*there) != FileType::Symlink) return place;
    if (links == kMaxSymlinks) throw Error(Errc::NotFound, "too many levels of symbolic links");
    const std::string target = edit.fs().symlink_target(*there);
    link = at.path;
    // what is in front of the name stays as it is: the walk goes through its symlinks before `..`
    at.path = target.starts_with('/') ? target : link.substr(0, link.rfind('/') + 1) + target;
    at.word = front + at.path;
  }
}

std::optional<std::uint32_t> find_or_make(Edit& edit, const Operand& file) {
  if (file.is_match) return resolve_or_skip(edit, file, ExtFs::Follow::All);
  if (const auto inode = edit.find(file)) return *inode;
  const Transaction::Place place = follow_to_place(edit, file);
  if (const auto inode = edit.fs().find(place.directory, place.name)) return *inode;
  Entry meta;
  meta.permissions = 0644;
  meta.mtime = edit.now();
  return edit.fs().make(place.directory, place.name, meta);
}

std::optional<std::uint32_t> find_or_make_regular(Edit& edit, const Operand& file) {
  if (has_slash_behind(file)) throw Error(Errc::Exists, "it is a directory's name");
  const auto inode = find_or_make(edit, file);
  if (!inode) return std::nullopt;
  const FileType type = edit.fs().type(*inode);
  if (type == FileType::Directory) throw Error(Errc::Exists, "it is a directory");
  if (type != FileType::Regular) throw Error(Errc::Exists, "it is not a regular file");
  return inode;
}

}  // namespace rawimg::cli
