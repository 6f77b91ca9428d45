// SPDX-License-Identifier: MIT
// An ExtBuilder that keeps everything in memory, in place of the real one at link time: the rules
// of the tree can be tested without a filesystem. finish() checks what the real one relies on:
// order of directories, sorted names, no removed node named, none forgotten.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ext/builder.h"

namespace rawimg::test {

/// What the next builder is like.
struct FakeSettings {
  std::uint32_t inode_size = 256;
  std::uint64_t full_after_bytes = UINT64_MAX;  ///< content that fits
  /// a longer file is Unsupported, as are xattrs whose name starts with "bad."
  std::uint64_t max_file_bytes = UINT64_MAX;
  std::uint64_t max_links = UINT64_MAX;  ///< of a file; finish() names the one with too many
  /// false: finish() only walks the names (for measuring memory)
  bool keeps_names = true;
};

struct FakeNode {
  NodeMeta meta;
  std::vector<Xattr> xattrs;
  std::string target, content;  ///< content with its holes as zeros
  std::uint64_t size_bytes = 0;
  bool removed = false;
};

/// What the last builder was given.
struct FakeImage {
  std::vector<FakeNode> nodes;
  std::map<std::string, NodeId> tree;  ///< by path, "/" and "/lost+found" included
  ExtBuilder::Finish finish;
  bool finished = false;
  std::uint64_t counted_bytes = 0;  ///< content that found no place
  std::uint64_t removals = 0;

  bool has(const std::string& path) const { return tree.contains(path); }
  NodeId id(const std::string& path) const { return tree.at(path); }
  const FakeNode& at(const std::string& path) const {
    return nodes.at(static_cast<std::size_t>(tree.at(path)));
  }
};

FakeSettings& fake_settings();  ///< reset by the one who changes it
FakeImage& fake_image();

}  // namespace rawimg::test
