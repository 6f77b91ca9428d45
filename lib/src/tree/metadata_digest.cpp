// SPDX-License-Identifier: MIT
#include "tree/metadata_digest.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "base/digest.h"

namespace rawimg {
namespace {

class Digester {
 public:
  Digester(const TreeBuilder& tree, const ExtBuilder& builder) : tree_(tree), builder_(builder) {}

  TreeSummary run() {
    add_node(ExtBuilder::kRoot);
    std::vector<NodeId> todo{ExtBuilder::kRoot};
    std::vector<NameTree::Name> names;
    // depth first, in the order of the names, without recursion: a tree may be thousands of levels
    // deep
    while (!todo.empty()) {
      const NodeId directory = todo.back();
      todo.pop_back();
      tree_.names().names(directory, names);
      fmt::format_to(std::back_inserter(line_), "directory of {} names\n", names.size());
      std::vector<NodeId> below;
      for (const NameTree::Name& name : names) {
        fmt::format_to(std::back_inserter(line_), "{}:", name.name.size());
        line_ += name.name;
        if (builder_.is_new(name.node)) add_name(name.node);
        if (tree_.names().is_directory(name.node)) below.push_back(name.node);
        flush(64 * 1024);
      }
      todo.insert(todo.end(), below.rbegin(), below.rend());
    }
    flush(0);
    summary_.digest = to_hex(hash_.finish());
    return summary_;
  }

 private:
  void add_name(NodeId node) {
    if (tree_.names().name_count(node) > 1) {
      const auto [it, is_first] = seen_.try_emplace(static_cast<std::uint32_t>(node), seen_.size());
      fmt::format_to(std::back_inserter(line_), "link {}\n", it->second);
      if (!is_first) {
        ++summary_.hard_links;
        return;
      }
    }
    if (node != ExtBuilder::kLostFound) count(builder_.meta(node).type);
    add_node(node);
  }

  void count(FileType type) {
    ++(type == FileType::Regular     ? summary_.files
       : type == FileType::Directory ? summary_.directories
       : type == FileType::Symlink   ? summary_.symlinks
                                     : summary_.others);
  }

  void add_node(NodeId node) {
    const NodeMeta& meta = builder_.meta(node);
    const auto time = [this](Timestamp t) {
      fmt::format_to(std::back_inserter(line_), " {}.{}", t.seconds, t.nanoseconds);
    };
    const std::uint64_t size = meta.type == FileType::Directory ? 0 : builder_.size_of(node);
    fmt::format_to(std::back_inserter(line_), " {} {:o} {} {} {} {} {} {:x}",
                   static_cast<int>(meta.type), meta.permissions, meta.uid, meta.gid, size,
                   meta.device_major, meta.device_minor, tree_.xattr_digest(node));
    for (const Timestamp t : {meta.mtime, meta.atime, meta.ctime, meta.birthtime}) time(t);
    const std::string_view target = builder_.symlink_target(node);
    fmt::format_to(std::back_inserter(line_), " {}:", target.size());
    (line_ += target) += '\n';
  }

  void flush(std::size_t at_least) {
    if (line_.size() < at_least) return;
    hash_.add(line_);
    line_.clear();
  }

  const TreeBuilder& tree_;
  const ExtBuilder& builder_;
  TreeSummary summary_;
  Sha256 hash_;
  std::string line_;
  std::unordered_map<std::uint32_t, std::size_t> seen_;
};

}  // namespace

TreeSummary summarize_tree(const TreeBuilder& tree, const ExtBuilder& builder) {
  return Digester(tree, builder).run();
}

}  // namespace rawimg
