// SPDX-License-Identifier: MIT
// Reads whole archives from memory, for tests.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rawimg/tar_source.h>

namespace rawimg::test {

struct ReadEntry {
  Entry entry;
  std::string content;  ///< holes filled with zeros
  /// offset and size of what was delivered, neighbours joined
  std::vector<std::pair<std::uint64_t, std::uint64_t>> data;
};

/// A file in memory without a name.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

/// All entries up to the end, content included. Throws: what the source throws.
std::vector<ReadEntry> read_all(EntrySource& source);
std::vector<ReadEntry> read_tar(std::string_view bytes, const TarOptions& options = {});
/// The only entry.
ReadEntry read_one(std::string_view bytes);
/// The value of an attribute.
std::optional<std::string> xattr_of(const Entry& entry, std::string_view name);

/// Through libarchive's writer: "gzip", "bzip2", "xz", "lzma", "lzip", "zstd", "lz4", "compress".
std::string compress(std::string_view bytes, const std::string& filter);
/// Bytes that do not repeat, the same in every run.
std::string noise(std::size_t size, std::uint32_t seed = 1);

}  // namespace rawimg::test
