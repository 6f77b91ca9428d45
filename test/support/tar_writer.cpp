// SPDX-License-Identifier: MIT
#include "support/tar_writer.h"

#include <stdexcept>

#include <fmt/format.h>

namespace rawimg::test {
namespace {

constexpr std::size_t kBlock = 512;

void put(std::string& block, std::size_t offset, std::size_t width, std::string_view text) {
  if (text.size() > width)
    throw std::logic_error(fmt::format("{} bytes do not fit the tar field of {} at byte {}",
                                       text.size(), width, offset));
  block.replace(offset, text.size(), text);
}

}  // namespace

std::string tar_number(std::int64_t value, std::size_t width) {
  const std::string octal = value < 0 ? "" : fmt::format("{:0{}o}", value, width - 1);
  if (value >= 0 && octal.size() < width) return octal + '\0';
  std::string field(width, value < 0 ? '\xFF' : '\0');
  std::uint64_t rest = static_cast<std::uint64_t>(value);
  for (std::size_t i = width; i > 0 && width - i < 8; --i, rest >>= 8)
    field[i - 1] = static_cast<char>(rest & 0xFF);
  field[0] = static_cast<char>(field[0] | 0x80);
  return field;
}

std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;  // blank, '=' and newline
  std::size_t length = rest + 1;
  while (rest + fmt::format("{}", length).size() != length) ++length;
  return fmt::format("{} {}={}\n", length, key, value);
}

void fix_tar_checksum(std::string& bytes, std::size_t offset) {
  bytes.replace(offset + 148, 8, 8, ' ');
  unsigned sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(bytes[offset + i]);
  bytes.replace(offset + 148, 8, fmt::format("{:06o}", sum) + '\0' + ' ');
}

TarWriter& TarWriter::header(const TarHeaderSpec& spec) {
  std::string block(kBlock, '\0');
  put(block, 0, 100, spec.name);
  put(block, 100, 8, tar_number(spec.mode, 8));
  put(block, 108, 8, tar_number(spec.uid, 8));
  put(block, 116, 8, tar_number(spec.gid, 8));
  put(block, 124, 12, tar_number(spec.size, 12));
  put(block, 136, 12, tar_number(spec.mtime, 12));
  block[156] = spec.type;
  put(block, 157, 100, spec.link);
  if (spec.magic == TarMagic::Ustar) put(block, 257, 8, std::string_view("ustar\00000", 8));
  if (spec.magic == TarMagic::Gnu) put(block, 257, 8, std::string_view("ustar  \0", 8));
  if (spec.magic != TarMagic::V7 && (spec.type == '3' || spec.type == '4')) {
    put(block, 329, 8, tar_number(spec.device_major, 8));
    put(block, 337, 8, tar_number(spec.device_minor, 8));
  }
  if (spec.magic == TarMagic::Ustar) put(block, 345, 155, spec.prefix);
  for (const auto& [offset, text] : spec.raw) put(block, offset, kBlock - offset, text);
  fix_tar_checksum(block, 0);
  bytes_ += block;
  return *this;
}

TarWriter& TarWriter::body(std::string_view content) {
  bytes_ += content;
  bytes_.resize((bytes_.size() + kBlock - 1) / kBlock * kBlock);
  return *this;
}

TarWriter& TarWriter::entry(TarHeaderSpec spec, std::string_view content) {
  spec.size = static_cast<std::int64_t>(content.size());
  return header(spec).body(content);
}

TarWriter& TarWriter::pax(const std::vector<PaxRecordSpec>& records, char type) {
  std::string text;
  for (const auto& [key, value] : records) text += pax_record(key, value);
  return pax_raw(text, type);
}

TarWriter& TarWriter::pax_raw(std::string_view text, char type) {
  return entry({.name = "PaxHeaders/extension", .type = type}, text);
}

TarWriter& TarWriter::gnu_long(char type, std::string_view text) {
  return entry({.name = "././@LongLink", .type = type, .magic = TarMagic::Gnu},
               std::string(text) + '\0');
}

TarWriter& TarWriter::raw(std::string_view bytes) {
  bytes_ += bytes;
  return *this;
}

TarWriter& TarWriter::zero_blocks(unsigned count) { return raw(std::string(count * kBlock, '\0')); }

std::string TarWriter::finish(unsigned zero_block_count) const {
  return bytes_ + std::string(zero_block_count * kBlock, '\0');
}

}  // namespace rawimg::test
