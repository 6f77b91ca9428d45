// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <rawimg/fstab.h>
#include <rawimg/gem5.h>

#include "guest/fstab_line.h"
#include "guest/own_lines.h"

namespace rawimg {
namespace {

constexpr Owner kOwner{"gem5", "rawimg gem5 --remove"};
constexpr std::string_view kProcess = "/sbin/gem5-start";
constexpr std::string_view kMark = "# rawimg gem5: start";

std::function<bool(const TextLine&)> is_one_of(std::set<std::size_t> numbers) {
  return [numbers = std::move(numbers)](const TextLine& line) {
    return numbers.contains(line.number);
  };
}

// inittab

bool is_any_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Runs at boot, or in a runlevel that is neither for one user nor for the end.
bool starts_guest(const InittabEntry& entry) {
  if (is_any_of(entry.action, {"sysinit", "boot", "bootwait"})) return true;
  if (!is_any_of(entry.action, {"respawn", "wait", "once"})) return false;
  return entry.runlevels.empty() || entry.runlevels.find_first_of("12345789") != std::string::npos;
}

/// Of busybox, whose boot lines are also what makes a small system usable (mount, --install): only
/// what runs other systems' scripts, a shell or a login.
bool starts_busybox_guest(const InittabEntry& entry) {
  if (is_any_of(entry.action, {"respawn", "askfirst"})) return true;
  if (!is_any_of(entry.action, {"sysinit", "wait", "once"})) return false;
  const std::string_view process = skip_blanks(entry.process);
  if (process.starts_with('-') || process.starts_with("/etc/")) return true;
  const std::string_view program = process.substr(0, process.find_first_of(" \t"));
  const std::size_t slash = program.rfind('/');
  return is_any_of(slash == std::string_view::npos ? program : program.substr(slash + 1),
                   {"openrc", "rc", "rcS", "getty", "agetty", "login"});
}

/// An id of sysvinit that no line has.
std::string free_id(const std::vector<InittabEntry>& entries, std::string_view front) {
  const auto is_free = [&](const std::string& id) {
    return std::none_of(entries.begin(), entries.end(),
                        [&](const InittabEntry& entry) { return entry.id == id; });
  };
  std::string id(front);
  for (unsigned i = 0; !is_free(id) && i < 100; ++i) id = fmt::format("{}{:02}", front, i);
  return id;
}

/// The line that runs the script, and one for the default runlevel where there is none to boot to:
/// init would ask for it at the console.
std::vector<std::string> sysvinit_lines(const std::vector<InittabEntry>& entries,
                                        std::set<std::size_t>& off) {
  std::string levels = "12345";
  bool has_default = false;
  for (const InittabEntry& entry : entries) {
    if (!entry.active || entry.action != "initdefault") continue;
    const std::string& level = entry.runlevels;
    if (level.size() != 1 || level.find_first_of("06abcABC") == 0) {
      off.insert(entry.line);
      continue;
    }
    has_default = true;
    if (levels.find(level) == std::string::npos) levels += level;
  }
  std::vector<std::string> lines{
      fmt::format("{}:{}:wait:{}", free_id(entries, "g5"), levels, kProcess)};
  if (!has_default) lines.push_back(fmt::format("{}:3:initdefault:", free_id(entries, "gd")));
  return lines;
}

// fstab

bool is_placeholder(const FstabEntry& entry) {
  if (is_any_of(entry.device, {"/dev/BOOT", "/dev/ROOT", "/dev/SWAP", "/dev/cdrom", "/dev/fd0"}))
    return true;
  return (entry.device == "LABEL=boot" && entry.mount_point == "/boot") ||
         (entry.device == "LABEL=root" && entry.mount_point == "/") ||
         (entry.device == "LABEL=swap" && entry.type == "swap");
}

}  // namespace

std::string gem5_inittab(std::string_view text, InittabStyle style) {
  const std::string before = without_gem5_inittab(text);
  const std::vector<InittabEntry> entries = Inittab::parse(before).entries();
  std::set<std::size_t> off;
  std::vector<std::string> lines;
  if (style == InittabStyle::Busybox)
    lines.push_back(fmt::format("::wait:{}", kProcess));
  else
    lines = sysvinit_lines(entries, off);
  for (const InittabEntry& entry : entries)
    if (entry.active &&
        (style == InittabStyle::Busybox ? starts_busybox_guest(entry) : starts_guest(entry)))
      off.insert(entry.line);
  return with_own_lines(before, kOwner, lines, is_one_of(std::move(off)));
}

std::string without_gem5_inittab(std::string_view text) { return without_own_lines(text, kOwner); }

namespace {

/// pass 0: nothing checks a device of another name
std::string root_line(const std::string& root_device) {
  return fmt::format("{}\t/\tauto\tnoatime\t0 0",
                     encode_field(root_device.empty() ? "/dev/root" : root_device));
}

}  // namespace

std::string gem5_fstab(std::string_view text, const std::string& root_device) {
  const std::string before = without_gem5_fstab(text);
  std::set<std::size_t> off;
  bool has_root = false;
  for (const FstabEntry& entry : Fstab::parse(before).entries()) {
    if (!entry.active) continue;
    const bool is_root = normal_mount_point(entry.mount_point) == "/";
    if (is_placeholder(entry) || (is_root && !root_device.empty()))
      off.insert(entry.line);
    else if (is_root)
      has_root = true;
  }
  std::vector<std::string> lines;
  if (!has_root) lines.push_back(root_line(root_device));
  return with_own_lines(before, kOwner, lines, is_one_of(std::move(off)));
}

std::string without_gem5_fstab(std::string_view text) { return without_own_lines(text, kOwner); }

bool is_gem5_fstab_changed(std::string_view text, const std::string& root_device) {
  const std::vector<std::string> lines = own_lines(text, kOwner);
  return !lines.empty() && lines != std::vector{root_line(root_device)};
}

// The script

namespace {

constexpr std::string_view kAbout =
    R"(# Takes the host's script from the simulator, runs it and ends the simulation; without a script there is a root shell on
# the console. From inittab, as a unit of systemd, or as init itself: init=/sbin/gem5-start.
# 'rawimg gem5' has written it; 'rawimg gem5 --remove' takes it back.
)";

constexpr std::string_view kBody = R"(
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/root
TERM=vt100
export PATH HOME TERM

is_mounted() {
  while read -r device directory rest; do
    [ "$directory" = "$1" ] && return 0
  done </proc/mounts
  return 1
}

can_open() { (: <"$1") 2>/dev/null; }

mount_all() {
  [ -e /proc/mounts ] || mount -t proc proc /proc
  mount -o remount,rw / || mount -t tmpfs tmpfs /tmp
  is_mounted /sys || mount -t sysfs sysfs /sys
  is_mounted /dev || mount -t devtmpfs devtmpfs /dev
  is_mounted /dev/pts || { mkdir -p /dev/pts && mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts; }
  is_mounted /run || mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
  [ -d /tmp ] || mkdir -m 1777 /tmp
}

root_shell() {
  terminal=/dev/console
  can_open "/dev/$tty" && terminal=/dev/$tty
  echo "gem5-start: a root shell on $terminal"
  while :; do
    if command -v setsid >/dev/null 2>&1; then
      setsid -c sh -i
    else
      sh -i
    fi <$terminal >$terminal 2>&1
    sleep 1
  done
}

cd /
mount_all 2>/dev/null
can_open /dev/console && exec </dev/console >/dev/console 2>&1

m5=/sbin/m5
[ -x "$m5" ] || m5=$(command -v m5)
script=/tmp/gem5-script
rm -f "$script"
if [ -n "$m5" ]; then
  "$m5" readfile >"$script" && chmod 755 "$script"
else
  echo 'gem5-start: there is no m5 to ask the host with'
fi
[ -s "$script" ] || script=/sbin/gem5-script
if [ -s "$script" ]; then
  "$script"
  status=$?
  [ "$status" -eq 0 ] || echo "gem5-start: the script ended with $status"
  rm -f /tmp/gem5-script
  [ -z "$m5" ] || "$m5" exit
else
  echo 'gem5-start: the host has no script'
fi
root_shell
)";

}  // namespace

std::string gem5_start_script(const Gem5Start& start) {
  std::string text = fmt::format("#!/bin/sh\n{}\n{}", kMark, kAbout);
  if (!start.root_device.empty()) text += fmt::format("#root-device {}\n", start.root_device);
  for (const Gem5Made& made : start.made)
    text += fmt::format("#made {} {}\n", made.path, made.fingerprint);
  return text + fmt::format("tty={}\n", start.tty) + std::string(kBody);
}

std::optional<Gem5Start> parse_gem5_start(std::string_view text) {
  constexpr std::string_view kTty = "tty=", kRoot = "#root-device ", kMade = "#made ";
  LineReader reader(text);
  Gem5Start start;
  while (const auto line = reader.next()) {
    const std::string_view body = line->body;
    if (line->number == 2 && body != kMark) return std::nullopt;
    if (body.starts_with(kRoot)) start.root_device = body.substr(kRoot.size());
    if (body.starts_with(kMade)) {
      const std::string_view made = body.substr(kMade.size());
      const std::size_t gap = std::min(made.find(' '), made.size());
      start.made.push_back({std::string(made.substr(0, gap)),
                            std::string(made.substr(std::min(gap + 1, made.size())))});
    }
    if (!body.starts_with(kTty)) continue;
    start.tty = body.substr(kTty.size());
    return start;
  }
  return std::nullopt;
}

}  // namespace rawimg
