// SPDX-License-Identifier: MIT
#define CATCH_CONFIG_RUNNER
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <vector>

#include <catch2/catch.hpp>

#include "support/not_run.h"

namespace rawimg::test {
namespace {

constexpr int kFailed = 1, kSkipped = 77;

std::vector<std::string>& reasons() {
  static std::vector<std::string> list;
  return list;
}

/// What a session returns is a number of assertions in one version of Catch2 and a code in another.
std::uint64_t failed_assertions = 0;

using Listener = Catch::TestEventListenerBase;

struct Counter : Listener {
  using Listener::Listener;
  void testRunEnded(const Catch::TestRunStats& stats) override {
    failed_assertions = stats.totals.assertions.failed;
    Listener::testRunEnded(stats);
  }
};
CATCH_REGISTER_LISTENER(Counter)

}  // namespace

NotRun::NotRun(const std::string& why) : std::runtime_error(why) {}

// Called for what leaves a test, not for what a test expects.
CATCH_TRANSLATE_EXCEPTION(const NotRun& reason) {
  reasons().emplace_back(reason.what());
  return std::string("not run: ") + reason.what();
}

void require_root(const std::string& what) {
  if (::geteuid() != 0) throw NotRun("not root: " + what);
}

int result_of(int session) {
  for (const std::string& why : reasons()) std::cout << "not run: " << why << std::endl;
  const bool ci = std::getenv("CI") != nullptr;
  // Each NotRun is one failed assertion (an unexpected exception): more than these is a failure.
  if (!ci && !reasons().empty() && failed_assertions == reasons().size()) return kSkipped;
  return session == 0 ? 0 : kFailed;
}

}  // namespace rawimg::test

int main(int argc, char** argv) {
  return rawimg::test::result_of(Catch::Session().run(argc, argv));
}
