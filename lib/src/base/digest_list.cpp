// SPDX-License-Identifier: MIT
// What lists look like (catalyst's genbase.py of several years, and stages that were published):
//
//   -----BEGIN PGP SIGNED MESSAGE-----          only where it is signed
//   Hash: SHA512
//
//   # BLAKE2B HASH                 2020: "# BLAKE2 (b2sum) HASH"; before: MD5, SHA1, WHIRLPOOL
//   6ff8...  stage3-amd64-openrc.tar.xz           2020: with the path where it was built
//   # SHA512 HASH
//   1f40...  stage3-amd64-openrc.tar.xz
//   # BLAKE2B HASH
//   0a5c...  stage3-amd64-openrc.tar.xz.CONTENTS.gz
//   -----BEGIN PGP SIGNATURE-----
//
// and what coreutils and the BSDs write with --tag, as Fedora and FreeBSD publish it:
//
//   SHA256 (Fedora-Container-Base-41.tar.xz) = 2f47...
#include <rawimg/digest_list.h>

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";
constexpr std::string_view kSigned = "-----BEGIN PGP SIGNED MESSAGE-----",
                           kSignature = "-----BEGIN PGP SIGNATURE-----";
constexpr std::size_t kMostNamed = 4;

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::size_t hex_length(DigestKind kind) { return kind == DigestKind::Sha256 ? 64 : 128; }

bool is_digest(const ExpectedDigest& digest) {
  return digest.hex.size() == hex_length(digest.kind) &&
         digest.hex.find_first_not_of(kHexDigits) == std::string::npos;
}

/// "BLAKE2B", "BLAKE2 (b2sum)", "SHA512", "sha-512": as the heading has it.
std::optional<DigestKind> kind_of(std::string_view heading) {
  std::string name;
  for (const char c : heading.substr(0, heading.find('(')))
    if (c != '-' && c != ' ') name += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  if (name == "BLAKE2B" || name == "BLAKE2") return DigestKind::Blake2b;
  if (name == "SHA512") return DigestKind::Sha512;
  if (name == "SHA256") return DigestKind::Sha256;
  return std::nullopt;
}

std::optional<ExpectedDigest> bare_digest(std::string_view line, DigestKind of_128_digits) {
  const DigestKind kind =
      line.size() == hex_length(DigestKind::Sha256) ? DigestKind::Sha256 : of_128_digits;
  ExpectedDigest digest{kind, to_lower(line)};
  return is_digest(digest) ? std::optional(std::move(digest)) : std::nullopt;
}

struct Tagged {
  std::string_view kind, hex, file;
};

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// "BLAKE2B" of "# BLAKE2B HASH".
std::optional<std::string_view> heading_in(std::string_view line) {
  constexpr std::string_view kEnd = " HASH";
  if (!line.starts_with('#') || !line.ends_with(kEnd)) return std::nullopt;
  return without_blanks(line.substr(1, line.size() - 1 - kEnd.size()));
}

/// Of "SHA256 (name) = hex".
std::optional<Tagged> tagged(std::string_view line) {
  constexpr std::string_view kOpen = " (", kClose = ") = ";
  const std::size_t open = line.find(kOpen), close = line.rfind(kClose);
  if (open == std::string_view::npos || close == std::string_view::npos ||
      close < open + kOpen.size() || line.substr(0, open).find(' ') != std::string_view::npos)
    return std::nullopt;
  return Tagged{line.substr(0, open), line.substr(close + kClose.size()),
                line.substr(open + kOpen.size(), close - open - kOpen.size())};
}

/// The text that is signed, where there is such; else all.
std::string signed_part(std::string_view text) {
  std::string part;
  bool is_signed = false, inside = false;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = take_line(rest);
    if (!inside && without_blanks(line) == kSigned) {
      is_signed = inside = true;
      while (!rest.empty() && !without_blanks(take_line(rest)).empty()) {  // "Hash: SHA512"
      }
    } else if (inside && without_blanks(line) == kSignature) {
      inside = false;
    } else if (inside) {
      if (line.starts_with("- ")) line.remove_prefix(2);  // RFC 9580: dash escapes
      part.append(line) += '\n';
    }
  }
  // gpg would not take it either: the rest of the file, and lines of it, may be missing
  if (inside) throw Error(Errc::BadInput, "its signed text has no end: the file is cut short");
  return is_signed ? part : std::string(text);
}

}  // namespace

std::string_view to_text(DigestKind kind) {
  switch (kind) {
    case DigestKind::Sha256:
      return "SHA-256";
    case DigestKind::Sha512:
      return "SHA-512";
    default:
      return "BLAKE2b";
  }
}

void require_hex(const ExpectedDigest& digest) {
  if (!is_digest(digest))
    throw Error(Errc::Usage,
                fmt::format("{} is not a {} digest: {} hexadecimal digits", quote(digest.hex),
                            to_text(digest.kind), hex_length(digest.kind)));
}

DigestList DigestList::parse(std::string_view text, DigestKind of_128_digits) {
  if (text.find('\0') != std::string_view::npos)
    throw Error(Errc::BadInput, "it is no list of digests: there are NUL bytes in it");
  const std::string part = signed_part(text);
  DigestList list;
  const auto add = [&list](std::string_view kind, std::string_view hex, std::string_view file) {
    if (!base_name(file).empty())
      list.lines_.push_back({std::string(kind), std::string(hex), std::string(base_name(file))});
  };
  std::string heading;
  std::size_t words = 0;  // lines of one word
  for (std::string_view rest = part; !rest.empty();) {
    const std::string_view line = without_blanks(take_line(rest));
    if (const auto found = heading_in(line)) heading = *found;
    if (line.empty() || line.starts_with('#')) continue;
    if (const auto tag = tagged(line)) {
      add(tag->kind, tag->hex, tag->file);
      continue;
    }
    const std::size_t gap = line.find_first_of(" \t");
    if (gap == std::string_view::npos) {
      list.bare_ = ++words == 1 ? bare_digest(line, of_128_digits) : std::nullopt;
      continue;
    }
    const std::string_view hex = line.substr(0, gap);
    // without a heading anything may stand there: prose, a web page
    if (heading.empty() && hex.find_first_not_of(kHexDigits) != std::string_view::npos) continue;
    std::string_view file = without_blanks(line.substr(gap));
    if (file.starts_with('*')) file.remove_prefix(1);  // sha256sum's mark of a binary file
    const DigestKind by_length =
        hex.size() == hex_length(DigestKind::Sha512) ? of_128_digits : DigestKind::Sha256;
    add(heading.empty() ? to_text(by_length) : heading, hex, file);
  }
  return list;
}

std::string DigestList::names() const {
  const std::size_t most = kMostNamed;
  std::set<std::string_view> seen;
  std::string text;
  for (const Line& line : lines_) {
    if (!seen.insert(line.file).second) continue;
    if (seen.size() > most) return text + ", ...";
    text += (text.empty() ? "" : ", ") + quote(std::string_view(line.file).substr(0, 255));
  }
  return text;
}

std::vector<ExpectedDigest> DigestList::of(std::string_view name) const {
  if (lines_.empty() && bare_) return {*bare_};
  std::vector<ExpectedDigest> found;
  std::set<std::string> unknown;
  bool is_there = false;
  for (const Line& line : lines_) {
    if (line.file != name) continue;
    is_there = true;
    const auto kind = kind_of(line.kind);
    if (!kind) {
      if (unknown.size() < kMostNamed) unknown.insert(line.kind.substr(0, 32));
      continue;
    }
    ExpectedDigest digest{*kind, to_lower(line.hex)};
    if (!is_digest(digest))
      throw Error(
          Errc::BadInput,
          fmt::format("its {} of {} is {}, not {} hexadecimal digits", to_text(*kind), quote(name),
                      quote(std::string_view(line.hex).substr(0, 160)), hex_length(*kind)));
    const auto same = std::ranges::find(found, *kind, &ExpectedDigest::kind);
    if (same == found.end())
      found.push_back(std::move(digest));
    else if (same->hex != digest.hex)
      throw Error(Errc::BadInput, fmt::format("it has two different {} digests of {}",
                                              to_text(*kind), quote(name)));
  }
  if (!found.empty()) return found;
  if (is_there)
    throw Error(Errc::BadInput,
                fmt::format("of {} it has only digests that rawimg does not know ({}), and neither "
                            "BLAKE2B nor SHA512 nor SHA256",
                            quote(name), fmt::join(unknown, ", ")));
  throw Error(
      Errc::BadInput,
      lines_.empty()
          ? fmt::format("it has no line of a digest and a name, so none for {}", quote(name))
          : fmt::format("it has no line for {}, only for {}", quote(name), names()));
}

std::string DigestList::only_tarball() const {
  if (lines_.empty() && bare_) return "";
  const Line* tarball = nullptr;
  for (const Line& line : lines_) {
    if (line.file.ends_with(".CONTENTS") || line.file.ends_with(".CONTENTS.gz")) continue;
    if (tarball != nullptr && tarball->file != line.file)
      throw Error(Errc::BadInput, "it has lines for several files: " + names())
          .with_hint("which of them standard input is, only a list of one tarball can tell");
    tarball = &line;
  }
  if (tarball == nullptr) throw Error(Errc::BadInput, "it has no line for a tarball");
  return tarball->file;
}

}  // namespace rawimg
