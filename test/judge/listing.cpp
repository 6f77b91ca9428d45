// SPDX-License-Identifier: MIT
#include "judge/listing.h"

#include <algorithm>

namespace rawimg::judge {

std::string to_listing(std::vector<Node> nodes, bool with_blocks) {
  std::sort(nodes.begin(), nodes.end(),
            [](const Node& a, const Node& b) { return a.path < b.path; });
  std::map<std::uint64_t, std::string> first_names;
  for (const Node& node : nodes) first_names.emplace(node.inode, node.path);
  std::string text;
  for (const Node& node : nodes) text += to_line(node, first_names[node.inode], with_blocks);
  return text + "# " + std::to_string(nodes.size()) + " names\n";
}

}  // namespace rawimg::judge
