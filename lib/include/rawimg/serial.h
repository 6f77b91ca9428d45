// SPDX-License-Identifier: MIT
// A login on a serial line: a getty in /etc/inittab, or systemd's serial-getty. Decides what is to
// be changed; making the changes is for the caller (guest_files.h). A function of its arguments.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <rawimg/guest_files.h>
#include <rawimg/inittab.h>
#include <rawimg/observer.h>

#pragma GCC visibility push(default)

namespace rawimg {

struct SerialRequest {
  std::string tty;  ///< "ttyS0"
  unsigned baud = 115200;
};

struct SerialPlan {
  std::vector<GuestChange> changes;  ///< none: it is so already
  std::vector<Warning> warnings;
  GuestInit init = GuestInit::None;
};

/// A login on the line, in place of one there with another speed. The same request again gives no
/// changes. Throws: Usage (no name of a terminal), NotFound (neither an inittab nor systemd, or a
/// systemd without serial-getty), Exists, and what `files` throws.
SerialPlan plan_serial(const GuestFiles& files, const SerialRequest& request);
/// Takes back what plan_serial and plan_no_serial did, and nothing that was there before; texts are
/// byte-equal afterwards. Throws: likewise.
SerialPlan plan_serial_removal(const GuestFiles& files, const std::string& tty);
/// No login on the line, whoever had put it there. Throws: likewise.
SerialPlan plan_no_serial(const GuestFiles& files, const std::string& tty);

/// /etc/inittab with that login; `getty` is the program.
std::string serial_inittab(std::string_view text, InittabStyle style, const SerialRequest& request,
                           std::string_view getty);

}  // namespace rawimg

#pragma GCC visibility pop
