#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# static_test.sh RAWIMG: one file of at most 10 MB that makes an image of a tarball and reads it back where there is nothing but itself: in an empty root directory, as nobody.
set -euo pipefail
rawimg=$(realpath "$1")
export LC_ALL=C
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fail() { echo "static_test: $*" && exit 1; }

if [[ $EUID -eq 0 ]]; then
  inside=(env -i "$(command -v chroot)" --userspec=65534:65534 "$root")
elif unshare -r true 2>/dev/null; then
  inside=(env -i "$(command -v unshare)" -r "$(command -v chroot)" "$root")
else
  echo 'not run: not root, and no user namespaces: an empty root directory'
  [[ -z ${CI-} ]] || exit 1
  exit 77
fi

strip -o "$root/rawimg" "$rawimg"
size=$(stat -c %s "$root/rawimg")
((size <= 10000000)) || fail "it has $size bytes"
# ldd's words and exit codes differ; what it looks at is the program header.
if readelf -lW "$root/rawimg" | grep -E 'INTERP|Requesting'; then fail 'it wants a dynamic linker'; fi
# What would look for libraries while it runs, to ask who somebody is or where.
nm "$rawimg" | grep ' T main$' >/dev/null || fail 'it has no symbols to look at'
if nm -C "$rawimg" | grep -E ' [TW] (getpw(nam|uid)(_r)?|getgr(nam|gid)(_r)?|getaddrinfo|gethostbyname)$'; then fail 'it asks NSS'; fi

mkdir -p "$root/work" "$root/tree/etc" "$root/tree/bin"
echo 'in an empty root directory' >"$root/tree/etc/motd"
head -c 3000000 /dev/urandom >"$root/tree/bin/random"
ln -s random "$root/tree/bin/link"
chmod 4755 "$root/tree/bin/random"
tar --format=posix --owner=1234 --group=5678 --numeric-owner -C "$root/tree" -cf "$root/tree.tar" .
[[ $(tar -tf "$root/tree.tar" | wc -l) -ge 6 ]] || fail 'the tarball is not as it should be'
for program in gzip xz zstd bzip2 lz4; do "$program" -c "$root/tree.tar" >"$root/tree.tar.$program"; done
sum=$(sha256sum <"$root/tree/bin/random")
rm -rf "$root/tree"
chmod 755 "$root" && chmod 777 "$root/work" && chmod 644 "$root"/tree.tar*

in_root() { "${inside[@]}" /rawimg "$@" || fail "'rawimg $*' exits $?"; }
in_root build -q /work/plain.img --from /tree.tar --size 32M -t ext4
for program in gzip xz zstd bzip2 lz4; do
  in_root build -q "/work/$program.img" --from "/tree.tar.$program" --size 32M -t ext4
  cmp "$root/work/plain.img" "$root/work/$program.img" || fail "with $program it makes other bytes"
done
[[ $(in_root cat /work/plain.img:/etc/motd) == 'in an empty root directory' ]] || fail 'it reads something else back'
[[ $(in_root cat /work/plain.img:/bin/link | sha256sum) == "$sum" ]] || fail 'it reads other bytes back'
[[ $(in_root stat -c %u:%g:%a /work/plain.img:/bin/random) == 1234:5678:4755 ]] || fail 'it lost owner or mode'
in_root mkdir /work/plain.img:/opt
in_root ls -l /work/plain.img:/ >/dev/null
e2fsck -fn "$root/work/plain.img?offset=1048576" >"$root/e2fsck" 2>&1 || { cat "$root/e2fsck" && fail 'e2fsck complains'; }
echo "$size bytes, stripped"
