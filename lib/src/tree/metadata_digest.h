// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "ext/builder.h"
#include "tree/tree_builder.h"

namespace rawimg {

/// What a finished tree holds, counted and digested.
struct TreeSummary {
  /// hexadecimal SHA-256 of names and metadata in sorted order; content is not in it
  std::string digest;
  /// without the root and lost+found
  std::uint64_t files = 0, directories = 0, symlinks = 0, hard_links = 0, others = 0;
};

TreeSummary summarize_tree(const TreeBuilder& tree, const ExtBuilder& builder);

}  // namespace rawimg
