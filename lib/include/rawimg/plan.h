// SPDX-License-Identifier: MIT
// What an image would be, before a byte of it is written.
#pragma once

#include <optional>
#include <vector>

#include <rawimg/build.h>
#include <rawimg/error.h>

#pragma GCC visibility push(default)

namespace rawimg {

/// What becomes of the sources in a filesystem of one type.
struct TypePlan {
  ExtType type = ExtType::Ext2;
  std::optional<BuildResult> image;  ///< nothing where there can be none: `refusal` says why
  std::optional<Error> refusal;
  /// what would be lost, and the entries that the filesystem cannot store ("skipped-unsupported")
  std::vector<Warning> warnings;
};

struct Plan {
  TypePlan asked;               ///< exactly as build() would make it
  std::vector<TypePlan> types;  ///< ext2, ext3, ext4, each as large as it has to be
};

/// Reads the sources once and tries all types, in memory. A `spec` with a size counts for what is
/// asked; the other types are as large as their content then, with nothing free. Entries that
/// cannot be stored are left out, as with OnUnsupported::Skip; stop and progress are as in build().
/// Memory: as for build, and what an Entry takes for each. Throws: BadInput, Mismatch, Io,
/// Interrupted, and Usage where `spec` makes no sense in any type.
Plan plan_image(const ImageSpec& spec, std::vector<SourceSpec> sources, const PopulateOptions& how,
                Observer& observer);

}  // namespace rawimg

#pragma GCC visibility pop
