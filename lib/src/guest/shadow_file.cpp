// SPDX-License-Identifier: MIT
// Sources: shadow(5); src/passwd.c, src/chpasswd.c and lib/commonio.c of shadow-utils.
#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <rawimg/account_files.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "guest/colon_fields.h"
#include "guest/crypt_hash.h"
#include "guest/text_lines.h"

namespace rawimg {
namespace {

constexpr std::size_t kFields = 9;
using Fields = std::array<std::string_view, kFields>;
enum Column : std::size_t { kName, kHash, kLastChange };

/// A line of a user, taken apart.
struct UserLine {
  std::size_t number = 0;
  Fields fields;
};

/// The user's one line. Throws: Corrupt when it is not one, or malformed.
std::optional<UserLine> find_line(std::string_view text, std::string_view user) {
  std::optional<UserLine> found;
  LineReader reader(text);
  while (const auto line = reader.next()) {
    if (line->body.substr(0, line->body.find(':')) != user) continue;
    if (found)
      throw Error(
          Errc::Corrupt,
          fmt::format("lines {} and {} of the shadow file are both of user {}; pwck mends that",
                      found->number, line->number, quote(user)));
    const auto fields = split_entry<kFields>(line->body);
    if (!fields) {
      const auto colons = std::count(line->body.begin(), line->body.end(), ':');
      throw Error(Errc::Corrupt, fmt::format("line {} of the shadow file, of user {}, has {} "
                                             "fields instead of {}, or a zero byte in them",
                                             line->number, quote(user), colons + 1, kFields));
    }
    found = UserLine{line->number, *fields};
  }
  return found;
}

void require_shadowed(const PasswdFile& passwd, std::string_view user) {
  const auto entry = passwd.find(user);
  if (!entry)
    throw Error(Errc::NotFound, fmt::format("there is no user {} in the passwd file", quote(user)));
  if (entry->password != "x")
    throw Error(Errc::Unsupported,
                fmt::format("the password of user {} is in line {} of the passwd file, where 'x' "
                            "would point to the shadow file",
                            quote(user), entry->line));
}

UserLine require_line(const PasswdFile& passwd, std::string_view text, std::string_view user) {
  require_shadowed(passwd, user);
  const auto line = find_line(text, user);
  if (!line)
    throw Error(Errc::NotFound, fmt::format("user {} has no line in the shadow file", quote(user)));
  return *line;
}

/// What was given is not for messages, which end up in logs: it may be a password.
void require_hash(std::string_view hash) {
  if (hash == "*" || hash == "!" || is_crypt_hash(hash)) return;
  constexpr const char* kHint =
      "'openssl passwd -6' makes one; '*' stands for none, and 'lock' keeps the old one";
  if (hash.empty())
    throw Error(Errc::Usage, "the hash of a password is empty: anyone could log in")
        .with_hint(kHint);
  const auto bad = std::find_if(hash.begin(), hash.end(),
                                [](char c) { return c <= ' ' || c >= 0x7F || c == ':'; });
  if (bad == hash.end())
    throw Error(Errc::Usage, "what was given is not the hash of a password, as in crypt(5)")
        .with_hint(kHint);
  throw Error(Errc::Usage, fmt::format("byte {} of the hash of a password is {}; a hash is "
                                       "printable ASCII without blanks and colons",
                                       bad - hash.begin(), quote(std::string_view(&*bad, 1))))
      .with_hint(kHint);
}

/// The second field of a line, also of a broken one; of a line that is no entry all of it.
std::string_view hash_of(std::string_view body) {
  const std::size_t colon = body.find(':');
  if (colon == std::string_view::npos) return body.starts_with('#') ? body.substr(0, 0) : body;
  return body.substr(colon + 1, body.find(':', colon + 1) - colon - 1);
}

/// Without the marks of a lock.
std::string_view unlocked(std::string_view hash) {
  return hash.substr(std::min(hash.find_first_not_of('!'), hash.size()));
}

std::string join(const Fields& fields) { return fmt::format("{}", fmt::join(fields, ":")); }

/// `text` with the line of that number made of other fields.
std::string with_line(std::string_view text, const UserLine& changed) {
  std::string out;
  LineReader reader(text);
  while (const auto line = reader.next()) {
    if (line->number == changed.number)
      replace_line(out, *line, join(changed.fields));
    else
      keep_line(out, *line);
  }
  return out;
}

}  // namespace

ShadowFile ShadowFile::parse(std::string text) { return ShadowFile(std::move(text)); }

std::optional<ShadowEntry> ShadowFile::find(std::string_view user) const {
  LineReader reader(text_);
  while (const auto line = reader.next()) {
    const auto fields = split_entry<kFields>(line->body);
    if (!fields || (*fields)[kName] != user) continue;
    const std::string_view hash = (*fields)[kHash];
    return ShadowEntry{line->number, std::string(hash), !hash.empty() && hash.front() == '!',
                       parse_decimal((*fields)[kLastChange])};
  }
  return std::nullopt;
}

bool ShadowFile::lock(const PasswdFile& passwd, std::string_view user) {
  UserLine line = require_line(passwd, text_, user);
  if (!line.fields[kHash].empty() && line.fields[kHash].front() == '!') return false;
  const std::string locked = "!" + std::string(line.fields[kHash]);
  line.fields[kHash] = locked;
  text_ = with_line(text_, line);
  return true;
}

bool ShadowFile::unlock(const PasswdFile& passwd, std::string_view user) {
  UserLine line = require_line(passwd, text_, user);
  std::string_view& hash = line.fields[kHash];
  if (hash.empty() || hash.front() != '!') return false;
  if (hash.size() == 1)
    throw Error(Errc::Unsupported,
                fmt::format("user {} is locked and has no password: unlocked, anyone could log in",
                            quote(user)))
        .with_hint("set the hash of a password instead");
  hash.remove_prefix(1);
  text_ = with_line(text_, line);
  return true;
}

bool ShadowFile::set_hash(const PasswdFile& passwd, std::string_view user, std::string_view hash,
                          std::optional<std::uint32_t> last_change_day) {
  require_hash(hash);
  require_shadowed(passwd, user);
  const std::string day = last_change_day ? std::to_string(*last_change_day) : "";
  std::string out;
  if (auto line = find_line(text_, user)) {
    line->fields[kHash] = hash;
    if (last_change_day) line->fields[kLastChange] = day;
    out = with_line(text_, *line);
  } else {
    out = text_;
    append_line(out, join({user, hash, day, "0", "99999", "7", "", "", ""}));
  }
  const bool changed = out != text_;
  text_ = std::move(out);
  return changed;
}

std::string ShadowFile::hidden_text(const ShadowFile& before) const {
  std::string out;
  LineReader reader(text_), old_reader(before.text_);
  while (const auto line = reader.next()) {
    const auto old = old_reader.next();  // no edit moves a line
    const std::string_view hash = unlocked(hash_of(line->body));
    if (hash.find_first_not_of("*!") == std::string_view::npos) {
      keep_line(out, *line);
      continue;
    }
    const std::size_t at = static_cast<std::size_t>(hash.data() - line->body.data());
    const bool is_new = !old || unlocked(hash_of(old->body)) != hash;
    out.append(line->body.substr(0, at)).append(is_new ? "<new hash>" : "<hidden>");
    out.append(line->body.substr(at + hash.size())).append(line->ending);
  }
  return out;
}

}  // namespace rawimg
