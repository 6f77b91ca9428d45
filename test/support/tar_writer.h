// SPDX-License-Identifier: MIT
// Tar archives made byte by byte: what GNU tar and bsdtar would write, and what they never would.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rawimg::test {

enum class TarMagic { V7, Ustar, Gnu };

/// One header of 512 bytes. Numbers are octal, or base-256 where they do not fit.
struct TarHeaderSpec {
  std::string name{};
  char type = '0';
  std::int64_t mode = 0644, uid = 0, gid = 0, size = 0, mtime = 0;
  std::string link{};
  TarMagic magic = TarMagic::Ustar;
  std::int64_t device_major = 0, device_minor = 0;
  std::string prefix{};  ///< ustar only
  /// bytes put over the finished header, before the checksum is made
  std::vector<std::pair<std::size_t, std::string>> raw{};
};

using PaxRecordSpec = std::pair<std::string, std::string>;

class TarWriter {
 public:
  TarWriter& header(const TarHeaderSpec& spec);
  /// Any bytes, filled up with zeros to a whole block.
  TarWriter& body(std::string_view content);
  /// A header with the content's size, and the content.
  TarWriter& entry(TarHeaderSpec spec, std::string_view content = {});
  /// A pax extension header ('x' for the next entry, 'g' for all that follow, 'X' for Solaris's)
  /// and its records.
  TarWriter& pax(const std::vector<PaxRecordSpec>& records, char type = 'x');
  /// The same with a body as it is.
  TarWriter& pax_raw(std::string_view body, char type = 'x');
  /// GNU's long name ('L') or long link target ('K'), with its NUL.
  TarWriter& gnu_long(char type, std::string_view text);
  TarWriter& raw(std::string_view bytes);
  TarWriter& zero_blocks(unsigned count);

  std::size_t size() const { return bytes_.size(); }
  /// The archive so far with an end mark of `zero_block_count` blocks; the writer can go on.
  std::string finish(unsigned zero_block_count = 2) const;

 private:
  std::string bytes_;
};

/// "LENGTH key=value\n", the length counting itself.
std::string pax_record(std::string_view key, std::string_view value);
/// A number as a field of a tar header: octal with a final NUL, or base-256.
std::string tar_number(std::int64_t value, std::size_t width);
/// Writes the right checksum into the 512 bytes at `offset`.
void fix_tar_checksum(std::string& bytes, std::size_t offset);

}  // namespace rawimg::test
