// SPDX-License-Identifier: MIT
#include <rawimg/gem5.h>

#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/device_word.h"
#include "edit/gem5_request.h"
#include "edit/guest_changes.h"
#include "edit/guest_file.h"
#include "edit/run_edit.h"
#include "read/ext_guest_files.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"remove", "", "take all of it back"},
    {"force", "", "prepare what gem5-bridge has prepared; put aside what has one of the names",
     'f'},
};
constexpr std::span<const OptionSpec> kTables[] = {kGem5Options,  kOwn,         kVerboseOption,
                                                   kEditOptions,  kLockOptions, kGuestImageOption,
                                                   kCommonOptions};

void require_sense(const Args& args) {
  if (!args.has("remove")) return;
  for (const OptionSpec& option : kGem5Options)
    if (args.has(option.name))
      throw Error(Errc::Usage,
                  fmt::format("--remove takes everything back: --{} has no sense", option.name));
}

void remove(Edit& edit) {
  const Gem5Removal removal = plan_gem5_removal(ExtGuestFiles(edit.fs()));
  edit.warnings.insert(edit.warnings.end(), removal.warnings.begin(), removal.warnings.end());
  apply_changes(edit, removal.changes);
}

void prepare(Edit& edit, Gem5Request request) {
  request.root_device = device_of(edit, request.root_device);
  const Gem5Plan plan = plan_gem5(ExtGuestFiles(edit.fs()), request);
  edit.warnings.insert(edit.warnings.end(), plan.warnings.begin(), plan.warnings.end());
  apply_changes(edit, plan.changes);
  if (edit.wants_json()) edit.result.update(to_json(plan));
}

void apply(Edit& edit, const Args& args) {
  args.require_at_most(0);
  require_sense(args);
  if (args.has("remove")) return remove(edit);
  prepare(edit, read_gem5_request(args, edit.io()));
}

ExitCode run(const Args& args, Streams& io) {
  require_sense(args);
  std::vector<std::string> words = args.operands();
  const Address address = take_image(args, words, 0);
  with_operands(args, words).require_at_most(0);
  if (args.has("remove")) return run_edit_on(kGem5, address, args, io, Verbs::One, remove);
  const Gem5Request request = read_gem5_request(args, io);  // before the image is locked
  return run_edit_on(kGem5, address, args, io, Verbs::One,
                     [&](Edit& edit) { prepare(edit, request); });
}

}  // namespace

const Command kGem5{
    .name = "gem5",
    .synopsis = "IMG[:N] [--m5 FILE] [OPTIONS] | IMG[:N] --remove",
    .summary = "prepare an image for gem5: it boots straight to the host's script",
    .examples =
        "  rawimg gem5 disk.img --m5 gem5/util/m5/build/x86/out/m5\n"
        "  rawimg gem5 disk.img --m5 ./m5 --root-device /dev/hda1 --dry-run\n"
        "  rawimg gem5 disk.img --remove\n"
        "  rawimg build gentoo.img --from stage3-amd64-openrc.tar.xz --gem5 --m5 ./m5\n",
    .details =
        R"(Puts m5 at /sbin/m5, with the link /sbin/gem5, and a script at /sbin/gem5-start. It mounts what it needs, makes the root
writable, takes the host's script with 'm5 readfile', runs it and ends the simulation with 'm5 exit'. Where the host has
none, that of --script runs; without one, or when the simulation goes on, there is a root shell on the console.
It runs in place of the init scripts and without a login: /etc/inittab (sysvinit, busybox) gets a line for it, and its lines
of runlevels 1 to 5 are commented out; systemd gets gem5.target as its default ('systemctl start multi-user.target' starts
the rest), and an empty /etc/machine-id where there is none. Any guest can be booted with init=/sbin/gem5-start.
In /etc/fstab the stock lines of devices that are not there are commented out, and there is one for /; --root-device takes
PARTUUID=auto, too. The same again changes nothing; options that are left out stay as they were. --remove brings back every
line and file, but what was changed since stays, with a warning. Without --m5 everything else is done, and what is missing is
said. An m5 that is a script is taken, with a warning. In a batch the line is: gem5 --m5 FILE. --json has "files", "architecture", "init", "tty" and "m5".
)",
    .options = kTables,
    .run = run,
    .apply = apply,
};

}  // namespace rawimg::cli
