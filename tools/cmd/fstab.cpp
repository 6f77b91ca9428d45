// SPDX-License-Identifier: MIT
#include <rawimg/fstab.h>

#include <array>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/numbers.h"
#include "cmd/all.h"
#include "edit/guest_file.h"

namespace rawimg::cli {
namespace {

constexpr const char* kPath = "/etc/fstab";
constexpr std::array<std::string_view, 4> kVerbs{"list", "set", "rm", "comment"};
constexpr std::span<const OptionSpec> kTables[] = {kEditOptions, kLockOptions, kImageOption,
                                                   kCommonOptions};

void show(const std::string& text, Streams& io) {
  for (const FstabEntry& entry : Fstab::parse(text).entries())
    io.out << fmt::format("{}{} {} {} {} {} {}\n", entry.active ? "" : "# ", escape(entry.device),
                          escape(entry.mount_point), escape(entry.type), escape(entry.options),
                          entry.dump, entry.pass);
}

/// "auto" stands for what names this partition, or this filesystem, wherever the disk is attached.
std::string device_of(const Edit& edit, const std::string& word) {
  if (word == "PARTUUID=auto" && edit.partuuid.empty())
    throw Error(Errc::Usage, "PARTUUID=auto: the image has no partition table")
        .with_hint("UUID=auto names the filesystem");
  if (word == "PARTUUID=auto") return edit.partuuid;
  if (word == "UUID=auto") return "UUID=" + to_text(edit.fs().info().summary.uuid);
  return word;
}

FstabRequest read_request(const Edit& edit, const GuestWords& words) {
  require_operands(words, 3, 6, "MOUNTPOINT DEVICE TYPE [OPTIONS [DUMP [PASS]]]");
  const auto& word = words.operands;
  FstabRequest request{word[0],     device_of(edit, word[1]), word[2], std::nullopt, std::nullopt,
                       std::nullopt};
  if (word.size() > 3) request.options = word[3];
  if (word.size() > 4) request.dump = static_cast<unsigned>(parse_number(word[4], "dump", 0, 9));
  if (word.size() > 5) request.pass = static_cast<unsigned>(parse_number(word[5], "pass", 0, 9));
  return request;
}

void apply(Edit& edit, const Args& args) {
  const GuestWords words = read_guest_words(args, kVerbs, edit.in_batch());
  const auto before = read_guest_file(edit, kPath);
  if (!before && words.verb != "set")
    throw Error(Errc::NotFound, fmt::format("the image has no {}", kPath)).with_path(kPath);
  Fstab fstab = Fstab::parse(before.value_or(""));
  if (words.verb == "list") return show(fstab.to_text(), edit.io());
  if (words.verb == "set")
    fstab.set(read_request(edit, words));
  else
    require_operands(words, 1, SIZE_MAX, "mount points or devices, also with wildcards");
  for (const std::string& pattern : words.operands) {
    if (words.verb == "rm") fstab.rm(pattern);
    if (words.verb == "comment") fstab.comment(pattern);
  }
  write_guest_file(edit, kPath, before, fstab.to_text());
}

}  // namespace

const Command kFstab{
    .name = "fstab",
    .synopsis = "list|set|rm|comment IMG ...",
    .summary = "show and edit the image's /etc/fstab",
    .examples =
        "  rawimg fstab disk.img\n  rawimg fstab set disk.img / PARTUUID=auto ext2 noatime\n  "
        "rawimg fstab rm disk.img /boot\n  rawimg fstab comment disk.img /dev/SWAP /dev/cdrom "
        "'/dev/fd*'\n",
    .details =
        "set takes MOUNTPOINT DEVICE TYPE [OPTIONS [DUMP [PASS]]]; PARTUUID=auto is this "
        "partition's, UUID=auto this filesystem's. Comments,\n"
        "tabs, order and unknown lines stay; the same again changes nothing. --dry-run prints the "
        "difference.\n",
    .options = kTables,
    .run = [](const Args& args,
              Streams& io) { return run_guest(kFstab, args, io, kVerbs, kPath, show); },
    .apply = apply,
};

}  // namespace rawimg::cli
