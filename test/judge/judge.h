// SPDX-License-Identifier: MIT
// The judges of an image that need no kernel: e2fsck, dumpe2fs and sfdisk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/process.h"

namespace rawimg::test {

/// Everything that is wrong with the filesystem at this byte of an image, as e2fsck and dumpe2fs
/// see it; empty when nothing is. Exit code 0 of e2fsck is not enough: it says "Relocate? no" and
/// exits with 0 about filesystems that the kernel refuses. `window_bytes` is the room that the
/// filesystem has.
std::vector<std::string> complaints(const std::filesystem::path& image, std::uint64_t offset,
                                    std::uint64_t window_bytes);

/// The partitions that sfdisk finds: slot to {first byte, bytes}.
struct Extent {
  std::uint64_t start = 0, size = 0;
};
std::map<int, Extent> sfdisk_partitions(const std::filesystem::path& image);

/// Catch2 assertion: the filesystem in this slot (0: the whole file) has no complaints and sfdisk
/// finds the table well.
void require_clean(const std::filesystem::path& image, int slot = 1);

/// "NAME?offset=N", as all of e2fsprogs takes it.
std::string at_offset(const std::filesystem::path& image, std::uint64_t offset);
/// The fields of `dumpe2fs -h`: "Block count" to "1024", ...
std::map<std::string, std::string> superblock_fields(const std::filesystem::path& image,
                                                     std::uint64_t offset);
/// What one debugfs command prints.
std::string debugfs(const std::filesystem::path& image, std::uint64_t offset,
                    const std::string& request);

/// Runs the rawimg command, with nothing in its environment but a SOURCE_DATE_EPOCH: the test tree
/// has times in the future, which e2fsck reports when they become the superblock's.
Outcome run_rawimg(std::vector<std::string> words);
Command rawimg_command(std::vector<std::string> words);
/// rawimg build IMAGE --from TAR --no-sync and further words; a Catch2 assertion that it succeeded.
void require_build(const std::filesystem::path& image, const std::filesystem::path& tarball,
                   const std::vector<std::string>& words);

/// Equal files, however large. Throws when one cannot be read.
bool same_bytes(const std::filesystem::path& a, const std::filesystem::path& b);
/// Bytes of disk that a file takes.
std::uint64_t allocated_bytes(const std::filesystem::path& file);
/// What is below a directory, to show that nothing in it changed; without the times of directories,
/// which a temporary file moves.
std::string snapshot(const std::filesystem::path& directory);

}  // namespace rawimg::test
