// SPDX-License-Identifier: MIT
#include <algorithm>
#include <ostream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rawimg/error.h>
#include <rawimg/ext_fs.h>
#include <rawimg/partition_table.h>

#include "base/text.h"
#include "cli/requests.h"
#include "cli/summary.h"
#include "cmd/all.h"

namespace rawimg::cli {
namespace {

constexpr std::span<const OptionSpec> kTables[] = {kLockOptions, kImageOption, kCommonOptions};

/// A slot and what is in it.
struct SlotReport {
  unsigned slot = 0;
  ByteRange range;
  std::optional<Partition> partition;
  std::optional<ExtInfo> ext;
  std::string other;    ///< what is there when it is no ext filesystem
  std::string problem;  ///< why it cannot be read
};

struct Report {
  std::string image;
  std::uint64_t size = 0, allocated = 0;
  std::optional<PartitionTable> table;
  std::vector<SlotReport> slots;
};

SlotReport examine(ImageFile& image, unsigned slot, ByteRange range,
                   std::optional<Partition> partition) {
  SlotReport report{slot, range, partition, std::nullopt, "", ""};
  try {
    report.ext = probe_ext(Window(image, range));
    if (!report.ext) report.other = identify_range(image, range).name;
  } catch (const Error& error) {
    if (error.code() == Errc::Unsupported)
      report.other = error.what();
    else if (error.code() == Errc::Corrupt)
      report.problem = error.what();
    else
      throw;
  }
  return report;
}

Report examine(ImageFile& image, const Address& address) {
  Report report{
      image.path().string(), image.size().value, image.allocated().value, std::nullopt, {}};
  if (address.offset || address.slot == 0U) {
    const FoundWindow found = find_filesystem(image, address);
    if (found.slot != 0) report.table = PartitionTable::read(image);
    report.slots.push_back(
        examine(image, found.slot, found.window.range(),
                found.slot != 0 ? report.table->slot(found.slot) : std::nullopt));
    return report;
  }
  if (identify_disk(image).kind != DiskKind::Mbr) {
    SlotReport whole = examine(image, 0, ByteRange{ByteOffset{0}, image.size()}, std::nullopt);
    // says what the file is
    if (!whole.ext && whole.problem.empty() && identify_disk(image).kind != DiskKind::Empty)
      (void)PartitionTable::read(image);
    report.slots.push_back(std::move(whole));
    return report;
  }
  report.table = PartitionTable::read(image);
  for (const Partition& partition : report.table->partitions())
    if (!address.slot || *address.slot == partition.slot)
      report.slots.push_back(examine(image, partition.slot, partition.range(), partition));
  // says which slots there are
  if (address.slot && report.slots.empty()) (void)find_filesystem(image, address);
  return report;
}

/// What cannot be a root filesystem, and one somewhere in a file that no partition is for, have no
/// name in a guest.
bool has_root_names(const SlotReport& slot) {
  return slot.ext && (slot.slot != 0 || slot.range.start() == 0);
}

std::uint32_t disk_id(const Report& report) { return report.table ? report.table->disk_id() : 0; }

void print_ext(const ExtInfo& ext, bool terminal, std::ostream& out) {
  const ExtSummary& fs = ext.summary;
  const std::uint64_t used = (fs.blocks - std::min(fs.blocks, fs.free_blocks)) * fs.block_size;
  out << fmt::format("  filesystem  {}, {} blocks of {} bytes ({})\n", to_text(fs.type), fs.blocks,
                     fs.block_size, human_size(ext.size_bytes));
  if (!fs.label.empty()) out << fmt::format("  label       {}\n", shown(fs.label, terminal));
  out << fmt::format("  uuid        {}\n", to_text(fs.uuid));
  out << fmt::format("  used        {}, {} free; {} of {} inodes\n", human_size(used),
                     human_size(fs.free_blocks * fs.block_size),
                     fs.inodes - std::min(fs.inodes, fs.free_inodes), fs.inodes);
  out << fmt::format("  features    {}\n", fmt::join(ext.features, " "));
  if (ext.interrupted)
    out << "  state       a change was interrupted; the next one takes it back, or 'rawimg "
           "recover'\n";
  else if (ext.needs_recovery)
    out << "  state       the journal must be replayed\n";
  else if (ext.has_errors)
    out << "  state       marked as damaged\n";
  else if (ext.not_clean)
    out << "  state       not unmounted\n";
}

void print_text(const Report& report, Streams& io) {
  io.out << fmt::format("{}: {} ({} bytes), {} on disk\n", shown(report.image, io.out_is_terminal),
                        human_size(report.size), report.size, human_size(report.allocated));
  if (report.table)
    io.out << fmt::format("MBR, disk id {:08x}, {} partition{}\n", report.table->disk_id(),
                          report.table->partitions().size(),
                          report.table->partitions().size() == 1 ? "" : "s");
  for (const SlotReport& slot : report.slots) {
    if (slot.partition) {
      const std::string_view name = partition_type_name(slot.partition->type);
      io.out << fmt::format("slot {}: at byte {}, {} bytes ({}), type {:02x}{}{}{}\n", slot.slot,
                            slot.range.start(), slot.range.size(), human_size(slot.range.size()),
                            slot.partition->type, name.empty() ? "" : " ", name,
                            slot.partition->bootable ? ", bootable" : "");
    } else {
      io.out << fmt::format("slot {}: at byte {}, {} bytes ({})\n", slot.slot, slot.range.start(),
                            slot.range.size(), human_size(slot.range.size()));
    }
    if (slot.ext)
      print_ext(*slot.ext, io.out_is_terminal, io.out);
    else if (!slot.problem.empty())
      io.out << fmt::format("  filesystem  damaged: {}\n", slot.problem);
    else
      io.out << fmt::format("  holds       {}\n",
                            slot.other.empty() ? "nothing that rawimg knows" : slot.other);
    if (has_root_names(slot))
      io.out << fmt::format("  root=       {}\n",
                            fmt::join(root_names(disk_id(report), slot.slot), "  "));
  }
}

Json to_json(const SlotReport& slot, std::uint32_t id) {
  Json json{{"slot", slot.slot}, {"offset", slot.range.start()}, {"size", slot.range.size()}};
  if (slot.partition) {
    json["type"] = fmt::format("{:02x}", slot.partition->type);
    json["bootable"] = slot.partition->bootable;
  }
  if (slot.ext) {
    Json fs = cli::to_json(slot.ext->summary);
    fs["size"] = slot.ext->size_bytes;
    fs["inode_size"] = slot.ext->inode_size;
    fs["features"] = slot.ext->features;
    fs["needs_recovery"] = slot.ext->needs_recovery;
    fs["has_errors"] = slot.ext->has_errors;
    fs["not_clean"] = slot.ext->not_clean;
    fs["interrupted"] = slot.ext->interrupted;
    fs["created"] = slot.ext->created;
    json["filesystem"] = std::move(fs);
  }
  if (!slot.other.empty()) json["holds"] = slot.other;
  if (!slot.problem.empty()) json["problem"] = slot.problem;
  if (has_root_names(slot)) json["root"] = root_names(id, slot.slot);
  return json;
}

ExitCode run(const Args& args, Streams& io) {
  const Address address = read_address(args);
  args.require_at_most(1);
  if (!address.path.empty())
    throw Error(Errc::Usage, fmt::format("{} is a path inside of an image; info describes images",
                                         quote(address.path)))
        .with_hint("'rawimg stat' describes a file");
  ImageFile image = ImageFile::open(address.image, Access::ReadOnly, read_lock_policy(args));
  const Report report = examine(image, address);
  if (!args.has("json")) {
    print_text(report, io);
  } else {
    Json json;
    put_bytes(json, "image", report.image);
    json["size"] = report.size;
    json["allocated"] = report.allocated;
    json["table"] = report.table ? "mbr" : "none";
    if (report.table) json["disk_id"] = fmt::format("{:08x}", report.table->disk_id());
    json["slots"] = Json::array();
    for (const SlotReport& slot : report.slots)
      json["slots"].push_back(to_json(slot, disk_id(report)));
    print_result(io, "info", json);
  }
  const bool damaged = std::any_of(report.slots.begin(), report.slots.end(),
                                   [](const SlotReport& slot) { return !slot.problem.empty(); });
  return damaged ? ExitCode::Damaged : ExitCode::Done;
}

}  // namespace

const Command kInfo{
    .name = "info",
    .synopsis = "IMG[:N]",
    .summary = "show the partition table, the filesystems and their root= names",
    .examples = "  rawimg info disk.img\n  rawimg info disk.img:1\n  rawimg info --json disk.img\n",
    .details =
        "root= names what a kernel may be told: PARTUUID= works whatever the disk is called.\n",
    .options = kTables,
    .run = run,
};

}  // namespace rawimg::cli
