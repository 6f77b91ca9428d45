// SPDX-License-Identifier: MIT
// Which parts of a file a tar archive holds: the one list behind five ways to write it down.
//
//   old GNU, star   numbers in the header and in blocks behind it               parse_old_sparse
//   GNU 0.0         pax records GNU.sparse.offset and .numbytes, in turn        parse_pax_sparse
//   GNU 0.1         pax record GNU.sparse.map, numbers apart by commas          parse_pax_sparse
//   GNU 1.0         decimal lines in front of the content                       SparseTextReader
//   Solaris         pax record SUN.holesdata; the holes' zeros are stored too   parse_holesdata
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "archive/pax_records.h"

namespace rawimg {

struct StoredExtent {
  std::uint64_t offset = 0, size = 0;
  bool is_hole = false;  ///< its bytes are in the archive but must be zeros (Solaris)
};

/// Ascending extents without overlap; what is not in them is a hole.
class SparseMap {
 public:
  /// Throws: BadInput (out of order, overlapping, past 2^63, too many).
  void add(std::uint64_t offset, std::uint64_t size, bool is_hole = false);
  /// Throws: BadInput (the map passes the file's end, or needs more or fewer bytes than the entry
  /// has).
  void require_fits(std::uint64_t file_size, std::uint64_t stored_size) const;
  /// Of every map but Solaris's: GNU tar begins each part in a block of its own, libarchive and
  /// others go on where the last one ended. Programs only write what is the same to both. Throws:
  /// BadInput (a part but the last that is not whole blocks).
  void require_whole_blocks() const;
  std::vector<StoredExtent> take() { return std::move(extents_); }

 private:
  std::vector<StoredExtent> extents_;
  std::uint64_t end_ = 0, stored_ = 0;
};

/// `count` pairs of 12-byte numbers. False: an empty pair has ended the list.
bool parse_old_sparse(std::string_view pairs, std::size_t count, SparseMap& map);

/// Versions 0.0 and 0.1; nothing when the records hold no map. Throws: BadInput.
std::optional<SparseMap> parse_pax_sparse(const PaxRecords& records);

/// `stored_size`: of the entry, holes and all. Throws: BadInput.
SparseMap parse_holesdata(std::string_view text, std::uint64_t stored_size);

/// Version 1.0: give it the content's blocks until it says that the map is complete.
class SparseTextReader {
 public:
  /// True: the map ended in this block, content begins behind it. Throws: BadInput.
  bool add_block(std::string_view block);
  SparseMap& map() { return map_; }

 private:
  void add_number(std::uint64_t number);

  SparseMap map_;
  std::optional<std::uint64_t> pairs_left_, offset_, partial_;
};

}  // namespace rawimg
