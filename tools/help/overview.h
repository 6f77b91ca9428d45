// SPDX-License-Identifier: MIT
// What `rawimg help` without a word and rawimg(1) say.
#pragma once

#include <string_view>
#include <vector>

#include "cli/command.h"

namespace rawimg::cli {

inline constexpr std::string_view kOverviewSummary =
    "rawimg makes and changes raw disk images: no root, no loop device, no mount.";
inline constexpr std::string_view kOverviewSynopsis = "COMMAND [OPTIONS] IMG[:N][/path] ...";
inline constexpr std::string_view kOverviewExamples =
    R"(  rawimg build gentoo.img --from stage3.tar.xz --size 4G    # a tarball becomes a disk with one partition
  rawimg init disk.img --size 1G -t ext4                    # an empty disk
  rawimg info disk.img                                      # what is in it, and its root= names
  rawimg ls -l disk.img:/etc                                # look inside
  rawimg cat disk.img:1/etc/fstab
  rawimg cp ./m5 disk.img:/sbin/m5                          # change it: cp mv rm mkdir ln chmod edit ...
  rawimg batch disk.img -e 'rm :/etc/motd' -e 'touch :/x'   # many changes as one, all or none
)";

struct CommandGroup {
  std::string_view title;
  std::vector<const Command*> commands;
};

/// All commands, in the order of the table, which is parted where a group begins.
std::vector<CommandGroup> command_groups();

}  // namespace rawimg::cli
