// SPDX-License-Identifier: MIT
//
// How a file with holes is marked, and where its map is: see sparse_map.h. Old GNU and star have
// four pairs in the header and 21 in each block behind it, with a byte that says whether one more
// follows.
#include "archive/content_reader.h"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/zeros.h"

namespace rawimg {
namespace {

constexpr std::size_t kPairsInHeader = 4, kPairsInBlock = 21, kPairSize = 24;
constexpr std::size_t kGnuPairs = 386, kGnuMore = 482, kStarPairs = 356, kStarMore = 355,
                      kBlockMore = 504;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Of a file that has a map of holes.
std::uint64_t real_size_of(const TarMember& member, std::string_view key) {
  const std::string* text = member.pax.find(key);
  if (text == nullptr)
    throw Error(Errc::BadInput, fmt::format("its map of holes comes without its size ({})", key));
  return parse_pax_number(*text, key);
}

}  // namespace

void ContentReader::begin_none() { begin_ignored(0); }

void ContentReader::begin_ignored(std::uint64_t size) {
  extents_.clear();
  current_ = 0;
  done_ = 0;
  left_ = size;
  padding_ = tar_padding(size);
}

std::uint64_t ContentReader::begin_file(const TarMember& member, std::uint64_t stored_size) {
  begin_ignored(stored_size);
  if (member.header.type() == 'S') return begin_old_sparse(member.header, member, stored_size);
  if (const std::string* holes = member.pax.find("SUN.holesdata")) {
    SparseMap map = parse_holesdata(*holes, stored_size);
    map.require_fits(stored_size, stored_size);
    extents_ = map.take();
    return stored_size;
  }
  const std::string* major = member.pax.find("GNU.sparse.major");
  if (major != nullptr && *major != "0") {
    const std::string* minor = member.pax.find("GNU.sparse.minor");
    if (*major != "1" || minor == nullptr || *minor != "0")
      throw Error(Errc::BadInput,
                  fmt::format("its holes are written in GNU tar's format {}.{}, which is not known",
                              *major, minor != nullptr ? *minor : "?"));
    const std::uint64_t file_size = real_size_of(member, "GNU.sparse.realsize");
    SparseMap map = read_sparse_text(stored_size);
    return begin_sparse(std::move(map), file_size, stored_size);
  }
  if (auto map = parse_pax_sparse(member.pax))
    return begin_sparse(std::move(*map), real_size_of(member, "GNU.sparse.size"), stored_size);
  const bool orphaned = std::ranges::any_of(member.pax.all(), [](const PaxRecord& record) {
    return record.key.starts_with("GNU.sparse.");
  });
  if (orphaned)
    throw Error(Errc::BadInput, "it has records about holes (GNU.sparse) but no map of them");
  extents_.push_back({0, stored_size, false});
  return stored_size;
}

std::uint64_t ContentReader::begin_old_sparse(const TarHeader& header, const TarMember& member,
                                              std::uint64_t stored_size) {
  const TarDialect dialect = header.dialect();
  if (dialect != TarDialect::Gnu && dialect != TarDialect::Star)
    throw Error(Errc::BadInput, "it is a file with holes (type S) in a tar dialect that has none");
  const bool is_gnu = dialect == TarDialect::Gnu;
  SparseMap map;
  bool more_pairs = parse_old_sparse(
      header.raw(is_gnu ? kGnuPairs : kStarPairs, kPairsInHeader * kPairSize), kPairsInHeader, map);
  bool more_blocks = header.raw(is_gnu ? kGnuMore : kStarMore, 1)[0] != '\0';
  while (more_blocks) {
    const auto bytes = stream_.peek(kTarBlock);
    if (bytes.size() < kTarBlock) fail_truncated();
    const TarHeader block(bytes);
    if (more_pairs)
      more_pairs = parse_old_sparse(block.raw(0, kPairsInBlock * kPairSize), kPairsInBlock, map);
    more_blocks = block.raw(kBlockMore, 1)[0] != '\0';
    stream_.skip(kTarBlock);
  }
  const std::string* real_size = member.pax.find("SCHILY.realsize");
  const std::int64_t file_size =
      real_size != nullptr
          ? static_cast<std::int64_t>(parse_pax_number(*real_size, "SCHILY.realsize"))
          : header.number(is_gnu ? tar_field::kGnuRealSize : tar_field::kStarRealSize);
  if (file_size < 0) throw Error(Errc::BadInput, fmt::format("its size is {}", file_size));
  return begin_sparse(std::move(map), static_cast<std::uint64_t>(file_size), stored_size);
}

std::uint64_t ContentReader::begin_sparse(SparseMap map, std::uint64_t file_size,
                                          std::uint64_t stored_size) {
  map.require_whole_blocks();
  map.require_fits(file_size, stored_size);
  extents_ = map.take();
  return file_size;
}

SparseMap ContentReader::read_sparse_text(std::uint64_t& stored_size) {
  SparseTextReader reader;
  for (bool complete = false; !complete;) {
    if (left_ < kTarBlock)
      throw Error(Errc::BadInput,
                  fmt::format("its map of holes does not end within the {} bytes of its content",
                              stored_size));
    const auto block = stream_.peek(kTarBlock);
    if (block.size() < kTarBlock) fail_truncated();
    complete = reader.add_block(as_text(block));
    stream_.skip(kTarBlock);
    left_ -= kTarBlock;
  }
  stored_size = left_;
  return std::move(reader.map());
}

std::optional<DataChunk> ContentReader::next() {
  while (current_ < extents_.size()) {
    const StoredExtent& extent = extents_[current_];
    if (done_ == extent.size) {
      ++current_;
      done_ = 0;
      continue;
    }
    const auto piece = stream_.take(extent.size - done_);
    if (!piece) fail_truncated();
    const std::uint64_t offset = extent.offset + done_;
    done_ += piece->bytes.size();
    left_ -= piece->bytes.size();
    if (!extent.is_hole) return DataChunk{offset, piece->bytes, piece->owner};
    if (!is_zeros(piece->bytes))
      throw Error(
          Errc::BadInput,
          fmt::format("its map of holes has a hole at byte {} where there is content", offset));
  }
  return std::nullopt;
}

void ContentReader::skip_rest() {
  extents_.clear();
  current_ = 0;
  done_ = 0;
  const std::uint64_t content = stream_.skip(left_);
  left_ -= content;
  if (left_ != 0) fail_truncated();
  const std::uint64_t zeros = stream_.skip(padding_);
  padding_ -= zeros;
  if (padding_ != 0) fail_truncated();
}

void ContentReader::fail_truncated() const {
  throw Error(
      Errc::BadInput,
      fmt::format("the archive is truncated: it ends at byte {}, {} bytes before this entry does",
                  stream_.position(), left_ + padding_));
}

}  // namespace rawimg
