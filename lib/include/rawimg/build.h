// SPDX-License-Identifier: MIT
// A whole image from a description: where everything lies is decided first, then it is made. The
// image appears under its name complete or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include <rawimg/ext_options.h>
#include <rawimg/new_image.h>
#include <rawimg/observer.h>
#include <rawimg/populate.h>

#pragma GCC visibility push(default)

namespace rawimg {

enum class TableKind { Mbr, None };  ///< None: the filesystem is the whole file

struct ImageSpec {
  std::optional<ByteCount> size;  ///< of the file; whole sectors. None: as filesystem.fit says
  TableKind table = TableKind::Mbr;
  std::uint64_t first_sector = 2048;  ///< of the partition; ignored without a table
  ExtOptions filesystem;
  std::optional<std::uint32_t> disk_id;  ///< default: derived
};

struct BuildOptions {
  Replace replace = Replace::Refuse;
  Durability durability = Durability::Sync;
  LockPolicy lock;
  PopulateOptions populate;
  /// told the .part file's path as soon as it exists, for signal handlers
  std::function<void(const std::filesystem::path&)> part_created;
};

struct BuildResult {
  PopulateResult content;
  ByteCount size, allocated;  ///< allocated: 0 in a dry run
  unsigned slot = 1;          ///< 0 without a table
  ByteOffset offset;          ///< of the filesystem
  std::uint32_t disk_id = 0;  ///< 0 without a table
};

/// Makes an image that holds what the sources yield; without sources an empty filesystem in
/// mke2fs's layout (`init`). With how.populate.dry_run all of that happens in memory, without
/// content, and no file is made. Guarantee: strong. Throws: Usage (a size that is not whole
/// sectors), NoSpace (a start past the end), Exists, Busy, and everything build_ext throws.
BuildResult build(const std::filesystem::path& path, const ImageSpec& spec,
                  std::vector<SourceSpec> sources, const BuildOptions& how, Observer& observer);

}  // namespace rawimg

#pragma GCC visibility pop
