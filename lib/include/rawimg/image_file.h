// SPDX-License-Identifier: MIT
// A raw image on the host: an open, locked file. Positioned reads and writes, holes, length,
// durability; nothing about what the bytes mean. Thread rule: read_at, write_at and write_gather
// may be called from several threads at once; everything else from one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include <rawimg/units.h>

struct iovec;

#pragma GCC visibility push(default)

namespace rawimg {

class WriteSeam;

enum class Access { ReadOnly, ReadWrite };
enum class Durability { Sync, NoSync };  ///< whether a job waits for stable storage

/// How to lock. Writers take an OFD write lock on the whole file, readers an OFD read lock on byte
/// 2^62 alone (QEMU can still open the image).
struct LockPolicy {
  /// false: go on without a lock where there are none, and read what somebody changes
  /// (`--no-lock`); writing to what somebody has locked stays Busy
  bool required = true;
  /// how long to try again before Busy
  std::optional<std::chrono::milliseconds> wait = std::nullopt;
};

class ImageFile {
 public:
  /// Opens an existing image and locks it. Throws: Io (missing, no permission), Unsupported (not a
  /// regular file), Busy (locked; says "open in a VM" where QEMU's lock bytes are taken).
  static ImageFile open(const std::filesystem::path& path, Access access, LockPolicy lock = {});
  /// So many bytes of zeros in memory, for what only tries: written pages take RAM. `path` is for
  /// messages. Throws: Io.
  static ImageFile scratch(const std::filesystem::path& path, ByteCount size = {});
  /// Takes over an open descriptor; `path` is for messages. Locks nothing.
  static ImageFile adopt(int descriptor, const std::filesystem::path& path, Access access);

  ImageFile(ImageFile&&) noexcept;
  ImageFile& operator=(ImageFile&&) noexcept;
  ~ImageFile();  ///< closes; syncs nothing

  const std::filesystem::path& path() const;
  Access access() const;
  /// The file's length now.
  ByteCount size() const;

  /// Fills `out`. Throws: Corrupt when the file ends before, Io.
  void read_at(ByteOffset at, std::span<std::byte> out) const;
  /// Guarantee: none (a failure may leave a part written). Throws: NoSpace, Io.
  void write_at(ByteOffset at, std::span<const std::byte> bytes);
  /// One long write gathered from pieces; at most 1024 of them. Guarantee and errors like write_at.
  void write_gather(ByteOffset at, std::span<const iovec> pieces);
  /// Makes the range read as zeros without using disk, by a hole where the host can, else by
  /// writing zeros. Guarantee: none.
  void punch(ByteRange range);
  /// Nobody needs what the range holds: its room goes back to the host, where the host can take it;
  /// elsewhere it stays as it is.
  void discard(ByteRange range);
  /// Makes sure that the host has room for the range, where it can say so; what the range holds
  /// stays. Throws: NoSpace, Io.
  void reserve(ByteRange range);
  /// Sets the length; growth is a hole. Throws: NoSpace, Io.
  void resize(ByteCount size);
  /// Bytes of disk in use (st_blocks).
  ByteCount allocated() const;
  /// Waits until all is on stable storage. Never retried after a failure. Throws: Io, NoSpace.
  void sync();

  /// The descriptor, for a lower layer that needs one; it stays ours.
  int descriptor() const;
  /// Every write, punch, resize and sync from here on is announced to `seam` first, which may throw
  /// in its place (fault injection, recording). Null: none.
  void set_seam(WriteSeam* seam);
  WriteSeam* seam() const;

 private:
  struct State;
  explicit ImageFile(std::unique_ptr<State> state);
  static ImageFile open_unlocked(const std::filesystem::path& path, Access access);
  std::unique_ptr<State> state_;
};

}  // namespace rawimg

#pragma GCC visibility pop
