// SPDX-License-Identifier: MIT
// The test tree as a tarball, and what a real kernel lists after GNU tar, as root, has unpacked it.
// Made once a build directory; several test processes may ask at once.
#pragma once

#include <filesystem>
#include <string>

namespace rawimg::test {

enum class Rootfs {
  Rich,    ///< everything; for 4 KiB blocks and 256-byte inodes
  Narrow,  ///< what also fits 1 KiB blocks and 128-byte inodes
  Big,     ///< Narrow with 200 MiB that are not zero
};

/// The plain tarball.
std::filesystem::path rootfs_tar(Rootfs kind);
/// The same through a compressor, by its file ending: "xz" (many blocks, as pixz writes a stage3),
/// "gz", "zst", "bz2", "lz4".
std::filesystem::path rootfs_tar(Rootfs kind, const std::string& compression);
/// The canonical listing of GNU tar's work.
std::string reference_listing(Rootfs kind);
/// The same for any plain tarball of up to 7 GiB; not kept. Throws: std::runtime_error with the
/// guest's console.
std::string list_unpacked(const std::filesystem::path& tarball);

}  // namespace rawimg::test
