// SPDX-License-Identifier: MIT
// One block of names, changed as kernels change it (Linux fs/ext4/namei.c): a new name takes the
// room behind another, a name that goes gives its room to the one before.
#pragma once

#include <string_view>
#include <vector>

#include "ext/directory_blocks.h"

namespace rawimg {

/// False, and nothing has changed, when there is no room. The block must have been checked.
bool add_name(const DirectoryFormat& format, std::vector<std::byte>& block, const DirName& name);
/// False when the name is not in this block.
bool remove_name(const DirectoryFormat& format, std::vector<std::byte>& block,
                 std::string_view name);
/// Of a directory's first block.
void set_parent(std::vector<std::byte>& block, std::uint32_t parent);

}  // namespace rawimg
