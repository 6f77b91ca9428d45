// SPDX-License-Identifier: MIT
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/ext_options.h>
#include <rawimg/partition_table.h>

#include "base/text.h"
#include "cli/output.h"
#include "cli/requests.h"
#include "cmd/all.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"disk-id", "HEX", "the MBR's 32-bit id, or 'random' (default: derived from the layout)"},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn,         kQuietOption, kWriteOptions,
                                                   kLockOptions, kImageOption, kCommonOptions};

struct Request {
  std::filesystem::path image;
  std::vector<PartitionRequest> partitions;
  std::optional<std::uint32_t> disk_id;
  bool force = false;
  LockPolicy lock;
  Durability durability = Durability::Sync;
};

Request read_request(const Args& args) {
  Request request;
  const auto literal = args.value("image");
  request.image = literal ? *literal : args.require(0, "IMG");
  for (std::size_t i = literal ? 0 : 1; i < args.operands().size(); ++i)
    request.partitions.push_back(parse_partition_request(args.operands()[i]));
  if (request.partitions.empty()) request.partitions.emplace_back();
  request.disk_id = read_disk_id(args);
  request.force = args.has("force");
  request.lock = read_lock_policy(args);
  request.durability = read_durability(args);
  return request;
}

void require_free(const ImageFile& image, bool force) {
  const DiskIdentity disk = identify_disk(image);
  if (force || disk.kind == DiskKind::Empty || disk.kind == DiskKind::Unknown) return;
  throw Error(Errc::Exists,
              fmt::format("{} is in use: {}", quote(image.path().string()), disk.name))
      .with_path(image.path().string())
      .with_hint("overwrite it with --force");
}

std::uint32_t derive_id(const PartitionTable& table, ByteCount size) {
  std::string text = fmt::format("rawimg partition {}", size.value);
  for (const Partition& p : table.partitions())
    text += fmt::format(" {}:{:02x}:{}+{}", p.slot, p.type, p.first_sector, p.sector_count);
  const Uuid uuid = derive_uuid(text);
  const std::uint32_t id = static_cast<std::uint32_t>(uuid[0]) << 24 |
                           static_cast<std::uint32_t>(uuid[1]) << 16 |
                           static_cast<std::uint32_t>(uuid[2]) << 8 | uuid[3];
  return id != 0 ? id : 1;
}

void write(const PartitionTable& table, ImageFile& image, const Request& request) {
  // what identify_disk found first would hide the table
  if (request.force) erase_signatures(image);
  table.write(image);
  if (request.durability == Durability::Sync) image.sync();
}

ExitCode run(const Args& args, Streams& io) {
  const Request request = read_request(args);
  ImageFile image = ImageFile::open(request.image, Access::ReadWrite, request.lock);
  require_free(image, request.force);
  PartitionTable table;
  for (const PartitionRequest& partition : request.partitions) table.add(partition, image.size());
  table.set_disk_id(request.disk_id.value_or(derive_id(table, image.size())));
  const bool dry = args.has("dry-run");
  if (!dry) write(table, image, request);

  Json list = Json::array();
  for (const Partition& p : table.partitions()) {
    if (!args.has("quiet") && !args.has("json"))
      io.err << fmt::format("{}: {}slot {}, type {:02x}, at byte {}, {}\n",
                            quote(request.image.string()), dry ? "would be made: " : "", p.slot,
                            p.type, p.range().start(), human_size(p.range().size()));
    list.push_back({{"slot", p.slot},
                    {"type", fmt::format("{:02x}", p.type)},
                    {"bootable", p.bootable},
                    {"offset", p.range().start()},
                    {"size", p.range().size()}});
  }
  if (args.has("json")) {
    Json json;
    put_bytes(json, "image", request.image.string());
    json["disk_id"] = fmt::format("{:08x}", table.disk_id());
    json["partitions"] = std::move(list);
    json["dry_run"] = dry;
    print_result(io, "partition", json);
  }
  if (!dry) require_told(io, request.image);
  return ExitCode::Done;
}

}  // namespace

const Command kPartition{
    .name = "partition",
    .synopsis = "IMG ['start=SECTOR,size=SIZE,type=HEX,bootable' ...]",
    .summary = "write an MBR partition table",
    .examples =
        R"(  rawimg partition disk.img                                    # one Linux partition from 1 MiB to the end
  rawimg partition disk.img 'start=63,type=83'                 # as old gem5 images have it
  rawimg partition disk.img 'size=100M,type=ef' 'type=83,bootable'
)",
    .details =
        R"(Each operand is a line of sfdisk's script language; what is left out is chosen: the next free slot, the next free MiB,
all the room there is. As in sfdisk, a start or size without a unit is sectors of 512 bytes. Boot code stays. A table or filesystem that is there already is overwritten only with --force.
)",
    .options = kTables,
    .run = run,
};

}  // namespace rawimg::cli
