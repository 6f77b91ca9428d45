// SPDX-License-Identifier: MIT
#include <rawimg/cow_file.h>
#include <rawimg/recovery.h>

#include <optional>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/cow_request.h"
#include "cli/output.h"
#include "cli/requests.h"
#include "cli/signals.h"
#include "cmd/all.h"
#include "read/sector_owners.h"

namespace rawimg::cli {
namespace {

constexpr std::span<const OptionSpec> kTables[] = {kWriteOptions, kLockOptions, kQuietOption,
                                                   kCommonOptions};

/// With what all results begin with.
Json result_of(const CowRequest& request) {
  Json json{{"verb", request.verb}};
  put_bytes(json, "file", request.layer);
  if (request.verb != "diff" && !request.images.empty())
    put_bytes(json, "image", request.images[0]);
  return json;
}

ExitCode show_info(const CowRequest& request, const Args& args, Streams& io) {
  const CowFile layer = CowFile::open(request.layer, read_lock_policy(args));
  const auto& records = layer.records();
  std::uint64_t runs = 0;
  for (std::size_t i = 0; i < records.size(); ++i)
    runs += i == 0 || records[i].sector != records[i - 1].sector + 1;
  if (args.has("json")) {
    Json json = result_of(request);
    json["sectors"] = records.size();
    json["bytes"] = records.size() * kSectorSize;
    json["runs"] = runs;
    if (!records.empty()) {
      json["first_sector"] = records.front().sector;
      json["last_sector"] = records.back().sector;
    }
    print_result(io, "cow", json);
    return ExitCode::Done;
  }
  io.out << fmt::format("{}: COW file of gem5, version 1.0\n  sectors     {} ({} bytes, {})\n",
                        shown(request.layer, io.out_is_terminal), records.size(),
                        records.size() * kSectorSize, human_size(records.size() * kSectorSize));
  if (!records.empty())
    io.out << fmt::format("  first       {}\n  last        {}\n  runs        {}\n",
                          records.front().sector, records.back().sector, runs);
  return ExitCode::Done;
}

std::string line_of(const OwnedRun& run, bool terminal) {
  const SectorOwner& owner = run.owner;
  std::string text = fmt::format("{:>10} {:>8} {:>4}  ", run.first, run.count,
                                 owner.slot ? fmt::format("{}", *owner.slot) : "-");
  text += owner.what;
  if (!owner.path.empty()) text += ' ' + shown(owner.path, terminal);
  return text + (owner.before ? " (removed)\n" : "\n");
}

ExitCode list(const CowRequest& request, const Args& args, Streams& io) {
  const CowFile layer = CowFile::open(request.layer, read_lock_policy(args));
  ImageFile image = ImageFile::open(request.images[0], Access::ReadOnly, read_lock_policy(args));
  require_whole(image);
  layer.require_within(image);
  const OwnedSectors found = find_owners(image, layer);
  if (!args.has("json")) {
    print_warnings(io, "cow", found.warnings);
    for (const OwnedRun& run : found.runs) io.out << line_of(run, io.out_is_terminal);
    return ExitCode::Done;
  }
  Json json = result_of(request);
  json["entries"] = Json::array();
  for (const OwnedRun& run : found.runs) {
    Json entry{{"sector", run.first}, {"sectors", run.count}};
    if (run.owner.slot) entry["slot"] = *run.owner.slot;
    entry["what"] = run.owner.what;
    if (!run.owner.path.empty()) put_bytes(entry, "path", run.owner.path);
    if (run.owner.before) entry["removed"] = true;
    json["entries"].push_back(std::move(entry));
  }
  print_result(io, "cow", json, found.warnings);
  return ExitCode::Done;
}

ExitCode apply(const CowRequest& request, const Args& args, Streams& io) {
  const bool dry = args.has("dry-run");
  const CowFile layer = CowFile::open(request.layer, read_lock_policy(args));
  ImageFile image = ImageFile::open(request.images[0], dry ? Access::ReadOnly : Access::ReadWrite,
                                    read_lock_policy(args));
  require_whole(image);
  std::optional<StoppableJob> job;
  const Applied applied =
      apply_cow(layer, std::move(image),
                {.durability = read_durability(args),
                 .lock = read_lock_policy(args),
                 .dry_run = dry,
                 .stop = io.stop,
                 .part_created = [&job](const std::filesystem::path& part) { job.emplace(part); }});
  job.reset();
  if (args.has("json")) {
    Json json = result_of(request);
    json["sectors"] = applied.sectors;
    json["changed"] = applied.changed;
    json["shared"] = applied.shared;
    json["dry_run"] = dry;
    print_result(io, "cow", json);
  } else if (!args.has("quiet")) {
    io.err << fmt::format("{}: {}{} of {} sectors {}\n", quote(request.images[0]),
                          dry ? "would be changed: " : "", applied.changed, applied.sectors,
                          dry || applied.changed == 0 ? "differ" : "changed");
  }
  return ExitCode::Done;
}

ExitCode diff(const CowRequest& request, const Args& args, Streams& io) {
  require_no_stream(request.layer);
  const bool dry = args.has("dry-run");
  ImageFile base = ImageFile::open(request.images[0], Access::ReadOnly, read_lock_policy(args)),
            changed = ImageFile::open(request.images[1], Access::ReadOnly, read_lock_policy(args));
  require_whole(base);
  require_whole(changed);
  const Replace replace = args.has("force") ? Replace::RegularFile : Replace::Refuse;
  std::optional<StoppableJob> job;
  NewImage layer = dry ? NewImage(request.layer, replace, NewImage::DryRun{})
                       : NewImage(request.layer, replace, read_lock_policy(args));
  job.emplace(layer.part_path());
  const std::uint64_t sectors = make_cow(base, changed, dry ? nullptr : &layer.file(), io.stop);
  layer.commit(read_durability(args));
  job.reset();
  if (args.has("json")) {
    Json json = result_of(request);
    json["sectors"] = sectors;
    json["bytes"] = sectors * kSectorSize;
    json["dry_run"] = dry;
    print_result(io, "cow", json);
  } else if (!args.has("quiet")) {
    io.err << fmt::format("{}: {}{} sectors, {}\n", quote(request.layer),
                          dry ? "would be made: " : "", sectors, human_size(sectors * kSectorSize));
  }
  return ExitCode::Done;
}

ExitCode run(const Args& args, Streams& io) {
  const CowRequest request = read_cow_request(args);
  if (request.verb == "info") return show_info(request, args, io);
  if (request.verb == "ls") return list(request, args, io);
  return request.verb == "apply" ? apply(request, args, io) : diff(request, args, io);
}

}  // namespace

const Command kCow{
    .name = "cow",
    .synopsis = "info COWFILE | ls COWFILE IMG | apply COWFILE IMG | diff COWFILE BASE CHANGED",
    .summary = "what a gem5 machine has written: show it, write it into the image",
    .examples = R"(  rawimg cow info m5out/cpt.1000/system.disk.image.cow
  rawimg cow ls system.disk.image.cow disk.img       # changed sectors, and the files they are of
  rawimg cow apply system.disk.image.cow disk.img
  rawimg cow diff changes.cow before.img after.img   # makes a COW file
)",
    .details =
        R"(gem5 keeps what a guest writes beside the raw image, in a COW file (of a checkpoint, or of CowDiskImage with an image_file).
A COW file does not say of which image it is: applied to another one of the same size, it makes garbage.
ls prints first sector, number of sectors, slot, and what they are: a file, directory, symlink, map or attributes of a path;
superblock, descriptor, bitmap, inode table, journal, boot; table, gap, free, unknown; data where no ext filesystem is.
It shows the filesystem as the guest left it; what it removed is (removed).
apply is all or nothing: it writes a copy that then takes the image's name. Where the file system shares blocks (reflink) that
is fast and takes no room; elsewhere it takes as long and as much room as the image's data. Hard links to the image keep the old
content. 'rawimg undo' does not take it back, and what was changed before it neither. A guest that was not shut down leaves a
filesystem that wants e2fsck. --force is for diff, to replace a COW file.
)",
    .options = kTables,
    .run = run,
};

}  // namespace rawimg::cli
