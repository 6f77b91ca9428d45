// SPDX-License-Identifier: MIT
// A file of the host as an entry.
#pragma once

#include <sys/stat.h>

#include <string>

#include <rawimg/entry.h>

namespace rawimg {

/// Everything but path and content of what is at `path`; `status` is what (l)stat says of it, and
/// `name` what messages call it. Throws: Io, Unsupported (a kind that is not known).
Entry host_entry(const std::string& path, const struct stat& status, const std::string& name);

/// Whether a file is still what it was, as far as its length and times tell.
bool same_content(const struct stat& a, const struct stat& b);

}  // namespace rawimg
