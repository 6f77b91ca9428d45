// SPDX-License-Identifier: MIT
// What 'gem5', and 'build' with --gem5, are asked for.
#pragma once

#include <string>

#include <rawimg/gem5.h>

#include "cli/args.h"
#include "cli/output.h"
#include "cli/streams.h"

namespace rawimg::cli {

inline constexpr OptionSpec kGem5Options[] = {
    {"m5", "FILE", "gem5's m5 program, which goes to /sbin/m5; - is standard input"},
    {"arch", "NAME", "x86, arm or riscv (default: that of the guest's /bin/sh)"},
    {"tty", "TTY", "the console (default: ttyS0, of arm ttyAMA0)"},
    {"root-device", "DEVICE",
     "what fstab calls the root filesystem (default: as it is there, else /dev/root)"},
    {"script", "FILE", "a script to keep in the guest, which runs when the host gives none"},
};
inline constexpr OptionSpec kGem5Switch[] = {
    {"gem5", "", "prepare it for gem5, as 'rawimg gem5' would: with --m5 and the options below"},
};

/// Reads the files that the options name. Throws: Usage, Io, Unsupported (over 16 MiB).
Gem5Request read_gem5_request(const Args& args, const Streams& io);
/// Throws: Usage, where an option of --gem5 stands without it.
void require_gem5_switch(const Args& args);
/// Architecture, console, init, and what is missing.
Json to_json(const Gem5Plan& plan);

}  // namespace rawimg::cli
