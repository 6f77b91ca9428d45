// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "edit/edit.h"

namespace rawimg::cli {

/// Calls visit(file, inode) for a file and, when it is a directory, for all below it, parents
/// first; symlinks are not followed.
void walk_tree(Edit& edit, const Operand& top, std::uint32_t inode,
               const std::function<void(const Operand&, const InodeInfo&)>& visit);

}  // namespace rawimg::cli
