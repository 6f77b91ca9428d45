// SPDX-License-Identifier: MIT
// The report of 'info' in words, and as JSON.
#include <algorithm>
#include <ostream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "cli/disk_report.h"
#include "cli/summary.h"

namespace rawimg::cli {
namespace {

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

std::string table_text(const PartitionTable& table) {
  const std::size_t count = table.partitions().size();
  const bool gpt = table.kind() == PartitionTable::Kind::Gpt;
  return fmt::format("{}, disk id {}, {} partition{}", gpt ? "GPT" : "MBR",
                     gpt ? to_text(table.disk_guid()) : fmt::format("{:08x}", table.disk_id()),
                     count, count == 1 ? "" : "s");
}

/// As the table has it: two digits of an MBR, a GUID of a GPT.
std::string type_text(const Partition& partition) {
  return partition.gpt ? to_text(partition.gpt->type) : fmt::format("{:02x}", partition.type);
}

std::string_view type_name(const Partition& partition) {
  return partition.gpt ? partition_type_name(partition.gpt->type)
                       : partition_type_name(partition.type);
}

/// With its name, when it has one; the name alone says more than a GUID.
std::string named_type(const Partition& partition) {
  const std::string_view name = type_name(partition);
  if (name.empty()) return type_text(partition);
  return partition.gpt ? std::string(name) : type_text(partition) + ' ' + std::string(name);
}

void print_slot(const SlotReport& slot, Streams& io) {
  io.out << fmt::format("slot {}: at byte {}, {} bytes ({})", slot.slot, slot.range.start(),
                        slot.range.size(), human_size(slot.range.size()));
  if (slot.partition)
    io.out << fmt::format(", type {}{}", named_type(*slot.partition),
                          slot.partition->bootable ? ", bootable" : "");
  io.out << '\n';
  if (slot.partition && slot.partition->gpt && !slot.partition->gpt->name.empty())
    io.out << fmt::format("  name        {}\n",
                          shown(slot.partition->gpt->name, io.out_is_terminal));
  if (slot.ext) print_ext(*slot.ext, io.out_is_terminal, io.out);
  if (slot.ext && !slot.problem.empty())
    io.out << fmt::format("  damaged     {}\n", slot.problem);
  else if (!slot.problem.empty())
    io.out << fmt::format("  filesystem  damaged: {}\n", slot.problem);
  else if (!slot.ext)
    io.out << fmt::format("  holds       {}\n",
                          slot.other.empty() ? "nothing that rawimg knows" : slot.other);
}

void add_partition(Json& json, const Partition& partition) {
  json["type"] = type_text(partition);
  if (!type_name(partition).empty()) json["type_name"] = type_name(partition);
  json["bootable"] = partition.bootable;
  if (partition.gpt) json["name"] = partition.gpt->name;
}

Json slot_json(const DiskReport& report, const SlotReport& slot) {
  Json json{{"slot", slot.slot}, {"offset", slot.range.start()}, {"size", slot.range.size()}};
  if (slot.partition) {
    add_partition(json, *slot.partition);
    json["partuuid"] = report.table->partuuid(*slot.partition);
  }
  if (slot.ext) {
    Json fs = to_json(slot.ext->summary);
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
  if (const auto names = root_names(report, slot); !names.empty()) json["root"] = names;
  return json;
}

}  // namespace

void print_report(const DiskReport& report, Streams& io) {
  io.out << fmt::format("{}: {} ({} bytes), {} on disk\n", shown(report.image, io.out_is_terminal),
                        human_size(report.size), report.size, human_size(report.allocated));
  if (report.table) io.out << table_text(*report.table) << '\n';
  for (const SlotReport& slot : report.slots) {
    print_slot(slot, io);
    if (const auto names = root_names(report, slot); !names.empty())
      io.out << fmt::format("  root=       {}\n", fmt::join(names, "  "));
  }
}

Json to_json(const DiskReport& report) {
  Json json;
  put_bytes(json, "image", report.image);
  json["size"] = report.size;
  json["allocated"] = report.allocated;
  if (!report.table) {
    json["table"] = "none";
  } else if (report.table->kind() == PartitionTable::Kind::Gpt) {
    json["table"] = "gpt";
    json["disk_guid"] = to_text(report.table->disk_guid());
  } else {
    json["table"] = "mbr";
    json["disk_id"] = fmt::format("{:08x}", report.table->disk_id());
  }
  json["slots"] = Json::array();
  for (const SlotReport& slot : report.slots) json["slots"].push_back(slot_json(report, slot));
  return json;
}

}  // namespace rawimg::cli
