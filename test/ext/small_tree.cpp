// SPDX-License-Identifier: MIT
#include "ext/small_tree.h"

#include <algorithm>
#include <memory>

#include "support/process.h"
#include "support/temp_dir.h"

namespace rawimg::test {

SmallTree::SmallTree(ExtBuilder& builder) : builder_(builder) {
  if (!builder.imports()) {
    name(ExtBuilder::kRoot, "lost+found", ExtBuilder::kLostFound);
    directories_.push_back(ExtBuilder::kLostFound);
  }
  for (const ExtBuilder::ImportedName& there : builder.import_names(ExtBuilder::kRoot)) {
    name(ExtBuilder::kRoot, there.name, there.node);
    if (!there.is_directory) continue;
    directories_.push_back(there.node);
    parents_[there.node] = ExtBuilder::kRoot;
  }
}

NodeId SmallTree::add(NodeId directory, const std::string& entry, NodeMeta meta) {
  meta.mtime = meta.atime = meta.ctime = meta.birthtime = {1'600'000'000, 123'456'789};
  const NodeId node = builder_.add(meta);
  name(directory, entry, node);
  if (meta.type == FileType::Directory) {
    directories_.push_back(node);
    parents_[node] = directory;
  }
  return node;
}

NodeId SmallTree::directory(NodeId parent, const std::string& entry) {
  NodeMeta meta;
  meta.type = FileType::Directory;
  meta.permissions = 0755;
  return add(parent, entry, meta);
}

NodeId SmallTree::file(NodeId parent, const std::string& entry, std::string content,
                       std::size_t chunk) {
  NodeMeta meta;
  meta.permissions = 0644;
  const NodeId node = add(parent, entry, meta);
  const auto owner = std::make_shared<const std::string>(std::move(content));
  builder_.begin_content(node, owner->size());
  for (std::size_t at = 0; at < owner->size(); at += chunk)
    builder_.append(
        {at, std::as_bytes(std::span(*owner)).subspan(at, std::min(chunk, owner->size() - at)),
         owner});
  builder_.end_content();
  return node;
}

NodeId SmallTree::symlink(NodeId parent, const std::string& entry, const std::string& target) {
  NodeMeta meta;
  meta.type = FileType::Symlink;
  meta.permissions = 0777;
  const NodeId node = add(parent, entry, meta);
  builder_.set_symlink(node, target);
  return node;
}

void SmallTree::drop_last(NodeId directory) {
  builder_.remove(children_[directory].back().second);
  children_[directory].pop_back();
}

NodeId SmallTree::parent(NodeId directory) const {
  const auto it = parents_.find(directory);
  return it == parents_.end() ? ExtBuilder::kRoot : it->second;
}

void SmallTree::names(NodeId directory, std::vector<Name>& out) const {
  out.clear();
  if (const auto it = children_.find(directory); it != children_.end())
    for (const auto& [entry, node] : it->second) out.push_back({entry, node});
}

ImageFile make_image(const std::filesystem::path& path, std::uint64_t size) {
  write_file(path, "");
  ImageFile file = ImageFile::open(path, Access::ReadWrite);
  file.resize(ByteCount{size});
  return file;
}

std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 12345;
  for (char& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>((state >> 24) | 1);
  }
  return bytes;
}

std::string fsck_complaints(const std::filesystem::path& image, std::uint64_t offset) {
  const Outcome outcome =
      run({"e2fsck", "-fn", image.string() + "?offset=" + std::to_string(offset)});
  const std::string text = outcome.out + outcome.err;
  bool bad = outcome.exit_code != 0;
  for (const char* word : {"? no", "Corrupt", "look bad", "WARNING", "IGNORED"})
    bad = bad || text.find(word) != std::string::npos;
  return bad ? "exit " + std::to_string(outcome.exit_code) + ": " + text : "";
}

}  // namespace rawimg::test
