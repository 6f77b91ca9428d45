// SPDX-License-Identifier: MIT
#include <rawimg/build.h>

#include <array>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/ext_fs.h>
#include <rawimg/partition_table.h>

#include "base/stop.h"
#include "base/text.h"
#include "recipe/build_into.h"

namespace rawimg {
namespace {

/// Where everything lies.
struct Layout {
  std::optional<PartitionTable> table;
  ByteRange window;
  unsigned slot = 0;
};

Layout lay_out(const ImageSpec& spec, ByteCount size) {
  if (size.value == 0 || size.value % kSectorSize != 0)
    throw Error(
        Errc::Usage,
        fmt::format("an image of {} bytes: it must be whole sectors of {} bytes, and not none",
                    size.value, kSectorSize));
  Layout layout;
  if (spec.table == TableKind::None) {
    layout.window = ByteRange{ByteOffset{0}, size};
    return layout;
  }
  PartitionRequest request;
  request.first_sector = spec.first_sector;
  PartitionTable table;
  const Partition partition = table.add(request, size);
  layout.table = table;
  layout.window = partition.range();
  layout.slot = partition.slot;
  return layout;
}

void require_sources(const ImageSpec& spec, std::span<const SourceSpec> sources) {
  if (spec.size.has_value() == spec.filesystem.fit.has_value())
    throw Error(Errc::Usage, "an image has a size, or a filesystem that fits its content");
  if (!spec.size && sources.empty())
    throw Error(Errc::Usage, "an image without content has no size of its own");
}

ByteOffset start_of(const ImageSpec& spec) {
  return ByteOffset{spec.table == TableKind::None ? 0 : spec.first_sector * kSectorSize};
}

/// The window of a size that is known, or all that can be.
Window window_for(const ImageSpec& spec, ImageFile& image) {
  if (!spec.size) return Window::growing(image, start_of(spec));
  const Layout layout = lay_out(spec, *spec.size);
  image.resize(*spec.size);
  return {image, layout.window};
}

ByteCount size_of(const ImageSpec& spec, const ExtSummary& filesystem) {
  if (spec.size) return *spec.size;
  return ByteCount{start_of(spec).value + filesystem.blocks * filesystem.block_size};
}

std::uint32_t disk_id_of(const Uuid& uuid) {
  std::uint32_t id = 0;
  for (std::size_t i = 0; i < 4; ++i) id = id << 8 | uuid[i];
  return id != 0 ? id : 1;
}

/// An empty filesystem in mke2fs's layout.
PopulateResult make_empty(const Window& window, const ImageSpec& spec, const PopulateOptions& how) {
  ExtOptions options = spec.filesystem;
  if (!options.created) options.created = how.epoch;
  PopulateResult result;
  result.filesystem = make_ext(window, options);
  result.epoch = options.created.value_or(1);
  result.metadata_id =
      disk_id_of(derive_uuid(fmt::format("rawimg disk of {}", to_text(result.filesystem.uuid))));
  return result;
}

}  // namespace

BuildResult build_into(ImageFile& image, const ImageSpec& spec, std::vector<SourceSpec> sources,
                       const PopulateOptions& how, Observer& observer) {
  BuildResult result;
  const Window window = window_for(spec, image);
  const unsigned slot = spec.table == TableKind::None ? 0 : 1;
  result.content =
      sources.empty() ? make_empty(window, spec, how)
                      : build_ext(window, spec.filesystem, slot, std::move(sources), how, observer);
  const ByteCount size = size_of(spec, result.content.filesystem);
  image.resize(size);
  Layout layout = lay_out(spec, size);
  if (layout.table) {
    result.disk_id = spec.disk_id.value_or(result.content.metadata_id);
    layout.table->set_disk_id(result.disk_id);
    layout.table->write(image);
  }
  result.size = image.size();
  result.slot = layout.slot;
  result.offset = ByteOffset{layout.window.start()};
  return result;
}

BuildResult build(const std::filesystem::path& path, const ImageSpec& spec,
                  std::vector<SourceSpec> sources, const BuildOptions& how, Observer& observer) {
  require_sources(spec, sources);
  if (spec.size) (void)lay_out(spec, *spec.size);
  const bool dry = how.populate.dry_run;
  NewImage image =
      dry ? NewImage(path, how.replace, NewImage::DryRun{}) : NewImage(path, how.replace, how.lock);
  if (how.part_created && !dry) how.part_created(image.part_path());
  BuildResult result = build_into(image.file(), spec, std::move(sources), how.populate, observer);
  require_no_stop(how.populate.stop);
  if (how.durability == Durability::Sync && !dry)
    observer.progress({Progress::Stage::Syncing, result.content.entries, 0, std::nullopt,
                       result.content.content_bytes});
  image.commit(how.durability);
  if (!dry) result.allocated = image.file().allocated();
  return result;
}

}  // namespace rawimg
