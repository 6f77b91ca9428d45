// SPDX-License-Identifier: MIT
#include "tree/metadata_digest.h"

#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/digest.h"

namespace rawimg {
namespace {

class Digester {
 public:
  Digester(const TreeBuilder& tree, const ExtBuilder& builder) : tree_(tree), builder_(builder) {}

  TreeSummary run() {
    add_node(ExtBuilder::kRoot);
    if (builder_.is_new(ExtBuilder::kRoot) && !tree_.is_implied(ExtBuilder::kRoot))
      ++summary_.directories;
    std::vector<NodeId> todo{ExtBuilder::kRoot};
    std::vector<NameTree::Name> names;
    // depth first, in the order of the names, without recursion: a tree may be thousands of levels
    // deep
    while (!todo.empty()) {
      const NodeId directory = todo.back();
      todo.pop_back();
      tree_.names().names(directory, names);
      line_ += "directory of ";
      put(names.size(), " names\n");
      std::vector<NodeId> below;
      for (const NameTree::Name& name : names) {
        put(name.name.size(), ":");
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
      line_ += "link ";
      put(it->second, "\n");
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
    line_ += ' ';
    put(static_cast<int>(meta.type), " ");
    put(meta.permissions, " ", 8);
    put(meta.uid, " ");
    put(meta.gid, " ");
    put(meta.type == FileType::Directory ? 0 : builder_.size_of(node), " ");
    put(meta.device_major, " ");
    put(meta.device_minor, " ");
    put(tree_.xattr_digest(node), "", 16);
    for (const Timestamp time : {meta.mtime, meta.atime, meta.ctime, meta.birthtime}) {
      line_ += ' ';
      put(time.seconds, ".");
      put(time.nanoseconds, "");
    }
    const std::string_view target = builder_.symlink_target(node);
    line_ += ' ';
    put(target.size(), ":");
    (line_ += target) += '\n';
  }

  /// A number, and what stands behind it. Formatting was a tenth of what the parsing thread did.
  template <class Number>
  void put(Number number, std::string_view behind, int base = 10) {
    std::array<char, 24> digits;
    char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
    line_.append(digits.data(), end);
    line_ += behind;
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
