// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/disk_report.h"
#include "cli/open_fs.h"
#include "cmd/all.h"
#include "read/block_units.h"
#include "read/reading.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"inodes", "", "inodes in place of blocks", 'i'},
    {"print-type", "", "the type of each filesystem", 'T'},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kBlockOptions, kLockOptions, kImageOption,
                                                   kCommonOptions};

/// What statfs(2) would say in the guest.
struct Usage {
  std::string name;  ///< "disk.img:1"
  ExtInfo info;

  std::uint64_t inodes() const { return info.summary.inodes; }
  std::uint64_t free_inodes() const { return info.summary.free_inodes; }
  std::uint64_t block_size() const { return info.summary.block_size; }
  std::uint64_t blocks() const { return info.summary.blocks - info.overhead_blocks; }
  std::uint64_t free() const { return std::min(info.summary.free_blocks, blocks()); }
  std::uint64_t used() const { return blocks() - free(); }
  std::uint64_t available() const {
    const std::uint64_t kept = info.summary.reserved_blocks + info.kernel_reserve_blocks;
    return free() - std::min(free(), kept);
  }
};

using Cells = std::array<std::string, 6>;

std::string percent(std::uint64_t used, std::uint64_t available) {
  const double whole = static_cast<double>(used) + static_cast<double>(available);
  if (whole == 0) return "-";
  // rounded up, exactly where the product has room
  if (used < UINT64_MAX / 100)
    return fmt::format("{}%", (used * 100 + (used + available) - 1) / (used + available));
  return fmt::format("{:.0f}%", static_cast<double>(used) / whole * 100);
}

Cells heading(const Args& args, const BlockUnit& unit) {
  if (args.has("inodes")) return {"Filesystem", "Type", "Inodes", "IUsed", "IFree", "IUse%"};
  return {"Filesystem",
          "Type",
          unit.human ? "Size" : unit.name() + "-blocks",
          "Used",
          unit.human ? "Avail" : "Available",
          "Use%"};
}

Cells cells_of(const Usage& usage, const Args& args, const BlockUnit& unit) {
  const std::string type(to_text(usage.info.summary.type));
  if (args.has("inodes")) {
    const std::uint64_t all = usage.inodes(), free = std::min(usage.free_inodes(), all);
    const auto text = [&](std::uint64_t count) {
      return unit.human ? unit.text(count) : fmt::format("{}", count);
    };
    return {usage.name, type, text(all), text(all - free), text(free), percent(all - free, free)};
  }
  const auto text = [&](std::uint64_t blocks) { return unit.text(blocks * usage.block_size()); };
  return {usage.name,
          type,
          text(usage.blocks()),
          text(usage.used()),
          text(usage.available()),
          percent(usage.used(), usage.available())};
}

void print(const std::vector<Usage>& all, const Args& args, Streams& io) {
  const BlockUnit unit = read_block_unit(args);
  std::vector<Cells> rows{heading(args, unit)};
  for (const Usage& usage : all) rows.push_back(cells_of(usage, args, unit));
  Cells cells = rows[0];
  std::array<std::size_t, 6> widths{14, 4, 5, 5, 5, 4};  // df's
  for (Cells& row : rows) {
    row[0] = shown(row[0], io.out_is_terminal);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Cells& row : rows) {
    io.out << fmt::format("{:<{}}", row[0], widths[0]);
    if (args.has("print-type")) io.out << fmt::format(" {:<{}}", row[1], widths[1]);
    for (std::size_t i = 2; i < row.size(); ++i)
      io.out << fmt::format(" {:>{}}", row[i], widths[i]);
    io.out << '\n';
  }
}

std::string to_json_text(const std::vector<Usage>& all) {
  JsonList list;
  for (const Usage& usage : all) {
    Json json;
    put_bytes(json, "filesystem", usage.name);
    json["type"] = to_text(usage.info.summary.type);
    json["size"] = usage.blocks() * usage.block_size();
    json["used"] = usage.used() * usage.block_size();
    json["free"] = usage.free() * usage.block_size();
    json["available"] = usage.available() * usage.block_size();
    json["inodes"] = usage.inodes();
    json["free_inodes"] = usage.free_inodes();
    json["block_size"] = usage.block_size();
    put_bytes(json, "label", usage.info.summary.label);
    list.add(json);
  }
  return "{\"filesystems\":" + list.text() + "}";
}

ExitCode show(const std::vector<Usage>& all, Reading& reading, const Args& args) {
  if (reading.wants_json())
    reading.set_result_text(to_json_text(all));
  else
    print(all, args, reading.io());
  return ExitCode::Done;
}

/// Of a batch: the filesystem as its lines have left it.
ExitCode read(Reading& reading, const Args& args) {
  std::vector<Usage> all;
  for (const std::string& word : reading.words(args)) {
    const ReadPlace place = reading.locate(word);
    all.push_back({word, place.fs->info()});
  }
  return show(all, reading, args);
}

void warn(const Usage& usage, Streams& io, std::vector<Warning>& warnings) {
  if (!usage.info.needs_recovery && !usage.info.interrupted) return;
  const std::string why = usage.info.interrupted ? "a change of it was interrupted"
                                                 : "its journal must be replayed first";
  Warning warning;
  warning.code = "stale";
  warning.path = usage.name;
  warning.message = fmt::format("{}: {}: the numbers may be stale", usage.name, why);
  io.err << "rawimg df: warning: " << escape(warning.message) << '\n';
  warnings.push_back(std::move(warning));
}

ExitCode run(const Args& args, Streams& io) {
  std::vector<Usage> all;
  std::vector<Warning> warnings;
  std::string problem;
  const std::size_t count = std::max<std::size_t>(args.operands().size(), 1);
  for (std::size_t i = 0; i < count; ++i) {
    const Address address = read_address(args, i);
    ImageFile image = ImageFile::open(address.image, Access::ReadOnly, read_lock_policy(args));
    const DiskReport report = examine(image, address);
    for (const SlotReport& slot : report.slots) {
      const std::string name = slot.slot == 0
                                   ? address.image.string()
                                   : fmt::format("{}:{}", address.image.string(), slot.slot);
      if (!slot.problem.empty()) {
        problem = fmt::format("{}: {}", quote(name), slot.problem);
        print_warnings(io, "df", {{"damaged", name, problem}});
      }
      if (!slot.ext) continue;
      all.push_back({name, *slot.ext});
      warn(all.back(), io, warnings);
    }
    if (all.empty() && problem.empty())
      throw Error(Errc::Unsupported,
                  fmt::format("{} holds no ext filesystem", quote(address.image.string())));
  }
  Reading reading(io, args.has("json"), std::nullopt, {});
  (void)show(all, reading, args);
  if (reading.wants_json()) print_result_text(io, "df", reading.result(), warnings);
  return problem.empty() ? ExitCode::Done : ExitCode::Damaged;
}

}  // namespace

const Command kDf{
    .name = "df",
    .synopsis = "[-hiTkm] IMG[:N]...",
    .summary = "how full the filesystems of an image are",
    .examples = "  rawimg df -h disk.img\n  rawimg df -i disk.img:1\n",
    .details =
        "With only an image: all its ext filesystems. The numbers are those that the guest's df "
        "will show: without the filesystem's own\n"
        "tables, and what is reserved for root is not available. --json has bytes.\n",
    .options = kTables,
    .run = run,
    .read = read,
};

}  // namespace rawimg::cli
