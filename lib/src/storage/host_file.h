// SPDX-License-Identifier: MIT
// A file of the host as an entry.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rawimg/entry.h>
#include <rawimg/error.h>
#include <rawimg/units.h>

namespace rawimg {

/// Everything but path and content of what is at `path`; `status` is what (l)stat says of it, and
/// `name` what messages call it. Throws: Io, Unsupported (a kind that is not known).
Entry host_entry(const std::string& path, const struct stat& status, const std::string& name);

/// "cannot open 'a': permission denied", about `name`.
Error host_error(int number, std::string_view what, const std::string& name);
/// Throws: Io, NoSpace.
void write_all(int descriptor, std::span<const std::byte> bytes, const std::string& name);
/// The names in a directory, sorted by their bytes. Throws: Io.
std::vector<std::string> names_in(const std::string& directory, const std::string& name);
/// The next bytes from `at` on, below `size`, that are no hole; all, where the file system knows no
/// holes; none: only holes follow. Moves the descriptor.
std::optional<ByteRange> next_data(int descriptor, std::uint64_t at, std::uint64_t size);

/// Whether a file is still what it was, as far as its length and times tell.
bool same_content(const struct stat& a, const struct stat& b);

}  // namespace rawimg
