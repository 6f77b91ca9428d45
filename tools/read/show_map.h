// SPDX-License-Identifier: MIT
// 'info --map': draws an image in the terminal, as SVG into a file, or lists its ranges as JSON.
#pragma once

#include <vector>

#include <rawimg/image_file.h>
#include <rawimg/observer.h>

#include "cli/args.h"
#include "cli/disk_report.h"
#include "cli/output.h"
#include "cli/streams.h"

namespace rawimg::cli {

/// Throws: Usage (options without --map; an output that is no .svg).
void require_map_words(const Args& args);
/// Throws: Exists (the output, without --force), Corrupt, Io.
void show_map(ImageFile& image, const DiskReport& report, const Args& args, Streams& io,
              const std::vector<Warning>& warnings);

}  // namespace rawimg::cli
