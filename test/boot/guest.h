// SPDX-License-Identifier: MIT
// A QEMU guest with Debian's kernel (software emulation, no privileges): a kernel that we did not
// write reads, mounts and boots what rawimg wrote. Takes some seconds.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace rawimg::test {

/// A raw disk of the guest. The first one is /dev/vda.
struct GuestDisk {
  std::filesystem::path image;
  enum class Writes { Discarded, Kept } writes = Writes::Discarded;
};

struct GuestJob {
  std::vector<GuestDisk> disks;
  /// A shell script (busybox); it runs as PID 1's child, with /proc, /sys and /dev mounted. What it
  /// leaves in /out comes back in GuestResult::files.
  std::string script;
  /// path in the guest (no leading slash), file of the host
  std::vector<std::pair<std::string, std::filesystem::path>> files;
  /// path in the guest, name of a program of the host (with its libraries)
  std::vector<std::pair<std::string, std::string>> programs;
  unsigned memory_mib = 1024;
  std::chrono::milliseconds timeout = std::chrono::seconds(800);
};

struct GuestResult {
  bool ended = false;   ///< the script ran to its end and exited with 0
  std::string console;  ///< all that the guest printed
  std::map<std::string, std::string> files;
};

/// Runs a script in a guest. Throws: NotRun when QEMU, the kernel or busybox is missing.
GuestResult run_in_guest(const GuestJob& job);

/// Boots from a filesystem of the first disk: mounts `device` (such as /dev/vda1) read-only, makes
/// it the root and runs `init` from it as PID 1. The console ends when the guest powers off,
/// reboots or panics. `more`: further disks, /dev/vdb the first.
std::string boot_from(const std::filesystem::path& image, const std::string& device,
                      const std::string& init, const std::vector<GuestDisk>& more = {});

/// A small Debian system that third_party/install-deps.sh has unpacked: "sysvinit" or "systemd".
/// Throws: NotRun when there is none.
std::filesystem::path guest_tree(const std::string& init);

/// The directory into which third_party/install-deps.sh unpacks Debian's kernel. Throws: NotRun
/// when there is none.
std::filesystem::path kernel_directory();

}  // namespace rawimg::test
