#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what the build and the tests need, as Debian 12 packages it (README.md beside this file says what for). Silent when all is there.
#   install-deps.sh           installs as root or by `sudo -n`; with neither: prints the apt line for an administrator and exits 2 at once
#   install-deps.sh --check   installs nothing; prints what is missing and exits 1
# One thing is not installed: the kernel that tests boot in QEMU is unpacked into ${XDG_CACHE_HOME:-~/.cache}/rawimg-test/kernel.
set -euo pipefail

build=(g++ cmake ninja-build pkg-config libext2fs-dev comerr-dev libarchive-dev liblzma-dev libzstd-dev libisal-dev nettle-dev
  libcxxopts-dev libfmt-dev nlohmann-json3-dev catch2)
judges=(e2fsprogs fdisk util-linux tar libarchive-tools fakeroot qemu-system-x86 busybox-static cpio strace time acl attr libcap2-bin
  gzip bzip2 xz-utils pixz zstd lz4 lzip ncompress diffutils patch)
kernel=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/rawimg-test/kernel

fail() { # EXIT-CODE LINE...
  printf 'install-deps.sh: %s\n' "${@:2}" >&2
  exit "$1"
}

missing_packages() {
  local present
  present=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${build[@]}" "${judges[@]}" 2>/dev/null | sed -n 's/^installed //p') || true
  printf '%s\n' "${build[@]}" "${judges[@]}" | grep -vxF -- "$present" || true
}

have_kernel() { compgen -G "$kernel/boot/vmlinuz-*" >/dev/null && [[ -d $kernel/lib/modules ]]; }

# sudo may ask a directory server who we are before it says no: an answer that takes long is a no.
may_sudo() { command -v sudo >/dev/null && timeout 0.7 sudo -n true 2>/dev/null; }

install_packages() { # PACKAGE...
  local as_root=()
  local line="apt-get install -y --no-install-recommends $*"
  if [[ $EUID -ne 0 ]]; then
    may_sudo || fail 2 'packages are missing; an administrator installs them with' "  $line"
    as_root=(sudo -n)
  fi
  # An install that fails is tried again with new package lists: a fresh container has none, an old one has stale ones.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null 2>&1 ||
    { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive $line >&2; } ||
    fail 1 "could not install: $*"
}

unpack_kernel() {
  mkdir -p "${kernel%/*}"
  local name
  work=$(mktemp -d "${kernel%/*}/kernel.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  name=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
  [[ -n $name ]] || fail 1 "apt knows no kernel that linux-image-cloud-amd64 depends on; 'apt-get update' as root may help"
  # The sandbox user of apt cannot write here; without it there is only a warning less.
  (cd "$work" && apt-get download -qq -o APT::Sandbox::User="$(id -un)" "$name") >&2 || fail 1 "could not download $name"
  dpkg -x "$work"/*.deb "$work/kernel"
  rm -rf "$kernel"
  mv -T "$work/kernel" "$kernel"
  have_kernel || fail 1 "$name has no kernel and modules where they are expected"
}

case "$#:${1-}" in
  0:) check=false ;;
  1:--check) check=true ;;
  *) fail 2 'usage: install-deps.sh [--check]' ;;
esac
command -v dpkg-query >/dev/null || fail 2 'these are packages of Debian 12, and there is no dpkg here; README.md beside this script lists them'

mapfile -t missing < <(missing_packages)
if $check; then
  ((${#missing[@]} == 0)) || printf 'missing package: %s\n' "${missing[@]}"
  have_kernel || printf 'missing: a kernel to boot in tests, in %s\n' "$kernel"
  ((${#missing[@]} == 0)) && have_kernel || exit 1
  exit 0
fi
((${#missing[@]} == 0)) || install_packages "${missing[@]}"
have_kernel || unpack_kernel
