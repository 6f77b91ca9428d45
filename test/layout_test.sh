#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# clang-format has nothing to change in the sources: layout is its business, and nobody else's.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v clang-format >/dev/null; then
  echo "not run: the program 'clang-format' is missing; third_party/install-deps.sh installs it"
  [[ -n ${CI-} ]] && exit 1
  exit 77
fi
find lib tools test examples \( -name '*.cpp' -o -name '*.h' \) -print0 | xargs -0 clang-format --dry-run -Werror

# ctest would pass it as an option, and the test would not run.
if grep -rn --include='*.cpp' 'TEST_CASE("-' test; then
  echo "a test's name begins with a dash"
  exit 1
fi
