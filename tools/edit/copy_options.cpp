// SPDX-License-Identifier: MIT
#include "edit/copy_options.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "edit/edit.h"

namespace rawimg::cli {
namespace {

enum class Keep { Yes, No };

void set_kept(CopyOptions& options, std::string_view what, Keep keep) {
  const bool all = what == "all", three = what.empty();
  if (!all && !three && what != "mode" && what != "ownership" && what != "timestamps" &&
      what != "links" && what != "xattr")
    throw Error(Errc::Usage, fmt::format("--{}preserve knows mode, ownership, timestamps, links, "
                                         "xattr and all, but not {}",
                                         keep == Keep::Yes ? "" : "no-", quote(what)));
  const auto set = [&](bool& kept, bool is_meant) {
    if (is_meant) kept = keep == Keep::Yes;
  };
  const bool is_mode = all || three || what == "mode";
  set(options.keep_mode, is_mode);
  if (is_mode) options.plain_mode = keep == Keep::No;
  set(options.keep_owner, all || three || what == "ownership");
  set(options.keep_times, all || three || what == "timestamps");
  set(options.hard_links, all || what == "links");
  set(options.xattrs, all || what == "xattr");
}

void set_each(CopyOptions& options, std::string_view list, Keep keep) {
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    set_kept(options, list.substr(at, comma - at), keep);
    at = comma + 1;
  }
}

FollowLinks read_follow(const Args& args, bool recursive) {
  const std::string_view last =
      last_of(args, {"dereference", "no-dereference", "links", "H", "archive"});
  if (last == "dereference") return FollowLinks::All;
  if (last == "H") return FollowLinks::Named;
  // as cp does: with -r symlinks are themselves, and a single one is what it leads to
  return last.empty() && !recursive ? FollowLinks::Named : FollowLinks::None;
}

}  // namespace

CopyOptions read_copy_options(const Args& args, const Transaction* fs, const Streams& io) {
  CopyOptions options;
  const bool archive = args.has("archive");
  options.recursive = archive || args.has("recursive") || args.has("R");
  if (archive) set_kept(options, "all", Keep::Yes);
  if (args.has("links")) set_kept(options, "links", Keep::Yes);
  for (const auto& [name, value] : args.options()) {
    if (name == "preserve") set_each(options, value, Keep::Yes);
    if (name == "no-preserve") set_each(options, value, Keep::No);
  }
  if (const auto when = args.value("sparse"); when && *when != "auto" && *when != "always")
    throw Error(Errc::Usage, fmt::format("--sparse={}: it can be auto or always", escape(*when)));
  options.follow = read_follow(args, options.recursive);
  options.no_clobber = args.has("no-clobber");
  options.update = args.has("update");
  options.force = args.has("force");
  options.remove_destination = args.has("remove-destination");
  options.one_file_system = args.has("one-file-system");
  options.devices = args.has("devices");
  options.stop = io.stop;
  options.dry_run = args.has("dry-run");
  if (const auto owner = args.value("owner")) {
    const bool numeric = owner->find_first_not_of("0123456789:") == std::string::npos;
    if (fs == nullptr && !numeric)
      throw Error(Errc::Usage, fmt::format("owner {}: on the host it is numbers", quote(*owner)));
    options.owner = fs != nullptr ? parse_owner(*fs, *owner) : parse_numeric_owner(*owner);
  }
  if (const auto mode = args.value("chmod")) options.mode = ModeChange(*mode);
  return options;
}

}  // namespace rawimg::cli
