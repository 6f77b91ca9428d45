// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include <rawimg/build.h>

namespace rawimg {

/// build() into a file that is empty. Guarantee: none. Throws: as build.
BuildResult build_into(ImageFile& image, const ImageSpec& spec, std::vector<SourceSpec> sources,
                       const PopulateOptions& how, Observer& observer);

}  // namespace rawimg
