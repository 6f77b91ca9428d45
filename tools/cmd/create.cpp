// SPDX-License-Identifier: MIT
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/new_image.h>
#include <rawimg/units.h>

#include "base/stop.h"
#include "base/text.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/requests.h"
#include "cli/signals.h"
#include "cmd/all.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kSize[] = {
    {"size", "SIZE", "size of the file: 512M, 4G, 63s (K M G T are powers of 1024)"}};
constexpr std::span<const OptionSpec> kTables[] = {kSize, kWriteOptions, kLockOptions, kQuietOption,
                                                   kCommonOptions};

struct Request {
  std::filesystem::path image;
  ByteCount size;
  Replace replace = Replace::Refuse;
  LockPolicy lock;
  Durability durability = Durability::Sync;
};

Request read_request(const Args& args) {
  Request request;
  request.image = args.require(0, "IMG, the image to make,");
  args.require_at_most(1);
  const auto size = args.value("size");
  if (!size) throw Error(Errc::Usage, "--size is missing").with_hint("for example --size 4G");
  request.size = ByteCount{parse_size(*size, "size")};
  if (request.size.value == 0 || request.size.value % kSectorSize != 0)
    throw Error(Errc::Usage,
                fmt::format("size {}: an image is whole sectors of {} bytes, and not none",
                            quote(*size), kSectorSize));
  request.replace = args.has("force") ? Replace::RegularFile : Replace::Refuse;
  request.lock = read_lock_policy(args);
  request.durability = read_durability(args);
  return request;
}

ExitCode run(const Args& args, Streams& io) {
  const Request request = read_request(args);
  // lives longer than the image: a signal finds no gap in which nobody removes the .part
  std::optional<StoppableJob> job;
  const bool dry = args.has("dry-run");
  NewImage image = dry ? NewImage(request.image, request.replace, NewImage::DryRun{})
                       : NewImage(request.image, request.replace, request.lock);
  job.emplace(image.part_path());
  image.file().resize(request.size);
  require_no_stop(io.stop);
  image.commit(request.durability);
  if (!args.has("quiet") && !args.has("json"))
    io.err << fmt::format("{}: {}{}, empty\n", quote(request.image.string()),
                          dry ? "would be made: " : "", human_size(request.size.value));
  if (args.has("json")) {
    Json json;
    put_bytes(json, "image", request.image.string());
    json["size"] = request.size.value;
    json["dry_run"] = dry;
    print_result(io, "create", json);
  }
  if (!dry) require_told(io, request.image, "was made");
  return ExitCode::Done;
}

}  // namespace

const Command kCreate{
    .name = "create",
    .synopsis = "IMG --size SIZE [OPTIONS]",
    .summary = "make an empty, sparse image file",
    .examples =
        "  rawimg create disk.img --size 4G\n  rawimg create disk.img --size 8G --force    # in "
        "place of an older one\n",
    .details =
        "The file takes no space until something is written into it. Next: 'rawimg partition', "
        "'rawimg format'.\n",
    .options = kTables,
    .run = run,
};

}  // namespace rawimg::cli
