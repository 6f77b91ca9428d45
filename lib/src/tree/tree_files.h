// SPDX-License-Identifier: MIT
// A tree under construction as GuestFiles. Content is on its way to the disk, or nowhere (a dry
// run), so what may be asked for is kept as it comes by.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <rawimg/guest_files.h>

#include "ext/builder.h"
#include "tree/tree_builder.h"

namespace rawimg {

/// Of files that are asked for by name all content (up to kMaxGuestFileBytes), of other programs
/// the first bytes.
class KeptContent {
 public:
  struct Kept {
    std::string bytes;
    bool is_whole = false;
    std::vector<Xattr> xattrs;
  };

  /// A regular file's content is about to come.
  void begin(const Entry& entry, const std::function<bool(std::string_view)>& reads);
  void add(const DataChunk& chunk);
  /// It has come, and is this node's.
  void end(NodeId node);
  const Kept* find(NodeId node) const;

 private:
  Kept current_;
  std::uint64_t wanted_ = 0;  ///< bytes from the start
  std::unordered_map<std::uint32_t, Kept> kept_;
};

class TreeFiles : public GuestFiles {
 public:
  TreeFiles(TreeBuilder& tree, const ExtBuilder& builder, const KeptContent& kept)
      : tree_(tree), builder_(builder), kept_(kept) {}

  std::optional<GuestFile> find(std::string_view path, Follow follow) const override;
  std::string head(const GuestFile& file, std::size_t count) const override;
  std::optional<std::string> read(const GuestFile& file) const override;

 private:
  TreeBuilder& tree_;
  const ExtBuilder& builder_;
  const KeptContent& kept_;
};

}  // namespace rawimg
