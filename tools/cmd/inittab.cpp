// SPDX-License-Identifier: MIT
#include <rawimg/inittab.h>

#include <array>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/guest_file.h"

namespace rawimg::cli {
namespace {

constexpr const char* kPath = "/etc/inittab";
constexpr std::array<std::string_view, 4> kVerbs{"list", "set", "rm", "comment"};
constexpr std::span<const OptionSpec> kTables[] = {kEditOptions, kLockOptions, kImageOption,
                                                   kCommonOptions};

void show(const std::string& text, Streams& io) {
  for (const InittabEntry& entry : Inittab::parse(text).entries())
    io.out << fmt::format("{}{}:{}:{}:{}\n", entry.active ? "" : "#", escape(entry.id),
                          escape(entry.runlevels), escape(entry.action), escape(entry.process));
}

void apply(Edit& edit, const Args& args) {
  const GuestWords words = read_guest_words(args, kVerbs, edit.in_batch());
  const auto before = read_guest_file(edit, kPath);
  if (!before)
    throw Error(Errc::NotFound, fmt::format("the image has no {}", kPath))
        .with_path(kPath)
        .with_hint("a guest with systemd has none");
  Inittab inittab = Inittab::parse(*before);
  if (words.verb == "list") return show(*before, edit.io());
  require_operands(words, 1, SIZE_MAX,
                   words.verb == "set" ? "lines of the form ID:RUNLEVELS:ACTION:PROCESS"
                                       : "ids, also with wildcards");
  for (const std::string& word : words.operands) {
    if (words.verb == "set") inittab.set(word);
    if (words.verb == "rm") inittab.rm(word);
    if (words.verb == "comment") inittab.comment(word);
  }
  write_guest_file(edit, kPath, before, inittab.to_text());
}

}  // namespace

const Command kInittab{
    .name = "inittab",
    .synopsis = "list|set|rm|comment IMG ...",
    .summary = "show and edit the image's /etc/inittab",
    .examples =
        "  rawimg inittab disk.img\n  rawimg inittab comment disk.img 'c[1-6]'\n  rawimg inittab "
        "set disk.img 'g5:3:wait:/sbin/run-script' 's0:12345:respawn:/sbin/agetty -L 115200 ttyS0 "
        "vt100'\n",
    .details =
        "set replaces the line of the same id, also a commented-out one, else adds a line. The "
        "same again changes nothing.\n--dry-run prints the difference.\n",
    .options = kTables,
    .run = [](const Args& args,
              Streams& io) { return run_guest(kInittab, args, io, kVerbs, kPath, show); },
    .apply = apply,
};

}  // namespace rawimg::cli
