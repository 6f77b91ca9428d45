// SPDX-License-Identifier: MIT
// Where things lie in an image: every byte once, in ascending order, and grids that take them for a
// picture. The grids are as large as the picture, whatever the image holds.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <rawimg/image_file.h>
#include <rawimg/units.h>

#include "cli/disk_report.h"

namespace rawimg::cli {

enum class MapUse : std::uint8_t {
  Superblock,
  Descriptors,
  GrowthRoom,
  Bitmaps,
  InodeTable,
  Journal,
  Directories,
  Files,
  Free,
  Table,  ///< of partitions, and what is reserved for it
  Other,  ///< what a slot without an ext filesystem holds, or is behind the end of one
  Gap,    ///< in no slot
};
inline constexpr std::size_t kMapUses = 12;
/// "superblock", "inode tables", "free", ...
std::string_view name_of(MapUse use);

/// A piece of the image.
struct MapPart {
  MapUse use = MapUse::Gap;
  ByteRange range;
  bool is_hole = false;  ///< takes no room on the host
};
using MapSink = std::function<void(const MapPart&)>;

/// Bytes of each use.
struct MapBytes {
  std::array<std::uint64_t, kMapUses> stored{}, hole{};
  std::uint64_t of(MapUse use) const {
    return stored[static_cast<std::size_t>(use)] + hole[static_cast<std::size_t>(use)];
  }
  std::uint64_t sum() const;
  void add(MapUse use, bool is_hole, std::uint64_t bytes) {
    (is_hole ? hole : stored)[static_cast<std::size_t>(use)] += bytes;
  }
};

/// Rows of cells, each for so many bytes of a range; the last ones may be beyond its end.
class MapGrid {
 public:
  MapGrid(ByteRange range, std::uint64_t row_bytes, unsigned columns);
  /// What lies outside of the range does not count.
  void add(const MapPart& part);

  ByteRange range() const { return range_; }
  std::uint64_t row_bytes() const { return row_bytes_; }
  unsigned columns() const { return columns_; }
  std::size_t rows() const { return cells_.size() / columns_; }
  const MapBytes& at(std::size_t row, unsigned column) const {
    return cells_[row * columns_ + column];
  }
  const MapBytes& total() const { return total_; }

 private:
  /// The first byte of a cell, from the range's start.
  std::uint64_t begin_of(std::uint64_t cell) const;

  ByteRange range_;
  std::uint64_t row_bytes_;
  unsigned columns_;
  std::vector<MapBytes> cells_;
  MapBytes total_;
};

/// A slot and how it is drawn.
struct MapSlot {
  const SlotReport* report = nullptr;
  std::uint64_t groups = 0, group_bytes = 0;  ///< 0: no ext filesystem that can be drawn
  std::uint32_t block_size = 0;
};

class DiskMap {
 public:
  /// `report` must outlive it. A filesystem that cannot be read is "other content", and a warning.
  /// Throws: Corrupt, Io.
  DiskMap(ImageFile& image, const DiskReport& report);

  const DiskReport& report() const { return report_; }
  /// In the order of their places.
  const std::vector<MapSlot>& slots() const { return slots_; }
  /// The range that is drawn: all of the image, or the slot that was asked for.
  ByteRange range() const;
  /// Every byte of range(). Throws: as ExtMap::walk; Io.
  void walk(const MapSink& sink);
  /// What was found that does not fit together, by the last walk, for people.
  const std::vector<Warning>& warnings() const { return warnings_; }

 private:
  /// Ascending: the table and, of a GPT, what it reserves at both ends; tables of logical ones.
  std::vector<ByteRange> table_ranges() const;
  void open_slot(const SlotReport& slot, MapSlot& map);
  void walk_slot(const MapSlot& slot, const MapSink& sink);

  ImageFile& image_;
  const DiskReport& report_;
  std::vector<MapSlot> slots_;
  std::vector<Warning> refused_, warnings_;
};

/// The image as one row, and each slot as rows.
struct MapPicture {
  MapGrid disk;
  std::vector<MapGrid> slots;  ///< as DiskMap::slots() has them
};
/// Walks once. `most_rows` of all slots together, though each has at least a few.
MapPicture take_picture(DiskMap& map, unsigned columns, unsigned most_rows);

struct MapStyle {
  bool on_terminal = false, in_colour = false;
};
std::string map_text(const DiskMap& map, const MapPicture& picture, const MapStyle& style);
std::string map_svg(const DiskMap& map, const MapPicture& picture);

/// Bytes of a row of a picture of the slot: whole groups, or an even part of one, so that what lies
/// in the same place of each group is in one column.
std::uint64_t row_bytes_of(const MapSlot& slot, unsigned columns, unsigned most_rows);

}  // namespace rawimg::cli
