// SPDX-License-Identifier: MIT
#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/numbers.h"
#include "cmd/all.h"
#include "edit/edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"no-create", "", "make nothing that does not exist", 'c'},
    {"date", "DATE",
     "2024-02-29, 2024-02-29T12:34:56 (both UTC) or @SECONDS since 1970 (default: "
     "SOURCE_DATE_EPOCH, else now)",
     'd'},
    {"access", "", "the access time only", 'a'},
    {"modification", "", "the modification time only", 'm'},
    {"no-dereference", "", "symlinks themselves, not what they lead to", 'P'},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kEditOptions, kLockOptions, kImageOption,
                                                   kCommonOptions};

/// The digits of a fixed place in a date; nothing else may stand there.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  if (text.size() < at + count) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + count, value);
  if (error != std::errc{} || end != text.data() + at + count || text[at] == '-')
    return std::nullopt;
  return value;
}

/// "2024-02-29", "2024-02-29 12:34", "2024-02-29T12:34:56Z": of UTC, whatever the host's zone is.
std::optional<std::int64_t> parse_date(std::string_view text) {
  using namespace std::chrono;
  if (text.ends_with('Z')) text.remove_suffix(1);
  const auto y = digits(text, 0, 4), m = digits(text, 5, 2), d = digits(text, 8, 2);
  if (!y || !m || !d || text[4] != '-' || text[7] != '-') return std::nullopt;
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*m)},
                            day{static_cast<unsigned>(*d)}};
  std::int64_t seconds = date.ok() ? sys_days{date}.time_since_epoch().count() * 86'400LL : 0;
  std::string_view clock = text.substr(10);
  if (!date.ok() || (!clock.empty() && clock[0] != ' ' && clock[0] != 'T')) return std::nullopt;
  if (clock.empty()) return seconds;
  const auto hour = digits(clock, 1, 2), minute = digits(clock, 4, 2);
  const auto second = clock.size() == 6 ? std::optional(0) : digits(clock, 7, 2);
  const bool well_formed = (clock.size() == 6 || clock.size() == 9) && clock[3] == ':' &&
                           (clock.size() == 6 || clock[6] == ':');
  if (!hour || !minute || !second || !well_formed || *hour > 23 || *minute > 59 || *second > 60)
    return std::nullopt;
  return seconds + *hour * 3600 + *minute * 60 + *second;
}

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(seconds)
                                                                  : std::nullopt;
}

Timestamp read_time(const Edit& edit, const Args& args) {
  const auto date = args.value("date");
  if (!date) return edit.now();
  const auto seconds =
      date->starts_with('@') ? parse_seconds(std::string_view(*date).substr(1)) : parse_date(*date);
  if (!seconds)
    throw Error(Errc::Usage, fmt::format("date {}: it can be 2024-02-29, 2024-02-29T12:34:56 "
                                         "(UTC), or @ and seconds since 1970",
                                         quote(*date)));
  return {*seconds, 0};
}

void touch(Edit& edit, const Operand& file, const Args& args, Timestamp time) {
  const auto follow = args.has("no-dereference") ? ExtFs::Follow::AllButLast : ExtFs::Follow::All;
  if (const auto inode = edit.find(file, follow)) {
    MetadataChange change;
    const bool both = args.has("access") == args.has("modification");
    if (both || args.has("access")) change.atime = time;
    if (both || args.has("modification")) change.mtime = time;
    return edit.fs().change(*inode, change);
  }
  if (args.has("no-create")) return;
  const Transaction::Place place = edit.place(file);
  Entry meta;
  meta.permissions = 0644;
  meta.mtime = time;
  edit.fs().make(place.directory, place.name, meta);
}

void apply(Edit& edit, const Args& args) {
  (void)args.require(0, "IMG:/path");
  const Timestamp time = read_time(edit, args);
  for (const std::string& word : args.operands()) {
    const Operand file = edit.in_image(word);
    try {
      touch(edit, file, args, time);
    } catch (const Error& error) {
      throw in_file(error, file);
    }
  }
}

}  // namespace

const Command kTouch{
    .name = "touch",
    .synopsis = "[-c] [-d DATE] IMG:/path...",
    .summary = "change times in an image; make empty files",
    .examples =
        "  rawimg touch disk.img:/etc/machine-id\n  rawimg touch -d 2024-02-29 "
        "disk.img:/etc/fstab\n",
    .details = "",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kTouch, args, io); },
    .apply = apply,
};

}  // namespace rawimg::cli
