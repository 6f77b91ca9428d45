// SPDX-License-Identifier: MIT
#include "edit/owner_names.h"

#include <charconv>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg::cli {
namespace {

constexpr std::uint64_t kMostBytes = 16u << 20;

std::string read_text(const Transaction& fs, const char* path) {
  const std::uint32_t inode = fs.resolve(path);
  if (fs.inode(inode).size_bytes > kMostBytes)
    throw Error(Errc::Unsupported,
                fmt::format("{} of the image has more than {} bytes", path, kMostBytes));
  std::string text;
  fs.read_file(inode, [&](std::span<const std::byte> bytes) {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  return text;
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The line of a name in /etc/passwd or /etc/group, split at its colons.
std::optional<std::vector<std::string>> find_line(const std::string& text, std::string_view name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(std::string(name) + ":")) continue;
    std::vector<std::string> fields;
    std::istringstream parts(line);
    for (std::string field; std::getline(parts, field, ':');) fields.push_back(field);
    return fields;
  }
  return std::nullopt;
}

std::vector<std::string> require_line(const Transaction& fs, const char* path,
                                      std::string_view name, const char* what) {
  auto fields = find_line(read_text(fs, path), name);
  if (!fields)
    throw Error(Errc::NotFound, fmt::format("the image's {} has no {} {}", path, what, quote(name)))
        .with_hint("numbers work without it");
  return *fields;
}

std::uint32_t require_id(const std::vector<std::string>& fields, std::size_t index,
                         const char* path, std::string_view name) {
  const auto id = fields.size() > index ? number(fields[index]) : std::nullopt;
  if (!id)
    throw Error(Errc::Corrupt,
                fmt::format("the image's {} has no number for {}", path, quote(name)));
  return *id;
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

Owner parse_owner(const Transaction& fs, std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view user = text.substr(0, colon), group = colon == std::string_view::npos
                                                                   ? std::string_view{}
                                                                   : text.substr(colon + 1);
  if (text.empty() || text == ":" || group.find(':') != std::string_view::npos)
    throw Error(Errc::Usage,
                fmt::format("owner {}: it is USER, USER:GROUP or :GROUP", quote(text)));
  Owner owner;
  if (!user.empty()) {
    owner.uid = number(user);
    if (!owner.uid || (colon != std::string_view::npos && group.empty())) {
      const auto fields = require_line(fs, "/etc/passwd", user, "user");
      owner.uid = require_id(fields, 2, "/etc/passwd", user);
      if (colon != std::string_view::npos && group.empty())
        owner.gid = require_id(fields, 3, "/etc/passwd", user);
    }
  }
  if (!group.empty()) {
    owner.gid = number(group);
    if (!owner.gid)
      owner.gid =
          require_id(require_line(fs, "/etc/group", group, "group"), 2, "/etc/group", group);
  }
  return owner;
}

}  // namespace rawimg::cli
