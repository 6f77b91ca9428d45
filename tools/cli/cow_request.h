// SPDX-License-Identifier: MIT
// What the command line of 'cow' asks for.
#pragma once

#include <string>
#include <vector>

#include "cli/args.h"

namespace rawimg::cli {

struct CowRequest {
  std::string verb;                 ///< info, ls, apply or diff
  std::string layer;                ///< the COW file
  std::vector<std::string> images;  ///< as many as the verb wants
};

/// Throws: Usage.
CowRequest read_cow_request(const Args& args);

}  // namespace rawimg::cli
