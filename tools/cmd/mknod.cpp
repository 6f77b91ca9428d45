// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/numbers.h"
#include "cmd/all.h"
#include "edit/edit.h"
#include "edit/mode_change.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {{"mode", "MODE", "permissions, as in chmod (default: 0644)", 'm'}};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kEditOptions, kLockOptions, kImageOption,
                                                   kCommonOptions};

void apply(Edit& edit, const Args& args) {
  const Operand file = edit.in_image(args.require(0, "IMG:/path"));
  const std::string& type = args.require(1, "TYPE: b, c or p");
  if (type != "b" && type != "c" && type != "u" && type != "p")
    throw Error(Errc::Usage, fmt::format("type {}: it can be b (block), c (character) or p (FIFO)",
                                         quote(type)));
  args.require_at_most(type == "p" ? 2 : 4);
  Entry meta;
  meta.type = type == "p"   ? FileType::Fifo
              : type == "b" ? FileType::BlockDevice
                            : FileType::CharDevice;
  meta.permissions = args.value("mode") ? ModeChange(*args.value("mode")).apply(0644, false) : 0644;
  meta.mtime = edit.now();
  if (type != "p") {
    meta.device_major = static_cast<std::uint32_t>(
        parse_number(args.require(2, "MAJOR"), "major number", 0, 0xFFF));
    meta.device_minor = static_cast<std::uint32_t>(
        parse_number(args.require(3, "MINOR"), "minor number", 0, 0xFFFFF));
  }
  try {
    const Transaction::Place place = edit.place(file);
    edit.fs().make(place.directory, place.name, meta);
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
    .details = "It needs no privileges: the node exists in the image only.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kMknod, args, io); },
    .apply = apply,
};

}  // namespace rawimg::cli
