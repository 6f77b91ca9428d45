// SPDX-License-Identifier: MIT
#include <rawimg/hostname.h>

#include <array>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "cmd/all.h"
#include "edit/guest_file.h"

namespace rawimg::cli {
namespace {

constexpr const char* kPlain = "/etc/hostname";
constexpr const char* kOpenrc = "/etc/conf.d/hostname";
constexpr std::span<const OptionSpec> kTables[] = {kEditOptions, kLockOptions, kImageOption,
                                                   kCommonOptions};

std::string name_in(const std::optional<std::string>& plain,
                    const std::optional<std::string>& openrc) {
  auto name = openrc ? read_openrc_hostname(*openrc) : std::nullopt;
  if (!name && plain) name = read_hostname_file(*plain);
  if (!name) throw Error(Errc::NotFound, "the image has no host name");
  return *name;
}

void apply(Edit& edit, const Args& args) {
  const std::size_t at = edit.in_batch() ? 0 : 1;
  args.require_at_most(at + 1);
  const std::string& name = args.require(at, "NAME");
  require_hostname(name);
  const auto plain = read_guest_file(edit, kPlain), openrc = read_guest_file(edit, kOpenrc);
  if (openrc) write_guest_file(edit, kOpenrc, openrc, set_openrc_hostname(*openrc, name));
  if (plain || !openrc) write_guest_file(edit, kPlain, plain, make_hostname_file(name));
}

ExitCode run(const Args& args, Streams& io) {
  const Address address = parse_address(args.require(0, "IMG"));
  if (args.operands().size() > 1)
    return run_edit_on(kHostname, address, args, io, false, [&](Edit& edit) { apply(edit, args); });
  const OpenedFs opened = open_filesystem(address, args, io);
  io.out << name_in(read_guest_file(opened.fs, kPlain), read_guest_file(opened.fs, kOpenrc))
         << '\n';
  return ExitCode::Done;
}

}  // namespace

const Command kHostname{
    .name = "hostname",
    .synopsis = "IMG [NAME]",
    .summary = "show or set the image's host name",
    .examples = "  rawimg hostname disk.img\n  rawimg hostname disk.img gem5\n",
    .details =
        "It is in /etc/hostname, and with OpenRC in /etc/conf.d/hostname. /etc/hosts stays as it "
        "is.\n",
    .options = kTables,
    .run = run,
    .apply = apply,
};

}  // namespace rawimg::cli
