// SPDX-License-Identifier: MIT
// Digests of files, and the lists of them that are published beside tarballs: Gentoo's .DIGESTS and
// .sha256 of every age, also clearsigned, and what sha256sum, sha512sum and b2sum write, also with
// --tag. Text in, values out; a list is hostile. Signatures are not checked: that is gpg's
// business.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)

namespace rawimg {

enum class DigestKind : std::uint8_t { Sha256, Sha512, Blake2b };  ///< BLAKE2b-512

/// "SHA-256", "SHA-512", "BLAKE2b".
std::string_view to_text(DigestKind kind);

struct ExpectedDigest {
  DigestKind kind = DigestKind::Sha256;
  std::string hex;  ///< 64 digits of SHA-256, else 128; either case
  bool operator==(const ExpectedDigest&) const = default;
};

/// Throws: Usage (not so many hexadecimal digits).
void require_hex(const ExpectedDigest& digest);

class DigestList {
 public:
  /// Reads "<hex>  <file>" lines, each of the kind that the "# NAME HASH" line above it names;
  /// above the first of these, of the kind that has so many digits (128: `of_128_digits`, which is
  /// Sha512 or Blake2b, as only the list's name can tell). Reads "NAME (<file>) = <hex>", too, and
  /// a single digest without a name, which is then that of any file. In a clearsigned text, only
  /// what is signed counts. Lines of kinds that are not known (MD5, WHIRLPOOL), and what is no such
  /// line, are passed over. Throws: BadInput (NUL bytes; signed text without an end).
  static DigestList parse(std::string_view text, DigestKind of_128_digits = DigestKind::Sha512);

  /// All digests of the file with this base name, each kind once, lower case; directories in front
  /// of names of the list are ignored. Throws: BadInput (no line for it: names some that are there;
  /// only kinds that are not known; malformed digits; two that contradict each other).
  std::vector<ExpectedDigest> of(std::string_view base_name) const;

  /// The one file in the list that is a tarball, as far as names tell: not .CONTENTS, .CONTENTS.gz;
  /// nothing of a single digest without a name.
  /// Throws: BadInput (none; several: names some).
  std::string only_tarball() const;

 private:
  struct Line {
    std::string kind;  ///< as the list names it
    std::string hex, file;
  };
  std::string names() const;
  std::vector<Line> lines_;
  std::optional<ExpectedDigest> bare_;  ///< the only thing there, where lines_ is empty
};

}  // namespace rawimg

#pragma GCC visibility pop
