// SPDX-License-Identifier: MIT
#include <rawimg/build.h>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/build_request.h"
#include "cli/console_observer.h"
#include "cli/output.h"
#include "cli/requests.h"
#include "cli/signals.h"
#include "cli/summary.h"
#include "cmd/all.h"
#include "edit/gem5_build.h"

namespace rawimg::cli {
namespace {

constexpr std::span<const OptionSpec> kBuildTables[] = {
    kFromOption,      kSourceOptions, kDiskOptions,  kFilesystemOptions,
    kReadingOptions,  kThreadsOption, kWriteOptions, kLockOptions,
    kProgressOptions, kCommonOptions, kGem5Switch,   kGem5Options};
constexpr std::span<const OptionSpec> kInitTables[] = {kDiskOptions,     kFilesystemOptions,
                                                       kWriteOptions,    kLockOptions,
                                                       kProgressOptions, kCommonOptions};

std::string closing_line(const BuildRequest& request, const BuildResult& made, double seconds) {
  const ExtSummary& fs = made.content.filesystem;
  const bool dry = request.how.populate.dry_run;
  std::string text = fmt::format("{}: {}{}", quote(request.image.string()),
                                 dry ? "would be made: " : "", human_size(made.size.value));
  if (!dry) text += fmt::format(" ({} on disk)", human_size(made.allocated.value));
  text += fmt::format(", {} in slot {} at byte {}", to_text(fs.type), made.slot, made.offset.value);
  if (!request.sources.empty()) text += fmt::format(", {} entries", made.content.entries);
  text += verified_text(request.sources);
  if (made.content.skipped != 0) text += fmt::format(", {} skipped", made.content.skipped);
  return text +
         fmt::format(", root={}, {:.1f} s", root_names(made.disk_id, made.slot).front(), seconds);
}

Json result_json(const BuildRequest& request, const BuildResult& made, double seconds) {
  Json json;
  put_bytes(json, "image", request.image.string());
  json["size"] = made.size.value;
  json["dry_run"] = request.how.populate.dry_run;
  if (!request.how.populate.dry_run) json["allocated"] = made.allocated.value;
  json["slot"] = made.slot;
  json["offset"] = made.offset.value;
  if (made.slot != 0) json["disk_id"] = fmt::format("{:08x}", made.disk_id);
  json["root"] = root_names(made.disk_id, made.slot);
  json["filesystem"] = to_json(made.content.filesystem);
  if (!request.sources.empty()) json["content"] = to_json(made.content);
  put_verified(json, request.sources);
  json["seconds"] = seconds;
  return json;
}

ExitCode make(const std::string& command, const BuildRequest& request, const Args& args,
              Streams& io, Gem5Build* gem5 = nullptr) {
  ConsoleObserver observer(command, args, io);
  std::vector<SourceSpec> sources = open_sources(request.sources, request.image, args, io);
  std::optional<StoppableJob> job;
  BuildOptions how = request.how;
  if (gem5 != nullptr) how.populate.amendment = gem5->amendment(observer);
  // what comes before, waiting for a lock, has nothing to tidy up
  how.part_created = [&job](const std::filesystem::path& part) { job.emplace(part); };
  const BuildResult made = build(request.image, request.spec, std::move(sources), how, observer);
  job.reset();
  Json result = result_json(request, made, observer.seconds());
  if (gem5 != nullptr) result["gem5"] = gem5->result();
  observer.finished(closing_line(request, made, observer.seconds()), result);
  if (args.has("json")) print_result(io, command, result, observer.warnings());
  if (!args.has("dry-run")) require_told(io, request.image, "was made");
  return ExitCode::Done;
}

ExitCode run_build(const Args& args, Streams& io) {
  (void)args.require(0, "IMG, the image to make,");
  BuildRequest request = read_build_request("build", args, io);
  require_sources("build", request);
  require_gem5_switch(args);
  if (!args.has("gem5")) return make("build", request, args, io);
  Gem5Build gem5(args, request, io);
  return make("build", request, args, io, &gem5);
}

ExitCode run_init(const Args& args, Streams& io) {
  (void)args.require(0, "IMG, the image to make,");
  if (!args.has("size"))
    throw Error(Errc::Usage, "--size is missing").with_hint("for example --size 4G");
  return make("init", read_build_request("init", args, io), args, io);
}

}  // namespace

const Command kBuild{
    .name = "build",
    .synopsis = "IMG --from SOURCE [--from ...] [--size SIZE] [OPTIONS]",
    .summary = "make a disk image that holds what tarballs or directories hold",
    .examples = R"(  rawimg build gentoo.img --from stage3-amd64-openrc.tar.xz --size 4G
  rawimg build gentoo.img --from stage3-amd64-openrc.tar.xz        # as large as needed, 256M available
  rawimg build root.img --from root.tar --size auto                # nothing is free: for a read-only root
  rawimg build root.img --from root.tar --size 2G -t ext4 --start 63s
  docker export c1 | rawimg build c1.img --from - --size 1G --table none
  rawimg build gentoo.img --from stage3-amd64-openrc.tar.xz --gem5 --m5 ./m5
  rawimg build data.img --from base.tar --from bench.tar.gz --at /opt/bench --strip-components 1 --size 8G
)",
    .details =
        R"(The image appears under its name when it is complete, or not at all. The same sources and options make the same
bytes, on any machine. UUIDs and disk id are derived from names, metadata and options, not from the bytes in files:
images that differ in nothing else and are attached to one machine want --uuid random --disk-id random.
Of a directory, files of the user who calls become root's, and of his group root's group's; others keep their numbers.
With --size auto the filesystem is made as large as its content needs, in the same one pass, also from standard input;
what is behind the + is what df in the guest shows as available. Nothing is reserved for root then, unless --reserved says so.
--verify takes BLAKE2b, else SHA-512, else SHA-256, from NAME.DIGESTS, NAME.DIGESTS.asc or NAME.sha256 beside the tarball
NAME. It checks no signature: 'gpg --verify' does that.
--gem5 is 'rawimg gem5' in the same pass: the image appears with the preparation in it, or not at all; see there.
SOURCE_DATE_EPOCH, if set, becomes the time of the superblock and of directories that the sources imply.
)",
    .options = kBuildTables,
    .run = run_build,
};

const Command kInit{
    .name = "init",
    .synopsis = "IMG --size SIZE [OPTIONS]",
    .summary = "make a disk image with one empty filesystem",
    .examples = R"(  rawimg init disk.img --size 1G
  rawimg init disk.img --size 512M -t ext4 --start 63s --label data
  rawimg init disk.img --size 64M --table none
)",
    .details = "create, partition and format in one step: what gem5img.py calls init.\n",
    .options = kInitTables,
    .run = run_init,
};

}  // namespace rawimg::cli
