// SPDX-License-Identifier: MIT
// Where names in an image are, and whether they may be made, taken away or moved, as Linux decides
// it: slashes behind a name, symlinks, the root. What stands in the way is Exists or NotFound,
// never Usage: the command line was fine. Messages lack the operand, which in_file() puts in front.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "edit/edit.h"

namespace rawimg::cli {

bool names_root(const Operand& file);
bool has_slash_behind(const Operand& file);
/// The file without slashes behind its name.
Operand without_slashes(Operand file);

struct Named {
  Transaction::Place place;
  std::uint32_t inode = 0;  ///< a symlink itself
  FileType type = FileType::Regular;
};

/// A name that is there. Throws: NotFound (it is not; a slash is behind what is no directory
/// itself), Exists (the root, `.` and `..`).
Named require_named(const Edit& edit, const Operand& file);

/// Only a directory may be called "name/" before it is there.
enum class NewName { File, Directory };

/// Where a name is, or will be. Throws: NotFound (no such directory; a slash behind what is not and
/// will not be one), Exists (the root, `.` and `..`).
Transaction::Place place_for(const Edit& edit, const Operand& file, NewName kind);
/// The same for a name that is not there. Throws: Exists (also: it is).
Transaction::Place place_for_new(const Edit& edit, const Operand& file, NewName kind);

/// Throws: Exists: e2fsck needs it.
void require_not_lost_and_found(const Edit& edit, const Named& named);
/// What a word names, for what takes names away: a wildcard leaves out lost+found, with a warning.
std::vector<Operand> expand_removable(Edit& edit, const std::string& word);

enum class Missing { IsError, IsSkipped };
/// Does something to each file that the words name, wildcards expanded, with its word in front of
/// what that throws.
void for_each_file(Edit& edit, std::span<const std::string> words, Missing missing,
                   const std::function<void(const Operand&)>& action);

/// Where a wildcard matches a symlink that leads nowhere: nothing, with a warning. Throws:
/// NotFound.
std::optional<std::uint32_t> resolve_or_skip(Edit& edit, const Operand& file, ExtFs::Follow follow);

enum class Depth { FileOnly, AllBelow };
/// Calls action(path for people, inode) for the file, or for it and all below it.
/// Nothing where resolve_or_skip() finds nothing.
void for_each_inode(Edit& edit, const Operand& file, ExtFs::Follow follow, Depth depth,
                    const std::function<void(const std::string&, const InodeInfo&)>& action);

/// The same for what is to be made by nobody: nothing where there is no such file. Throws: NotFound
/// (a file where the path wants a directory).
std::optional<std::uint32_t> find_only(const Edit& edit, const Operand& file,
                                       ExtFs::Follow follow = ExtFs::Follow::All);

/// Where a path leads through symlinks, up to a name that is none, or is not there. Throws: as
/// place_for, NotFound (over 40 symlinks).
Transaction::Place follow_to_place(const Edit& edit, const Operand& file);

/// The file that a path leads to; an empty one of root's is made where there is none, also where a
/// symlink leads, as open(2) with O_CREAT does. Wildcards make nothing: of what one has matched, as
/// resolve_or_skip(). Throws: NotFound, Exists (`name/`), NoSpace.
std::optional<std::uint32_t> find_or_make(Edit& edit, const Operand& file);
/// The same, for what has content. Throws: Exists (a directory, a device, ...).
std::optional<std::uint32_t> find_or_make_regular(Edit& edit, const Operand& file);

/// Runs what changes names. What the transaction refuses because of what is in the image is Exists.
template <class Change>
void change_names(Change&& change) {
  try {
    change();
  } catch (const Error& error) {
    if (error.code() != Errc::Usage) throw;
    Error refused(Errc::Exists, error.what());
    throw refused.with_hint(error.hint()).with_path(error.path());
  }
}

}  // namespace rawimg::cli
