// SPDX-License-Identifier: MIT
#include <charconv>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/mode_change.h"
#include "edit/place.h"
#include "edit/run_edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"mode", "MODE", "permissions, as in chmod: a change is one of 0666 (default: 0644)", 'm'}};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kEditOptions, kLockOptions,
                                                   kLiteralImageOption, kCommonOptions};
constexpr std::uint32_t kMaxMajor = 0xFFF, kMaxMinor = 0xFFFFF;

/// Decimal, 0x hexadecimal or 0 octal, as mknod(1) reads it.
std::uint32_t parse_device_number(std::string_view text, std::string_view what,
                                  std::uint32_t most) {
  std::string_view digits = text;
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits[0] == '0') {
    base = 8;
    digits.remove_prefix(1);
  }
  std::uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{} || end != digits.data() + digits.size() || value > most)
    throw Error(Errc::Usage, fmt::format("invalid {} device number {}: it can be 0 to {}", what,
                                         quote(text), most));
  return value;
}

FileType parse_type(const std::string& word) {
  if (word == "p") return FileType::Fifo;
  if (word == "b") return FileType::BlockDevice;
  if (word == "c" || word == "u") return FileType::CharDevice;
  throw Error(Errc::Usage,
              fmt::format("type {}: it can be b (block), c (character) or p (FIFO)", quote(word)));
}

/// What is to be made, but for its time.
Entry read_node(const Args& args) {
  require_operands(args, 2, "IMG:/path TYPE, with a TYPE of b, c or p,");
  const std::vector<std::string>& words = args.operands();
  Entry node;
  node.type = parse_type(words[1]);
  const std::size_t wanted = node.type == FileType::Fifo ? 2 : 4;
  if (words.size() > wanted)
    throw Error(Errc::Usage,
                fmt::format("extra operand {}{}", quote(words[wanted]),
                            wanted == 2 ? ": a FIFO has no major and minor number" : ""));
  if (words.size() < wanted)
    throw Error(Errc::Usage, fmt::format("missing operand after {}: a device has a major and a "
                                         "minor number",
                                         quote(words.back())));
  node.permissions =
      args.value("mode") ? ModeChange(*args.value("mode")).apply(0666, FileType::Regular) : 0644;
  if ((node.permissions & 07000) != 0)
    throw Error(Errc::Usage, fmt::format("mode {}: a node has permissions and nothing else",
                                         quote(*args.value("mode"))));
  if (wanted == 2) return node;
  node.device_major = parse_device_number(words[2], "major", kMaxMajor);
  node.device_minor = parse_device_number(words[3], "minor", kMaxMinor);
  return node;
}

void apply(Edit& edit, const Args& args) {
  Entry node = read_node(args);
  node.mtime = edit.now();
  const Operand file = edit.expand_new(args.operands()[0]);
  try {
    const Transaction::Place place = place_for_new(edit, file, NewName::File);
    edit.fs().make(place.directory, place.name, node);
  } catch (const Error& error) {
    throw in_file(error, file);
  }
}

}  // namespace

const Command kMknod{
    .name = "mknod",
    .synopsis = "[-m MODE] IMG:/path b|c MAJOR MINOR, or IMG:/path p",
    .summary = "make device nodes and FIFOs in an image",
    .examples =
        "  rawimg mknod -m 0600 disk.img:/dev/console c 5 1\n  rawimg mknod disk.img:/run/initctl "
        "p\n",
    .details =
        "It needs no privileges: the node exists in the image only. Numbers are decimal, 0x "
        "hexadecimal or 0 octal.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kMknod, args, io); },
    .require_words = [](const Args& args) { (void)read_node(args); },
    .apply = apply,
};

}  // namespace rawimg::cli
