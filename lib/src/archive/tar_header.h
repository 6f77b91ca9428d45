// SPDX-License-Identifier: MIT
// One block of 512 bytes that describes a member of a tar archive, in any dialect.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace rawimg {

inline constexpr std::size_t kTarBlock = 512;

enum class TarDialect { V7, Ustar, Star, Gnu };

struct TarField {
  std::string_view name;
  std::size_t offset, size;
};

namespace tar_field {  // POSIX ustar; beneath: what GNU and star have in place of the prefix
inline constexpr TarField kName{"name", 0, 100}, kMode{"mode", 100, 8}, kUid{"uid", 108, 8},
    kGid{"gid", 116, 8}, kSize{"size", 124, 12}, kMtime{"mtime", 136, 12};
inline constexpr TarField kChecksum{"checksum", 148, 8}, kLink{"link name", 157, 100},
    kMajor{"device major", 329, 8}, kMinor{"device minor", 337, 8}, kPrefix{"prefix", 345, 155};
inline constexpr TarField kGnuAtime{"atime", 345, 12}, kGnuCtime{"ctime", 357, 12},
    kGnuRealSize{"real size", 483, 12};
inline constexpr TarField kStarPrefix{"prefix", 345, 131}, kStarAtime{"atime", 476, 12},
    kStarCtime{"ctime", 488, 12}, kStarRealSize{"real size", 452, 12};
}  // namespace tar_field

/// A number in octal (blanks and zeros in front, ended by a blank, a NUL or the field's end) or in
/// base-256 (first bit set, two's complement). An empty field is 0. Throws: BadInput (something
/// else; more than 63 bits).
std::int64_t parse_tar_number(std::string_view bytes, std::string_view field_name);

class TarHeader {
 public:
  TarHeader() = default;
  /// Takes a copy of 512 bytes.
  explicit TarHeader(std::span<const std::byte> block);

  bool is_zero() const;
  /// Whether the checksum is that of the bytes, taken as unsigned (POSIX) or signed (old programs).
  bool checksum_fits() const;
  TarDialect dialect() const;
  char type() const { return bytes_[156]; }
  /// A field up to its NUL or end.
  std::string_view text(const TarField& field) const;
  /// Throws: BadInput.
  std::int64_t number(const TarField& field) const {
    return parse_tar_number(raw(field.offset, field.size), field.name);
  }
  std::string_view raw(std::size_t offset, std::size_t size) const {
    return std::string_view(bytes_.data(), bytes_.size()).substr(offset, size);
  }
  /// Of the two name fields, joined as the dialect wants.
  std::string path() const;

 private:
  std::array<char, kTarBlock> bytes_{};
};

}  // namespace rawimg
