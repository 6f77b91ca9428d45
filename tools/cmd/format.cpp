// SPDX-License-Identifier: MIT
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/ext_fs.h>
#include <rawimg/partition_table.h>

#include "base/text.h"
#include "cli/requests.h"
#include "cli/summary.h"
#include "cmd/all.h"

namespace rawimg::cli {
namespace {

constexpr std::span<const OptionSpec> kTables[] = {
    kFilesystemOptions, kWriteOptions, kLockOptions, kImageOption, kQuietOption, kCommonOptions};

struct Request {
  Address address;
  ExtOptions options;
  bool force = false;
  LockPolicy lock;
  Durability durability = Durability::Sync;
};

Request read_request(const Args& args, const Streams& io) {
  Request request;
  request.address = read_address(args);
  args.require_at_most(1);
  if (!request.address.path.empty())
    throw Error(Errc::Usage,
                fmt::format("{} is a path inside of an image; a filesystem is made in a slot",
                            quote(request.address.path)));
  request.options = read_ext_options(args);
  request.options.created = read_epoch(io);
  request.force = args.has("force");
  request.lock = read_lock_policy(args);
  request.durability = read_durability(args);
  return request;
}

void require_free(ImageFile& image, const FoundWindow& place, bool force) {
  if (force) return;
  const std::string name = image.path().string();
  const DiskIdentity there = place.slot == 0 && place.window.range().start() == 0
                                 ? identify_disk(image)
                                 : identify_range(image, place.window.range());
  if (there.kind == DiskKind::Empty || there.kind == DiskKind::Unknown) return;
  throw Error(Errc::Exists,
              fmt::format("slot {} of {} is in use: {}", place.slot, quote(name), there.name))
      .with_path(name)
      .with_hint("overwrite it with --force");
}

ExtSummary replace_with_ext(ImageFile& image, const Window& where, const Request& request) {
  // also what lies at the end, where the new filesystem writes nothing
  if (request.force) erase_signatures(image, where.range());
  const ExtSummary made = make_ext(where, request.options);
  if (request.durability == Durability::Sync) image.sync();
  return made;
}

ExtSummary try_ext(const ImageFile& image, const ByteRange& range, const ExtOptions& options) {
  ImageFile scratch = ImageFile::scratch(image.path(), image.size());
  return make_ext(Window(scratch, range), options);
}

ExitCode run(const Args& args, Streams& io) {
  const Request request = read_request(args, io);
  ImageFile image = ImageFile::open(request.address.image, Access::ReadWrite, request.lock);
  const FoundWindow place = find_place(image, request.address);
  require_free(image, place, request.force);
  require_ext_possible(request.options, ByteCount{place.window.range().size()});
  const bool dry = args.has("dry-run");
  const ExtSummary made = dry ? try_ext(image, place.window.range(), request.options)
                              : replace_with_ext(image, place.window, request);
  const std::uint64_t offset = place.window.range().start();
  if (!args.has("quiet") && !args.has("json"))
    io.err << fmt::format("{}: {}{} of {} in slot {} at byte {}\n",
                          quote(request.address.image.string()), dry ? "would be made: " : "",
                          to_text(made.type), human_size(made.blocks * made.block_size), place.slot,
                          offset);
  if (!args.has("json")) print_warnings(io, "format", place.warnings);
  if (args.has("json")) {
    Json json;
    put_bytes(json, "image", request.address.image.string());
    json["slot"] = place.slot;
    json["offset"] = offset;
    json["filesystem"] = to_json(made);
    json["dry_run"] = dry;
    print_result(io, "format", json, place.warnings);
  }
  if (!dry) require_told(io, request.address.image);
  return ExitCode::Done;
}

}  // namespace

const Command kFormat{
    .name = "format",
    .synopsis = "IMG[:N] [OPTIONS]",
    .summary = "make an empty filesystem in a partition or in the whole file",
    .examples = R"(  rawimg format disk.img                      # the only partition, ext2
  rawimg format disk.img:1 -t ext4 --label root
  rawimg format disk.img:0 --force            # the whole file
  rawimg format disk.img -t ext4 --features ^metadata_csum,^64bit   # for Linux 3.x
)",
    .details =
        "What the place held is gone afterwards, so a known signature there needs --force. Bytes "
        "outside of the place stay.\n",
    .options = kTables,
    .run = run,
};

}  // namespace rawimg::cli
