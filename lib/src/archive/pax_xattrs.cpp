// SPDX-License-Identifier: MIT
//
//   SCHILY.xattr.NAME=VALUE       star, GNU tar, bsdtar: the value raw. A key cannot hold '=', so
//   GNU tar writes '=' and '%' of a name as %3D and %25; bsdtar writes them as they are.
//   LIBARCHIVE.xattr.NAME=VALUE   bsdtar, beside the first: the name in URL encoding, the value in
//   base64. RHT.security.selinux=LABEL    GNU tar --selinux: the label as text; setfilecon(3), with
//   which tar puts it back, stores its NUL, too.
#include "archive/pax_xattrs.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg {
namespace {

constexpr std::string_view kSchily = "SCHILY.xattr.", kLibarchive = "LIBARCHIVE.xattr.",
                           kSelinux = "RHT.security.selinux", kSelinuxName = "security.selinux";

[[noreturn]] void bad_xattr(std::string_view key, std::string_view why) {
  throw Error(Errc::BadInput, fmt::format("the pax record {} {}", quote(key), why));
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

std::string url_decode(std::string_view text, std::string_view key) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    const auto high = digits.size() == 2 ? hex_digit(digits[0]) : std::nullopt,
               low = digits.size() == 2 ? hex_digit(digits[1]) : std::nullopt;
    if (!high || !low) bad_xattr(key, "has a name in broken URL encoding");
    decoded += static_cast<char>(*high << 4 | *low);
    i += 2;
  }
  return decoded;
}

/// What GNU tar's writer has replaced, and nothing else.
std::string gnu_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view three = text.substr(i, 3);
    if (three == "%3D" || three == "%25") {
      decoded += three == "%3D" ? '=' : '%';
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

std::string base64_decode(std::string_view text, std::string_view key) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string decoded;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) bad_xattr(key, "has a value in broken base64");
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    decoded += static_cast<char>(bits >> count & 0xFF);
  }
  if (count == 6) bad_xattr(key, "has a value in broken base64");
  return decoded;
}

/// Names and values as they were added; the last of a name wins.
class XattrList {
 public:
  void add(std::string name, std::string value, std::string_view key) {
    if (name.empty() || name.find('\0') != std::string::npos) bad_xattr(key, "names no attribute");
    xattrs_.push_back({std::move(name), std::move(value)});
  }
  std::vector<Xattr> take() {
    std::ranges::stable_sort(xattrs_, {}, &Xattr::name);
    std::vector<Xattr> unique;
    for (Xattr& xattr : xattrs_) {
      if (!unique.empty() && unique.back().name == xattr.name)
        unique.back() = std::move(xattr);
      else
        unique.push_back(std::move(xattr));
    }
    return unique;
  }

 private:
  std::vector<Xattr> xattrs_;
};

}  // namespace

std::vector<Xattr> read_pax_xattrs(const PaxRecords& records) {
  XattrList list;
  std::set<std::string> known;  // bsdtar's attributes as its SCHILY records spell them
  for (const auto& [key, value] : records.all()) {
    if (!key.starts_with(kLibarchive)) continue;
    std::string name = url_decode(std::string_view(key).substr(kLibarchive.size()), key),
                raw = base64_decode(value, key);
    known.insert(name + '=' + raw);
    list.add(std::move(name), std::move(raw), key);
  }
  if (const std::string* label = records.find(kSelinux); label != nullptr && !label->empty())
    list.add(std::string(kSelinuxName), label->ends_with('\0') ? *label : *label + '\0', kSelinux);
  for (const auto& [key, value] : records.all()) {
    if (!key.starts_with(kSchily)) continue;
    const std::string_view name = std::string_view(key).substr(kSchily.size());
    // also where '=' in the name has put the border elsewhere
    if (known.contains(fmt::format("{}={}", name, value))) continue;
    list.add(gnu_decode(name), value, key);
  }
  return list.take();
}

}  // namespace rawimg
