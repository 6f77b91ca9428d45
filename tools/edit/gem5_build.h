// SPDX-License-Identifier: MIT
// The gem5 preparation as a part of a build.
#pragma once

#include <rawimg/populate.h>

#include "cli/build_request.h"
#include "edit/gem5_request.h"

namespace rawimg::cli {

class Gem5Build {
 public:
  /// Throws: as read_gem5_request, Usage (a device that is named only when the image is there).
  Gem5Build(const Args& args, const BuildRequest& request, const Streams& io);
  /// Both must outlive the build.
  Amendment amendment(Observer& observer);
  /// For --json, once it was made.
  const Json& result() const { return result_; }

 private:
  Gem5Request request_;
  Json result_;
};

}  // namespace rawimg::cli
