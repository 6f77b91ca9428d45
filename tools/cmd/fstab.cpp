// SPDX-License-Identifier: MIT
#include <rawimg/fstab.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/numbers.h"
#include "cmd/all.h"
#include "edit/device_word.h"
#include "edit/guest_file.h"
#include "edit/run_edit.h"
#include "guest/fstab_line.h"

namespace rawimg::cli {
namespace {

constexpr const char* kPath = "/etc/fstab";
constexpr std::array<std::string_view, 5> kVerbs{"list", "add", "set", "rm", "comment"};
constexpr std::span<const OptionSpec> kTables[] = {kEditOptions, kLockOptions, kGuestImageOption,
                                                   kCommonOptions};
// A longer field pushes its own line out of the columns, and not all others.
constexpr std::size_t kWidestColumn = 45;

/// A field as fstab has it, with what a terminal would not show as octal, too.
std::string cell(std::string_view bytes) {
  std::string text = encode_field(bytes);
  if (is_printable(text)) return text;
  std::string ascii;
  for (const char c : text)
    if (const auto byte = static_cast<unsigned char>(c); byte < 0x80)
      ascii += c;
    else
      ascii += fmt::format("\\{:03o}", byte);
  return ascii;
}

std::size_t width_of(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string lines(const std::string& text) {
  std::vector<FstabFields> rows;
  std::array<std::size_t, kFstabFields> widths{};
  for (const FstabEntry& entry : Fstab::parse(text).entries()) {
    FstabFields& row = rows.emplace_back(fields_of(entry));
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = (i == 0 && !entry.active ? "#" : "") + cell(row[i]);
      widths[i] = std::max(widths[i], std::min(width_of(row[i]), kWidestColumn));
    }
  }
  std::string out;
  for (const FstabFields& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size())
        out.append(widths[i] - std::min(widths[i], width_of(row[i])) + 1, ' ');
      else
        out += '\n';
    }
  return out;
}

Json result(const std::string& text) {
  Json entries = Json::array();
  for (const FstabEntry& entry : Fstab::parse(text).entries()) {
    Json json{{"line", entry.line}, {"active", entry.active}};
    put_bytes(json, "device", entry.device);
    put_bytes(json, "mount_point", entry.mount_point);
    put_bytes(json, "type", entry.type);
    put_bytes(json, "options", entry.options);
    json["dump"] = entry.dump;
    json["pass"] = entry.pass;
    entries.push_back(std::move(json));
  }
  return {{"path", kPath}, {"entries", std::move(entries)}};
}

void require_words(const Args& args);

constexpr GuestNoun kNoun{kFstab, kVerbs, "...", kPath, lines, result, require_words};

bool makes_entry(const GuestWords& words) { return words.verb == "set" || words.verb == "add"; }

/// With the device as it is typed.
FstabRequest read_request(const GuestWords& words) {
  require_operands(words, 3, 6, "MOUNTPOINT DEVICE TYPE [OPTIONS [DUMP [PASS]]]");
  const auto& word = words.operands;
  FstabRequest request{
      .mount_point = word[0], .device = word[1], .type = word[2], .options = std::nullopt};
  if (word.size() > 3) request.options = word[3];
  if (word.size() > 4) request.dump = static_cast<unsigned>(parse_number(word[4], "dump", 0, 9));
  if (word.size() > 5) request.pass = static_cast<unsigned>(parse_number(word[5], "pass", 0, 9));
  return request;
}

void require_words(const Args& args) {
  const GuestWords words = read_guest_words(args, kNoun);
  if (words.verb == "list") return require_operands(words, 0, 0, "nothing behind it");
  Fstab empty = Fstab::parse("");  // it refuses what any fstab would
  if (makes_entry(words)) {
    (void)empty.set(read_request(words));
    return;
  }
  require_operands(words, 1, SIZE_MAX, "mount points or devices, also with wildcards");
  for (const std::string& pattern : words.operands) (void)empty.rm(pattern);
}

void warn_of_others(Edit& edit, const Fstab& fstab, const FstabRequest& request) {
  const std::vector<FstabEntry> entries = fstab.same_place(request);
  if (entries.size() < 2) return;
  std::vector<std::size_t> others;
  const auto own = std::find_if(entries.begin(), entries.end(), [&](const FstabEntry& entry) {
    return entry.device == request.device;
  });
  for (auto entry = entries.begin(); entry != entries.end(); ++entry)
    if (entry != own) others.push_back(entry->line);
  edit.warnings.push_back(
      {"same-mount-point", kPath,
       fmt::format("line {} of {} is as asked for; other entries of the same place stay (line {}): "
                   "'fstab rm' and 'fstab comment' take them by their devices",
                   own->line, kPath, fmt::join(others, ", "))});
}

void set(Edit& edit, const FstabRequest& request, Fstab& fstab) {
  fstab.set(request);
  warn_of_others(edit, fstab, request);
}

void apply_patterns(Edit& edit, const GuestWords& words, Fstab& fstab) {
  const bool rm = words.verb == "rm";
  for (const std::string& pattern : words.operands)
    note_match(edit, kPath, rm ? "active entry" : "entry", pattern,
               rm ? fstab.rm(pattern) : fstab.comment(pattern));
}

void apply(Edit& edit, const Args& args) {
  const GuestWords words = read_guest_words(edit, args, kNoun);
  require_words(args);
  FstabRequest request;
  if (makes_entry(words)) {
    request = read_request(words);
    request.device = device_of(edit, request.device);
  }
  const auto before = read_guest_file(edit.fs(), kPath);
  if (!before && !makes_entry(words))
    throw Error(Errc::NotFound, fmt::format("the image has no {}", kPath)).with_path(kPath);
  Fstab fstab = Fstab::parse(before.value_or(""));
  if (words.verb == "list") return show_guest_file(edit, kNoun, fstab.to_text());
  if (words.verb == "set")
    set(edit, request, fstab);
  else if (words.verb == "add")
    fstab.add(request);
  else
    apply_patterns(edit, words, fstab);
  write_guest_file(edit, kPath, before, fstab.to_text());
}

}  // namespace

const Command kFstab{
    .name = "fstab",
    .synopsis = "list|add|set|rm|comment IMG ...",
    .summary = "show and edit the image's /etc/fstab",
    .examples =
        "  rawimg fstab disk.img\n  rawimg fstab set disk.img / PARTUUID=auto ext2 noatime\n  "
        "rawimg fstab add disk.img /home LABEL=home ext4\n  rawimg fstab rm disk.img /boot\n  "
        "rawimg fstab comment disk.img /dev/SWAP /dev/cdrom '/dev/fd*'\n",
    .details =
        "add and set take MOUNTPOINT DEVICE TYPE [OPTIONS [DUMP [PASS]]]; PARTUUID=auto is this "
        "partition's, UUID=auto and LABEL=auto\n"
        "are this filesystem's. set replaces the entry of that mount point (of that device, where "
        "the mount point is none or swap),\n"
        "or adds one; of several it takes the one with that device, else the first, and warns of "
        "the others, which stay: they are mounted\n"
        "on one another. add refuses to replace another one. A line that is commented out stays "
        "so. "
        "rm and comment take mount points or\n"
        "devices, also with wildcards, and warn where nothing matches.\n"
        "Comments, tabs, order and unknown lines stay; the same again changes nothing. --dry-run "
        "prints the difference; with --json\n"
        "it is \"diff\", and of list there are \"entries\". With --image FILE there is no IMG: "
        "rawimg fstab set --image FILE / LABEL=x ext4;\n"
        "a slot can stand in its place, as :N.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_guest(kNoun, args, io); },
    .apply = apply,
};

}  // namespace rawimg::cli
