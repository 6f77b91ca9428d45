// SPDX-License-Identifier: MIT
// Sources: crypt(5) of libxcrypt 4.4, which has a regular expression for each method. What lies
// between prefix and digest (cost, salt) is not looked into; the length of the digest is, because a
// hash that lost its end lets nobody in.
#include "guest/crypt_hash.h"

#include <algorithm>
#include <cstddef>

namespace rawimg {
namespace {

struct Method {
  std::string_view prefix;
  std::size_t parts;   ///< between the dollars behind the prefix, at least
  std::size_t digest;  ///< characters of the last part
};

constexpr Method kMethods[] = {
    {"$y$", 3, 43},    {"$gy$", 3, 43},  {"$7$", 2, 43},   {"$2a$", 2, 53},
    {"$2b$", 2, 53},   {"$2y$", 2, 53},  {"$6$", 2, 86},   {"$5$", 2, 43},
    {"$sha1$", 3, 28}, {"$md5$", 2, 22}, {"$md5,", 3, 22}, {"$1$", 2, 22},
};
constexpr std::size_t kDes = 13, kBsdi = 20;

bool is_base64(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '/';
  });
}

bool is_made_by(const Method& method, std::string_view text) {
  if (!text.starts_with(method.prefix)) return false;
  text.remove_prefix(method.prefix.size());
  const bool is_field =
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F && c != ':'; });
  if (!is_field ||
      std::count(text.begin(), text.end(), '$') + 1 < static_cast<std::ptrdiff_t>(method.parts))
    return false;
  const std::string_view digest = text.substr(text.rfind('$') + 1);
  return digest.size() == method.digest && is_base64(digest);
}

}  // namespace

bool is_crypt_hash(std::string_view text) {
  if (text.starts_with('_')) return text.size() == kBsdi && is_base64(text.substr(1));
  if (!text.starts_with('$')) return text.size() == kDes && is_base64(text);
  return std::any_of(std::begin(kMethods), std::end(kMethods),
                     [&](const Method& method) { return is_made_by(method, text); });
}

}  // namespace rawimg
