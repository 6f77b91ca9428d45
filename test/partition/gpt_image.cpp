// SPDX-License-Identifier: MIT
#include "partition/gpt_image.h"

#include <algorithm>

#include <catch2/catch.hpp>

namespace rawimg::test {
namespace {

using namespace std::literals;

constexpr std::uint64_t kSector = 512;

// As they are on disk: GUIDs of sfdisk's "BIOS boot" and "Linux filesystem", and made-up ones.
constexpr auto kBiosBoot = "\x48\x61\x68\x21\x49\x64\x6F\x6E\x74\x4E\x65\x65\x64\x45\x46\x49"sv;
constexpr auto kLinux = "\xAF\x3D\xC6\x0F\x83\x84\x72\x47\x8E\x79\x3D\x69\xD8\x47\x7D\xE4"sv;
constexpr auto kDisk = "\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xAA\xBB\xCC\xDD\xEE\xFF"sv;

std::uint64_t array_sectors(const GptShape& shape) {
  return (std::uint64_t{shape.entry_count} * shape.entry_size + kSector - 1) / kSector;
}

}  // namespace

void check_default(const PartitionTable& table) {
  CHECK(table.kind() == PartitionTable::Kind::Gpt);
  REQUIRE(table.partitions().size() == 2);
  CHECK(table.slot(1)->first_sector == 2048);
  CHECK(table.slot(1)->sector_count == 2048);
  CHECK(table.slot(2)->range() == ByteRange(ByteOffset{2097152}, ByteCount{4063 * 512}));
}

std::string only_warning(const PartitionTable& table, std::string_view code) {
  REQUIRE(table.warnings().size() == 1);
  CHECK(table.warnings().front().code == code);
  CHECK(table.warnings().front().path.ends_with("/sample.img"));
  const std::string& message = table.warnings().front().message;
  const std::string name = "'" + table.warnings().front().path + "': ";
  CHECK(message.rfind(name, 0) == 0);
  return message.substr(std::min(name.size(), message.size()));
}

std::string little_endian(std::uint64_t value, unsigned width) {
  std::string bytes;
  for (unsigned i = 0; i < width; ++i) bytes += static_cast<char>(value >> 8 * i);
  return bytes;
}

std::uint32_t slow_crc32(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char byte : bytes) {
    crc ^= static_cast<std::uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

GptImage::GptImage(GptShape shape)
    : image_(shape.sectors * kSector),
      backup_sector_(shape.backup_sector != 0 ? shape.backup_sector : shape.sectors - 1) {
  make_protective_mbr(shape.sectors);
  make_header(shape, 1, backup_sector_, 2);
  make_header(shape, backup_sector_, 1, backup_sector_ - array_sectors(shape));
  for (const unsigned slot : {1U, 2U}) {
    entry(Copy::Both, slot, 0, slot == 1 ? kBiosBoot : kLinux);
    entry(Copy::Both, slot, kGuid, 0x4000'1000'0000'0000 | slot);
    entry(Copy::Both, slot, kGuid.at + 8, "\x80\0\0\0\0\0\0\x01"sv);
    entry(Copy::Both, slot, kFirst, slot == 1 ? 2048 : 4096);
    entry(Copy::Both, slot, kLast, slot == 1 ? 4095 : last_usable());
  }
  entry(Copy::Both, 2, kName.at, "r\0o\0o\0t\0"sv);
}

void GptImage::make_protective_mbr(std::uint64_t sectors) {
  put(446, "\0\0\x02\0\xEE\xFF\xFF\xFF"sv);
  put(446 + 8,
      little_endian(1, 4) + little_endian(std::min<std::uint64_t>(sectors - 1, UINT32_MAX), 4));
  put(510, "\x55\xAA"sv);
}

void GptImage::make_header(const GptShape& shape, std::uint64_t own, std::uint64_t other,
                           std::uint64_t entries) {
  std::string bytes = "EFI PART"s + little_endian(0x10000, 4) +
                      little_endian(shape.header_size, 4) + little_endian(0, 8) +
                      little_endian(own, 8) + little_endian(other, 8);
  bytes += little_endian(2 + array_sectors(shape), 8);
  bytes += little_endian(backup_sector_ - array_sectors(shape) - 1, 8);
  bytes += kDisk;
  bytes += little_endian(entries, 8) + little_endian(shape.entry_count, 4) +
           little_endian(shape.entry_size, 4) + little_endian(0, 4);
  put(own * kSector, bytes);
  seal(own);
}

std::uint64_t GptImage::last_usable() const { return get(Copy::Primary, kLastUsable); }

std::string GptImage::get(std::uint64_t at, std::uint64_t count) const {
  std::string bytes(count, '\0');
  image_.open().read_at(ByteOffset{at}, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

std::uint64_t GptImage::get_number(std::uint64_t at, unsigned width) const {
  const std::string bytes = get(at, width);
  std::uint64_t value = 0;
  for (unsigned i = width; i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

std::uint64_t GptImage::get(Copy which, GptField field) const {
  return get_number((which == Copy::Backup ? backup_sector_ : 1) * kSector + field.at, field.width);
}

std::uint64_t GptImage::entry_at(std::uint64_t header_sector, unsigned slot) const {
  const auto field = [&](GptField f) {
    return get_number(header_sector * kSector + f.at, f.width);
  };
  return field(kEntriesSector) * kSector + std::uint64_t{slot - 1} * field(kEntrySize);
}

GptImage& GptImage::put(std::uint64_t at, std::string_view bytes) {
  image_.put(at, bytes);
  return *this;
}

GptImage& GptImage::resize(std::uint64_t size_bytes) {
  std::filesystem::resize_file(image_.path(), size_bytes);
  return *this;
}

void GptImage::seal(std::uint64_t sector) {
  const std::uint64_t at = sector * kSector, size = image_.open().size().value;
  const auto field = [&](GptField f) { return get_number(at + f.at, f.width); };
  const std::uint64_t entries = field(kEntriesSector) * kSector;
  const std::uint64_t count = field(kEntryCount) * field(kEntrySize);
  if (field(kEntriesSector) < size / kSector && count <= size - entries && count <= 1 << 22)
    put(at + kEntriesCrc.at, little_endian(slow_crc32(get(entries, count)), 4));
  put(at + kHeaderCrc.at, little_endian(0, 4));
  const std::uint64_t covered = std::min(field(kHeaderSize), kSector);
  put(at + kHeaderCrc.at, little_endian(slow_crc32(get(at, covered)), 4));
}

template <class Action>
GptImage& GptImage::each(Copy which, Action&& action) {
  if (which != Copy::Backup) action(std::uint64_t{1});
  if (which != Copy::Primary) action(backup_sector_);
  return *this;
}

GptImage& GptImage::spoil_header(Copy which, GptField field, std::uint64_t value) {
  return each(which, [&](std::uint64_t sector) {
    put(sector * kSector + field.at, little_endian(value, field.width));
  });
}

GptImage& GptImage::header(Copy which, GptField field, std::uint64_t value) {
  spoil_header(which, field, value);
  return each(which, [&](std::uint64_t sector) { seal(sector); });
}

GptImage& GptImage::spoil_entry(Copy which, unsigned slot, GptField field, std::uint64_t value) {
  return each(which, [&](std::uint64_t sector) {
    put(entry_at(sector, slot) + field.at, little_endian(value, field.width));
  });
}

GptImage& GptImage::entry(Copy which, unsigned slot, std::uint64_t at, std::string_view bytes) {
  return each(which, [&](std::uint64_t sector) {
    put(entry_at(sector, slot) + at, bytes);
    seal(sector);
  });
}

GptImage& GptImage::entry(Copy which, unsigned slot, GptField field, std::uint64_t value) {
  return entry(which, slot, field.at, little_endian(value, field.width));
}

GptImage& GptImage::add(unsigned slot, std::uint64_t first, std::uint64_t last) {
  entry(Copy::Both, slot, 0, kLinux);
  entry(Copy::Both, slot, kGuid, slot);
  entry(Copy::Both, slot, kFirst, first);
  return entry(Copy::Both, slot, kLast, last);
}

}  // namespace rawimg::test
