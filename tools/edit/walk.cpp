// SPDX-License-Identifier: MIT
#include "edit/walk.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace rawimg::cli {

// Without recursion: how deep directories are nested is the image's business, not our stack's.
void walk_tree(Edit& edit, const Operand& top, std::uint32_t inode,
               const std::function<void(const Operand&, const InodeInfo&)>& visit) {
  std::vector<std::pair<Operand, std::uint32_t>> todo{{top, inode}};
  while (!todo.empty()) {
    const auto [file, number] = std::move(todo.back());
    todo.pop_back();
    const InodeInfo info = edit.fs().inode(number);
    visit(file, info);
    if (info.type != FileType::Directory) continue;
    std::vector<DirEntry> entries = edit.fs().read_directory(number);
    std::sort(entries.begin(), entries.end(),
              [](const DirEntry& a, const DirEntry& b) { return a.name > b.name; });
    for (const DirEntry& entry : entries)
      todo.emplace_back(Edit::below(file, entry.name), entry.inode);
  }
}

}  // namespace rawimg::cli
