// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/disk_report.h"
#include "cli/requests.h"
#include "cmd/all.h"
#include "read/boot_report.h"
#include "read/show_map.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"boot", "TARGET",
     "qemu, gem5 or firecracker: how to start it, as lines to paste, and the kernels in /boot"},
    {"map", "", "draw where things lie, each character or cell for so many bytes"},
    {"output", "FILE", "with --map: draw it as SVG into this file (-: standard output)", 'o'},
    {"force", "", "with --output: replace a file that is there", 'f'},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kLockOptions, kImageOption,
                                                   kCommonOptions};

ExitCode run(const Args& args, Streams& io) {
  const Address address = read_address(args);
  args.require_at_most(1);
  if (!address.path.empty())
    throw Error(Errc::Usage, fmt::format("{} is a path inside of an image; info describes images",
                                         quote(address.path)))
        .with_hint("'rawimg stat' describes a file");
  require_map_words(args);
  if (const auto target = args.value("boot"))
    return print_boot(address, read_boot_target(*target), args, io);
  ImageFile image = ImageFile::open(address.image, Access::ReadOnly, read_lock_policy(args));
  const DiskReport report = examine(image, address);
  const auto warnings = report.table ? report.table->warnings() : std::vector<Warning>();
  if (args.has("map"))
    show_map(image, report, args, io, warnings);
  else if (args.has("json"))
    print_result(io, "info", to_json(report), warnings);
  else
    print_report(report, io);
  if (!args.has("json")) print_warnings(io, "info", warnings);
  const bool damaged = std::any_of(report.slots.begin(), report.slots.end(),
                                   [](const SlotReport& slot) { return !slot.problem.empty(); });
  return damaged ? ExitCode::Damaged : ExitCode::Done;
}

}  // namespace

const Command kInfo{
    .name = "info",
    .synopsis = "IMG[:N]",
    .summary = "show the partition table, the filesystems and their root= names",
    .examples = R"(  rawimg info disk.img
  rawimg info --json disk.img:1
  rawimg info --boot qemu disk.img
  rawimg info --map disk.img
  rawimg info --map -o disk.svg disk.img
)",
    .details =
        R"(root= names what a kernel may be told: PARTUUID= works whatever the disk is called.
--map reads bitmaps and the inodes of directories. A character is what most of its bytes are, a small letter where the
host does not store them; in an SVG areas are to scale. Files are all that is in use and nothing else.
)",
    .options = kTables,
    .run = run,
};

}  // namespace rawimg::cli
