// SPDX-License-Identifier: MIT
//
// A value comes from the entry's own pax records, else from global ones, else from GNU's long
// headers, else from the header itself. Left out, because no filesystem of ours holds them and
// every tar program leaves them out unless asked: names of owners (numbers count), file flags
// (SCHILY.fflags), inode and device numbers of the original, comments.
#include "archive/tar_metadata.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "archive/acl_text.h"
#include "archive/pax_xattrs.h"
#include "base/text.h"

namespace rawimg {
namespace {

constexpr std::array<std::string_view, 5> kGlobalKeys{"mtime", "atime", "ctime", "uid", "gid"};
/// What changes an entry but would be nonsense, or is not done here, for all of them.
constexpr std::array<std::string_view, 4> kNeverGlobal{"path", "linkpath", "size",
                                                       "LIBARCHIVE.creationtime"};
constexpr std::array<std::string_view, 11> kNeverGlobalPrefixes{
    "GNU.sparse.", "GNU.volume.filename", "GNU.volume.offset", "GNU.volume.size",   "SCHILY.xattr.",
    "SCHILY.acl.", "SCHILY.realsize",     "SCHILY.devm",       "LIBARCHIVE.xattr.", "RHT.security.",
    "SUN."};

/// Ends at the first NUL, behind which only NULs may follow. Throws: BadInput.
std::string without_final_nuls(const std::string& text, std::string_view what) {
  const std::size_t end = std::min(text.find('\0'), text.size());
  if (text.find_first_not_of('\0', end) != std::string::npos)
    throw Error(Errc::BadInput, fmt::format("{} {} holds a NUL byte", what, quote(text)));
  return text.substr(0, end);
}

std::string without_nul(std::string_view text, std::string_view what) {
  if (text.find('\0') != std::string_view::npos)
    throw Error(Errc::BadInput, fmt::format("{} {} holds a NUL byte", what, quote(text)));
  return std::string(text);
}

std::optional<std::string_view> own_value(const TarMember& member, std::string_view key) {
  const std::string* own = member.pax.find(key);
  return own != nullptr && !own->empty() ? std::optional<std::string_view>(*own) : std::nullopt;
}

std::string link_target_of(const TarMember& member) {
  std::string target;
  if (const auto value = own_value(member, "linkpath"))
    target = without_nul(*value, "the link target");
  else if (member.long_link)
    target = without_final_nuls(*member.long_link, "the link target");
  else
    target = std::string(member.header.text(tar_field::kLink));
  if (target.empty()) throw Error(Errc::BadInput, "it is a link without a target");
  return target;
}

std::uint32_t id_of(const TarMember& member, const PaxGlobals& globals, std::string_view key,
                    const TarField& field) {
  const auto text = pax_value(member, globals, key);
  const std::int64_t number =
      text ? static_cast<std::int64_t>(parse_pax_number(*text, key)) : member.header.number(field);
  if (number < 0 || number > UINT32_MAX)
    throw Error(Errc::Unsupported,
                fmt::format("its {} is {}, outside of 0 to {}", key, number, UINT32_MAX));
  return static_cast<std::uint32_t>(number);
}

std::optional<Timestamp> pax_time(const TarMember& member, const PaxGlobals& globals,
                                  std::string_view key) {
  const auto text = pax_value(member, globals, key);
  return text ? std::optional(parse_pax_time(*text, key)) : std::nullopt;
}

/// GNU and star have room for these two in the header; there, 0 means that the room is not used.
std::optional<Timestamp> header_time(const TarHeader& header, const TarField& gnu,
                                     const TarField& star) {
  const TarDialect dialect = header.dialect();
  if (dialect != TarDialect::Gnu && dialect != TarDialect::Star) return std::nullopt;
  const std::int64_t seconds = header.number(dialect == TarDialect::Gnu ? gnu : star);
  return seconds != 0 ? std::optional(Timestamp{seconds, 0}) : std::nullopt;
}

void read_times(const TarMember& member, const PaxGlobals& globals, Entry& entry) {
  entry.mtime = pax_time(member, globals, "mtime").value_or(Timestamp{});
  if (!pax_value(member, globals, "mtime"))
    entry.mtime.seconds = member.header.number(tar_field::kMtime);
  entry.atime = pax_time(member, globals, "atime");
  if (!entry.atime)
    entry.atime = header_time(member.header, tar_field::kGnuAtime, tar_field::kStarAtime);
  entry.ctime = pax_time(member, globals, "ctime");
  if (!entry.ctime)
    entry.ctime = header_time(member.header, tar_field::kGnuCtime, tar_field::kStarCtime);
  if (const auto text = own_value(member, "LIBARCHIVE.creationtime"))
    entry.birthtime = parse_pax_time(*text, "LIBARCHIVE.creationtime");
}

std::uint32_t device_number(const TarMember& member, std::string_view star_key,
                            std::string_view solaris_key, const TarField& field) {
  for (const std::string_view key : {star_key, solaris_key}) {
    const auto text = own_value(member, key);
    if (!text) continue;
    const std::uint64_t number = parse_pax_number(*text, key);
    if (number > UINT32_MAX)
      throw Error(Errc::Unsupported,
                  fmt::format("its {} number is {}, more than 32 bits", field.name, number));
    return static_cast<std::uint32_t>(number);
  }
  if (member.header.dialect() == TarDialect::V7)
    throw Error(Errc::Unsupported, "it is a device in a tar dialect that has no device numbers");
  const std::int64_t number = member.header.number(field);
  if (number < 0 || number > UINT32_MAX)
    throw Error(Errc::Unsupported, fmt::format("its {} number is {}, outside of 0 to {}",
                                               field.name, number, UINT32_MAX));
  return static_cast<std::uint32_t>(number);
}

void set_xattr(std::vector<Xattr>& xattrs, std::string name, std::string value) {
  const auto at = std::ranges::lower_bound(xattrs, name, {}, &Xattr::name);
  if (at != xattrs.end() && at->name == name) return;  // the raw form, read before, is exact
  xattrs.insert(at, {std::move(name), std::move(value)});
}

void read_acls(const TarMember& member, Entry& entry) {
  if (own_value(member, "SCHILY.acl.ace") || member.has_solaris_acl)
    throw Error(Errc::Unsupported, "it has an NFSv4 or Solaris ACL, which ext cannot hold");
  if (const auto text = own_value(member, "SCHILY.acl.access")) {
    if (auto acl = parse_acl_text(*text)) {
      // chmod(2) and an ACL are two views of the same bits; tar programs set the ACL last.
      entry.permissions = static_cast<std::uint16_t>((entry.permissions & ~0777) | acl->mode_bits);
      if (!acl->is_minimal)
        set_xattr(entry.xattrs, "system.posix_acl_access", std::move(acl->value));
    }
  }
  if (const auto text = own_value(member, "SCHILY.acl.default"))
    if (auto acl = parse_acl_text(*text))
      set_xattr(entry.xattrs, "system.posix_acl_default", std::move(acl->value));
}

}  // namespace

void PaxGlobals::add(std::string_view body) {
  PaxRecords records;
  records.add(body);
  for (const auto& [key, value] : records.all()) {
    const bool refused = std::ranges::count(kNeverGlobal, key) != 0 ||
                         std::ranges::any_of(kNeverGlobalPrefixes, [&](std::string_view prefix) {
                           return key.starts_with(prefix);
                         });
    if (refused)
      throw Error(Errc::BadInput,
                  fmt::format("a global pax header sets {} for every entry", quote(key)));
    if (std::ranges::count(kGlobalKeys, key) == 0) continue;
    if (value.empty())
      values_.erase(key);
    else
      values_[key] = value;
  }
}

const std::string* PaxGlobals::find(std::string_view key) const {
  const auto at = values_.find(key);
  return at == values_.end() ? nullptr : &at->second;
}

std::optional<std::string_view> pax_value(const TarMember& member, const PaxGlobals& globals,
                                          std::string_view key) {
  if (member.pax.find(key) != nullptr) return own_value(member, key);
  const std::string* global = globals.find(key);
  return global != nullptr ? std::optional<std::string_view>(*global) : std::nullopt;
}

std::string path_of(const TarMember& member) {
  std::string path;
  if (const auto sparse = own_value(member, "GNU.sparse.name"))
    path = without_nul(*sparse, "the name");
  else if (const auto value = own_value(member, "path"))
    path = without_nul(*value, "the name");
  else if (member.long_name)
    path = without_final_nuls(*member.long_name, "the name");
  else
    path = member.header.path();
  if (path.empty()) throw Error(Errc::BadInput, "an entry has an empty name");
  return path;
}

std::uint64_t stored_size_of(const TarMember& member) {
  if (const auto text = own_value(member, "size")) return parse_pax_number(*text, "size");
  const std::int64_t size = member.header.number(tar_field::kSize);
  if (size < 0) throw Error(Errc::BadInput, fmt::format("its size is {}", size));
  return static_cast<std::uint64_t>(size);
}

void read_metadata(const TarMember& member, const PaxGlobals& globals, Entry& entry) {
  if (entry.is_hard_link || entry.type == FileType::Symlink)
    entry.link_target = link_target_of(member);
  if (entry.is_hard_link) return;
  entry.permissions = static_cast<std::uint16_t>(member.header.number(tar_field::kMode) & 07777);
  entry.uid = id_of(member, globals, "uid", tar_field::kUid);
  entry.gid = id_of(member, globals, "gid", tar_field::kGid);
  read_times(member, globals, entry);
  if (entry.type == FileType::CharDevice || entry.type == FileType::BlockDevice) {
    entry.device_major =
        device_number(member, "SCHILY.devmajor", "SUN.devmajor", tar_field::kMajor);
    entry.device_minor =
        device_number(member, "SCHILY.devminor", "SUN.devminor", tar_field::kMinor);
  }
  entry.xattrs = read_pax_xattrs(member.pax);
  read_acls(member, entry);
}

}  // namespace rawimg
