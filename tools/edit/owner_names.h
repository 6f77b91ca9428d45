// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <rawimg/ext_fs.h>

namespace rawimg::cli {

struct Owner {
  std::optional<std::uint32_t> uid, gid;
};

/// "0:0", "1000", ":20". Throws: Usage.
Owner parse_numeric_owner(std::string_view text);

/// "alice", "alice:staff", "alice.staff", ":staff", "0:0", "+0:+0", "alice:" (her login group):
/// names as the image's own /etc/passwd and /etc/group have them. Throws: Usage, NotFound (a name
/// that the image does not know).
Owner parse_owner(const ExtReader& fs, std::string_view text);

}  // namespace rawimg::cli
