// SPDX-License-Identifier: MIT
#include "archive/tar_header.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg {
namespace {

using namespace std::string_view_literals;

[[noreturn]] void bad_number(std::string_view bytes, std::string_view field_name,
                             std::string_view why) {
  throw Error(Errc::BadInput,
              fmt::format("the {} field holds {}, {}", field_name, quote(bytes), why));
}

std::int64_t parse_base_256(std::string_view bytes, std::string_view field_name) {
  const bool negative = (bytes[0] & 0x40) != 0;
  std::uint64_t value = negative ? UINT64_MAX : 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    // The value must stay a sign-extended 63-bit number, so that the shift loses nothing but copies
    // of the sign.
    if (value >> 55 != (negative ? 0x1FFU : 0U))
      bad_number(bytes, field_name, "a number that does not fit 63 bits");
    unsigned char byte = static_cast<unsigned char>(bytes[i]);
    if (i == 0) byte = static_cast<unsigned char>(negative ? byte | 0x80 : byte & 0x7F);
    value = value << 8 | byte;
  }
  return static_cast<std::int64_t>(value);
}

}  // namespace

std::int64_t parse_tar_number(std::string_view bytes, std::string_view field_name) {
  if (!bytes.empty() && (bytes[0] & 0x80) != 0) return parse_base_256(bytes, field_name);
  std::size_t at = 0;
  while (at < bytes.size() && (bytes[at] == ' ' || bytes[at] == '\t')) ++at;
  std::int64_t value = 0;
  for (; at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '7'; ++at) {
    if (value > INT64_MAX >> 3) bad_number(bytes, field_name, "a number that does not fit 63 bits");
    value = value * 8 + (bytes[at] - '0');
  }
  if (at < bytes.size() && bytes[at] != ' ' && bytes[at] != '\0')
    bad_number(bytes, field_name, "which is no octal number");
  return value;
}

TarHeader::TarHeader(std::span<const std::byte> block) {
  assert(block.size() >= kTarBlock);
  std::memcpy(bytes_.data(), block.data(), kTarBlock);
}

bool TarHeader::is_zero() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](char byte) { return byte == 0; });
}

bool TarHeader::checksum_fits() const {
  std::int64_t wanted = 0;
  try {
    wanted = number(tar_field::kChecksum);
  } catch (const Error&) {
    return false;
  }
  // Old programs sum signed bytes: each of 128 or more counts 256 less. In this form the compiler
  // makes vectors of it.
  std::array<char, kTarBlock> bytes = bytes_;
  std::fill_n(bytes.begin() + tar_field::kChecksum.offset, tar_field::kChecksum.size, ' ');
  std::uint32_t sum = 0, high = 0;
  for (const char byte : bytes) {
    sum += static_cast<unsigned char>(byte);
    high += static_cast<unsigned char>(byte) >> 7;
  }
  return wanted == sum || wanted == std::int64_t{sum} - 256 * std::int64_t{high};
}

TarDialect TarHeader::dialect() const {
  if (raw(257, 8) == "ustar  \0"sv) return TarDialect::Gnu;
  if (raw(257, 5) != "ustar"sv) return TarDialect::V7;
  // star says so at the very end, and its shorter prefix ends with a NUL.
  return raw(508, 4) == "tar\0"sv && bytes_[345 + 130] == '\0' ? TarDialect::Star
                                                               : TarDialect::Ustar;
}

std::string_view TarHeader::text(const TarField& field) const {
  const std::string_view bytes = raw(field.offset, field.size);
  return bytes.substr(0, bytes.find('\0'));
}

std::string TarHeader::path() const {
  const std::string_view name = text(tar_field::kName);
  const TarDialect kind = dialect();
  if (kind == TarDialect::V7 || kind == TarDialect::Gnu) return std::string(name);
  // the sparse map is where the prefix was
  if (kind == TarDialect::Star && type() == 'S') return std::string(name);
  const std::string_view prefix =
      text(kind == TarDialect::Star ? tar_field::kStarPrefix : tar_field::kPrefix);
  if (prefix.empty()) return std::string(name);
  return prefix.ends_with('/') ? fmt::format("{}{}", prefix, name)
                               : fmt::format("{}/{}", prefix, name);
}

}  // namespace rawimg
