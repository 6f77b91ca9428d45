// SPDX-License-Identifier: MIT
#include "archive/sparse_map.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "archive/tar_header.h"

namespace rawimg {
namespace {

constexpr std::size_t kMostExtents = 4u << 20;  // 96 MiB of RAM; a map that says more is an attack
constexpr std::size_t kOldPair = 24;
constexpr std::uint64_t kMaxOffset = INT64_MAX;

[[noreturn]] void bad_map(const std::string& why) {
  throw Error(Errc::BadInput, "its map of holes " + why);
}

std::uint64_t old_number(std::string_view field) {
  const std::int64_t number = parse_tar_number(field, "sparse map");
  if (number < 0) bad_map(fmt::format("holds the negative number {}", number));
  return static_cast<std::uint64_t>(number);
}

}  // namespace

void SparseMap::add(std::uint64_t offset, std::uint64_t size, bool is_hole) {
  if (offset < end_) bad_map(fmt::format("goes back from byte {} to byte {}", end_, offset));
  if (offset > kMaxOffset || size > kMaxOffset - offset)
    bad_map(fmt::format("has a part of {} bytes at byte {}, past 2^63", size, offset));
  end_ = offset + size;
  if (size == 0) return;  // GNU tar says where the file ends in that way
  stored_ += size;        // cannot pass 2^63: the parts do not overlap
  if (extents_.size() == kMostExtents) bad_map(fmt::format("has more than {} parts", kMostExtents));
  extents_.push_back({offset, size, is_hole});
}

void SparseMap::require_fits(std::uint64_t file_size, std::uint64_t stored_size) const {
  if (end_ > file_size)
    bad_map(fmt::format("reaches to byte {}, but the file has {} bytes", end_, file_size));
  if (stored_ != stored_size)
    bad_map(fmt::format("is for {} bytes of content, but {} are stored", stored_, stored_size));
}

void SparseMap::require_whole_blocks() const {
  for (std::size_t i = 0; i + 1 < extents_.size(); ++i) {
    if (extents_[i].size % kTarBlock != 0)
      bad_map(
          fmt::format("has a part of {} bytes, not whole blocks of {}, in front of another: "
                      "readers disagree about where that begins",
                      extents_[i].size, kTarBlock));
  }
}

bool parse_old_sparse(std::string_view pairs, std::size_t count, SparseMap& map) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view pair = pairs.substr(i * kOldPair, kOldPair);
    if (pair[0] == '\0') return false;
    map.add(old_number(pair.substr(0, kOldPair / 2)), old_number(pair.substr(kOldPair / 2)));
  }
  return true;
}

namespace {

SparseMap parse_comma_map(std::string_view text) {
  SparseMap map;
  std::uint64_t offset = 0;
  bool is_size = false;  // offset and size, in turn
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::uint64_t number = parse_pax_number(text.substr(0, end), "GNU.sparse.map");
    text.remove_prefix(std::min(end + 1, text.size()));
    if (is_size)
      map.add(offset, number);
    else
      offset = number;
    is_size = !is_size;
  }
  if (is_size) bad_map("ends with an offset without its size");
  return map;
}

}  // namespace

std::optional<SparseMap> parse_pax_sparse(const PaxRecords& records) {
  if (const std::string* text = records.find("GNU.sparse.map")) return parse_comma_map(*text);
  const std::string* announced = records.find("GNU.sparse.numblocks");
  if (announced == nullptr) return std::nullopt;
  SparseMap map;
  std::uint64_t pairs = 0, offset = 0;
  bool is_size = false;
  for (const auto& [key, value] : records.all()) {
    if (key == "GNU.sparse.offset") {
      if (is_size) bad_map("has two offsets in a row");
      offset = parse_pax_number(value, key);
      is_size = true;
    } else if (key == "GNU.sparse.numbytes") {
      if (!is_size) bad_map("has a size without an offset");
      map.add(offset, parse_pax_number(value, key));
      is_size = false;
      ++pairs;
    }
  }
  if (is_size) bad_map("ends with an offset without its size");
  if (pairs != parse_pax_number(*announced, "GNU.sparse.numblocks"))
    bad_map(fmt::format("has {} parts, but announces {}", pairs, *announced));
  return map;
}

SparseMap parse_holesdata(std::string_view text, std::uint64_t stored_size) {
  SparseMap map;
  std::uint64_t at = 0;
  bool is_hole = true;  // the first number is where the first data begin
  while (!text.empty()) {
    if (text[0] != ' ') bad_map("is not a list of numbers with a blank in front of each");
    text.remove_prefix(1);
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::uint64_t number = parse_pax_number(text.substr(0, end), "SUN.holesdata");
    text.remove_prefix(end);
    if (number < at) bad_map(fmt::format("goes back from byte {} to byte {}", at, number));
    map.add(at, number - at, is_hole);
    at = number;
    is_hole = !is_hole;
  }
  if (at < stored_size) map.add(at, stored_size - at, is_hole);
  return map;
}

void SparseTextReader::add_number(std::uint64_t number) {
  if (!pairs_left_) {
    pairs_left_ = number;
  } else if (!offset_) {
    offset_ = number;
  } else {
    map_.add(*offset_, number);
    offset_.reset();
    --*pairs_left_;
  }
}

bool SparseTextReader::add_block(std::string_view block) {
  for (const char c : block) {
    if (c == '\n') {
      if (!partial_) bad_map("has an empty line");
      add_number(*partial_);
      partial_.reset();
      if (*pairs_left_ == 0 && !offset_) return true;
      continue;
    }
    if (c < '0' || c > '9') bad_map("holds something that is no decimal number");
    if (partial_.value_or(0) > (kMaxOffset - 9) / 10)
      bad_map("holds a number that does not fit 63 bits");
    partial_ = partial_.value_or(0) * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return false;
}

}  // namespace rawimg
