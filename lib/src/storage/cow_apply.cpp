// SPDX-License-Identifier: MIT
//
// A layer touches tables, superblocks and several slots at once, in whatever state the guest left
// them; there is no one superblock whose mark would keep others away from a half. So the image is
// copied, and the copy takes its name.
#include <rawimg/cow_file.h>

#include <array>
#include <cstring>

#include <rawimg/error.h>

#include "base/stop.h"
#include "storage/sparse_copy.h"

namespace rawimg {
namespace {

/// Calls action(offset, bytes) for runs of neighbouring sectors, at most 1 MiB at a time.
template <class Action>
void read_layer(const CowFile& layer, const std::stop_token& stop, Action action) {
  const auto& records = layer.records();
  std::vector<std::byte> run(kCopyPiece);
  for (std::size_t i = 0; i < records.size();) {
    require_no_stop(stop);
    const std::uint64_t first = records[i].sector;
    std::size_t filled = 0;
    for (; i < records.size() && filled < run.size() &&
           records[i].sector == first + filled / kSectorSize;
         ++i, filled += kSectorSize)
      layer.read(records[i], std::span<std::byte, kSectorSize>(run.data() + filled, kSectorSize));
    action(first * kSectorSize, std::span<const std::byte>(run).first(filled));
  }
}

std::uint64_t count_changed(const CowFile& layer, const ImageFile& image,
                            const std::stop_token& stop) {
  std::uint64_t changed = 0;
  std::vector<std::byte> there(kCopyPiece);
  read_layer(layer, stop, [&](std::uint64_t at, std::span<const std::byte> bytes) {
    image.read_at(ByteOffset{at}, std::span(there).first(bytes.size()));
    for (std::size_t from = 0; from < bytes.size(); from += kSectorSize)
      changed += std::memcmp(there.data() + from, bytes.data() + from, kSectorSize) != 0;
  });
  return changed;
}

/// Returns whether blocks are shared.
bool copy(const ImageFile& from, ImageFile& to, const std::stop_token& stop) {
  if (share_blocks(from, to)) return true;
  read_data(from, stop, [&](std::uint64_t at, std::span<const std::byte> bytes) {
    in_runs(at, bytes, [&](std::uint64_t begin, std::span<const std::byte> run, bool zeros) {
      if (!zeros) to.write_at(ByteOffset{begin}, run);
    });
  });
  to.resize(from.size());
  return false;
}

}  // namespace

Applied apply_cow(const CowFile& layer, ImageFile image, const ApplyOptions& options) {
  layer.require_within(image);
  Applied applied{layer.records().size(), count_changed(layer, image, options.stop)};
  if (applied.changed == 0 || options.dry_run) return applied;
  NewImage made(std::move(image), options.lock);
  if (options.part_created) options.part_created(made.part_path());
  applied.shared = copy(made.old(), made.file(), options.stop);
  read_layer(layer, options.stop, [&](std::uint64_t at, std::span<const std::byte> bytes) {
    made.file().write_at(ByteOffset{at}, bytes);
  });
  require_no_stop(options.stop);
  made.commit(options.durability);
  return applied;
}

}  // namespace rawimg
