// SPDX-License-Identifier: MIT
// IMG[:[N][/path]]: one grammar for every verb.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/error.h>
#include <rawimg/image_file.h>
#include <rawimg/observer.h>
#include <rawimg/window.h>

namespace rawimg::cli {

struct Address {
  std::filesystem::path image;
  std::optional<unsigned> slot;         ///< 0: the whole file
  std::optional<std::uint64_t> offset;  ///< of the filesystem, from IMG?offset=BYTES or IMG@@OFFSET
  std::string path;                     ///< raw bytes with a leading slash, or empty
};

/// Splits at the first `:` whose rest matches [0-9]*(/.*)? and whose left side exists. Throws:
/// Usage (the whole word exists as a file, too; a slot over 128).
Address parse_address(std::string_view word);
/// `word` for an image that --image has named: [:][N][/path]. Throws: Usage.
Address parse_address_in(const std::filesystem::path& image, std::string_view word);

/// Whether text is [0-9]*(/.*)?
bool is_slot_and_path(std::string_view text);
/// The address that a word is with an image in front of its colon, where that image exists. Throws:
/// as parse_address.
std::optional<Address> existing_address(const std::string& word);
/// Whether there is such an address.
bool names_image(const std::string& word);
/// Whether a file of that name has a table or a filesystem in it. For hints: what cannot be read is
/// none.
bool is_image(std::string_view name);
/// "disk.img:/etc" for "disk.img:etc", where there is an image disk.img and nothing of the whole
/// name.
std::optional<std::string> with_slash(std::string_view word);
Error missing_slash(std::string_view word, std::string_view meant);

struct FoundWindow {
  Window window;
  unsigned slot = 0;
  std::vector<Warning> warnings = {};  ///< of the partition table
  std::string partuuid = {};           ///< of the partition; empty for slot 0
};

/// Whether there is a table that PartitionTable reads, or parts of one.
bool has_partition_table(const ImageFile& image);

/// Where the addressed filesystem lies. Without a slot: the only ext filesystem in the image.
/// Throws: Usage (several; lists them), NotFound (no such slot), Unsupported (not an image, no ext
/// filesystem), Corrupt.
FoundWindow find_filesystem(ImageFile& image, const Address& address);
/// Where a filesystem is to be made. Without a slot: the only partition, or the whole file where
/// there is no table.
FoundWindow find_place(ImageFile& image, const Address& address);

}  // namespace rawimg::cli
