// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/uuid.h>

#include "base/digest.h"
#include "base/text.h"

namespace rawimg {
namespace {

bool has_dash_before(std::size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int lower = std::tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

Uuid parse_uuid(std::string_view text) {
  Uuid uuid{};
  const auto refuse = [&] {
    throw Error(
        Errc::Usage,
        fmt::format("{} is not a UUID such as 0fc63daf-8483-4772-8e79-3d69d8477de4", quote(text)));
  };
  if (text.size() != 36) refuse();
  std::size_t at = 0;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (has_dash_before(i) && text[at++] != '-') refuse();
    const int high = hex_value(text[at]), low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) refuse();
    uuid[i] = static_cast<std::uint8_t>(high << 4 | low);
    at += 2;
  }
  return uuid;
}

std::string to_text(const Uuid& uuid) {
  std::string text;
  for (std::size_t i = 0; i < uuid.size(); ++i)
    text += fmt::format("{}{:02x}", has_dash_before(i) ? "-" : "", uuid[i]);
  return text;
}

Uuid derive_uuid(std::string_view text) {
  Sha256 hash;
  hash.add(text);
  const Sha256::Value digest = hash.finish();
  Uuid uuid;
  std::copy_n(digest.begin(), uuid.size(), uuid.begin());
  // version 8: the maker's own (RFC 9562, section 5.8)
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0F) | 0x80);
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3F) | 0x80);  // variant 10
  return uuid;
}

}  // namespace rawimg
