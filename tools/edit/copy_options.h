// SPDX-License-Identifier: MIT
// How cp copies, as its options say it.
#pragma once

#include <optional>
#include <stop_token>

#include <rawimg/transaction.h>

#include "cli/args.h"
#include "cli/command.h"
#include "edit/mode_change.h"
#include "edit/owner_names.h"

namespace rawimg::cli {

inline constexpr OptionSpec kCopyOptions[] = {
    {"archive", "", "-r, and keep everything: owner, mode, times, links, xattrs", 'a'},
    {"recursive", "", "directories with all that is in them", 'r'},
    {"R", "", "the same as -r"},
    {"preserve", "[LIST]",
     "keep mode, ownership, timestamps (these three without LIST), links, xattr, all", 'p'},
    {"no-preserve", "LIST", "do not keep these, whatever keeps them"},
    {"no-dereference", "", "symlinks themselves (the default with -r)", 'P'},
    {"dereference", "", "what symlinks lead to", 'L'},
    {"H", "", "what the symlinks that are named lead to"},
    {"links", "", "the same as -P --preserve=links", 'd'},
    {"no-clobber", "", "leave what exists as it is", 'n'},
    {"update", "", "leave what exists and is not older", 'u'},
    {"force", "", "replace a file of the host that cannot be opened", 'f'},
    {"remove-destination", "", "replace what exists, and write nothing through it"},
    {"one-file-system", "", "of the host, leave out what is mounted below", 'x'},
    {"sparse", "WHEN", "auto or always: holes stay holes, as they always do"},
    {"owner", "OWNER[:GROUP]", "this owner (into an image, the default is root's 0:0)"},
    {"chmod", "MODE", "this mode, or this change of it"},
    {"devices", "", "make device nodes on the host, too"},
};

/// Which symlinks are not copied as what they are.
enum class FollowLinks { None, Named, All };

struct CopyOptions {
  bool recursive = false, no_clobber = false, update = false, force = false,
       remove_destination = false, one_file_system = false, devices = false, dry_run = false;
  bool plain_mode = false;  ///< that of a new file: nothing of the source's
  bool keep_mode = false, keep_owner = false, keep_times = false, xattrs = false,
       hard_links = false;
  FollowLinks follow = FollowLinks::Named;
  std::stop_token stop = {};
  std::optional<Owner> owner;
  std::optional<ModeChange> mode;

  /// What a new file's mode is before a umask.
  std::uint16_t new_mode(const Entry& source) const {
    if (!plain_mode) return source.permissions;
    return source.type == FileType::Directory ? 0777 : 0666;
  }

  /// For what the user has named, and for what is below it.
  ExtFs::Follow for_named() const {
    return follow == FollowLinks::None ? ExtFs::Follow::AllButLast : ExtFs::Follow::All;
  }
  ExtFs::Follow for_found() const {
    return follow == FollowLinks::All ? ExtFs::Follow::All : ExtFs::Follow::AllButLast;
  }
};

/// Owners by name are those of `fs`; null: of the host, where they are numbers. Throws: Usage,
/// NotFound (a name that the image does not know).
CopyOptions read_copy_options(const Args& args, const Transaction* fs, const Streams& io);

}  // namespace rawimg::cli
