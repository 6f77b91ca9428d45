// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "edit/edit.h"

namespace rawimg::cli {

/// A device as fstab names it. "auto" stands for what names this partition, or this filesystem,
/// wherever the disk is attached: PARTUUID=auto, UUID=auto, LABEL=auto. Throws: Usage.
std::string device_of(const Edit& edit, const std::string& word);

}  // namespace rawimg::cli
