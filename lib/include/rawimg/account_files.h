// SPDX-License-Identifier: MIT
// /etc/passwd, /etc/group and /etc/shadow as text: numbers of names, and what passwd -l, passwd -u
// and chpasswd -e do to a hash. Well-formed lines have 7, 4 and 9 fields and no zero byte; others
// are passed over in look-ups and kept by edits. Hashing a password, and reading and writing the
// files, are for the caller. Objects are not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)

namespace rawimg {

struct PasswdEntry {
  std::size_t line = 0;  ///< from 1
  std::string password;  ///< "x": the hash is in the shadow file
  std::uint32_t uid = 0, gid = 0;
  std::string home, shell;
};

class PasswdFile {
 public:
  /// Takes any bytes. The first of several lines of a name counts; numbers are decimal and at most
  /// 4294967294 (one more is chown's "as it is").
  static PasswdFile parse(std::string_view text);
  std::optional<PasswdEntry> find(std::string_view user) const;
  /// Of several users of one number the first line's, as getpwuid(3) has it.
  std::optional<std::string> find_user(std::uint32_t uid) const;

 private:
  std::map<std::string, PasswdEntry, std::less<>> users_;
  std::map<std::uint32_t, std::string> names_;
};

class GroupFile {
 public:
  /// Takes any bytes; rules as for PasswdFile.
  static GroupFile parse(std::string_view text);
  std::optional<std::uint32_t> find_gid(std::string_view group) const;
  /// Of several groups of one number the first line's.
  std::optional<std::string> find_group(std::uint32_t gid) const;

 private:
  std::map<std::string, std::uint32_t, std::less<>> gids_;
  std::map<std::uint32_t, std::string> names_;
};

struct ShadowEntry {
  std::size_t line = 0;  ///< from 1
  std::string hash;      ///< as it stands there, `!` included
  bool locked = false;   ///< the hash starts with `!`
  std::optional<std::uint32_t> last_change_day;
};

/// The passwd file tells whether a user exists, and whether the shadow file is where the password
/// is: where passwd's field is not "x", a change here would have no effect, and is refused. The
/// edits say whether the text changed.
class ShadowFile {
 public:
  /// Takes any bytes; nothing is refused.
  static ShadowFile parse(std::string text);
  const std::string& to_text() const { return text_; }

  /// The first well-formed line of that user.
  std::optional<ShadowEntry> find(std::string_view user) const;

  /// Puts a `!` in front of the hash, unless there is one, as passwd -l does; keys and other ways
  /// to log in stay open. Guarantee: strong. Throws: NotFound (not in passwd, or no line here: such
  /// a user has no password to lock), Unsupported (passwd's field is not "x"), Corrupt (several
  /// lines, or one that is not of 9 fields; shadow-utils refuses, too).
  bool lock(const PasswdFile& passwd, std::string_view user);

  /// Takes one `!` off, as passwd -u does; a hash without one stays. Guarantee: strong. Throws:
  /// like lock, and Unsupported where an empty password would be left.
  bool unlock(const PasswdFile& passwd, std::string_view user);

  /// Sets the hash, and the day of the last change (days since 1970-01-01; 0: has to be changed at
  /// the next login) if one is given, as chpasswd -e does. A user of the passwd file without a line
  /// here gets one at the end, with the ages of a stock login.defs (0, 99999, 7).
  /// Guarantee: strong. Throws: like lock, save for the missing line; Usage (the hash is neither as
  /// crypt(5) has them, nor "*" or "!", which no password matches; the message does not show it).
  bool set_hash(const PasswdFile& passwd, std::string_view user, std::string_view hash,
                std::optional<std::uint32_t> last_change_day = std::nullopt);

  /// The text for logs and people: "<hidden>" in place of a hash, and "<new hash>" where the same
  /// line of `before` has another one; what no password matches (`*`, `!`), and an empty field,
  /// stays.
  std::string hidden_text(const ShadowFile& before) const;

 private:
  explicit ShadowFile(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

}  // namespace rawimg

#pragma GCC visibility pop
