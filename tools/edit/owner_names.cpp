// SPDX-License-Identifier: MIT
#include "edit/owner_names.h"

#include <charconv>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "read/account_names.h"

namespace rawimg::cli {
namespace {

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
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
  const std::size_t colon = text.find(':');
  const std::string_view user = text.substr(0, colon), group = colon == std::string_view::npos
                                                                   ? std::string_view{}
                                                                   : text.substr(colon + 1);
  if (text.empty() || text == ":" || group.find(':') != std::string_view::npos)
    throw Error(Errc::Usage,
                fmt::format("owner {}: it is USER, USER:GROUP or :GROUP", quote(text)));
  AccountNames names(fs);
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
