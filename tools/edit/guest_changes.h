// SPDX-License-Identifier: MIT
// Changes that the library has decided on (guest_files.h), in a transaction.
#pragma once

#include <vector>

#include <rawimg/guest_files.h>

#include "edit/edit.h"

namespace rawimg::cli {

/// Makes them; a dry run prints differences of texts and a line for each other step, --verbose that
/// line. With --json the steps are in `files` of the result.
void apply_changes(Edit& edit, const std::vector<GuestChange>& changes);
/// The steps, as --json shows them.
Json to_json(const std::vector<GuestChange>& changes);
/// "make /sbin/m5 (0755, 812345 bytes)", for people.
std::string step_text(const GuestChange& change);

}  // namespace rawimg::cli
