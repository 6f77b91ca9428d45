// SPDX-License-Identifier: MIT
#include "guest/stage3_files.h"

#include <stdexcept>

namespace rawimg::test {
namespace {

constexpr const char* kFstabHead =
    "# /etc/fstab: what is mounted where.\n"
    "# Pass 1 is for the root filesystem, 0 keeps fsck away; fstab(5) has the rest.\n"
    "#\n\n";

const std::string kPlaceholders =  // baselayout up to 2.2
    std::string(kFstabHead) +
    "# <fs>\t\t\t<mountpoint>\t<type>\t\t<opts>\t\t<dump/pass>\n\n"
    "# NOTE: a ReiserFS at /boot wants notail here.\n"
    "/dev/BOOT\t\t/boot\t\text2\t\tnoauto,noatime\t1 2\n"
    "/dev/ROOT\t\t/\t\text3\t\tnoatime\t\t0 1\n"
    "/dev/SWAP\t\tnone\t\tswap\t\tsw\t\t0 0\n"
    "/dev/cdrom\t\t/mnt/cdrom\tauto\t\tnoauto,ro\t0 0\n"
    "/dev/fd0\t\t/mnt/floppy\tauto\t\tnoauto\t\t0 0\n\n"
    "# POSIX shared memory:\n"
    "shm\t\t\t/dev/shm\ttmpfs\t\tnodev,nosuid,noexec\t0 0\n";

const std::string kLabels =  // git only, 2014 to 2016
    std::string(kFstabHead) +
    "# <fs>\t\t\t<mountpoint>\t<type>\t\t<opts>\t\t<dump/pass>\n\n"
    "LABEL=boot\t\t/boot\t\text4\t\tnoauto,noatime\t1 2\n"
    "LABEL=root\t\t/\t\text4\t\tnoatime\t\t0 1\n"
    "LABEL=swap\t\tnone\t\tswap\t\tsw\t\t0 0\n"
    "/dev/cdrom\t\t/mnt/cdrom\tauto\t\tnoauto,ro\t0 0\n";

const std::string kComments =  // 2.3 to 2.13
    std::string(kFstabHead) +
    "# NOTE: labels and UUIDs last longer than names such as /dev/sda3.\n\n"
    "# <fs>\t\t\t<mountpoint>\t<type>\t\t<opts>\t\t<dump/pass>\n\n"
    "#LABEL=boot\t\t/boot\t\text4\t\tnoauto,noatime\t1 2\n"
    "#UUID=58e72203-57d1-4497-81ad-97655bd56494\t\t/\t\text4\t\tnoatime\t\t0 1\n"
    "#LABEL=swap\t\tnone\t\tswap\t\tsw\t\t0 0\n"
    "#/dev/cdrom\t\t/mnt/cdrom\tauto\t\tnoauto,ro\t0 0\n";

const std::string kXfsComments =  // 2.14 to 2.18
    std::string(kFstabHead) +
    "# <fs>\t\t\t<mountpoint>\t<type>\t\t<opts>\t\t<dump> <pass>\n\n"
    "#LABEL=boot\t\t/boot\t\text4\t\tdefaults\t1 2\n"
    "#UUID=58e72203-57d1-4497-81ad-97655bd56494\t\t/\t\txfs\t\tdefaults\t\t0 1\n"
    "#LABEL=swap\t\tnone\t\tswap\t\tsw\t\t0 0\n"
    "#/dev/cdrom\t\t/mnt/cdrom\tauto\t\tnoauto,ro\t0 0\n";

const std::string k288 =
    "# How init sets up each runlevel.\n#\n\n"
    "# Where to go.\nid:3:initdefault:\n\n"
    "si::sysinit:/sbin/openrc sysinit\n\n"
    "rc::bootwait:/sbin/openrc boot\n\n"
    "l0:0:wait:/sbin/openrc shutdown \n"
    "l0s:0:wait:/sbin/halt -dhnp\n"
    "l1:1:wait:/sbin/openrc single\n"
    "l2:2:wait:/sbin/openrc nonetwork\n"
    "l3:3:wait:/sbin/openrc default\n"
    "l4:4:wait:/sbin/openrc default\n"
    "l5:5:wait:/sbin/openrc default\n"
    "l6:6:wait:/sbin/openrc reboot\n"
    "l6r:6:wait:/sbin/reboot -dkn\n"
    "#z6:6:respawn:/sbin/sulogin\n\n"
    "su0:S:wait:/sbin/openrc single\n"
    "su1:S:wait:/sbin/sulogin\n\n"
    "# TERMINALS\n"
    "#x1:12345:respawn:/sbin/agetty 38400 console linux\n"
    "c1:12345:respawn:/sbin/agetty 38400 tty1 linux\n"
    "c2:2345:respawn:/sbin/agetty 38400 tty2 linux\n"
    "c3:2345:respawn:/sbin/agetty 38400 tty3 linux\n"
    "c4:2345:respawn:/sbin/agetty 38400 tty4 linux\n"
    "c5:2345:respawn:/sbin/agetty 38400 tty5 linux\n"
    "c6:2345:respawn:/sbin/agetty 38400 tty6 linux\n\n"
    "# SERIAL CONSOLES\n"
    "#s0:12345:respawn:/sbin/agetty -L 9600 ttyS0 vt100\n"
    "#s1:12345:respawn:/sbin/agetty -L 9600 ttyS1 vt100\n\n"
    "ca:12345:ctrlaltdel:/sbin/shutdown -r now\n\n"
    "# For display managers; note: it has a runlevel of its own, so it waits.\n"
    "x:a:once:/etc/X11/startDM.sh\n";

std::string make_298() {
  std::string text = replaced(
      k288, "l0:0:wait:/sbin/openrc shutdown \nl0s:0:wait:/sbin/halt -dhnp\n",
      "l0u:0:wait:/sbin/telinit u\nl0:0:wait:/sbin/openrc shutdown\nl0s:0:wait:/sbin/halt.sh\n");
  text = replaced(text, "l6:6:wait:/sbin/openrc reboot\n",
                  "l6u:6:wait:/sbin/telinit u\nl6:6:wait:/sbin/openrc reboot\n");
  text = replaced(text, "agetty 38400 tty1", "agetty --noclear 38400 tty1");
  return replaced(text, "/etc/X11/startDM.sh", "/usr/bin/startDM");
}

}  // namespace

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos || text.find(from, at + 1) != std::string::npos)
    throw std::runtime_error("not exactly one '" + std::string(from) + "'");
  return text.replace(at, from.size(), to);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t size =
        text.find('\n') == std::string_view::npos ? text.size() : text.find('\n') + 1;
    lines.emplace_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

std::vector<TextFile> fstabs() {
  return {{"placeholders, up to baselayout 2.2", kPlaceholders},
          {"labels, in git only", kLabels},
          {"all comments, 2.3 to 2.13", kComments},
          {"all comments and XFS, 2.14 to 2.18", kXfsComments}};
}

std::vector<TextFile> sysvinit_inittabs() {
  const std::string riscv = make_298();
  const std::string serial = "#s0:12345:respawn:/sbin/agetty -L 9600 ttyS0 vt100\n",
                    second = "#s1:12345:respawn:/sbin/agetty -L 9600 ttyS1 vt100\n";
  const std::string amd64 =
      replaced(replaced(riscv, serial, "#s0:12345:respawn:/sbin/agetty -L 115200 ttyS0 vt100\n"),
               second, "#s1:12345:respawn:/sbin/agetty -L 115200 ttyS1 vt100\n");
  return {{"2.88", k288},
          {"2.98-r1 for riscv", riscv},
          {"2.98-r1 for amd64", amd64},
          {"2.98-r1 for arm", replaced(riscv, serial, serial.substr(1))},
          {"2.98-r1 for arm64",
           replaced(riscv, second, second + "f0:12345:respawn:/sbin/agetty 9600 ttyAMA0 vt100\n")},
          {"2.98-r1 for s390",
           replaced(riscv, serial, "s0:12345:respawn:/sbin/agetty 38400 console dumb\n")}};
}

std::vector<TextFile> busybox_inittabs() {
  return {{"busybox by hand",
           "::sysinit:/bin/busybox mount -t proc proc /proc\n"
           "::sysinit:/bin/busybox mount -t tmpfs tmpfs /tmp\n"
           "::sysinit:/bin/busybox mount -o remount,rw /\n"
           "::sysinit:/bin/busybox --install -s\n"
           "/dev/console::sysinit:-/bin/ash\n"},
          {"buildroot",
           "# busybox looks at the terminal, not at runlevels.\n"
           "::sysinit:/bin/mount -t proc proc /proc\n"
           "null::sysinit:/bin/ln -sf /proc/self/fd /dev/fd\n"
           "::sysinit:/etc/init.d/rcS\n"
           "# a login\n"
           "ttyS0::respawn:/sbin/getty -L  ttyS0 115200 vt100 # GENERIC_SERIAL\n"
           "#tty2::askfirst:-/bin/sh\n"
           "::ctrlaltdel:/sbin/reboot\n"
           "::shutdown:/etc/init.d/rcK\n"
           "::restart:/sbin/init\n"}};
}

}  // namespace rawimg::test
