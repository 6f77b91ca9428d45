// SPDX-License-Identifier: MIT
// The map as a picture: areas are to scale. Each cell is a stack of what is in it; what would be
// too thin to see is drawn as thick as a hair.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/output.h"
#include "read/disk_map.h"

namespace rawimg::cli {
namespace {

constexpr double kLeft = 96, kGrid = 960, kRight = 24, kTop = 28, kRowHeight = 13, kRowGap = 2,
                 kBar = 26, kHair = 1.2;

struct Paint {
  MapUse use;
  const char *light, *dark;
};
// from the bottom of a stack up; free is on top, and a hole in it is the background
constexpr std::array<Paint, kMapUses - 1> kPaints{{
    {MapUse::Files, "#4878a8", "#6d9fd1"},
    {MapUse::Directories, "#1f9e98", "#3cc1b8"},
    {MapUse::Journal, "#c9a227", "#e0bf4f"},
    {MapUse::InodeTable, "#dd8230", "#f0a05a"},
    {MapUse::Bitmaps, "#c8435a", "#ea6f84"},
    {MapUse::GrowthRoom, "#b79ad6", "#8f74b3"},
    {MapUse::Descriptors, "#8a52c2", "#b487e6"},
    {MapUse::Superblock, "#51308a", "#d9bdff"},
    {MapUse::Other, "#8a7866", "#a8957f"},
    {MapUse::Table, "#30343a", "#e6e9ee"},
    {MapUse::Free, "#b4bcc8", "#5a6472"},
}};

/// XML 1.0 has no control characters, and no other encoding than the document's.
std::string xml(std::string_view bytes) {
  std::string text;
  for (const char c : lossy_utf8(bytes)) {
    if (c == '&')
      text += "&amp;";
    else if (c == '<')
      text += "&lt;";
    else if (c == '>')
      text += "&gt;";
    else if (c == '"')
      text += "&quot;";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      text += "\xEF\xBF\xBD";  // U+FFFD
    else
      text += c;
  }
  return text;
}

/// "u7" and "u7 h": what the style sheet calls a use.
std::string class_of(MapUse use, bool is_hole) {
  return fmt::format("u{}{}", static_cast<int>(use), is_hole ? " h" : "");
}

/// Rectangles of one use, as one path; those that touch become one.
class Shape {
 public:
  void add(double x, double y, double width, double height) {
    if (width_ > 0 && y == y_ && height == height_ && std::abs(x_ + width_ - x) < 0.01) {
      width_ += width;
      return;
    }
    flush();
    x_ = x, y_ = y, width_ = width, height_ = height;
  }
  std::string take() && {
    flush();
    return std::move(path_);
  }

 private:
  void flush() {
    if (width_ > 0)
      path_ +=
          fmt::format("M{:.6g} {:.6g}h{:.5g}v{:.4g}h-{:.5g}z", x_, y_, width_, height_, width_);
    width_ = 0;
  }
  std::string path_;
  double x_ = 0, y_ = 0, width_ = 0, height_ = 0;
};

class SvgMap {
 public:
  void text(double x, double y, std::string_view style, std::string_view words) {
    body_ += fmt::format("<text class=\"{}\" x=\"{:.5g}\" y=\"{:.5g}\">{}</text>\n", style, x, y,
                         xml(words));
  }
  void line(double x, double y, double height) {
    body_ += fmt::format("<path class=\"tick\" d=\"M{:.6g} {:.6g}v{:.4g}\"/>\n", x, y, height);
  }
  void swatch(double x, double y, MapUse use, bool is_hole) {
    body_ += fmt::format(
        "<rect class=\"base\" x=\"{0:.5g}\" y=\"{1:.5g}\" width=\"12\" height=\"12\"/>", x, y);
    if (is_hole && use == MapUse::Free) return;  // the background
    body_ +=
        fmt::format("<rect class=\"{}\" x=\"{:.5g}\" y=\"{:.5g}\" width=\"12\" height=\"12\"/>\n",
                    class_of(use, is_hole), x, y);
  }

  /// Cells of a grid, each row of `height`.
  void grid(const MapGrid& grid, double top, double height, double gap) {
    const double cell = kGrid / grid.columns();
    Shape base;
    std::array<std::array<Shape, 2>, kMapUses> shapes;
    for (std::size_t row = 0; row < grid.rows(); ++row) {
      const double y = top + static_cast<double>(row) * (height + gap);
      for (unsigned column = 0; column < grid.columns(); ++column)
        stack(grid.at(row, column), kLeft + column * cell, y, cell, height, base, shapes);
    }
    path("base", "", std::move(base));
    for (const Paint& paint : kPaints)
      for (const bool is_hole : {false, true})
        path(class_of(paint.use, is_hole),
             std::string(name_of(paint.use)) + (is_hole ? ", not on the host" : ""),
             std::move(shapes[static_cast<std::size_t>(paint.use)][is_hole]));
  }

  std::string finish(double height, std::string_view title) && {
    std::string style, dark;
    for (const Paint& paint : kPaints) {
      style += fmt::format(".u{}{{fill:{}}}", static_cast<int>(paint.use), paint.light);
      dark += fmt::format(".u{}{{fill:{}}}", static_cast<int>(paint.use), paint.dark);
    }
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.6g} {1:.6g}\" "
        "width=\"{0:.6g}\" height=\"{1:.6g}\" role=\"img\">\n<title>{2}</title>\n<style>\n"
        "text{{font:11px system-ui,'DejaVu Sans',sans-serif;fill:#4a5260}}"
        ".title{{font-size:18px;font-weight:600;fill:#1c2128}}.slot{{font-size:13px;"
        "font-weight:600;fill:#1c2128}}.label{{font-size:10px;text-anchor:end}}"
        ".mid{{text-anchor:middle;font-weight:600;fill:#1c2128}}"
        ".back{{fill:#fff}}.base{{fill:#edf0f4}}.tick{{stroke:#fff;stroke-width:1}}"
        ".frame{{fill:none;stroke:#1c2128;stroke-width:1}}.h{{opacity:.38}}{3}\n"
        "@media (prefers-color-scheme:dark){{text{{fill:#a9b2bf}}.title,.slot,.mid{{fill:#eef1f5}}"
        ".back{{fill:#14181d}}.base{{fill:#252b33}}.tick{{stroke:#14181d}}.frame{{stroke:#eef1f5}}"
        "{4}}}\n</style>\n<rect class=\"back\" width=\"100%\" height=\"100%\"/>\n{5}</svg>\n",
        kLeft + kGrid + kRight, height, xml(title), style, dark, body_);
  }
  void frame(double x, double y, double width, double height) {
    body_ += fmt::format(
        "<rect class=\"frame\" x=\"{:.6g}\" y=\"{:.6g}\" width=\"{:.6g}\" height=\"{:.6g}\"/>\n", x,
        y, width, height);
  }

 private:
  void path(const std::string& style, const std::string& title, Shape shape) {
    const std::string data = std::move(shape).take();
    if (data.empty()) return;
    body_ += fmt::format("<path class=\"{}\" d=\"{}\">", style, data);
    if (!title.empty()) body_ += fmt::format("<title>{}</title>", title);
    body_ += "</path>\n";
  }

  static void stack(const MapBytes& cell, double x, double top, double width, double height,
                    Shape& base, std::array<std::array<Shape, 2>, kMapUses>& shapes) {
    const std::uint64_t sum = cell.sum();
    if (sum == 0) return;
    const double slotted = 1 - static_cast<double>(cell.of(MapUse::Gap)) / static_cast<double>(sum);
    if (slotted > 0) base.add(x, top, width, height);
    const auto bytes_of = [&](std::size_t i) {
      const auto use = static_cast<std::size_t>(kPaints[i / 2].use);
      const bool is_hole = i % 2 != 0;
      return is_hole && kPaints[i / 2].use == MapUse::Free
                 ? 0
                 : (is_hole ? cell.hole : cell.stored)[use];
    };
    // What is rare takes its hair from what is largest: the free part, if that is.
    std::array<double, 2 * kPaints.size()> parts{};
    double filled = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (bytes_of(i) == 0) continue;
      parts[i] =
          std::max(kHair, height * static_cast<double>(bytes_of(i)) / static_cast<double>(sum));
      filled += parts[i];
    }
    double& largest = *std::ranges::max_element(parts);
    if (filled > height) largest = std::max(kHair, largest - (filled - height));
    double bottom = top + height;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const double part = std::min(parts[i], bottom - top);
      if (part <= 0.01) continue;
      bottom -= part;
      shapes[static_cast<std::size_t>(kPaints[i / 2].use)][i % 2].add(x, bottom, width, part);
    }
  }

  std::string body_;
};

double legend(SvgMap& svg, const MapBytes& total, double y) {
  constexpr double kEntry = 320, kLine = 20;
  double x = kLeft;
  const auto entry = [&](MapUse use, bool is_hole, const std::string& words) {
    svg.swatch(x, y - 10, use, is_hole);
    svg.text(x + 18, y, "note", words);
    x += kEntry;
    if (x + kEntry > kLeft + kGrid + 1) x = kLeft, y += kLine;
  };
  for (const Paint& paint : kPaints) {
    const auto at = static_cast<std::size_t>(paint.use);
    if (total.stored[at] != 0)
      entry(paint.use, false,
            fmt::format("{} {}", name_of(paint.use), human_size(total.stored[at])));
    if (total.hole[at] != 0)
      entry(paint.use, true,
            fmt::format("{} {}, not on the host", name_of(paint.use), human_size(total.hole[at])));
  }
  return x == kLeft ? y : y + kLine;
}

void disk_bar(SvgMap& svg, const DiskMap& map, const MapPicture& picture, double y) {
  svg.grid(picture.disk, y, kBar, 0);
  const auto place = [&](std::uint64_t byte) {
    return kLeft + kGrid * static_cast<double>(byte - map.range().start()) /
                       static_cast<double>(std::max<std::uint64_t>(map.range().size(), 1));
  };
  constexpr double kRoomForLabel = 40;
  for (const MapSlot& slot : map.slots()) {
    const ByteRange& range = slot.report->range;
    const double from = place(range.start()), to = place(range.end());
    svg.frame(from, y, std::max(to - from, 1.0), kBar);
    if (to - from > kRoomForLabel)
      svg.text((from + to) / 2, y + kBar + 14, "mid", fmt::format("slot {}", slot.report->slot));
  }
}

double slot_panel(SvgMap& svg, const MapSlot& slot, const MapGrid& grid, double y) {
  const SlotReport& report = *slot.report;
  const std::string what =
      report.ext ? std::string(to_text(report.ext->summary.type)) : report.other;
  const std::string label = report.ext ? report.ext->summary.label : "";
  svg.text(kLeft, y, "slot",
           fmt::format("slot {}: {}{}, {}", report.slot,
                       what.empty() ? "nothing that rawimg knows" : what,
                       label.empty() ? "" : " " + quote(label), human_size(report.range.size())));
  std::string about = fmt::format("at byte {}", report.range.start());
  if (slot.groups != 0)
    about +=
        fmt::format(", {} group{} of {}; a row is {}", slot.groups, slot.groups == 1 ? "" : "s",
                    human_size(slot.group_bytes), human_size(grid.row_bytes()));
  svg.text(kLeft, y + 16, "note", about);
  if (slot.groups == 0) return y + 40;
  const double top = y + 26, pitch = kRowHeight + kRowGap;
  for (std::size_t row = 0; row < grid.rows(); ++row)
    svg.text(kLeft - 8, top + static_cast<double>(row) * pitch + kRowHeight - 3, "label",
             human_size(row * grid.row_bytes()));
  svg.grid(grid, top, kRowHeight, kRowGap);
  const double height = static_cast<double>(grid.rows()) * pitch;
  // where groups begin inside of rows
  constexpr std::uint64_t kMostTicks = 64;
  if (const std::uint64_t together = grid.row_bytes() / slot.group_bytes;
      together > 1 && together <= kMostTicks)
    for (std::uint64_t i = 1; i < together; ++i)
      svg.line(kLeft + kGrid * static_cast<double>(i) / static_cast<double>(together), top, height);
  return top + height + 30;
}

}  // namespace

std::string map_svg(const DiskMap& map, const MapPicture& picture) {
  SvgMap svg;
  const DiskReport& report = map.report();
  const std::string name = std::filesystem::path(report.image).filename().string();
  svg.text(kLeft, kTop + 8, "title", name);
  svg.text(kLeft, kTop + 26, "note",
           fmt::format("{} ({} bytes), {} on the host's disk", human_size(report.size), report.size,
                       human_size(report.allocated)));
  double y = kTop + 40;
  disk_bar(svg, map, picture, y);
  y = legend(svg, picture.disk.total(), y + kBar + 40) + 24;
  for (std::size_t i = 0; i < picture.slots.size(); ++i)
    y = slot_panel(svg, map.slots()[i], picture.slots[i], y);
  return std::move(svg).finish(y, name);
}

}  // namespace rawimg::cli
