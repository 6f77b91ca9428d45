// SPDX-License-Identifier: MIT
#include "read/stat_format.h"

#include <fmt/format.h>

#include "cli/inode_text.h"
#include "read/listing.h"

namespace rawimg::cli {
namespace {

constexpr std::string_view kLetters = "aAbBfFgGhinNostTuUwWxXyYzZ";

unsigned type_bits(FileType type) {
  switch (type) {
    case FileType::Regular:
      return 0100000;
    case FileType::Directory:
      return 0040000;
    case FileType::Symlink:
      return 0120000;
    case FileType::CharDevice:
      return 0020000;
    case FileType::BlockDevice:
      return 0060000;
    case FileType::Fifo:
      return 0010000;
    case FileType::Socket:
      break;
  }
  return 0140000;
}

std::string quoted_name(const ReadFile& file, const InodeInfo& inode, bool terminal) {
  const auto quoted = [&](const std::string& text) { return "'" + shown(text, terminal) + "'"; };
  if (inode.type != FileType::Symlink) return quoted(file.shown);
  return quoted(file.shown) + " -> " + quoted(inode.symlink_target);
}

/// "-", or the time; small letters in words, large ones as seconds since 1970.
std::string time_value(const FormatPart& part, const InodeInfo& inode) {
  constexpr std::string_view kWords = "xyzw", kSeconds = "XYZW";
  const bool in_words = kWords.find(part.letter) != std::string_view::npos;
  const auto field =
      static_cast<std::size_t>(in_words ? kWords.find(part.letter) : kSeconds.find(part.letter));
  constexpr TimeField kFields[] = {TimeField::Access, TimeField::Modify, TimeField::Change,
                                   TimeField::Birth};
  if (kFields[field] == TimeField::Birth && !inode.birthtime) return in_words ? "-" : "0";
  const Timestamp time = time_of(inode, kFields[field]);
  if (in_words) return time_string(time);
  if (!part.precision) return fmt::format("{}", time.seconds);
  // What is before 1970 counts its fraction forward; a decimal number does not.
  const bool negative = time.seconds < 0 && time.nanoseconds != 0;
  const std::int64_t seconds = negative ? time.seconds + 1 : time.seconds;
  const std::uint32_t fraction = negative ? 1'000'000'000 - time.nanoseconds : time.nanoseconds;
  std::string digits = fmt::format("{:09}", fraction);
  digits.resize(*part.precision == 0 ? 9 : *part.precision, '0');
  return fmt::format("{}{}.{}", negative && seconds == 0 ? "-" : "", seconds, digits);
}

std::string value_of(const FormatPart& part, const ReadFile& file, const InodeInfo& inode,
                     bool terminal) {
  switch (part.letter) {
    case 'a':
      return fmt::format("{}{:o}", part.alternate && inode.permissions != 0 ? "0" : "",
                         inode.permissions);
    case 'A':
      return mode_string(inode);
    case 'b':
      return fmt::format("{}", inode.sectors);
    case 'B':
      return "512";
    case 'f':
      return fmt::format("{:x}", type_bits(inode.type) | inode.permissions);
    case 'F':
      return inode.type == FileType::Regular && inode.size_bytes == 0
                 ? "regular empty file"
                 : std::string(type_name(inode.type));
    case 'g':
      return fmt::format("{}", inode.gid);
    case 'G':
      return shown(file.names->find_group(inode.gid).value_or("UNKNOWN"), terminal);
    case 'h':
      return fmt::format("{}", inode.links);
    case 'i':
      return fmt::format("{}", inode.number);
    case 'n':
      return shown(file.shown, terminal);
    case 'N':
      return quoted_name(file, inode, terminal);
    case 'o':
      return fmt::format("{}", file.fs->info().summary.block_size);
    case 's':
      return fmt::format("{}", inode.size_bytes);
    case 't':
      return fmt::format("{:x}", inode.device_major);
    case 'T':
      return fmt::format("{:x}", inode.device_minor);
    case 'u':
      return fmt::format("{}", inode.uid);
    case 'U':
      return shown(file.names->find_user(inode.uid).value_or("UNKNOWN"), terminal);
    default:
      return time_value(part, inode);
  }
}

}  // namespace

std::vector<FormatPart> parse_stat_format(std::string_view format) {
  return parse_format(format, kLetters);
}

std::string stat_text(const std::vector<FormatPart>& format, const ReadFile& file,
                      const InodeInfo& inode, bool terminal) {
  std::string text;
  for (const FormatPart& part : format)
    text += part.letter == 0 ? part.text : fill(part, value_of(part, file, inode, terminal));
  return text;
}

}  // namespace rawimg::cli
