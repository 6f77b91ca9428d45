// SPDX-License-Identifier: MIT
// The map as characters: what most of a cell is, capital where the host stores it.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/output.h"
#include "read/disk_map.h"

namespace rawimg::cli {
namespace {

struct Look {
  char stored, hole;
  int colour;  // of the 256 that terminals have
};
constexpr std::array<Look, kMapUses> kLooks{{
    {'S', 's', 97},   // superblocks
    {'G', 'g', 134},  // descriptors
    {'R', 'r', 183},  // growth room
    {'B', 'b', 167},  // bitmaps
    {'I', 'i', 172},  // inode tables
    {'J', 'j', 178},  // journal
    {'D', 'd', 37},   // directories
    {'#', '%', 68},   // files
    {':', '.', 244},  // free
    {'T', 't', 250},  // table
    {'X', 'x', 95},   // other content
    {'_', '_', 238},  // in no slot
}};

struct Glyph {
  char letter = ' ';
  int colour = 0;
  bool operator==(const Glyph&) const = default;
};

/// The largest use wins, and the first of equals, which is metadata. Where something is free, a
/// cell is + (half of it is in use, and more) or - (less), unless that is hardly anything.
Glyph glyph_of(const MapBytes& cell) {
  const std::uint64_t sum = cell.sum(), free = cell.of(MapUse::Free), used = sum - free;
  if (sum == 0) return {};
  std::size_t largest = 0;
  for (std::size_t use = 0; use < kMapUses; ++use)
    if (static_cast<MapUse>(use) != MapUse::Free &&
        cell.of(static_cast<MapUse>(use)) > cell.of(static_cast<MapUse>(largest)))
      largest = use;
  const std::uint64_t hardly = sum / 16;
  if (used <= hardly) largest = static_cast<std::size_t>(MapUse::Free);
  const Look& look = kLooks[largest];
  if (used > hardly && free > hardly) return {used >= free ? '+' : '-', look.colour};
  return {cell.stored[largest] >= cell.hole[largest] ? look.stored : look.hole, look.colour};
}

class TextMap {
 public:
  explicit TextMap(bool in_colour) : in_colour_(in_colour) {}

  void row(const MapGrid& grid, std::size_t row) {
    Glyph last;
    for (unsigned column = 0; column < grid.columns(); ++column) {
      const Glyph glyph = glyph_of(grid.at(row, column));
      if (in_colour_ && glyph.colour != last.colour)
        text_ += glyph.colour == 0 ? "\x1b[0m" : fmt::format("\x1b[38;5;{}m", glyph.colour);
      text_ += glyph.letter;
      last = glyph;
    }
    if (in_colour_ && last.colour != 0) text_ += "\x1b[0m";
    while (text_.ends_with(' ')) text_.pop_back();
    text_ += '\n';
  }
  void line(const std::string& line) { text_ += line; }
  std::string take() && { return std::move(text_); }

  /// Every use that there is, and how much of it.
  void legend(const MapBytes& total) {
    for (std::size_t i = 0; i < kMapUses; ++i) {
      const auto use = static_cast<MapUse>(i);
      if (total.of(use) == 0) continue;
      const Look& look = kLooks[i];
      std::string key{look.stored};
      if (total.hole[i] != 0 && look.hole != look.stored) key += fmt::format(" {}", look.hole);
      text_ += in_colour_ ? fmt::format("  \x1b[38;5;{}m{:<8}\x1b[0m", look.colour, key)
                          : fmt::format("  {:<8}", key);
      text_ += fmt::format("{:<14}{:>10}", name_of(use), human_size(total.of(use)));
      if (total.hole[i] != 0)
        text_ += fmt::format(", {} of it not on the host", human_size(total.hole[i]));
      text_ += '\n';
    }
    text_ += fmt::format("  {:<8}half and more of the cell is in use; less of it\n", "+ -");
  }

 private:
  bool in_colour_;
  std::string text_;
};

std::string heading(const MapSlot& slot, const MapGrid& grid) {
  const SlotReport& report = *slot.report;
  const std::string what = report.ext             ? std::string(to_text(report.ext->summary.type))
                           : report.other.empty() ? "nothing that rawimg knows"
                                                  : escape(report.other);
  std::string text = fmt::format("\nslot {}: {}, {} at byte {}", report.slot, what,
                                 human_size(report.range.size()), report.range.start());
  if (slot.groups == 0) return text + '\n';
  return text +
         fmt::format(", {} group{} of {}; a character is {}\n", slot.groups,
                     slot.groups == 1 ? "" : "s", human_size(slot.group_bytes),
                     human_size(std::max<std::uint64_t>(grid.row_bytes() / grid.columns(), 1)));
}

}  // namespace

std::string map_text(const DiskMap& map, const MapPicture& picture, const MapStyle& style) {
  TextMap text(style.in_colour);
  const DiskReport& report = map.report();
  text.line(fmt::format("{}: {}, {} on disk\n\n", shown(report.image, style.on_terminal),
                        human_size(report.size), human_size(report.allocated)));
  constexpr int kLabel = 10;
  text.line(fmt::format("{:>{}} ", "all", kLabel));
  if (picture.disk.rows() != 0) text.row(picture.disk, 0);
  for (std::size_t i = 0; i < picture.slots.size(); ++i) {
    const MapGrid& grid = picture.slots[i];
    text.line(heading(map.slots()[i], grid));
    if (map.slots()[i].groups == 0) continue;
    for (std::size_t row = 0; row < grid.rows(); ++row) {
      text.line(fmt::format("{:>{}} ", human_size(row * grid.row_bytes()), kLabel));
      text.row(grid, row);
    }
  }
  text.line("\n");
  text.legend(picture.disk.total());
  return std::move(text).take();
}

}  // namespace rawimg::cli
