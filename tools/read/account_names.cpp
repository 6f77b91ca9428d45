// SPDX-License-Identifier: MIT
#include "read/account_names.h"

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg::cli {
namespace {

constexpr std::uint64_t kMostBytes = 16u << 20;
constexpr const char *kPasswd = "/etc/passwd", *kGroup = "/etc/group";

std::string read_text(const ExtReader& fs, const char* path) {
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

/// Reads the file once; for people, what cannot be read is empty.
template <class File>
File& load(const ExtReader& fs, const char* path, std::optional<File>& file) {
  if (file) return *file;
  try {
    file = File::parse(read_text(fs, path));
  } catch (const Error&) {
    file = File::parse("");
  }
  return *file;
}

template <class File>
File& require(const ExtReader& fs, const char* path, std::optional<File>& file,
              std::string_view name) {
  try {
    file = File::parse(read_text(fs, path));
  } catch (const Error& error) {
    if (error.code() != Errc::NotFound) throw;
    throw Error(Errc::NotFound,
                fmt::format("the image has no {} to look {} up in", path, quote(name)))
        .with_hint("numbers work without it");
  }
  return *file;
}

Error unknown(const char* path, const char* what, std::string_view name) {
  return Error(Errc::NotFound, fmt::format("the image's {} has no {} {}", path, what, quote(name)))
      .with_hint("numbers work without it");
}

}  // namespace

std::optional<std::string> AccountNames::find_user(std::uint32_t uid) {
  return load(*fs_, kPasswd, passwd_).find_user(uid);
}

std::optional<std::string> AccountNames::find_group(std::uint32_t gid) {
  return load(*fs_, kGroup, groups_).find_group(gid);
}

std::string AccountNames::user_text(std::uint32_t uid) {
  return find_user(uid).value_or(std::to_string(uid));
}

std::string AccountNames::group_text(std::uint32_t gid) {
  return find_group(gid).value_or(std::to_string(gid));
}

PasswdEntry AccountNames::require_user(std::string_view name) {
  const auto user = require(*fs_, kPasswd, passwd_, name).find(name);
  if (!user) throw unknown(kPasswd, "user", name);
  return *user;
}

std::uint32_t AccountNames::require_group(std::string_view name) {
  const auto gid = require(*fs_, kGroup, groups_, name).find_gid(name);
  if (!gid) throw unknown(kGroup, "group", name);
  return *gid;
}

}  // namespace rawimg::cli
