#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# debian_tree.sh SUITE: prints the path of a minimal Debian tree, which is to be copied, not changed. It is made the first time, as root, from the mirror that apt here is configured with,
# and kept in ${XDG_CACHE_HOME:-~/.cache}/rawimg-test. Where that is not possible, it says why on stdout, after "not run: ", and exits 77.
set -euo pipefail
suite=$1
tree=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/rawimg-test/debian-$suite
refuse() { echo "not run: $*" && exit 77; }

[[ $EUID -eq 0 ]] || refuse 'not root: a Debian tree to install in'
command -v mmdebstrap >/dev/null || refuse "the program 'mmdebstrap' is missing; third_party/install-deps.sh installs it"
mkdir -p "${tree%/*}"
exec 9>"$tree.lock"
flock 9
if [[ ! -d $tree ]]; then
  mirror=$(apt-get indextargets --format '$(ORIGIN)/$(LABEL) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian\/Debian //p' | head -n 1)
  [[ -n $mirror ]] || refuse 'apt here has no package lists of Debian: apt-get update'
  rm -rf "$tree.new"
  # With package lists, which mmdebstrap itself would leave out, so that nothing but packages is fetched later.
  mmdebstrap --quiet --variant=apt --skip=cleanup/apt/lists "$suite" "$tree.new" "deb $mirror $suite main" >&2
  mv "$tree.new" "$tree"
fi
echo "$tree"
