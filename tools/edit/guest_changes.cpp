// SPDX-License-Identifier: MIT
#include "edit/guest_changes.h"

#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "edit/file_content.h"
#include "edit/guest_file.h"
#include "edit/place.h"

namespace rawimg::cli {
namespace {

using Kind = GuestChange::Kind;

std::string_view word_of(Kind kind) {
  switch (kind) {
    case Kind::Edit:
      return "edit";
    case Kind::File:
      return "file";
    case Kind::Symlink:
      return "symlink";
    case Kind::Directory:
      return "directory";
    case Kind::Aside:
      return "rename";
    case Kind::Remove:
    case Kind::RemoveDirectory:
      break;
  }
  return "remove";
}

Entry meta_of(const Edit& edit, FileType type, std::uint16_t permissions) {
  Entry meta;
  meta.type = type;
  meta.permissions = permissions;
  meta.mtime = edit.now();
  return meta;
}

/// The name, for something new: what has it is no directory and goes. Its inode stays as it is: it
/// may have other names (a hard link to busybox).
Transaction::Place clear_name(Edit& edit, const std::string& path) {
  const Transaction::Place place = edit.place(file_at(path));
  if (edit.fs().find(place.directory, place.name)) edit.fs().unlink(place.directory, place.name);
  return place;
}

void make_file(Edit& edit, const GuestChange& change) {
  const Transaction::Place place = clear_name(edit, change.path);
  const std::uint32_t inode = edit.fs().make(place.directory, place.name,
                                             meta_of(edit, FileType::Regular, change.permissions));
  edit.fs().write_file(inode, change.content.size(), [&](const Transaction::ContentSink& sink) {
    if (!change.content.empty()) sink({0, std::as_bytes(std::span(change.content)), nullptr});
  });
}

void make_symlink(Edit& edit, const GuestChange& change) {
  const Transaction::Place place = clear_name(edit, change.path);
  Entry meta = meta_of(edit, FileType::Symlink, 0777);
  meta.link_target = change.target;
  edit.fs().make(place.directory, place.name, meta);
}

void rename(Edit& edit, const GuestChange& change) {
  const Transaction::Place from = edit.place(file_at(change.path)),
                           to = edit.place(file_at(change.target));
  edit.fs().rename(from.directory, from.name, to.directory, to.name);
}

void remove_if_empty(Edit& edit, const std::string& path) {
  const Transaction::Place place = edit.place(file_at(path));
  const auto inode = edit.fs().find(place.directory, place.name);
  if (inode && edit.is_directory(*inode) && edit.fs().read_directory(*inode).empty())
    edit.fs().remove_directory(place.directory, place.name);
}

void apply(Edit& edit, const GuestChange& change) {
  switch (change.kind) {
    case Kind::Edit:
      return replace_guest_file(edit, change.path, change.content);
    case Kind::File:
      return make_file(edit, change);
    case Kind::Symlink:
      return make_symlink(edit, change);
    case Kind::Directory: {
      const Transaction::Place place = edit.place(file_at(change.path));
      edit.fs().make(place.directory, place.name, meta_of(edit, FileType::Directory, 0755));
      return;
    }
    case Kind::Aside:
      return rename(edit, change);
    case Kind::Remove:
      (void)clear_name(edit, change.path);
      return;
    case Kind::RemoveDirectory:
      return remove_if_empty(edit, change.path);
  }
}

void show(Edit& edit, const GuestChange& change) {
  const bool has_text = change.is_text && (change.kind == Kind::Edit || change.kind == Kind::File);
  if (edit.is_dry_run() && has_text)
    show_difference(edit, change.path, change.before, change.content);
  if (edit.is_dry_run() && !edit.wants_json() && change.kind != Kind::Edit)
    edit.io().out << step_text(change) << '\n';
  else
    edit.say([&] { return step_text(change); });
}

}  // namespace

std::string step_text(const GuestChange& change) {
  switch (change.kind) {
    case Kind::Edit:
      return fmt::format("edit {}", change.path);
    case Kind::File:
      return fmt::format("make {} ({:04o}, {} bytes)", change.path, change.permissions,
                         change.content.size());
    case Kind::Symlink:
      return fmt::format("make {} -> {}", change.path, change.target);
    case Kind::Directory:
      return fmt::format("make {}/", change.path);
    case Kind::Aside:
      return fmt::format("rename {} to {}", change.path, change.target);
    case Kind::Remove:
      return fmt::format("remove {}", change.path);
    case Kind::RemoveDirectory:
      break;
  }
  return fmt::format("remove {}/, if nothing else is in it", change.path);
}

Json to_json(const std::vector<GuestChange>& changes) {
  Json files = Json::array();
  for (const GuestChange& change : changes) {
    Json json{{"change", word_of(change.kind)}, {"path", change.path}};
    if (change.kind == Kind::File) {
      json["permissions"] = fmt::format("{:04o}", change.permissions);
      json["size"] = change.content.size();
    }
    if (!change.target.empty()) put_bytes(json, "target", change.target);
    files.push_back(std::move(json));
  }
  return files;
}

void apply_changes(Edit& edit, const std::vector<GuestChange>& changes) {
  for (const GuestChange& change : changes) {
    show(edit, change);
    try {
      change_names([&] { apply(edit, change); });
    } catch (const Error& error) {
      throw error.path().empty() ? error.in(quote(change.path)).with_path(change.path) : error;
    }
  }
  if (edit.wants_json()) edit.result["files"] = to_json(changes);
}

}  // namespace rawimg::cli
