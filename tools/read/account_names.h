// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <rawimg/account_files.h>
#include <rawimg/ext_fs.h>

namespace rawimg::cli {

/// Users and groups as the image's own /etc/passwd and /etc/group name them. The files are read
/// when they are needed first. The filesystem must outlive it.
class AccountNames {
 public:
  explicit AccountNames(const ExtReader& fs) : fs_(&fs) {}

  // For people: where the image has no such file, or none that can be read, there are no names.
  std::optional<std::string> find_user(std::uint32_t uid);
  std::optional<std::string> find_group(std::uint32_t gid);
  std::string user_text(std::uint32_t uid);  ///< the name, else the number
  std::string group_text(std::uint32_t gid);

  // For requests. Throw: NotFound (no such name or file), Unsupported (a file of more than 16 MiB),
  // Corrupt, Io.
  PasswdEntry require_user(std::string_view name);
  std::uint32_t require_group(std::string_view name);

 private:
  const ExtReader* fs_;
  std::optional<PasswdFile> passwd_;
  std::optional<GroupFile> groups_;
};

}  // namespace rawimg::cli
