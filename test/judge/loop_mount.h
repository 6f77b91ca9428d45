// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

#include "support/not_run.h"
#include "support/process.h"

namespace rawimg::test {

/// A filesystem of an image, mounted by the kernel that runs the test, as long as this lives.
class LoopMount {
 public:
  /// `options` behind "loop"; `what` would not be shown without. Throws: NotRun.
  LoopMount(const std::filesystem::path& image, const std::filesystem::path& at,
            const std::string& options, const std::string& what)
      : at_(at) {
    require_root(what);
    std::filesystem::create_directory(at);
    const Outcome mounted = run({"mount", "-o", "loop" + options, image.string(), at.string()});
    if (!mounted.ok()) throw NotRun("no loop mount to be had: " + what + "; " + mounted.err);
  }
  ~LoopMount() { run({"umount", at_.string()}); }
  LoopMount(const LoopMount&) = delete;
  LoopMount& operator=(const LoopMount&) = delete;

 private:
  std::filesystem::path at_;
};

}  // namespace rawimg::test
