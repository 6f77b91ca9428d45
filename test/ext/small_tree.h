// SPDX-License-Identifier: MIT
// Fills filesystems through ExtBuilder without the rules of the tree: a test says which name is
// which inode.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <rawimg/ext_fs.h>
#include <rawimg/image_file.h>

#include "ext/builder.h"

namespace rawimg::test {

class SmallTree : public NameTree {
 public:
  explicit SmallTree(ExtBuilder& builder);

  NodeId add(NodeId directory, const std::string& entry, NodeMeta meta);
  NodeId directory(NodeId parent, const std::string& entry);
  NodeId file(NodeId parent, const std::string& entry, std::string content = "",
              std::size_t chunk = 700'001);
  NodeId symlink(NodeId parent, const std::string& entry, const std::string& target);
  void name(NodeId directory, const std::string& entry, NodeId node) {
    children_[directory].emplace_back(entry, node);
  }
  /// The name goes, and the node with it.
  void drop_last(NodeId directory);

  std::vector<NodeId> directories() const override { return directories_; }
  NodeId parent(NodeId directory) const override;
  void names(NodeId directory, std::vector<Name>& out) const override;
  std::string describe(NodeId node) const override {
    return "node " + std::to_string(static_cast<std::uint32_t>(node));
  }

 private:
  ExtBuilder& builder_;
  std::vector<NodeId> directories_{ExtBuilder::kRoot};
  std::map<NodeId, NodeId> parents_;
  std::map<NodeId, std::vector<std::pair<std::string, NodeId>>> children_;
};

/// An image of `size` bytes that reads as zeros.
ImageFile make_image(const std::filesystem::path& path, std::uint64_t size);
/// Bytes without a zero among them, different from block to block.
std::string noise(std::size_t size);
/// What e2fsck -fn has to say about the filesystem at `offset`; empty when it is content.
std::string fsck_complaints(const std::filesystem::path& image, std::uint64_t offset);
inline constexpr ExtBuilder::Finish kFinish{
    .created = 1'700'000'000, .uuid = {1, 2, 3}, .hash_seed = {4, 5, 6}};

}  // namespace rawimg::test
