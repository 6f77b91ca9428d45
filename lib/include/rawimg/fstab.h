// SPDX-License-Identifier: MIT
// /etc/fstab as text: what an edit does not touch stays as it is, byte by byte: comments, tabs,
// order, CRLF, a missing final newline, lines that are no entries. Which device a partition has,
// and reading and writing the file, is for the caller. An entry is what libmount takes for one:
// three to six fields between blanks, dump and pass numbers; more is kept and ignored. Objects are
// not thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/edit_count.h>

#pragma GCC visibility push(default)

namespace rawimg {

/// A line that is an entry, or would be one without its number sign. Fields are decoded (`\040` is
/// a space).
struct FstabEntry {
  std::size_t line = 0;  ///< from 1
  bool active = true;    ///< false: commented out
  std::string device, mount_point, type;
  std::string options = "defaults";  ///< also where the column is missing
  unsigned dump = 0, pass = 0;       ///< also where the columns are missing

  bool operator==(const FstabEntry&) const = default;
};

/// An entry as asked for: plain bytes, no escapes. What is absent stays as the replaced line has it
/// if that line's type is the same; else it is "defaults", 0, and 0 (1 for `/`, as in every stock
/// fstab; 0 keeps fsck away).
struct FstabRequest {
  std::string mount_point;  ///< absolute, or "none" or "swap"
  std::string device;       ///< "/dev/vda1", "PARTUUID=...", "LABEL=...", "tmpfs"
  std::string type;
  std::optional<std::string> options = std::nullopt;
  std::optional<unsigned> dump = std::nullopt, pass = std::nullopt;
};

class Fstab {
 public:
  /// Takes any bytes; nothing is refused.
  static Fstab parse(std::string text);
  const std::string& to_text() const { return text_; }

  /// Active and commented-out entries, in the order of the file. A comment counts as one if its
  /// mount point is one that set would take, and it has at least four fields, or three and a device
  /// that is a path or a tag (`LABEL=...`).
  std::vector<FstabEntry> entries() const;

  /// Makes the request an active entry of its mount point (of its device, where there is no mount
  /// point: swap). One active line of the same place is replaced within its columns: the first that
  /// has the device, else the first. The others stay, because a guest mounts them on one another
  /// (same_place tells of them). Without one, a line is appended, in the columns of the last entry
  /// or commented-out entry. Returns whether the text changed: the second time it does not.
  /// Guarantee: strong. Throws: Usage (a field is empty or holds a zero byte; the mount point is
  /// neither absolute nor "none" nor "swap", is below /dev although there is a device to mount, or
  /// is absolute for swap: says when it and the device seem to be swapped). Does not check: whether
  /// device, type or options exist.
  bool set(const FstabRequest& request);

  /// The active entries that set would choose from. Throws: Usage, as set.
  std::vector<FstabEntry> same_place(const FstabRequest& request) const;

  /// Appends the request as set would where no active entry has its mount point (its device, where
  /// there is no mount point). Returns whether the text changed: not where an entry is already what
  /// set would make of it. Guarantee: strong. Throws: as set, and Exists (another entry is there:
  /// shows it).
  bool add(const FstabRequest& request);

  /// Removes the active entries whose mount point or device is `pattern`, or matches it as a glob
  /// (`*` any bytes, also `/`; `?`; `[a-z]`). Guarantee: strong. Throws: Usage (empty pattern).
  EditCount rm(std::string_view pattern);

  /// Puts a number sign in front of the active entries that rm would remove; entries that are
  /// commented out already count as matched. Guarantee: strong. Throws: Usage (empty pattern).
  EditCount comment(std::string_view pattern);

 private:
  explicit Fstab(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

}  // namespace rawimg

#pragma GCC visibility pop
