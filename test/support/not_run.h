// SPDX-License-Identifier: MIT
// Catch2 v2 cannot skip a test. A test that cannot run here throws NotRun; the binary then prints
// why and exits with 77, which ctest counts as skipped. In CI (the variable CI is set) it counts as
// failed: a judge that is missing there must not go unnoticed.
#pragma once

#include <stdexcept>
#include <string>

namespace rawimg::test {

class NotRun : public std::runtime_error {
 public:
  explicit NotRun(const std::string& why);
};

/// Throws: NotRun unless the test runs as root; `what` is what would not be shown.
void require_root(const std::string& what);

}  // namespace rawimg::test
