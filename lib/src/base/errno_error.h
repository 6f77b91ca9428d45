// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <rawimg/error.h>

namespace rawimg {

/// The Error for errno value `number`: "`message`: no space left on device". Full disks, quotas and
/// file-size limits are NoSpace, everything else is Io.
Error errno_error(int number, const std::string& message);

}  // namespace rawimg
