// SPDX-License-Identifier: MIT
// Option groups that several commands share: the tables, and how words become values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <rawimg/build.h>
#include <rawimg/ext_options.h>
#include <rawimg/image_file.h>
#include <rawimg/populate.h>
#include <rawimg/tar_source.h>

#include "cli/address.h"
#include "cli/args.h"
#include "cli/command.h"
#include "cli/streams.h"

namespace rawimg::cli {

inline constexpr OptionSpec kFilesystemOptions[] = {
    {"type", "TYPE", "ext2, ext3 or ext4 (default: ext2, which every kernel mounts)", 't'},
    {"block-size", "SIZE", "1K, 2K or 4K (default: 4K from 16M up)"},
    {"inode-size", "BYTES", "128 or 256 (default: 256)"},
    {"inodes", "N", "room for at least N inodes"},
    {"inode-ratio", "BYTES",
     "one inode for so many bytes (default: 16384, and never fewer than there are entries)"},
    {"reserved", "PERCENT", "blocks only the guest's root may use (default: 5)"},
    {"features", "LIST", "[^]name,...: features to add or, with ^, to remove, in mke2fs's words"},
    {"label", "TEXT", "volume name, up to 16 bytes"},
    {"uuid", "UUID",
     "the filesystem's UUID, or 'random' (default: derived from metadata and options)"},
};
inline constexpr OptionSpec kDiskOptions[] = {
    {"size", "SIZE",
     "size of the image file: 512M, 4G, 63s (K M G T are powers of 1024); of build also auto, "
     "auto+512M, auto+10%: as large as the content, and so much available (default: auto+256M)"},
    {"start", "SECTOR", "where the partition starts: 63s, 1M (default: 1M)"},
    {"table", "KIND", "mbr, or none: the filesystem is the whole file (default: mbr)"},
    {"disk-id", "HEX", "the MBR's 32-bit id, or 'random' (default: derived)"},
};
inline constexpr OptionSpec kSourceOptions[] = {
    {"at", "DIR", "put the --from before it below this directory of the image"},
    {"exclude", "GLOB",
     "leave out what matches, of the --from before it; * also matches /, a leading / means the "
     "root; "
     "repeatable"},
    {"one-file-system", "",
     "the --from before it is a directory: leave out what is mounted below it", 'x'},
    {"strip-components", "N", "drop N leading parts of each name, of the --from before it"},
    {"sha256", "HEX", "the --from before it must have this SHA-256, or there is no image"},
    {"verify", "[FILE]",
     "the --from before it must have the digest that the list FILE has for it, or there is no "
     "image (default: the list beside it)"},
};
inline constexpr OptionSpec kThreadsOption[] = {
    {"threads", "N",
     "decompression threads (default: the processors this process may use, up to 8)"},
};
inline constexpr OptionSpec kReadingOptions[] = {
    {"skip-unsupported", "",
     "leave out entries that the filesystem cannot store; list and count them"},
    {"clamp-mtime", "[SECONDS]",
     "times later than this (seconds since 1970; default: SOURCE_DATE_EPOCH) become it"},
    {"memory", "SIZE", "bound for decompression and buffers (default: 256M)"},
};

ExtOptions read_ext_options(const Args& args);
LockPolicy read_lock_policy(const Args& args);
Durability read_durability(const Args& args);
/// SOURCE_DATE_EPOCH, if it is set. Throws: Usage.
std::optional<std::int64_t> read_epoch(const Streams& io);
PopulateOptions read_populate_options(const Args& args, const Streams& io);
/// Everything of an ImageSpec except sources. Throws: Usage (no --size).
ImageSpec read_image_spec(const Args& args);
std::optional<std::uint32_t> read_disk_id(const Args& args);

/// A source as asked for, not opened yet.
struct SourceRequest {
  std::string file;  ///< "-": standard input
  ImagePath at;
  unsigned strip_components = 0;
  std::vector<std::string> excludes;
  std::optional<std::string> sha256;
  std::optional<std::string> verify = {};    ///< the list of digests; empty: the one beside it
  bool one_file_system = false;              ///< of a directory
  std::vector<ExpectedDigest> digests = {};  ///< that it must have: see find_digests
};
/// The --from options with what follows each. Throws: Usage.
std::vector<SourceRequest> read_sources(const Args& args);
/// Finds out which digests the sources must have. Throws: as read_published_digest, Usage (of a
/// directory).
void find_digests(std::vector<SourceRequest>& sources, const std::stop_token& stop);
/// A path inside an image, as a word of the command line. Throws: Usage.
ImagePath parse_image_path(std::string_view text);
std::string parse_exclude(std::string_view glob);
/// --threads and --memory. Throws: Usage.
TarOptions read_tar_options(const Args& args);
std::vector<SourceSpec> open_sources(const std::vector<SourceRequest>& requests,
                                     const std::filesystem::path& image, const Args& args,
                                     const Streams& io);

/// The first operand as an address, --image obeyed.
Address read_address(const Args& args, std::size_t index = 0);

/// Processors this process may use: its affinity, its cgroup's quota, at most 8.
unsigned default_threads();
/// --threads. Throws: Usage.
unsigned read_threads(const Args& args);

}  // namespace rawimg::cli
