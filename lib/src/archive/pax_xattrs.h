// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include <rawimg/entry.h>

#include "archive/pax_records.h"

namespace rawimg {

/// The extended attributes in an entry's records, sorted by name, each name once. POSIX ACLs as
/// text are not among them. Throws: BadInput (an encoding that is broken, a name with a NUL).
std::vector<Xattr> read_pax_xattrs(const PaxRecords& records);

}  // namespace rawimg
