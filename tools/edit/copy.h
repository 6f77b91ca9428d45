// SPDX-License-Identifier: MIT
// What cp copies, wherever it is: on the host, in an image, or out of a stream.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <rawimg/error.h>
#include <rawimg/transaction.h>

#include "edit/copy_options.h"
#include "edit/edit.h"

namespace rawimg::cli {

/// Device and inode.
using HostFileId = std::pair<std::uint64_t, std::uint64_t>;

/// A file that is copied, wherever it is.
class CopySource {
 public:
  virtual ~CopySource() = default;
  /// Type and metadata; a symlink's target as link_target.
  virtual const Entry& meta() const = 0;
  /// Names in a directory, sorted, each once. Throws: Corrupt (one twice).
  virtual std::vector<std::string> names() const = 0;
  /// A name in it, which this has to outlive; symlinks are themselves, or with `follow` what they
  /// lead to.
  virtual std::unique_ptr<CopySource> child(const std::string& name,
                                            ExtFs::Follow follow) const = 0;
  /// What is data; between the pieces are holes.
  virtual void read(const Transaction::ContentSink& sink) const = 0;
  /// The same for two names of one file; empty when there is but one name, and it is no directory.
  virtual std::string identity() const = 0;
  /// The file system of the host that it is in; 0 in an image.
  virtual std::uint64_t device() const { return 0; }
  virtual std::string word() const = 0;  ///< for messages
  /// Whether it is this inode of the image that is changed.
  virtual bool is(std::uint32_t) const { return false; }
  /// Whether it is a symlink, of the image that is changed, to this inode.
  virtual bool leads_to(std::uint32_t) const { return false; }
  /// Whether it is this file of the host.
  virtual bool is_file(const HostFileId&) const { return false; }
};

/// All of its content in order, zeros where holes are: for what cannot be a file with holes.
void read_without_holes(const CopySource& source,
                        const std::function<void(std::span<const std::byte>)>& sink);

std::unique_ptr<CopySource> open_host_source(const std::string& path, const std::string& word,
                                             ExtFs::Follow follow);
/// What can be read from a FIFO or a device of the host, as a file.
std::unique_ptr<CopySource> open_host_stream(const std::string& path, const std::string& word,
                                             const std::stop_token& stop);
/// Everything that can be read from a descriptor, as a file.
std::unique_ptr<CopySource> open_stream_source(int descriptor, const std::string& word,
                                               const std::stop_token& stop);
std::unique_ptr<CopySource> open_source_in(const Transaction& fs, const Operand& file,
                                           ExtFs::Follow follow);
/// In another image; keeps what it needs.
std::unique_ptr<CopySource> open_source_in(std::shared_ptr<OpenedFs> fs, const Operand& file,
                                           ExtFs::Follow follow);

/// Throws: Unsupported. Each level may keep a descriptor.
void require_not_too_deep(const CopySource& directory, std::size_t levels);

/// About a directory that is met again: on the way to itself where symlinks are followed.
Error seen_twice(const CopySource& source, const CopyOptions& options);

/// A copy that runs as somebody else is a danger: who is it, never said so.
Warning trust_lost(const std::string& word);

/// Whether the mode of a copy may make it a program that runs as its owner or group: it must be
/// theirs already.
inline bool may_keep_setuid(const Entry& source, std::uint32_t uid, std::uint32_t gid) {
  return source.type == FileType::Directory || (source.uid == uid && source.gid == gid);
}

}  // namespace rawimg::cli
