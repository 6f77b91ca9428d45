// SPDX-License-Identifier: MIT
#include "read/sector_owners.h"

#include <rawimg/block_owners.h>
#include <rawimg/ext_fs.h>
#include <rawimg/partition_table.h>

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/address.h"
#include "read/walk.h"

namespace rawimg::cli {
namespace {

std::string_view name_of(BlockUse use, FileType type) {
  switch (use) {
    case BlockUse::Boot:
      return "boot";
    case BlockUse::Superblock:
      return "superblock";
    case BlockUse::Descriptors:
      return "descriptor";
    case BlockUse::Bitmap:
      return "bitmap";
    case BlockUse::InodeTable:
      return "inode table";
    case BlockUse::Journal:
      return "journal";
    case BlockUse::Map:
      return "map";
    case BlockUse::Attributes:
      return "attributes";
    case BlockUse::Content:
      break;
  }
  return type == FileType::Directory ? "directory" : type == FileType::Symlink ? "symlink" : "file";
}

/// The sectors of a layer, and who they belong to as far as that is known.
class Sectors {
 public:
  explicit Sectors(const CowFile& layer)
      : records_(layer.records()), owners_(records_.size(), kNobody) {}

  struct Part {
    std::size_t begin = 0, end = 0;
  };
  /// Those that begin in a range of the image.
  Part within(ByteRange range) const { return {behind(range.start()), behind(range.end())}; }
  bool has_all(Part part) const {
    return std::find(owners_.begin() + static_cast<std::ptrdiff_t>(part.begin),
                     owners_.begin() + static_cast<std::ptrdiff_t>(part.end),
                     kNobody) == owners_.begin() + static_cast<std::ptrdiff_t>(part.end);
  }
  std::uint64_t byte_of(std::size_t i) const { return records_[i].sector * kSectorSize; }
  bool is_known(std::size_t i) const { return owners_[i] != kNobody; }
  const SectorOwner* owner(std::size_t i) const {
    return is_known(i) ? &known_[owners_[i]] : nullptr;
  }
  void forget(Part part) {
    for (std::size_t i = part.begin; i < part.end; ++i) owners_[i] = kNobody;
  }
  /// Gives those that nobody has yet to `owner`.
  void give(Part part, const SectorOwner& owner) {
    std::uint32_t index = kNobody;
    for (std::size_t i = part.begin; i < part.end; ++i) {
      if (owners_[i] != kNobody) continue;
      if (index == kNobody) index = add(owner);
      owners_[i] = index;
    }
  }
  std::vector<OwnedRun> runs() const {
    std::vector<OwnedRun> runs;
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const SectorOwner& owner = known_.at(owners_[i]);
      if (!runs.empty() && runs.back().first + runs.back().count == records_[i].sector &&
          runs.back().owner == owner)
        ++runs.back().count;
      else
        runs.push_back({records_[i].sector, 1, owner});
    }
    return runs;
  }

 private:
  static constexpr std::uint32_t kNobody = UINT32_MAX;

  std::size_t behind(std::uint64_t byte) const {
    const std::uint64_t sector = byte / kSectorSize + (byte % kSectorSize != 0);
    const auto at = std::lower_bound(
        records_.begin(), records_.end(), sector,
        [](const CowRecord& record, std::uint64_t wanted) { return record.sector < wanted; });
    return static_cast<std::size_t>(at - records_.begin());
  }
  std::uint32_t add(const SectorOwner& owner) {
    if (known_.empty() || !(known_.back() == owner)) known_.push_back(owner);
    return static_cast<std::uint32_t>(known_.size() - 1);
  }

  const std::vector<CowRecord>& records_;
  std::vector<std::uint32_t> owners_;  // indices of known_
  std::vector<SectorOwner> known_;
};

/// One filesystem, with the layer or without it.
class Filesystem {
 public:
  Filesystem(Sectors& sectors, const Window& where, unsigned slot, bool before)
      : sectors_(sectors),
        start_(where.range().start()),
        slot_(slot),
        before_(before),
        owners_(where),
        fs_(ExtFs::open(where, DirtyJournal::Ignore)) {}

  /// Gives those of the sectors that somebody has.
  void give_used(Sectors::Part part) {
    owners_.read_own(
        [&](ByteRange range, BlockUse use) { give(range, use, FileType::Regular, ""); });
    if (sectors_.has_all(part)) return;
    std::unordered_set<std::uint32_t> seen;  // of files with several names the first counts
    walk_tree(fs_, "/", kRoot, {.enter = [&](const WalkStep& step) {
                const InodeInfo& inode = step.inode;
                if (inode.links > 1 && inode.type != FileType::Directory &&
                    !seen.insert(inode.number).second)
                  return Walk::In;
                owners_.read_inode(inode.number, [&](ByteRange range, BlockUse use) {
                  give(range, use, inode.type, step.path);
                });
                return Walk::In;
              }});
  }
  /// Which of the rest are free, and which of no file that has a name.
  bool is_free(std::uint64_t byte) const { return owners_.is_free(ByteOffset{byte - start_}); }
  std::uint64_t end() const { return start_ + owners_.size().value; }

 private:
  static constexpr std::uint32_t kRoot = 2;

  void give(ByteRange range, BlockUse use, FileType type, const std::string& path) {
    const Sectors::Part part =
        sectors_.within({ByteOffset{start_ + range.start()}, ByteCount{range.size()}});
    if (part.begin != part.end)
      sectors_.give(part, {slot_, std::string(name_of(use, type)), path, before_});
  }

  Sectors& sectors_;
  std::uint64_t start_;
  unsigned slot_;
  bool before_;
  BlockOwners owners_;
  ExtFs fs_;
};

/// The sectors of one slot.
class SlotOwners {
 public:
  SlotOwners(Sectors& sectors, OwnedSectors& result, const CowFile& layer, const Window& where,
             unsigned slot)
      : sectors_(sectors),
        result_(result),
        layer_(layer),
        where_(where),
        slot_(slot),
        part_(sectors.within(where.range())) {}

  void find() {
    if (part_.begin == part_.end) return;
    if (!find_with_layer()) find_without_layer();
    sectors_.give(part_, {slot_, "data", "", false});
  }

 private:
  static bool holds_ext(const Window& where) {
    try {
      return probe_ext(where).has_value();
    } catch (const Error&) {
      return true;  // a damaged one: opening it says so
    }
  }

  bool find_with_layer() {
    const auto reader = read_through(layer_, where_);
    const Window now = where_.through(*reader);
    if (!holds_ext(now)) return false;
    try {
      Filesystem after(sectors_, now, slot_, false);
      after.give_used(part_);
      give_free(after);
      return true;
    } catch (const Error& error) {
      if (error.code() == Errc::Io || error.code() == Errc::Interrupted) throw;
      sectors_.forget(part_);
      warn(
          fmt::format("the filesystem in slot {} cannot be read as the layer leaves it: {}; shown "
                      "is what it is without",
                      slot_, error.what()));
      return false;
    }
  }

  void find_without_layer() {
    if (!holds_ext(where_)) return;
    try {
      Filesystem before(sectors_, where_, slot_, false);
      before.give_used(part_);
      give_rest(before);
    } catch (const Error& error) {
      if (error.code() == Errc::Io || error.code() == Errc::Interrupted) throw;
      warn(fmt::format("the filesystem in slot {} cannot be read: {}", slot_, error.what()));
    }
  }

  /// What is free may have been somebody's, whom the guest has removed.
  void give_free(const Filesystem& after) {
    const std::size_t end = sectors_.within({ByteOffset{0}, ByteCount{after.end()}}).end;
    std::vector<std::size_t> free;
    for (std::size_t i = part_.begin; i < std::min(part_.end, end); ++i)
      if (!sectors_.is_known(i) && after.is_free(sectors_.byte_of(i))) free.push_back(i);
    if (!free.empty()) give_removed(free);
    for (const std::size_t i : free) sectors_.give({i, i + 1}, {slot_, "free", "", false});
    give_rest(after);
  }

  void give_removed(const std::vector<std::size_t>& free) {
    // Only what is free may be given away: the rest is somebody's by now.
    Sectors others(layer_);
    try {
      Filesystem before(others, where_, slot_, true);
      before.give_used(part_);
    } catch (const Error& error) {
      if (error.code() == Errc::Io || error.code() == Errc::Interrupted) throw;
      return;  // it was not readable before, and nothing is known of then
    }
    for (const std::size_t i : free)
      if (const SectorOwner* owner = others.owner(i); owner != nullptr && !owner->path.empty())
        sectors_.give({i, i + 1}, *owner);
  }

  void give_rest(const Filesystem& fs) {
    const std::size_t end = sectors_.within({ByteOffset{0}, ByteCount{fs.end()}}).end;
    for (std::size_t i = part_.begin; i < part_.end; ++i) {
      if (sectors_.is_known(i)) continue;
      const char* what = i >= end ? "gap" : fs.is_free(sectors_.byte_of(i)) ? "free" : "unknown";
      sectors_.give({i, i + 1}, {slot_, what, "", false});
    }
  }

  void warn(const std::string& text) {
    result_.warnings.push_back({"filesystem-unreadable", where_.file().path().string(), text});
  }

  Sectors& sectors_;
  OwnedSectors& result_;
  const CowFile& layer_;
  const Window where_;
  unsigned slot_;
  Sectors::Part part_;
};

/// What no slot has: the tables, and what is between the partitions.
void give_outside(Sectors& sectors, const PartitionTable& table, std::uint64_t image_size) {
  const ByteRange usable = table.usable();
  if (table.kind() == PartitionTable::Kind::Gpt) {
    sectors.give(sectors.within({ByteOffset{0}, ByteCount{usable.start()}}),
                 {std::nullopt, "table", "", false});
    sectors.give(sectors.within({ByteOffset{usable.end()}, ByteCount{image_size - usable.end()}}),
                 {std::nullopt, "table", "", false});
  }
  sectors.give(sectors.within({ByteOffset{0}, ByteCount{kSectorSize}}),
               {std::nullopt, "table", "", false});
  sectors.give(sectors.within({ByteOffset{0}, ByteCount{image_size}}),
               {std::nullopt, "gap", "", false});
}

}  // namespace

OwnedSectors find_owners(ImageFile& image, const CowFile& layer) {
  OwnedSectors result;
  Sectors sectors(layer);
  if (has_partition_table(image)) {
    const PartitionTable table = PartitionTable::read(image);
    result.warnings = table.warnings();
    for (const std::uint64_t sector : table.logical_tables())
      sectors.give(sectors.within({ByteOffset{sector * kSectorSize}, ByteCount{kSectorSize}}),
                   {std::nullopt, "table", "", false});
    for (const Partition& partition : table.partitions())
      if (!is_extended(partition))
        SlotOwners(sectors, result, layer, Window(image, partition.range()), partition.slot).find();
    give_outside(sectors, table, image.size().value);
  } else {
    SlotOwners(sectors, result, layer, Window(image), 0).find();
  }
  result.runs = sectors.runs();
  return result;
}

}  // namespace rawimg::cli
