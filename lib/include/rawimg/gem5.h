// SPDX-License-Identifier: MIT
// Preparing a guest for gem5: it boots straight to the host's script, without a login, and tells
// the simulator when the script has ended. Decides what is to be changed, and how to take it back;
// making the changes is for the caller (guest_files.h). Everything here is a function of its
// arguments.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/guest_files.h>
#include <rawimg/inittab.h>
#include <rawimg/machine.h>
#include <rawimg/observer.h>

#pragma GCC visibility push(default)

namespace rawimg {

/// What is asked for. What is absent is found in the tree, or stays as an earlier preparation had
/// it.
struct Gem5Request {
  std::optional<Architecture> architecture;  ///< else that of the guest's /bin/sh
  std::optional<std::string> m5;             ///< the program; else what the guest has at /sbin/m5
  std::string m5_name = "m5";                ///< for messages
  /// runs when the host has none
  std::optional<std::string> script;
  std::string tty;          ///< the console, "ttyS0"; else the architecture's
  std::string root_device;  ///< of fstab's line for /; else what is there, or /dev/root
  /// also where gem5-bridge is, and with something else of these names put aside
  bool force = false;
};

struct Gem5Plan {
  std::vector<GuestChange> changes;  ///< none: it is prepared so already
  std::vector<Warning> warnings;
  Architecture architecture = Architecture::X86;
  GuestInit init = GuestInit::None;
  std::string tty;
  bool has_m5 = false;  ///< false: the script waits for it with a shell
};

/// What prepares the guest. The same request again gives no changes. Throws: BadInput (m5 is no
/// program, or one of another architecture), Exists (gem5-bridge is there; a name is in use for
/// something else), NotFound (no telling the architecture), Usage (a terminal or device that no
/// line can hold), and what `files` throws.
Gem5Plan plan_gem5(const GuestFiles& files, const Gem5Request& request);
struct Gem5Removal {
  std::vector<GuestChange> changes;  ///< none: nothing of gem5's is there
  std::vector<Warning> warnings;
};
/// What takes all of that back; texts are byte-equal afterwards. What somebody has changed since
/// stays, with a warning. Throws: BadInput (lines of gem5's without their end), and what `files`
/// throws.
Gem5Removal plan_gem5_removal(const GuestFiles& files);

/// Names of files whose content plan_gem5 reads (the last component), for who has to keep it.
bool gem5_reads(std::string_view name);

// The texts.

/// /etc/inittab that runs the script and nothing else of the runlevels 1 to 5.
std::string gem5_inittab(std::string_view text, InittabStyle style);
/// Throws: BadInput (gem5's lines have no end).
std::string without_gem5_inittab(std::string_view text);
/// /etc/fstab whose one line for / is of `root_device` (empty: the active one that is there and no
/// placeholder, else /dev/root), without stock lines of devices that do not exist.
std::string gem5_fstab(std::string_view text, const std::string& root_device);
std::string without_gem5_fstab(std::string_view text);
/// Whether the line for / is no more what gem5_fstab has written for this device.
bool is_gem5_fstab_changed(std::string_view text, const std::string& root_device);
/// What was made, and a fingerprint of its content, or of the target of a symlink.
struct Gem5Made {
  std::string path, fingerprint;
  bool operator==(const Gem5Made&) const = default;
};
/// /sbin/gem5-start.
struct Gem5Start {
  std::string tty, root_device;
  std::vector<Gem5Made> made;  ///< what taking back removes, unless it was changed since
};
std::string gem5_start_script(const Gem5Start& start);
/// What an earlier one says; nothing: it is none.
std::optional<Gem5Start> parse_gem5_start(std::string_view text);

}  // namespace rawimg

#pragma GCC visibility pop
