// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rawimg {

enum class FileType : std::uint8_t;

/// `bytes` for people: printable UTF-8 as it is, everything else (control characters, DEL, C1,
/// bytes that are not UTF-8, backslash, the quote) as \n, \t, \\, \' or \xHH.
std::string escape(std::string_view bytes);
/// The same in single quotes, for messages.
std::string quote(std::string_view bytes);
/// One word of a command line that a user may paste into a shell: as it is, in single quotes, or as
/// $'...', which bash, zsh, ksh and busybox know. One that begins with a dash gets ./ in front.
std::string shell_word(std::string_view word);
/// A command line in a sentence: in single quotes, in backticks where it has quotes itself.
std::string quote_command(std::string_view line);
/// Whether `bytes` is well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF).
bool is_utf8(std::string_view bytes);
/// UTF-16 as UTF-8; a surrogate without its other half becomes U+FFFD.
std::string utf16_to_utf8(std::u16string_view units);
/// ASCII letters only, whatever the locale.
std::string to_lower(std::string_view text);
/// "4.0 GiB", "512 bytes": for messages, beside the exact figure where it matters.
std::string human_size(std::uint64_t bytes);
/// "file", "directory", "FIFO", ...; all go with "a".
std::string_view noun(FileType type);

}  // namespace rawimg
