#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# trixie.sh: the source builds and passes its unit tests in Debian 13, with its libext2fs and Catch2 3. As root; takes what compiling everything takes, so it is run by hand.
# The tree is made with mmdebstrap from the mirror that apt here is configured with; build and results are in build-trixie/.
set -euo pipefail
cd "$(dirname "$0")/.."
cached=$(test/support/debian_tree.sh trixie) || { echo "$cached" && exit 1; }
failed=()
tree=$PWD/build-trixie/tree
mkdir -p build-trixie
if [[ ! -d $tree ]]; then
  cp -a --reflink=auto "$cached" "$tree.new"
  mkdir "$tree.new/rawimg"
  mv "$tree.new" "$tree"
fi
git ls-files -z | xargs -0 cp -p --parents -t "$tree/rawimg"

inside() { env -i CI=true PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive unshare -m sh -c 'mount -t proc proc "$0/proc"; mount --rbind /dev "$0/dev"; exec chroot "$0" "$@"' "$tree" "$@"; }
inside /rawimg/third_party/install-deps.sh quickstart
inside apt-get install -qq -y --no-install-recommends acl attr bzip2 fdisk fish groff-base libarchive-tools lz4 lzip mandoc ncompress patch strace tree xz-utils zsh zstd >/dev/null
inside cmake -S /rawimg -B /rawimg/build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 -DRAWIMG_WERROR=ON
# As .ci/run has it: the rooms' own tests.
mapfile -t units < <(inside cmake --build /rawimg/build --target help | sed -n 's/^\(rawimg_[a-z]*_tests\): .*/\1/p' | grep -vxE 'rawimg_(judge|boot|conformance)_tests')
((${#units[@]} > 0)) || { echo 'trixie.sh: no unit tests to build' >&2; exit 1; }
inside cmake --build /rawimg/build --target "${units[@]}"
for unit in "${units[@]}"; do
  room=${unit#rawimg_}
  echo "$unit"
  inside "/rawimg/build/test/${room%_tests}/$unit" '~[slow]' || failed+=("$unit")
done
((${#failed[@]} == 0)) || { echo "trixie.sh: failed: ${failed[*]}" >&2; exit 1; }
