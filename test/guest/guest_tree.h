// SPDX-License-Identifier: MIT
// A guest's tree in memory: what the planners see, and what their changes make of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <rawimg/guest_files.h>

namespace rawimg::test {

struct TreeNode {
  FileType type = FileType::Regular;
  std::string content;  ///< of a symlink its target
  std::uint16_t permissions = 0644;
  std::uint32_t uid = 0;

  bool operator==(const TreeNode&) const = default;
};

class GuestTree : public GuestFiles {
 public:
  void add_file(const std::string& path, std::string content, std::uint16_t permissions = 0644) {
    nodes[path] = {FileType::Regular, std::move(content), permissions, 0};
  }
  void add_directory(const std::string& path) { nodes[path] = {FileType::Directory, "", 0755, 0}; }
  void add_symlink(const std::string& path, std::string target) {
    nodes[path] = {FileType::Symlink, std::move(target), 0777, 0};
  }

  /// As a transaction would make them. Throws: std::runtime_error (a step that cannot be taken).
  void apply(const std::vector<GuestChange>& changes);
  const std::string& text(const std::string& path) const { return nodes.at(path).content; }
  bool has(const std::string& path) const { return nodes.contains(path); }

  std::optional<GuestFile> find(std::string_view path, Follow follow) const override;
  std::string head(const GuestFile& file, std::size_t count) const override {
    return nodes.at(file.path).content.substr(0, count);
  }
  std::optional<std::string> read(const GuestFile& file) const override {
    return nodes.at(file.path).content;
  }

  /// by path, without symlinks on the way; the root is not listed
  std::map<std::string, TreeNode> nodes;

 private:
  /// Where a path is; empty: nowhere.
  std::string resolve(std::string_view path, Follow follow) const;
};

/// The first bytes of a little-endian ELF program.
std::string elf_head(unsigned machine, unsigned bits = 64, unsigned type = 2);

}  // namespace rawimg::test
