// SPDX-License-Identifier: MIT
#include "edit/owner_names.h"

#include <charconv>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "read/account_names.h"

namespace rawimg::cli {
namespace {

/// 4294967295 is -1, which means "leave it" to chown(2).
constexpr std::uint32_t kMostId = 4'294'967'294;

/// "5", and "+5" for what shall not be looked up as a name. Throws: Usage (too large, +name).
std::optional<std::uint32_t> number(std::string_view text) {
  const bool forced = text.starts_with('+');
  const std::string_view digits = forced ? text.substr(1) : text;
  const bool is_number =
      !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
  if (!is_number && !forced) return std::nullopt;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (!is_number || error != std::errc{} || value > kMostId)
    throw Error(Errc::Usage,
                fmt::format("owner or group {}: a number is 0 to {}", quote(text), kMostId));
  return value;
}

/// "user.group", as older ones have it, where there is no user of the whole name.
std::size_t find_separator(AccountNames& names, std::string_view text) {
  const std::size_t colon = text.find(':'), dot = text.find('.');
  if (colon != std::string_view::npos || dot == std::string_view::npos) return colon;
  try {
    (void)names.require_user(text);
  } catch (const Error& error) {
    if (error.code() != Errc::NotFound) throw;
    return dot;
  }
  return std::string_view::npos;
}

}  // namespace

Owner parse_numeric_owner(std::string_view text) {
  const std::size_t colon = text.find(':');
  Owner owner{number(text.substr(0, colon)),
              colon == std::string_view::npos ? std::nullopt : number(text.substr(colon + 1))};
  if (!owner.uid && !owner.gid)
    throw Error(Errc::Usage,
                fmt::format("owner {}: it is numbers, UID, UID:GID or :GID", quote(text)));
  return owner;
}

Owner parse_owner(const ExtReader& fs, std::string_view text) {
  AccountNames names(fs);
  const std::size_t colon = find_separator(names, text);
  const std::string_view user = text.substr(0, colon), group = colon == std::string_view::npos
                                                                   ? std::string_view{}
                                                                   : text.substr(colon + 1);
  if (text.empty() || text == ":" || group.find(':') != std::string_view::npos)
    throw Error(Errc::Usage,
                fmt::format("owner {}: it is USER, USER:GROUP or :GROUP", quote(text)));
  Owner owner;
  if (!user.empty()) {
    owner.uid = number(user);
    const bool wants_group = colon != std::string_view::npos && group.empty();
    if (!owner.uid || wants_group) {
      const PasswdEntry entry = names.require_user(user);
      owner.uid = entry.uid;
      if (wants_group) owner.gid = entry.gid;
    }
  }
  if (!group.empty()) {
    owner.gid = number(group);
    if (!owner.gid) owner.gid = names.require_group(group);
  }
  return owner;
}

}  // namespace rawimg::cli
