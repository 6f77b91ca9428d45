// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "edit/copy.h"

namespace rawimg::cli {

/// Copies into the image that is edited. One for all sources of a command, because hard links lead
/// from one to another.
class ImageCopier {
 public:
  ImageCopier(Edit& edit, const CopyOptions& options);
  /// Source to `target` and below. The image itself, and what takes back its changes, are left out
  /// of directories, with a warning. Throws: Exists (a directory without -r; what is there is of
  /// another kind, or the same file; the source is the image), and as Transaction does.
  void copy(const CopySource& source, const Operand& target);

 private:
  bool is_image(const CopySource& source) const;
  Entry meta_for(const CopySource& source, const InodeInfo* there);
  void restore(std::uint32_t inode, const Entry& meta);
  void restore_times(std::uint32_t inode, const Entry& meta);
  void write(const CopySource& source, std::uint32_t inode);
  bool must_make_room(const CopySource& source, const InodeInfo& there) const;
  void forget(std::uint32_t inode);
  bool link_to_earlier(const CopySource& source, const Transaction::Place& place);
  void copy_file(const CopySource& source, const Operand& target);
  void overwrite(const CopySource& source, const InodeInfo& there);
  void remove(const Transaction::Place& place, std::uint32_t inode);
  void make(const CopySource& source, const Transaction::Place& place);
  std::uint32_t copy_directory(const CopySource& source, const Operand& target);
  void copy_tree(const CopySource& top, const Operand& target);
  void require_outside(const CopySource& source, const Operand& target) const;
  void say(const CopySource& source, const Operand& target);

  Edit& edit_;
  const CopyOptions& options_;
  std::vector<HostFileId> image_;  // and its undo files
  // What hard links can lead to, and whose copy an inode is.
  std::map<std::string, std::uint32_t> linked_;
  std::map<std::uint32_t, std::string> identities_;
  std::set<std::uint32_t> symlinks_;  // that were made here
};

}  // namespace rawimg::cli
