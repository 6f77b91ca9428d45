// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "ext/builder.h"
#include "tree/tree_builder.h"

namespace rawimg {

/// What a finished tree holds, counted and digested.
struct TreeSummary {
  std::string digest;  ///< hexadecimal SHA-256 of names and metadata in sorted order; content is not in it
  std::uint64_t files = 0, directories = 0, symlinks = 0, hard_links = 0, others = 0;  ///< without the root and lost+found
};

TreeSummary summarize_tree(const TreeBuilder& tree, const ExtBuilder& builder);

}  // namespace rawimg
