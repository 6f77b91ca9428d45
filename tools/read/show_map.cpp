// SPDX-License-Identifier: MIT
#include "read/show_map.h"

#include <algorithm>
#include <charconv>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/new_image.h>

#include "base/text.h"
#include "cli/signals.h"
#include "read/disk_map.h"

namespace rawimg::cli {
namespace {

constexpr unsigned kLabel = 11, kLeastColumns = 40, kMostColumns = 400, kDefaultColumns = 80;
constexpr unsigned kTextRows = 32, kSvgColumns = 320, kSvgRows = 96, kSvgSlotRows = 64;

unsigned terminal_columns(const Streams& io) {
  unsigned columns = io.out_columns;
  if (const auto value = io.environment("COLUMNS"))
    std::from_chars(value->data(), value->data() + value->size(), columns);
  return std::clamp(columns == 0 ? kDefaultColumns : columns, kLeastColumns, kMostColumns);
}

/// https://no-color.org
bool wants_colour(const Streams& io) {
  const auto is_set = [&](const char* name) { return !io.environment(name).value_or("").empty(); };
  return io.out_is_terminal && !is_set("NO_COLOR") && io.environment("TERM") != "dumb";
}

void write_svg(const std::string& file, const std::string& svg, const Args& args) {
  NewImage target(file, args.has("force") ? Replace::RegularFile : Replace::Refuse);
  const StoppableJob job(target.part_path());
  target.file().write_at(ByteOffset{0}, std::as_bytes(std::span(svg)));
  target.commit(Durability::NoSync);
}

/// Ranges go out as they come: there may be more of them than memory has room for. A first walk
/// finds what is damaged before anything is said.
void print_ranges(DiskMap& map, Streams& io, const std::vector<Warning>& warnings) {
  MapBytes total;
  map.walk([&](const MapPart& part) { total.add(part.use, part.is_hole, part.range.size()); });
  Json head;
  put_bytes(head, "image", map.report().image);
  head["size"] = map.report().size;
  head["allocated"] = map.report().allocated;
  head["totals"] = Json::array();
  for (std::size_t i = 0; i < kMapUses; ++i)
    if (const auto use = static_cast<MapUse>(i); total.of(use) != 0)
      head["totals"].push_back(
          {{"use", name_of(use)}, {"bytes", total.of(use)}, {"not_stored", total.hole[i]}});
  std::string text = head.dump();
  text.back() = ',';
  io.out << "{\"schema\":1,\"command\":\"info\",\"result\":" << text << "\"ranges\":[";
  const char* separator = "";
  map.walk([&](const MapPart& part) {
    io.out << separator
           << fmt::format("{{\"offset\":{},\"size\":{},\"use\":\"{}\",\"stored\":{}}}",
                          part.range.start(), part.range.size(), name_of(part.use), !part.is_hole);
    separator = ",";
  });
  Json list = Json::array();
  for (const Warning& warning : warnings) list.push_back(to_json(warning));
  for (const Warning& warning : map.warnings()) list.push_back(to_json(warning));
  io.out << "]},\"warnings\":" << list.dump() << "}\n";
}

}  // namespace

void require_map_words(const Args& args) {
  if (args.has("map") && args.has("boot"))
    throw Error(Errc::Usage, "--map and --boot were both given: one of them");
  if (args.value("output") == "-" && args.has("json"))
    throw Error(Errc::Usage, "--json and a drawing on standard output do not go together");
  if (args.has("map")) return;
  for (const char* name : {"output", "force"})
    if (args.has(name)) throw Error(Errc::Usage, fmt::format("--{} belongs to --map", name));
}

void show_map(ImageFile& image, const DiskReport& report, const Args& args, Streams& io,
              const std::vector<Warning>& warnings) {
  DiskMap map(image, report);
  if (const auto file = args.value("output")) {
    std::error_code error;
    if (std::filesystem::equivalent(*file, report.image, error))
      throw Error(Errc::Usage, fmt::format("{} is the image", quote(*file)));
    const std::size_t drawn =
        std::ranges::count_if(map.slots(), [](const MapSlot& slot) { return slot.groups != 0; });
    const std::string svg =
        map_svg(map, take_picture(map, kSvgColumns, drawn == 1 ? kSvgSlotRows : kSvgRows));
    if (*file == "-") {
      io.out << svg;
    } else {
      write_svg(*file, svg, args);
    }
  }
  if (args.has("json")) {
    print_ranges(map, io, warnings);
    return;
  }
  if (!args.has("output"))
    io.out << map_text(map, take_picture(map, terminal_columns(io) - kLabel, kTextRows),
                       {.on_terminal = io.out_is_terminal, .in_colour = wants_colour(io)});
  print_warnings(io, "info", map.warnings());
}

}  // namespace rawimg::cli
