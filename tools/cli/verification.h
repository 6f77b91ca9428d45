// SPDX-License-Identifier: MIT
// --verify: the digests that are published beside a tarball.
#pragma once

#include <stop_token>
#include <string>

#include <rawimg/digest_list.h>

namespace rawimg::cli {

/// What a tarball ("-": standard input) must have, by the list `file`, or, where that is empty, by
/// the list that lies beside it: the digest that is soonest computed of those that nobody can
/// forge, BLAKE2b before SHA-512 before SHA-256. Throws: Io (no list; names those that were looked
/// for), BadInput (too large; of no use for this tarball), Usage (standard input without a list),
/// Interrupted.
ExpectedDigest read_published_digest(const std::string& tarball, const std::string& file,
                                     const std::stop_token& stop);

}  // namespace rawimg::cli
