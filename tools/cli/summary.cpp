// SPDX-License-Identifier: MIT
#include "cli/summary.h"

#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rawimg/partition_table.h>

namespace rawimg::cli {

Json to_json(const ExtSummary& fs) {
  Json json{{"type", to_text(fs.type)},
            {"block_size", fs.block_size},
            {"blocks", fs.blocks},
            {"free_blocks", fs.free_blocks},
            {"reserved_blocks", fs.reserved_blocks},
            {"inodes", fs.inodes},
            {"free_inodes", fs.free_inodes},
            {"journal_blocks", fs.journal_blocks}};
  put_bytes(json, "label", fs.label);
  json["uuid"] = to_text(fs.uuid);
  return json;
}

Json to_json(const PopulateResult& content) {
  return {{"entries", content.entries},
          {"files", content.files},
          {"directories", content.directories},
          {"symlinks", content.symlinks},
          {"hard_links", content.hard_links},
          {"others", content.others},
          {"content_bytes", content.content_bytes},
          {"skipped", content.skipped},
          {"time", content.epoch}};
}

std::string verified_text(const std::vector<SourceRequest>& sources) {
  std::set<std::string_view> kinds;
  for (const SourceRequest& source : sources)
    for (const ExpectedDigest& digest : source.digests) kinds.insert(to_text(digest.kind));
  return kinds.empty() ? "" : fmt::format(", verified by {}", fmt::join(kinds, " and "));
}

void put_verified(Json& result, const std::vector<SourceRequest>& sources) {
  for (const SourceRequest& source : sources) {
    for (const ExpectedDigest& digest : source.digests) {
      Json json;
      put_bytes(json, "source", source.file);
      json["digest"] = to_text(digest.kind);
      json["hex"] = digest.hex;
      result["verified"].push_back(std::move(json));
    }
  }
}

std::vector<std::string> root_names(std::uint32_t disk_id, unsigned slot) {
  return root_names(partuuid(disk_id, slot), slot);
}

std::vector<std::string> root_names(const std::string& partuuid, unsigned slot) {
  const std::string number = slot == 0 ? "" : fmt::format("{}", slot);
  std::vector<std::string> names;
  if (slot != 0) names.push_back("PARTUUID=" + partuuid);
  for (const char* disk : {"vda", "sda", "hda"})
    names.push_back(fmt::format("/dev/{}{}", disk, number));
  return names;
}

}  // namespace rawimg::cli
