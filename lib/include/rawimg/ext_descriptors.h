// SPDX-License-Identifier: MIT
// The group descriptors of a filesystem: where each group's bitmaps and inodes lie. Whoever reads a
// file looks at those on the way; here all are looked at. Thread rule: as for the window.
#pragma once

#include <rawimg/window.h>

namespace rawimg {

/// Looks at all group descriptors of an ext filesystem; does nothing where probe_ext finds none.
/// Throws: Corrupt (a wrong checksum, or one that leads outside of the filesystem), Unsupported,
/// Io. Does not check: whether what they lead to overlaps.
void require_descriptors(const Window& where);

}  // namespace rawimg
