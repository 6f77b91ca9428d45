// SPDX-License-Identifier: MIT
//
// The value (Linux include/uapi/linux/posix_acl_xattr.h), little-endian: u32 version 2, then {u16
// tag, u16 permissions, u32 id}: owner, users by id, group, groups by id, mask, other. id is 2^32 -
// 1 where it means nothing. Sorting by tag and id gives that order.
#include "archive/acl_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg {
namespace {

constexpr std::uint32_t kVersion = 2;
constexpr std::uint32_t kNoId = UINT32_MAX;
constexpr std::string_view kBlanks = " \t\r";

enum Tag : std::uint16_t {
  kUserObj = 1,
  kUser = 2,
  kGroupObj = 4,
  kGroup = 8,
  kMask = 16,
  kOther = 32
};

struct AclEntry {
  std::uint16_t tag = 0;
  std::uint32_t id = kNoId;
  std::uint16_t permissions = 0;
  auto operator<=>(const AclEntry&) const = default;
};

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(trim(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

[[noreturn]] void malformed(std::string_view entry, std::string_view why) {
  throw Error(Errc::BadInput, fmt::format("its ACL entry {} {}", quote(entry), why));
}

std::uint16_t parse_permissions(std::string_view text, std::string_view entry) {
  std::uint16_t bits = 0;
  for (const char c : text) {
    if (c == 'r')
      bits |= 4;
    else if (c == 'w')
      bits |= 2;
    else if (c == 'x')
      bits |= 1;
    else if (c != '-')
      malformed(entry, fmt::format("has permissions {}, not rwx-", quote(text)));
  }
  if (text.empty() || text.size() > 3)
    malformed(entry, "has no permissions of up to three letters");
  return bits;
}

std::optional<std::uint32_t> parse_id(std::string_view text, std::string_view entry) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  std::uint32_t id = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), id).ec != std::errc{} || id == kNoId)
    malformed(entry, "has an id that does not fit 32 bits");
  return id;
}

std::optional<std::uint16_t> tag_of(std::string_view word, bool named) {
  if (word == "user" || word == "u") return named ? kUser : kUserObj;
  if (word == "group" || word == "g") return named ? kGroup : kGroupObj;
  if (word == "mask" || word == "m") return kMask;
  if (word == "other" || word == "o") return kOther;
  return std::nullopt;
}

AclEntry parse_entry(std::string_view text) {
  std::vector<std::string_view> fields = split(text, ':');
  if (fields[0] == "default" || fields[0] == "d") fields.erase(fields.begin());
  // Solaris leaves the empty qualifier of mask and other out
  if (fields.size() == 2) fields.insert(fields.begin() + 1, std::string_view{});
  if (fields.size() < 3 || fields.size() > 4)
    malformed(text, "is not of the form kind:who:permissions");
  const bool named = !fields[1].empty() || (fields.size() == 4 && !fields[3].empty());
  const std::optional<std::uint16_t> tag = tag_of(fields[0], named);
  if (!tag) malformed(text, "is not of a kind that Linux knows");
  AclEntry entry{*tag, kNoId, parse_permissions(fields[2], text)};
  if (*tag != kUser && *tag != kGroup) {
    if (named) malformed(text, "names someone where nobody can be named");
    return entry;
  }
  std::optional<std::uint32_t> id;
  if (fields.size() == 4) id = parse_id(fields[3], text);
  if (!id) id = parse_id(fields[1], text);
  if (!id)
    throw Error(Errc::Unsupported, fmt::format("its ACL names {} {} without a numeric id",
                                               *tag == kUser ? "user" : "group", quote(fields[1])));
  entry.id = *id;
  return entry;
}

/// What the kernel's posix_acl_valid() demands.
void require_valid(const std::vector<AclEntry>& entries) {
  const auto count = [&](std::uint16_t tag) {
    return std::ranges::count(entries, tag, &AclEntry::tag);
  };
  for (const auto& [tag, name] : std::array<std::pair<std::uint16_t, std::string_view>, 3>{
           {{kUserObj, "user::"}, {kGroupObj, "group::"}, {kOther, "other::"}}})
    if (count(tag) != 1)
      throw Error(Errc::BadInput,
                  fmt::format("its ACL has {} entries '{}' instead of one", count(tag), name));
  const bool needs_mask = count(kUser) + count(kGroup) != 0;
  if (count(kMask) > 1 || (needs_mask && count(kMask) == 0))
    throw Error(Errc::BadInput,
                fmt::format("its ACL has {} entries 'mask::' instead of one", count(kMask)));
  const auto twice = std::ranges::adjacent_find(
      entries, [](const AclEntry& a, const AclEntry& b) { return a.tag == b.tag && a.id == b.id; });
  if (twice != entries.end())
    throw Error(Errc::BadInput, fmt::format("its ACL names {} {} twice",
                                            twice->tag == kUser ? "user" : "group", twice->id));
}

void append_le(std::string& to, std::uint32_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) to += static_cast<char>(value >> (8 * i) & 0xFF);
}

PosixAcl encode(const std::vector<AclEntry>& entries) {
  PosixAcl acl;
  append_le(acl.value, kVersion, 4);
  std::uint16_t owner = 0, group = 0, other = 0;
  for (const AclEntry& entry : entries) {
    append_le(acl.value, entry.tag, 2);
    append_le(acl.value, entry.permissions, 2);
    append_le(acl.value, entry.id, 4);
    if (entry.tag == kUserObj) owner = entry.permissions;
    // the mask, where there is one, comes later
    if (entry.tag == kGroupObj || entry.tag == kMask) group = entry.permissions;
    if (entry.tag == kOther) other = entry.permissions;
  }
  acl.mode_bits = static_cast<std::uint16_t>(owner << 6 | group << 3 | other);
  acl.is_minimal = entries.size() == 3;
  return acl;
}

}  // namespace

std::optional<PosixAcl> parse_acl_text(std::string_view text) {
  std::vector<AclEntry> entries;
  for (const std::string_view line : split(text, '\n')) {
    for (const std::string_view part : split(line.substr(0, line.find('#')), ','))
      if (!part.empty()) entries.push_back(parse_entry(part));
  }
  if (entries.empty()) return std::nullopt;
  std::ranges::sort(entries);
  require_valid(entries);
  return encode(entries);
}

}  // namespace rawimg
