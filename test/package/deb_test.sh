#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# deb_test.sh BUILD: lintian accepts the packages that cpack makes, and the command's is installed in a fresh tree of the system it was built on, works there, and is removed without a trace.
set -euo pipefail
build=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "deb_test: $*" && exit 1; }
not_run() { # LINE
  echo "$1"
  [[ -z ${CI-} ]] || exit 1
  exit 77
}
for program in lintian dpkg-shlibdeps; do
  command -v "$program" >/dev/null || not_run "not run: the program '$program' is missing; third_party/install-deps.sh installs it"
done

cpack -G DEB --config "$build/CPackConfig.cmake" -B "$work/packages" >"$work/log" 2>&1 || { cat "$work/log" && fail 'cpack fails'; }
mapfile -t packages < <(find "$work/packages" -maxdepth 1 -name '*.deb' | sort)
[[ ${#packages[@]} -eq 2 && ${packages[1]} == */rawimg_* ]] || fail "cpack made ${packages[*]}"

# Suppressed: a bug to close is for the archive that packages are uploaded to; outside of --preset package libraries are in /usr/lib; there are no manual pages yet.
lintian --fail-on error,warning --suppress-tags "initial-upload-closes-no-bugs,pkg-config-unavailable-for-cross-compilation,no-manual-page" "${packages[@]}" 2>&1 || fail 'lintian complains'

# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
cached=$("$here/../support/debian_tree.sh" "$suite") || not_run "$cached"
tree=$work/tree
cp -a --reflink=auto "$cached" "$tree"
cp "${packages[1]}" "$tree/rawimg.deb"
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot "$tree" "$@"; }
apt() { inside apt-get -qq -y -o APT::Sandbox::User=root -o Binary::apt-get::APT::Keep-Downloaded-Packages=true "$@" >"$work/log" 2>&1 || { cat "$work/log" && fail "apt-get $1 fails"; }; }
# What the tree cannot tell apart from a leftover of ours: caches and logs of apt and ld.so.
list() { (cd "$tree" && find . -path ./var/cache -prune -o -path ./var/log -prune -o -path ./var/lib/apt -prune -o -path ./var/lib/dpkg -prune -o -path ./etc/ld.so.cache -prune -o -print | sort); }

list >"$work/before"
apt install --no-install-recommends /rawimg.deb
# Dependencies are kept beside the cached tree: the next run fetches nothing.
cp -n "$tree"/var/cache/apt/archives/*.deb "$cached/var/cache/apt/archives/" 2>/dev/null || true
[[ $(inside rawimg version) == rawimg\ * ]] || fail 'it does not run'
[[ $(inside readlink /usr/bin/gem5img) == rawimg ]] || fail 'gem5img is not its second name'
inside sh -c 'mkdir /tree && echo installed >/tree/motd && setpriv --reuid=65534 --regid=65534 --clear-groups env -C /tmp rawimg build -q disk.img --from /tree --size auto+1M' || fail 'it makes no image'
[[ $(inside rawimg cat /tmp/disk.img:/motd) == installed ]] || fail 'it reads something else back'
rm -r "$tree/tree" "$tree/tmp/disk.img"

apt purge rawimg
apt autoremove --purge
diff "$work/before" <(list) || fail 'removed, it leaves other files than there were'
[[ -z $(inside dpkg-query -W -f='${Status}' rawimg 2>/dev/null) ]] || fail 'dpkg still knows it'
echo 'installed, used and removed'
