// SPDX-License-Identifier: MIT
// What 'info --boot' says: how a simulator or virtual machine is started from an image, as lines to
// paste, and which kernels are in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/ext_fs.h>
#include <rawimg/machine.h>

#include "cli/address.h"
#include "cli/args.h"
#include "cli/exit_code.h"
#include "cli/output.h"

namespace rawimg::cli {

enum class BootTarget { Qemu, Gem5, Firecracker };
/// Throws: Usage (names the nearest).
BootTarget read_boot_target(const std::string& word);

struct BootKernel {
  std::string path;
  std::optional<Machine> machine;  ///< nothing: its header does not say
};

struct BootReport {
  std::string image;             ///< as typed
  std::string absolute;          ///< the same from the root of the host
  unsigned slot = 0;             ///< 0: the filesystem is the whole file
  std::string partuuid;          ///< empty where there is no table
  std::optional<Machine> guest;  ///< of /bin/sh
  std::vector<BootKernel> kernels;
  std::vector<std::string> initrds;  ///< paths of initial RAM disks
  std::string tty;                   ///< that of 'rawimg gem5'; empty: it was not prepared

  Architecture architecture() const;  ///< x86 where nothing is known
  std::string console() const;        ///< "ttyS0": gem5's, else the architecture's usual one
  std::string root() const;           ///< "PARTUUID=...", "/dev/vda"
};

/// Reads the guest's architecture, and the kernels in /boot; the rest is for the caller. Throws:
/// Corrupt, Io.
BootReport read_boot_report(const ExtReader& fs);
std::string boot_lines(const BootReport& report, BootTarget target);
Json to_json(const BootReport& report, BootTarget target);
/// Opens the image and prints them, for `info`.
ExitCode print_boot(const Address& address, BootTarget target, const Args& args, Streams& io);

}  // namespace rawimg::cli
