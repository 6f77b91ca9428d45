// SPDX-License-Identifier: MIT
// The io_manager between libext2fs and its unix_io. The library believes that it writes; in truth
// everything stays in RAM until commit(), or, where nothing was before, until there is much of it.
//
//   libext2fs -> WindowIo (bounds of the window, overlay of dirty 1 KiB units, known zeros)
//             -> unix_io with offset=, on the image's own descriptor
//
// Why: nothing in libext2fs or unix_io knows where a partition ends; unix_io's cache serves stale
// blocks (LIBEXT2FS 1.47.0 to 1.47.2) and it syncs the file at every open; a commit in sorted long
// runs is a few dozen writes in place of thousands; and the file's WriteSeam sees each of them.
// Clean data is never kept, so what a data writer puts into the file is seen at once; only dirty
// units can be stale: forget() drops those.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rawimg/window.h>

#include "ext/libext2fs.h"

namespace rawimg {

/// Disjoint half-open ranges of numbers; neighbours are merged.
class RangeSet {
 public:
  void add(std::uint64_t begin, std::uint64_t end);
  void remove(std::uint64_t begin, std::uint64_t end);
  bool contains(std::uint64_t begin, std::uint64_t end) const;
  bool overlaps(std::uint64_t begin, std::uint64_t end) const;
  /// The first range that overlaps; none: there is none.
  std::optional<std::pair<std::uint64_t, std::uint64_t>> first_in(std::uint64_t begin,
                                                                  std::uint64_t end) const;
  bool empty() const { return ranges_.empty(); }
  void clear() { ranges_.clear(); }
  /// begin -> end
  const std::map<std::uint64_t, std::uint64_t>& ranges() const { return ranges_; }

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;
};

class WindowIo : public WindowReader {
 public:
  /// Zeros: the window reads as zeros, so zeros written over them cost nothing; and nothing is
  /// there to be kept, so all but the superblock may be written before commit()
  enum class Content { Unknown, Zeros };

  WindowIo(const Window& where, Content content);
  ~WindowIo() override;  ///< what was not committed is gone
  WindowIo(const WindowIo&) = delete;
  WindowIo& operator=(const WindowIo&) = delete;

  /// The name to give to ext2fs_open2 (with io_options "") or ext2fs_initialize, together with
  /// manager(). The window must outlive every handle opened by it.
  std::string name() const;
  static io_manager manager();

  /// The bytes [start, start + size) of the window now belong to someone who writes them past us.
  void forget(std::uint64_t start, std::uint64_t size);
  /// Punches, then writes everything in ascending order, the superblock (bytes 1024 to 2047) last;
  /// with Durability::Sync, syncs before the superblock and behind it. After a failure nothing is
  /// lost here: it can be repeated. Throws: NoSpace, Io, whatever the seam throws.
  void commit(Durability durability = Durability::NoSync);
  /// The two halves of it, for those who do more between them. Neither syncs.
  void write_all_but_superblock();
  void write_superblock();

  /// Bytes of the window that commit() would write, in ascending order, neighbours as one.
  std::vector<ByteRange> dirty() const;
  /// What libext2fs would read: the overlay, and the file below it.
  void read_at(std::uint64_t at, std::span<std::byte> out) const override;
  /// What libext2fs would write: into the overlay.
  void write_at(std::uint64_t at, std::span<const std::byte> bytes);

  /// check_ext that prefers the exception which a callback of ours has stored.
  void check(errcode_t code, std::string_view doing);

  struct Counters {
    std::uint64_t reads = 0, writes = 0, lower_reads = 0, lower_writes = 0, lower_bytes = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  struct Chunk {
    std::unique_ptr<std::byte[]> bytes;
    std::uint64_t dirty = 0;  // a bit per unit
  };

  errcode_t read(std::uint64_t at, std::uint64_t size, std::byte* out) const;
  errcode_t write(std::uint64_t at, std::uint64_t size, const std::byte* in);
  errcode_t zero(std::uint64_t at, std::uint64_t size);
  void drop(std::uint64_t at, std::uint64_t size);
  const std::byte* find(std::uint64_t unit) const;
  std::byte* claim(std::uint64_t unit);
  void write_early();
  void let_go(Chunk chunk);
  void lower_read(std::uint64_t at, std::uint64_t size, std::byte* out) const;
  void lower_write(std::uint64_t at, std::span<const std::byte> bytes);
  void punch_all();
  bool outside(std::uint64_t at, std::uint64_t size) const {
    return size > length_ || at > length_ - size;
  }

  template <class Action>
  static errcode_t guarded(io_channel channel, Action action) noexcept;
  static errcode_t open_channel(const char* name, int flags, io_channel* out) noexcept;
  static errcode_t close_channel(io_channel channel) noexcept;
  static errcode_t set_block_size(io_channel channel, int size) noexcept;
  static errcode_t read_blocks(io_channel channel, unsigned long long block, int count,
                               void* data) noexcept;
  static errcode_t write_blocks(io_channel channel, unsigned long long block, int count,
                                const void* data) noexcept;
  static errcode_t read_blocks_32(io_channel channel, unsigned long block, int count,
                                  void* data) noexcept;
  static errcode_t write_blocks_32(io_channel channel, unsigned long block, int count,
                                   const void* data) noexcept;
  static errcode_t zero_blocks(io_channel channel, unsigned long long block,
                               unsigned long long count) noexcept;
  static errcode_t flush(io_channel) noexcept { return 0; }
  static errcode_t set_option(io_channel, const char* option, const char* argument) noexcept;

  ImageFile& file_;
  std::uint64_t start_, length_;
  int lower_descriptor_ = -1;
  io_channel lower_ = nullptr;
  bool may_write_early_;
  std::map<std::uint64_t, Chunk> chunks_;
  std::vector<std::unique_ptr<std::byte[]>> idle_;  // memory of chunks for others
  std::vector<std::byte> run_;                      // memory of the runs that are written
  // where the window reads as zeros below the overlay, if need be after punching punches_
  RangeSet zeros_, punches_;
  std::exception_ptr failure_;
  mutable Counters counters_;
};

}  // namespace rawimg
