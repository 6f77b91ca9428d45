#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds everything in build/ and runs all tests. Packages are installed where missing and where that is allowed (third_party/install-deps.sh).
# Where judges stay missing, or the tester is not root, the tests that need them are listed with the reason; with CI set in the environment that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

# Without the packages to build there is nothing to run; judges that are missing are told by the tests that need them.
third_party/install-deps.sh tests || third_party/install-deps.sh --check quickstart
cmake --preset dev -G Ninja
cmake --build build

result=0
ctest --test-dir build --output-on-failure --no-tests=error -j "$(nproc)" || result=$?
not_run=$(sed -n 's/^not run: //p' build/Testing/Temporary/LastTest.log | sort | uniq -c)
if [[ -n $not_run ]]; then
  printf 'What could not be run, with the number of tests:\n%s\n' "$not_run"
  [[ -z ${CI-} ]] || result=1
fi
exit "$result"
