// SPDX-License-Identifier: MIT
// The name of the guest: /etc/hostname (Debian, systemd) and /etc/conf.d/hostname (Gentoo with
// OpenRC). Which of the two a guest reads, and reading and writing them, is for the caller. A line
// of /etc/hosts for the name (Debian's 127.0.1.1) is left alone: it holds aliases and a domain that
// are not ours to guess.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)

namespace rawimg {

/// Checks that `name` is labels of RFC 1123 between dots (1 to 63 letters, digits and hyphens, no
/// hyphen first or last), at most 64 bytes in all, which is Linux's limit. Throws: Usage (says what
/// is wrong, and where).
void require_hostname(std::string_view name);

/// The text of /etc/hostname with this name in the line that counts (the first that is neither
/// empty nor a comment); the blanks around it and all other lines stay as they are. Without one, a
/// line is appended. The same name twice changes nothing. Throws: Usage, as require_hostname.
std::string set_hostname_file(std::string_view text, std::string_view name);
/// The first line of /etc/hostname that is neither empty nor a comment, without blanks around it.
/// Absent: there is none. Does not check: whether it is a valid name.
std::optional<std::string> read_hostname_file(std::string_view text);

/// The text of /etc/conf.d/hostname with this name in the assignment to `hostname` that counts (the
/// last one); what follows the value and all other lines stay as they are. Without an assignment,
/// `hostname="NAME"` is appended. The same name twice changes nothing.
/// Throws: Usage, as require_hostname; Unsupported when the value there is more than a quoted or
/// plain word (`$(...)`, a quote that stays open): says which line.
std::string set_openrc_hostname(std::string_view text, std::string_view name);
/// What OpenRC would read: the value of `hostname`, else of `HOSTNAME`. Absent: neither is
/// assigned, or the value is not a quoted or plain word.
std::optional<std::string> read_openrc_hostname(std::string_view text);

}  // namespace rawimg

#pragma GCC visibility pop
