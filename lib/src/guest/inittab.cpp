// SPDX-License-Identifier: MIT
// Sources: inittab(5) and src/init.c of sysvinit (what it skips: long fields, unknown actions, an
// id for the second time), init/init.c of busybox.
#include "rawimg/inittab.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/glob.h"
#include "base/text.h"
#include "guest/text_lines.h"

namespace rawimg {
namespace {

constexpr std::array<std::string_view, 15> kSysvinitActions{
    "respawn",   "wait",        "once",         "boot",       "bootwait",
    "off",       "ondemand",    "initdefault",  "sysinit",    "powerwait",
    "powerfail", "powerokwait", "powerfailnow", "ctrlaltdel", "kbrequest"};
constexpr std::array<std::string_view, 8> kBusyboxActions{
    "sysinit", "wait", "once", "respawn", "askfirst", "ctrlaltdel", "shutdown", "restart"};
// what sysvinit's buffers hold
constexpr std::size_t kMaxId = 4, kMaxRunlevels = 11, kMaxProcess = 127;
constexpr std::string_view kRunlevels = "0123456789SsABCabc";

using Fields = std::array<std::string_view, 4>;  // id, runlevels, action, process

bool is_one_of(std::span<const std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::span<const std::string_view> actions_of(InittabStyle style) {
  if (style == InittabStyle::Busybox) return kBusyboxActions;
  return kSysvinitActions;
}

/// How many fields `text` has, up to four; the process may hold colons.
std::size_t split_fields(std::string_view text, Fields& fields) {
  std::size_t count = 0;
  for (; count < 3; ++count) {
    const std::size_t colon = text.find(':');
    fields[count] = text.substr(0, colon);
    if (colon == std::string_view::npos) return count + 1;
    text.remove_prefix(colon + 1);
  }
  fields[3] = text;
  return 4;
}

std::optional<InittabEntry> parse_entry(const TextLine& line) {
  // readers in C end the line there
  if (line.body.find('\0') != std::string_view::npos) return std::nullopt;
  const auto commented = comment_text(line.body);
  Fields fields;
  if (split_fields(commented.value_or(skip_blanks(line.body)), fields) < 4) return std::nullopt;
  const auto& [id, runlevels, action, process] = fields;
  const std::string known = to_lower(action);  // sysvinit does not look at the case
  if (!is_one_of(kSysvinitActions, known) && !is_one_of(kBusyboxActions, known))
    return std::nullopt;
  // prose
  if (commented && (id.find_first_of(" \t") != std::string_view::npos ||
                    runlevels.find_first_not_of(kRunlevels) != std::string_view::npos))
    return std::nullopt;
  return InittabEntry{line.number, !commented,          std::string(id), std::string(runlevels),
                      known,       std::string(process)};
}

bool is_busybox_line(const InittabEntry& entry) {
  return entry.id.empty() || !is_one_of(kSysvinitActions, entry.action);
}

std::string_view without_dev(std::string_view terminal) {
  constexpr std::string_view kDev = "/dev/";
  return terminal.substr(0, kDev.size()) == kDev ? terminal.substr(kDev.size()) : terminal;
}

/// Whether `wanted` takes the place of `entry`.
bool replaces(const InittabEntry& wanted, const InittabEntry& entry, InittabStyle style) {
  if (style == InittabStyle::Sysvinit) return wanted.id == entry.id;
  if (wanted.action != entry.action || without_dev(wanted.id) != without_dev(entry.id))
    return false;
  return !wanted.id.empty() || wanted.process == entry.process;
}

[[noreturn]] void refuse(std::string_view line, const std::string& why) {
  throw Error(Errc::Usage, fmt::format("inittab line {}: {}", quote(line), why));
}

InittabEntry parse_request(std::string_view line) {
  if (std::any_of(line.begin(), line.end(), [](char c) {
        return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7F;
      }))
    refuse(line, "a control byte would break the line");
  Fields fields;
  const std::size_t count = split_fields(line, fields);
  if (count < 4) refuse(line, fmt::format("{} of the 4 fields id:runlevels:action:process", count));
  InittabEntry entry{0,
                     true,
                     std::string(fields[0]),
                     std::string(fields[1]),
                     std::string(fields[2]),
                     std::string(fields[3])};
  if (entry.id.find_first_of(" \t#") != std::string::npos)
    refuse(line, fmt::format("the id {} holds a blank or a number sign", quote(entry.id)));
  return entry;
}

void require_sysvinit(std::string_view line, const InittabEntry& entry) {
  if (entry.id.empty() || entry.id.size() > kMaxId)
    refuse(line, fmt::format("the id {} has {} bytes; sysvinit's have 1 to {}", quote(entry.id),
                             entry.id.size(), kMaxId));
  if (entry.runlevels.size() > kMaxRunlevels)
    refuse(line, fmt::format("{} runlevels; sysvinit takes at most {}", entry.runlevels.size(),
                             kMaxRunlevels));
  if (const auto bad = entry.runlevels.find_first_not_of(kRunlevels); bad != std::string::npos)
    refuse(line, fmt::format("the runlevel {} is none of 0-9, S and A-C",
                             quote(std::string_view(entry.runlevels).substr(bad, 1))));
  if (entry.process.size() > kMaxProcess)
    refuse(line, fmt::format("the process has {} bytes; sysvinit takes at most {}",
                             entry.process.size(), kMaxProcess));
  if (entry.action == "initdefault" && entry.runlevels.size() != 1)
    refuse(line, "initdefault takes exactly one runlevel");
}

void require_valid(std::string_view line, const InittabEntry& entry, InittabStyle style) {
  if (!is_one_of(actions_of(style), entry.action))
    refuse(line, fmt::format("{} does not know the action {}; it has {}",
                             style == InittabStyle::Busybox ? "busybox" : "sysvinit",
                             quote(entry.action), fmt::join(actions_of(style), ", ")));
  if (style == InittabStyle::Sysvinit) require_sysvinit(line, entry);
  if (entry.process.empty() && entry.action != "initdefault" && entry.action != "off")
    refuse(line, "no process");
}

/// Two of them: which one counts would depend on the version of init.
void require_one_default(std::string_view line, const InittabEntry& wanted,
                         const std::vector<InittabEntry>& entries) {
  if (wanted.action != "initdefault") return;
  for (const InittabEntry& entry : entries)
    if (entry.active && entry.action == wanted.action && entry.id != wanted.id)
      refuse(line, fmt::format("line {} has the default runlevel already, with the id {}",
                               entry.line, quote(entry.id)));
}

InittabStyle style_of(const std::vector<InittabEntry>& entries) {
  const bool busybox = std::any_of(entries.begin(), entries.end(), [](const InittabEntry& entry) {
    return entry.active && is_busybox_line(entry);
  });
  return busybox ? InittabStyle::Busybox : InittabStyle::Sysvinit;
}

/// The style that a new line has to have.
InittabStyle style_for(const InittabEntry& wanted, const std::vector<InittabEntry>& entries) {
  const bool any_active = std::any_of(entries.begin(), entries.end(),
                                      [](const InittabEntry& entry) { return entry.active; });
  return style_of(any_active ? entries : std::vector{wanted});
}

/// The number of the line that `wanted` is to stand on: the first active one of its kind, else the
/// first commented-out one, else 0.
std::size_t find_place(const InittabEntry& wanted, const std::vector<InittabEntry>& entries,
                       InittabStyle style) {
  for (const bool active : {true, false})
    for (const InittabEntry& entry : entries)
      if (entry.active == active && replaces(wanted, entry, style)) return entry.line;
  return 0;
}

bool same_values(const InittabEntry& a, const InittabEntry& b) {
  return a.runlevels == b.runlevels && a.action == b.action && a.process == b.process;
}

class IdPattern {
 public:
  explicit IdPattern(std::string_view text) : text_(text), glob_(text) {
    if (text.empty()) throw Error(Errc::Usage, "the id to look for in inittab is empty");
  }
  bool matches(const InittabEntry& entry) const {
    return entry.id == text_ || glob_.matches(entry.id);
  }

 private:
  std::string text_;
  Glob glob_;
};

}  // namespace

Inittab Inittab::parse(std::string text) { return Inittab(std::move(text)); }

std::vector<InittabEntry> Inittab::entries() const {
  std::vector<InittabEntry> found;
  LineReader reader(text_);
  while (const auto line = reader.next())
    if (auto entry = parse_entry(*line)) found.push_back(std::move(*entry));
  return found;
}

InittabStyle Inittab::style() const { return style_of(entries()); }

bool Inittab::set(std::string_view text) {
  const InittabEntry wanted = parse_request(text);
  const std::vector<InittabEntry> old = entries();
  const InittabStyle style = style_for(wanted, old);
  require_valid(text, wanted, style);
  require_one_default(text, wanted, old);

  const std::size_t place = find_place(wanted, old, style);
  std::string out;
  LineReader reader(text_);
  while (const auto line = reader.next()) {
    const auto entry = parse_entry(*line);
    if (line->number == place)
      replace_line(out, *line, text);
    else if (!entry || !entry->active || !replaces(wanted, *entry, style))
      keep_line(out, *line);
  }
  if (place == 0) append_line(out, text);
  const bool changed = out != text_;
  text_ = std::move(out);
  return changed;
}

bool Inittab::add(std::string_view text) {
  const InittabEntry wanted = parse_request(text);
  const std::vector<InittabEntry> old = entries();
  const InittabStyle style = style_for(wanted, old);
  require_valid(text, wanted, style);
  std::vector<InittabEntry> there;
  for (const InittabEntry& entry : old)
    if (entry.active && replaces(wanted, entry, style)) there.push_back(entry);
  if (std::any_of(there.begin(), there.end(),
                  [&](const InittabEntry& entry) { return same_values(wanted, entry); }))
    return false;
  if (!there.empty()) {
    const auto& [number, active, id, runlevels, action, process] = there.front();
    throw Error(Errc::Exists,
                fmt::format("line {} of inittab has the id {} already: {}", number, quote(id),
                            quote(fmt::format("{}:{}:{}:{}", id, runlevels, action, process))))
        .with_hint("'set' would replace it");
  }
  require_one_default(text, wanted, old);
  append_line(text_, text);
  return true;
}

namespace {

std::function<LineMatch(const TextLine&)> lines_of(const IdPattern& pattern) {
  return [&pattern](const TextLine& line) {
    const auto entry = parse_entry(line);
    if (!entry || !pattern.matches(*entry)) return LineMatch::None;
    return entry->active ? LineMatch::Active : LineMatch::Comment;
  };
}

}  // namespace

EditCount Inittab::rm(std::string_view pattern) {
  return remove_lines(text_, lines_of(IdPattern(pattern)));
}

EditCount Inittab::comment(std::string_view pattern) {
  return comment_lines(text_, lines_of(IdPattern(pattern)));
}

}  // namespace rawimg
