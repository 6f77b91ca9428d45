// SPDX-License-Identifier: MIT
#include <rawimg/inittab.h>

#include <array>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/guest_file.h"
#include "edit/run_edit.h"

namespace rawimg::cli {
namespace {

constexpr const char* kPath = "/etc/inittab";
constexpr std::array<std::string_view, 5> kVerbs{"list", "add", "set", "rm", "comment"};
constexpr std::span<const OptionSpec> kTables[] = {kEditOptions, kLockOptions, kGuestImageOption,
                                                   kCommonOptions};

std::string lines(const std::string& text) {
  std::string out;
  for (const InittabEntry& entry : Inittab::parse(text).entries()) {
    const std::string line =
        fmt::format("{}:{}:{}:{}", entry.id, entry.runlevels, entry.action, entry.process);
    out += fmt::format("{}{}\n", entry.active ? "" : "#", is_printable(line) ? line : escape(line));
  }
  return out;
}

Json result(const std::string& text) {
  const Inittab inittab = Inittab::parse(text);
  Json entries = Json::array();
  for (const InittabEntry& entry : inittab.entries()) {
    Json json{{"line", entry.line}, {"active", entry.active}};
    put_bytes(json, "id", entry.id);
    put_bytes(json, "runlevels", entry.runlevels);
    put_bytes(json, "action", entry.action);
    put_bytes(json, "process", entry.process);
    entries.push_back(std::move(json));
  }
  return {{"path", kPath},
          {"style", inittab.style() == InittabStyle::Busybox ? "busybox" : "sysvinit"},
          {"entries", std::move(entries)}};
}

void require_words(const Args& args);

constexpr GuestNoun kNoun{kInittab, kVerbs, "...", kPath, lines, result, require_words};

void apply_word(Edit& edit, const std::string& verb, const std::string& word, Inittab& inittab) {
  if (verb == "set")
    inittab.set(word);
  else if (verb == "add")
    inittab.add(word);
  else if (verb == "rm")
    note_match(edit, kPath, "active entry", word, inittab.rm(word));
  else
    note_match(edit, kPath, "entry", word, inittab.comment(word));
}

void require_words(const Args& args) {
  const GuestWords words = read_guest_words(args, kNoun);
  if (words.verb == "list") return require_operands(words, 0, 0, "nothing behind it");
  const bool takes_lines = words.verb == "set" || words.verb == "add";
  require_operands(
      words, 1, SIZE_MAX,
      takes_lines ? "lines of the form ID:RUNLEVELS:ACTION:PROCESS" : "ids, also with wildcards");
}

void apply(Edit& edit, const Args& args) {
  const GuestWords words = read_guest_words(edit, args, kNoun);
  require_words(args);
  const auto before = read_guest_file(edit.fs(), kPath);
  if (!before)
    throw Error(Errc::NotFound, fmt::format("the image has no {}", kPath))
        .with_path(kPath)
        .with_hint("a guest with systemd has none");
  Inittab inittab = Inittab::parse(*before);
  if (words.verb == "list") return show_guest_file(edit, kNoun, *before);
  for (const std::string& word : words.operands) apply_word(edit, words.verb, word, inittab);
  write_guest_file(edit, kPath, before, inittab.to_text());
}

}  // namespace

const Command kInittab{
    .name = "inittab",
    .synopsis = "list|add|set|rm|comment IMG ...",
    .summary = "show and edit the image's /etc/inittab",
    .examples =
        "  rawimg inittab disk.img\n  rawimg inittab comment disk.img 'c[1-6]'\n  rawimg inittab "
        "set disk.img 'g5:3:wait:/sbin/run-script' 's0:12345:respawn:/sbin/agetty -L 115200 ttyS0 "
        "vt100'\n",
    .details =
        "add and set take lines, ID:RUNLEVELS:ACTION:PROCESS. set replaces the line of the same "
        "id, also a commented-out one, else adds\n"
        "a line; add refuses to replace another one. rm and comment take ids, also with wildcards, "
        "and warn where nothing matches.\n"
        "The same again changes nothing. --dry-run prints the difference; with --json it is "
        "\"diff\", and of list there are \"entries\".\n"
        "With --image FILE there is no IMG: rawimg inittab rm --image FILE c1; a slot can stand in "
        "its place, as :N.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_guest(kNoun, args, io); },
    .apply = apply,
};

}  // namespace rawimg::cli
