// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <rawimg/image_file.h>

namespace rawimg {

/// Takes the lock that `access` needs on an open descriptor; it goes with the last close. `name` is
/// for messages. Throws: Busy, Io (no lock support and the policy requires one).
void lock_file(int descriptor, const std::string& name, Access access, const LockPolicy& policy);

}  // namespace rawimg
