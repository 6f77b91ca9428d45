// SPDX-License-Identifier: MIT
// One thing of a tarball, directory or layer, and the stream that yields them. A source knows
// nothing of images; what reads it decides what an entry means. Not thread-safe: a source is read
// from one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)

namespace rawimg {

enum class FileType : std::uint8_t {
  Regular,
  Directory,
  Symlink,
  CharDevice,
  BlockDevice,
  Fifo,
  Socket
};

/// Seconds since 1970 (negative before), and nanoseconds 0 to 999 999 999 that count forward.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  auto operator<=>(const Timestamp&) const = default;
};

/// An extended attribute as Linux shows it: full name ("user.a", "security.capability"), raw value.
/// POSIX ACLs travel as "system.posix_acl_access" and "system.posix_acl_default" with the value
/// that getxattr(2) gives (version 2, entries of tag, perm, id).
struct Xattr {
  std::string name, value;
  auto operator<=>(const Xattr&) const = default;
};

struct Entry {
  std::string path;  ///< raw bytes, exactly as the source has them ("./usr/bin/ping")
  FileType type = FileType::Regular;
  /// link_target is the path, in the same source, of the file that this name is for; type and
  /// metadata mean nothing
  bool is_hard_link = false;
  std::uint16_t permissions = 0;  ///< the low 12 bits of the mode
  std::uint32_t uid = 0, gid = 0;
  Timestamp mtime;
  std::optional<Timestamp> atime, ctime, birthtime;
  std::uint64_t size_bytes = 0;  ///< of the content of a regular file, holes included
  std::string link_target;       ///< of a symlink, raw bytes; of a hard link, see above
  std::uint32_t device_major = 0, device_minor = 0;
  std::vector<Xattr> xattrs;  ///< sorted by name, each name once
};

/// A piece of content. The bytes stay valid and unchanged for as long as a copy of `owner` lives.
struct DataChunk {
  std::uint64_t offset = 0;  ///< in the file
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

class EntrySource {
 public:
  virtual ~EntrySource() = default;

  /// The next entry, valid until the next call; null at the end. Content of the previous entry that
  /// was not asked for is skipped. Throws: BadInput (malformed, truncated), Unsupported (an entry
  /// of this source that cannot be represented; the next call goes on behind it), Mismatch (a
  /// digest, at the end), Io, Interrupted.
  virtual const Entry* next() = 0;

  /// The next piece of the current entry's content, in ascending order without overlap; what lies
  /// between pieces, and between the last one and size_bytes, is a hole. Throws: like next().
  virtual std::optional<DataChunk> next_chunk() = 0;

  /// What messages call this source ("root.tar.xz", "standard input").
  virtual const std::string& name() const = 0;

  /// Bytes of the underlying file or stream read so far, and how many it has if that is known.
  struct Position {
    std::uint64_t read_bytes = 0;
    std::optional<std::uint64_t> total_bytes;
  };
  virtual Position position() const = 0;
};

}  // namespace rawimg

#pragma GCC visibility pop
