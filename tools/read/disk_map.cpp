// SPDX-License-Identifier: MIT
#include "read/disk_map.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/ext_map.h>
#include <rawimg/recovery.h>

#include "cli/output.h"
#include "storage/host_file.h"

namespace rawimg::cli {
namespace {

MapUse use_of(AreaUse use) {
  // the same order
  static_assert(static_cast<int>(MapUse::Superblock) == static_cast<int>(AreaUse::Superblock) &&
                static_cast<int>(MapUse::Free) == static_cast<int>(AreaUse::Free));
  return static_cast<MapUse>(use);
}

/// Cuts parts where holes of the host begin and end.
class HoleCutter {
 public:
  HoleCutter(const ImageFile& image, const MapSink& sink)
      : descriptor_(image.descriptor()), size_(image.size().value), sink_(sink) {}

  /// In ascending order.
  void put(MapUse use, std::uint64_t begin, std::uint64_t end) {
    while (begin < end) {
      if (!known_ || begin >= data_end_) look(begin);
      const bool is_hole = begin < data_begin_;
      const std::uint64_t stop = std::min(end, is_hole ? data_begin_ : data_end_);
      sink_({use, ByteRange{ByteOffset{begin}, ByteCount{stop - begin}}, is_hole});
      begin = stop;
    }
  }

 private:
  void look(std::uint64_t at) {
    known_ = true;
    const auto data = next_data(descriptor_, at, size_);
    data_begin_ = data ? data->start() : UINT64_MAX;
    data_end_ = data ? data->end() : UINT64_MAX;
  }

  int descriptor_;
  std::uint64_t size_;
  const MapSink& sink_;
  bool known_ = false;
  std::uint64_t data_begin_ = 0, data_end_ = 0;  // the next bytes that are no hole
};

}  // namespace

std::string_view name_of(MapUse use) {
  constexpr std::array<std::string_view, kMapUses> kNames{
      "superblocks", "descriptors", "growth room", "bitmaps", "inode tables",  "journal",
      "directories", "files",       "free",        "table",   "other content", "in no slot"};
  return kNames[static_cast<std::size_t>(use)];
}

std::uint64_t MapBytes::sum() const {
  return std::accumulate(stored.begin(), stored.end(), std::uint64_t{0}) +
         std::accumulate(hole.begin(), hole.end(), std::uint64_t{0});
}

MapGrid::MapGrid(ByteRange range, std::uint64_t row_bytes, unsigned columns)
    : range_(range), row_bytes_(std::max<std::uint64_t>(row_bytes, 1)), columns_(columns) {
  const std::uint64_t rows = range.size() / row_bytes_ + (range.size() % row_bytes_ != 0);
  cells_.resize(static_cast<std::size_t>(rows) * columns_);
}

std::uint64_t MapGrid::begin_of(std::uint64_t cell) const {
  const std::uint64_t row = cell / columns_, column = cell % columns_;
  // without an overflow: a row has at most 2^63 bytes
  const std::uint64_t whole = row_bytes_ / columns_, rest = row_bytes_ % columns_;
  return row * row_bytes_ + column * whole + column * rest / columns_;
}

void MapGrid::add(const MapPart& part) {
  const std::uint64_t begin = std::max(part.range.start(), range_.start()),
                      end = std::min(part.range.end(), range_.end());
  if (begin >= end) return;
  total_.add(part.use, part.is_hole, end - begin);
  const std::uint64_t from = begin - range_.start(), to = end - range_.start();
  // near the cell, and then to it: begin_of rounds down
  const std::uint64_t row = from / row_bytes_;
  std::uint64_t cell =
      row * columns_ + static_cast<std::uint64_t>(static_cast<long double>(from % row_bytes_) /
                                                  static_cast<long double>(row_bytes_) * columns_);
  while (cell > 0 && begin_of(cell) > from) --cell;
  while (begin_of(cell + 1) <= from) ++cell;
  for (std::uint64_t at = from; at < to; ++cell) {
    const std::uint64_t stop = std::min(to, begin_of(cell + 1));
    if (stop == at) continue;  // a cell of no bytes
    cells_[static_cast<std::size_t>(cell)].add(part.use, part.is_hole, stop - at);
    at = stop;
  }
}

DiskMap::DiskMap(ImageFile& image, const DiskReport& report) : image_(image), report_(report) {
  for (const SlotReport& slot : report.slots) {
    if (slot.partition && is_extended(*slot.partition)) continue;  // what is in it is drawn
    MapSlot map{&slot};
    if (slot.ext) open_slot(slot, map);
    slots_.push_back(map);
  }
  std::ranges::stable_sort(slots_, {},
                           [](const MapSlot& slot) { return slot.report->range.start(); });
}

void DiskMap::open_slot(const SlotReport& slot, MapSlot& map) {
  try {
    const Window window(image_, slot.range);
    const auto recovered = read_recovered(window);
    const ExtMap ext = ExtMap::open(recovered ? window.through(*recovered) : window);
    map.groups = ext.groups();
    map.block_size = ext.block_size();
    map.group_bytes = std::uint64_t{ext.blocks_per_group()} * ext.block_size();
  } catch (const Error& error) {
    if (error.code() != Errc::Unsupported && error.code() != Errc::Dirty) throw;
    refused_.push_back({"map-refused", report_.image,
                        fmt::format("slot {} is not drawn: {}", slot.slot, error.what())});
  }
}

ByteRange DiskMap::range() const {
  if (report_.table && report_.table->partitions().size() == report_.slots.size())
    return {ByteOffset{0}, ByteCount{report_.size}};
  return report_.slots.front().range;
}

void DiskMap::walk_slot(const MapSlot& slot, const MapSink& sink) {
  HoleCutter cutter(image_, sink);
  const ByteRange& range = slot.report->range;
  std::uint64_t end = range.start();
  if (slot.groups != 0) {
    about(report_.image, [&] {
      const Window window(image_, range);
      const auto recovered = read_recovered(window);
      const ExtMap ext = ExtMap::open(recovered ? window.through(*recovered) : window);
      const ExtMap::Doubts doubts =
          ext.walk([&](AreaUse use, std::uint64_t first, std::uint64_t count) {
            const std::uint64_t begin = range.start() + first * ext.block_size();
            end = begin + count * ext.block_size();
            cutter.put(use_of(use), begin, end);
          });
      const auto doubt = [&](std::uint64_t count, const char* what) {
        if (count != 0)
          warnings_.push_back({"map-in-doubt", report_.image,
                               fmt::format("slot {}: {} {}; 'e2fsck -fn' says more",
                                           slot.report->slot, count, what)});
      };
      doubt(doubts.groups, "groups whose bitmap and descriptor count free blocks differently");
      doubt(doubts.directories, "directories with a damaged map, drawn as files");
    });
    if (slot.report->ext->needs_recovery)
      warnings_.push_back({"journal", report_.image,
                           fmt::format("slot {}: the journal must be replayed first: some of the "
                                       "map may be stale",
                                       slot.report->slot)});
  }
  cutter.put(MapUse::Other, end, range.end());
}

std::vector<ByteRange> DiskMap::table_ranges() const {
  if (!report_.table) return {};
  const auto from_to = [](std::uint64_t from, std::uint64_t to) {
    return ByteRange{ByteOffset{from}, ByteCount{to - from}};
  };
  const PartitionTable& table = *report_.table;
  if (table.kind() == PartitionTable::Kind::Gpt) {
    const ByteRange& usable = table.usable();
    return {from_to(0, usable.start()),
            from_to(usable.end(), std::max(usable.end(), report_.size))};
  }
  std::vector<ByteRange> ranges{from_to(0, kSectorSize)};
  for (const std::uint64_t sector : table.logical_tables())
    ranges.push_back(from_to(sector * kSectorSize, (sector + 1) * kSectorSize));
  std::ranges::sort(ranges, {}, &ByteRange::start);
  return ranges;
}

void DiskMap::walk(const MapSink& sink) {
  warnings_ = refused_;
  HoleCutter cutter(image_, sink);
  const ByteRange drawn = range();
  std::uint64_t done = drawn.start();
  const std::vector<ByteRange> tables = table_ranges();
  const auto between = [&](std::uint64_t end) {
    const auto put = [&](MapUse use, std::uint64_t to) {
      to = std::min(to, end);
      if (to > done) cutter.put(use, done, to);
      done = std::max(done, to);
    };
    for (const ByteRange& table : tables) {
      put(MapUse::Gap, table.start());
      if (table.end() > done) put(MapUse::Table, table.end());
    }
    put(MapUse::Gap, end);
  };
  for (const MapSlot& slot : slots_) {
    between(slot.report->range.start());
    walk_slot(slot, sink);
    done = slot.report->range.end();
  }
  between(drawn.end());
}

std::uint64_t row_bytes_of(const MapSlot& slot, unsigned columns, unsigned most_rows) {
  const std::uint64_t size = slot.report->range.size(),
                      least = std::max<std::uint64_t>(
                          std::uint64_t{columns} * std::max(slot.block_size, 512U), 1);
  if (slot.groups == 0) return std::max(least, size);  // nothing to see in it: one row
  if (slot.groups >= most_rows) {
    const std::uint64_t together = std::bit_ceil((slot.groups + most_rows - 1) / most_rows);
    return together * slot.group_bytes;
  }
  std::uint64_t row = slot.group_bytes;
  while (row % 2 == 0 && row / 2 >= least && size / (row / 2) < most_rows) row /= 2;
  return row;
}

MapPicture take_picture(DiskMap& map, unsigned columns, unsigned most_rows) {
  constexpr std::size_t kFewRows = 4;
  std::size_t drawn = 0;
  for (const MapSlot& slot : map.slots()) drawn += slot.groups != 0;
  const auto rows =
      static_cast<unsigned>(std::max(kFewRows, most_rows / std::max<std::size_t>(drawn, 1)));
  MapPicture picture{MapGrid(map.range(), map.range().size(), columns), {}};
  for (const MapSlot& slot : map.slots())
    picture.slots.emplace_back(slot.report->range, row_bytes_of(slot, columns, rows), columns);
  std::size_t next = 0;  // the first slot that is not behind us
  map.walk([&](const MapPart& part) {
    picture.disk.add(part);
    while (next < picture.slots.size() && picture.slots[next].range().end() <= part.range.start())
      ++next;
    for (std::size_t i = next;
         i < picture.slots.size() && picture.slots[i].range().start() < part.range.end(); ++i)
      picture.slots[i].add(part);
  });
  return picture;
}

}  // namespace rawimg::cli
