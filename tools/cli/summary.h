// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <rawimg/ext_options.h>
#include <rawimg/populate.h>

#include "cli/output.h"
#include "cli/requests.h"

namespace rawimg::cli {

Json to_json(const ExtSummary& filesystem);
/// Entries by kind, for results.
Json to_json(const PopulateResult& content);

/// ", verified by BLAKE2b": by what the sources were, once they have been read; or nothing.
std::string verified_text(const std::vector<SourceRequest>& sources);
/// "verified": [{source, digest, hex}], of those sources that had to have a digest.
void put_verified(Json& result, const std::vector<SourceRequest>& sources);

/// What a kernel may be told as root=, best first: PARTUUID=..., /dev/vda1, /dev/sda1, /dev/hda1.
std::vector<std::string> root_names(std::uint32_t disk_id, unsigned slot);
/// The same for a table of any kind; slot 0 has no PARTUUID.
std::vector<std::string> root_names(const std::string& partuuid, unsigned slot);

}  // namespace rawimg::cli
