// SPDX-License-Identifier: MIT
// /etc/inittab as text, of sysvinit and of busybox: lines `id:runlevels:action:process`. What an
// edit does not touch stays as it is, byte by byte. Reading and writing the file is for the caller.
// Objects are not thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/edit_count.h>

#pragma GCC visibility push(default)

namespace rawimg {

/// Which init reads the file. Sysvinit: ids are names of one to four bytes, each active once.
/// Busybox: an id is a terminal or empty, it may come several times, runlevels are ignored.
enum class InittabStyle { Sysvinit, Busybox };

/// A line that has an action which one of the inits knows, or would have without its number sign.
struct InittabEntry {
  std::size_t line = 0;  ///< from 1
  bool active = true;    ///< false: commented out
  std::string id, runlevels, action, process;

  bool operator==(const InittabEntry&) const = default;
};

class Inittab {
 public:
  /// Takes any bytes; nothing is refused.
  static Inittab parse(std::string text);
  const std::string& to_text() const { return text_; }

  /// Busybox if an active line has an empty id or an action that busybox alone knows (askfirst,
  /// shutdown, restart).
  InittabStyle style() const;

  /// Active and commented-out entries, in the order of the file.
  std::vector<InittabEntry> entries() const;

  /// Makes `line` ("g5:3:wait:/sbin/run-script") the one active line of its id: in place of the
  /// first active one, else of the first commented-out one, else at the end; other active lines of
  /// that id are removed. In busybox's style the id and the action together are what is replaced (a
  /// terminal may have several), and a line with an empty id is only added, once. A file without
  /// entries takes the style of `line`. Returns whether the text changed: the second time it does
  /// not. Guarantee: strong. Throws: Usage: not four fields; a control byte; an action that this
  /// init does not know; no process (`initdefault` and `off` need none). Sysvinit's alone: an id of
  /// no or more than 4 bytes, more than 11 runlevels or one that is not 0-9, S or A-C, a process of
  /// more than 127 bytes (sysvinit would skip such a line), a second initdefault. Does not check:
  /// whether the process exists.
  bool set(std::string_view line);

  /// Appends `line` where set would replace no active one; a line that is commented out stays so.
  /// Returns whether the text changed: not where the same line is active already. Guarantee:
  /// strong. Throws: as set, and Exists (another line is there: shows it).
  bool add(std::string_view line);

  /// Removes the active lines whose id is `pattern` or matches it as a glob (`c[1-6]`). Guarantee:
  /// strong. Throws: Usage (empty pattern).
  EditCount rm(std::string_view pattern);

  /// Puts a number sign in front of the active lines that rm would remove; lines that are commented
  /// out already count as matched. Guarantee: strong. Throws: Usage (empty pattern).
  EditCount comment(std::string_view pattern);

 private:
  explicit Inittab(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

}  // namespace rawimg

#pragma GCC visibility pop
