// SPDX-License-Identifier: MIT
// passwd and group. Sources: passwd(5), group(5); lib/sgetpwent.c of shadow-utils (exactly seven
// fields).
#include "rawimg/account_files.h"

#include <limits>

#include "guest/colon_fields.h"
#include "guest/text_lines.h"

namespace rawimg {
namespace {

constexpr std::size_t kPasswdFields = 7, kGroupFields = 4;

std::optional<std::uint32_t> parse_id(std::string_view text) {
  const auto id = parse_decimal(text);
  if (!id || *id == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return *id;
}

/// "+name" and "-name" are requests to NIS.
bool is_name(std::string_view text) {
  return text.front() != '+' && text.front() != '-' && text.front() != '#';
}

}  // namespace

PasswdFile PasswdFile::parse(std::string_view text) {
  PasswdFile file;
  LineReader reader(text);
  while (const auto line = reader.next()) {
    const auto fields = split_entry<kPasswdFields>(line->body);
    if (!fields || !is_name(fields->front())) continue;
    const auto& [name, password, uid_text, gid_text, comment, home, shell] = *fields;
    const auto uid = parse_id(uid_text), gid = parse_id(gid_text);
    if (!uid || !gid) continue;
    file.names_.try_emplace(*uid, name);
    file.users_.try_emplace(std::string(name),
                            PasswdEntry{line->number, std::string(password), *uid, *gid,
                                        std::string(home), std::string(shell)});
  }
  return file;
}

std::optional<PasswdEntry> PasswdFile::find(std::string_view user) const {
  const auto found = users_.find(user);
  return found == users_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> PasswdFile::find_user(std::uint32_t uid) const {
  const auto found = names_.find(uid);
  return found == names_.end() ? std::nullopt : std::optional(found->second);
}

GroupFile GroupFile::parse(std::string_view text) {
  GroupFile file;
  LineReader reader(text);
  while (const auto line = reader.next()) {
    const auto fields = split_entry<kGroupFields>(line->body);
    const auto gid = fields && is_name(fields->front()) ? parse_id((*fields)[2]) : std::nullopt;
    if (!gid) continue;
    file.names_.try_emplace(*gid, fields->front());
    file.gids_.try_emplace(std::string(fields->front()), *gid);
  }
  return file;
}

std::optional<std::uint32_t> GroupFile::find_gid(std::string_view group) const {
  const auto found = gids_.find(group);
  return found == gids_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> GroupFile::find_group(std::uint32_t gid) const {
  const auto found = names_.find(gid);
  return found == names_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace rawimg
