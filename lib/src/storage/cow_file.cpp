// SPDX-License-Identifier: MIT
//
// What gem5's CowDiskImage saves (src/dev/storage/disk_image.cc), all numbers little-endian:
//   0    "COWDISK!"
//   8    version, 32 bits: 1, and 32 bits: 0 (gem5 refuses only where both are others)
//   16   number of sectors, 64 bits
//   24   so many records of 520 bytes, in the order of a hash table:
//          0   sector of the image, 64 bits
//          8   its 512 bytes
// Nothing says of which image. The count is believed when the file is exactly as long as it says.
#include <rawimg/cow_file.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "storage/cow_format.h"

namespace rawimg {
namespace {

constexpr std::size_t kRecordsAtOnce = 2016;  // about 1 MiB

std::string name_of(const ImageFile& file) { return quote(file.path().string()); }

Error damaged(const ImageFile& file, const std::string& why) {
  return Error(Errc::Corrupt, fmt::format("{} is a damaged COW file: {}", name_of(file), why))
      .with_path(file.path().string());
}

Error refused(const ImageFile& file, const std::string& why) {
  return Error(Errc::Unsupported, fmt::format("{} {}", name_of(file), why))
      .with_path(file.path().string());
}

/// The number of records. Nothing is read or kept for it before it is known to be the file's.
std::uint64_t read_header(const ImageFile& file) {
  const std::uint64_t size = file.size().value;
  CowHeader header;
  const auto bytes = std::as_writable_bytes(std::span(&header, 1))
                         .first(std::min<std::uint64_t>(size, sizeof header));
  file.read_at(ByteOffset{0}, bytes);
  if (size < kCowMagic.size() || std::memcmp(header.magic, kCowMagic.data(), kCowMagic.size()) != 0)
    throw refused(file,
                  fmt::format("is no COW file of gem5: it does not begin with '{}'", kCowMagic));
  if (size < sizeof header)
    throw damaged(file,
                  fmt::format("its header has {} bytes, but the file has {}", sizeof header, size));
  const std::uint32_t major = header.major_version, minor = header.minor_version;
  if (major != kCowMajor || minor != kCowMinor)
    throw refused(file, fmt::format("is a COW file of version {}.{}; rawimg knows version {}.{}",
                                    major, minor, kCowMajor, kCowMinor));
  const std::uint64_t count = header.count, room = size - sizeof header;
  const std::uint64_t whole = room / sizeof(CowSector), rest = room % sizeof(CowSector);
  if (count > whole)
    throw damaged(file, fmt::format("it has {} bytes, which is room for {} sectors, but its header "
                                    "says {}: it was cut short, or is still being written",
                                    size, whole, count));
  if (count < whole || rest != 0)
    throw damaged(file, fmt::format("{} bytes follow its {} sectors",
                                    room - count * sizeof(CowSector), count));
  return count;
}

/// The window as the layer has it.
class LayeredWindow : public WindowReader {
 public:
  LayeredWindow(const CowFile& layer, const Window& where) : layer_(layer), where_(where) {}

  void read_at(std::uint64_t at, std::span<std::byte> out) const override {
    where_.read_at(at, out);
    const std::uint64_t begin = where_.range().start() + at, end = begin + out.size();
    const auto& records = layer_.records();
    auto record = std::lower_bound(
        records.begin(), records.end(), begin / kSectorSize,
        [](const CowRecord& known, std::uint64_t sector) { return known.sector < sector; });
    for (; record != records.end() && record->sector < (end + kSectorSize - 1) / kSectorSize;
         ++record) {
      std::array<std::byte, kSectorSize> sector;
      layer_.read(*record, sector);
      const std::uint64_t start = record->sector * kSectorSize, from = std::max(start, begin),
                          to = std::min(start + kSectorSize, end);
      std::memcpy(out.data() + (from - begin), sector.data() + (from - start), to - from);
    }
  }

 private:
  const CowFile& layer_;
  const Window where_;
};

}  // namespace

CowFile CowFile::open(const std::filesystem::path& path, LockPolicy lock) {
  CowFile layer(ImageFile::open(path, Access::ReadOnly, lock));
  layer.read_records();
  return layer;
}

void CowFile::read_records() {
  const std::uint64_t count = read_header(file_);
  std::vector<CowSector> heads(std::min<std::uint64_t>(count, kRecordsAtOnce));
  for (std::uint64_t done = 0; done < count; done += heads.size()) {
    heads.resize(std::min<std::uint64_t>(count - done, kRecordsAtOnce));
    const std::uint64_t at = sizeof(CowHeader) + done * sizeof(CowSector);
    file_.read_at(ByteOffset{at}, std::as_writable_bytes(std::span(heads)));
    for (std::size_t i = 0; i < heads.size(); ++i) {
      const std::uint64_t sector = heads[i].sector;
      // Found here already, a hole that passes for a thousand million sectors takes no memory.
      if (!records_.empty() && records_.back().sector == sector) refuse_twice(sector);
      records_.push_back({sector, ByteOffset{at + i * sizeof(CowSector) + sizeof heads[i].sector}});
    }
  }
  std::sort(records_.begin(), records_.end(),
            [](const CowRecord& a, const CowRecord& b) { return a.sector < b.sector; });
  const auto twice = std::adjacent_find(
      records_.begin(), records_.end(),
      [](const CowRecord& a, const CowRecord& b) { return a.sector == b.sector; });
  if (twice != records_.end()) refuse_twice(twice->sector);
}

void CowFile::refuse_twice(std::uint64_t sector) const {
  throw damaged(file_, fmt::format("it has sector {} twice", sector));
}

void CowFile::require_within(const ImageFile& image) const {
  const std::uint64_t sectors = image.size().value / kSectorSize;
  if (records_.empty() || records_.back().sector < sectors) return;
  throw Error(Errc::Mismatch,
              fmt::format("{} has sector {}, but {} has {} sectors: it belongs to another image",
                          name_of(file_), records_.back().sector, name_of(image), sectors))
      .with_path(path().string());
}

void CowFile::read(const CowRecord& record, std::span<std::byte, kSectorSize> out) const {
  CowSector head;
  file_.read_at(ByteOffset{record.content.value - sizeof head.sector},
                std::as_writable_bytes(std::span(&head, 1)));
  if (head.sector != record.sector) throw damaged(file_, "it changes while it is read");
  std::memcpy(out.data(), head.content, out.size());
}

std::unique_ptr<const WindowReader> read_through(const CowFile& layer, const Window& where) {
  return std::make_unique<LayeredWindow>(layer, where);
}

}  // namespace rawimg
