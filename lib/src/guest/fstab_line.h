// SPDX-License-Identifier: MIT
// One line of fstab: taken apart, decoded, and laid out anew within the columns of another line.
//
//   PARTUUID=0badcafe-01	/	ext4	noatime	0 1 # comment
//   device            mount point  type  options  dump pass   tail
//
// Sources: fstab(5); libmount/src/tab_parse.c of util-linux (which fields may be missing, what it
// ignores); getmntent(3) (octal escapes).
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <rawimg/fstab.h>

namespace rawimg {

constexpr std::size_t kFstabFields = 6;
using FstabFields = std::array<std::string, kFstabFields>;

/// Where the fields of a line lie. Views into the line.
struct FstabLine {
  std::string_view body;                              ///< the whole line, number sign included
  std::array<std::string_view, kFstabFields> fields;  ///< encoded; views into `body`
  std::size_t count = 0;                              ///< 3 to 6
  bool active = true;

  std::size_t begin_of(std::size_t field) const {
    return static_cast<std::size_t>(fields[field].data() - body.data());
  }
  std::size_t end_of(std::size_t field) const { return begin_of(field) + fields[field].size(); }
};

/// An active or commented-out entry, else nothing.
std::optional<FstabLine> parse_fstab_line(std::string_view body);
/// Its values; `line` is left 0.
FstabEntry decode_entry(const FstabLine& line);
/// The six values as text, not encoded.
FstabFields fields_of(const FstabEntry& entry);

/// Whether a mount point can be one: absolute, or "none" or "swap".
bool is_mount_point(std::string_view text);
/// Without repeated slashes and without one at the end, so that two spellings of a directory
/// compare equal.
std::string normal_mount_point(std::string_view text);

std::string decode_field(std::string_view text);
/// Blanks, control bytes, backslashes, and a number sign at the start become octal escapes.
std::string encode_field(std::string_view text);

/// `line` with other values in its columns. Values that are the same keep their spelling, columns
/// that are missing stay missing while their values are the default, and what lies behind the
/// fields stays.
std::string replace_fields(const FstabLine& line, const FstabFields& values);
/// A new line of six fields, in the columns of `pattern` if there is one.
std::string lay_out_fields(const std::optional<FstabLine>& pattern, const FstabFields& values);

}  // namespace rawimg
