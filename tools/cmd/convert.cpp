// SPDX-License-Identifier: MIT
#include <rawimg/convert.h>

#include <optional>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/output.h"
#include "cli/requests.h"
#include "cli/signals.h"
#include "cmd/all.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kDryRun[] = {{"dry-run", "", "say what would come back, and change nothing"}};
constexpr std::span<const OptionSpec> kConvertTables[] = {
    kThreadsOption, kWriteOptions, kLockOptions, kQuietOption, kCommonOptions};
constexpr std::span<const OptionSpec> kSparsifyTables[] = {kDryRun, kLockOptions, kQuietOption,
                                                           kCommonOptions};

ExitCode run_convert(const Args& args, Streams& io) {
  const std::string from = args.require(0, "IN, the image to read,"),
                    to = args.require(1, "OUT, the image to make,");
  args.require_at_most(2);
  std::error_code error;
  require_no_stream(to);
  if (from != "-" && std::filesystem::equivalent(from, to, error))
    throw Error(Errc::Usage, fmt::format("{} is both images", quote(to)))
        .with_hint("'rawimg sparsify' makes holes in place");
  std::optional<StoppableJob> job;
  const bool dry = args.has("dry-run");
  const ConvertOptions options{
      .replace = args.has("force") ? Replace::RegularFile : Replace::Refuse,
      .durability = read_durability(args),
      .lock = read_lock_policy(args),
      .dry_run = dry,
      .threads = read_threads(args),
      .stop = io.stop,
      .part_created = [&job](const std::filesystem::path& part) { job.emplace(part); }};
  const ConvertResult made =
      from == "-" ? convert(io.in, "standard input", to, options) : convert(from, to, options);
  job.reset();
  if (args.has("json")) {
    Json json;
    put_bytes(json, "image", to);
    json["size"] = made.size.value;
    if (!made.shared) json["data"] = made.data.value;
    json["shared"] = made.shared;
    json["dry_run"] = dry;
    print_result(io, "convert", json);
  } else if (!args.has("quiet")) {
    io.err << fmt::format("{}: {}{}, {}\n", quote(to), dry ? "would be made: " : "",
                          human_size(made.size.value),
                          made.shared ? "all of it shared with the original"
                                      : human_size(made.data.value) + " of it data");
  }
  if (!dry) require_told(io, to, "was made");
  return ExitCode::Done;
}

ExitCode run_sparsify(const Args& args, Streams& io) {
  const std::string name = args.require(0, "IMG");
  args.require_at_most(1);
  const bool dry = args.has("dry-run");
  ImageFile image =
      ImageFile::open(name, dry ? Access::ReadOnly : Access::ReadWrite, read_lock_policy(args));
  const StoppableJob job;
  const std::uint64_t regained =
      sparsify(image, dry ? Sparsify::DryRun : Sparsify::Now, io.stop).value;
  if (args.has("json")) {
    Json json;
    put_bytes(json, "image", name);
    json["regained"] = regained;
    json["allocated"] = image.allocated().value;
    json["dry_run"] = dry;
    print_result(io, "sparsify", json);
  } else if (!args.has("quiet")) {
    io.err << fmt::format("{}: {} {}; {} on disk\n", quote(name), human_size(regained),
                          dry ? "are zeros and no holes" : "regained",
                          human_size(image.allocated().value));
  }
  if (!dry) require_told(io, name);
  return ExitCode::Done;
}

}  // namespace

const Command kConvert{
    .name = "convert",
    .synopsis = "IN|- OUT",
    .summary = "copy a raw image, also a compressed one, and keep its holes",
    .examples =
        "  rawimg convert x86-ubuntu.img.gz x86-ubuntu.img\n  rawimg convert disk.img copy.img\n  "
        "curl -s https://example.org/disk.img.xz | rawimg convert - disk.img\n",
    .details =
        "Blocks of zeros become holes: the copy takes the disk that its data needs. Where the "
        "file system can share blocks (reflink), it does.\nThe new image appears when it is "
        "complete, or not at all.\n",
    .options = kConvertTables,
    .run = run_convert,
};

const Command kSparsify{
    .name = "sparsify",
    .synopsis = "IMG",
    .summary = "make holes of the zeros in an image, in place",
    .examples = "  rawimg sparsify disk.img\n  rawimg sparsify --dry-run disk.img\n",
    .details =
        "For images whose holes a copy has filled. What the image reads as stays the same, at any "
        "instant.\n",
    .options = kSparsifyTables,
    .run = run_sparsify,
};

}  // namespace rawimg::cli
