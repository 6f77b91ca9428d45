// SPDX-License-Identifier: MIT
// libext2fs, with its headers in the order that they want, and without the macro that its 1.47.2
// leaves behind, where std::clamp could not be called.
#pragma once

#include <ext2fs/ext2fs.h>

#include <ext2fs/ext2_ext_attr.h>

#undef clamp
