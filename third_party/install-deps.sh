#!/usr/bin/env bash
# Installs what the build and the tests need on Debian 12 (and later): exactly the packages that README.md here lists.
#   install-deps.sh           silent when all is there; else installs as root or by `sudo -n`; else prints the one line for an administrator and exits 2
#   install-deps.sh --check   the same, but installs nothing: prints that line and exits 2 when something is missing
set -euo pipefail

build=(g++ cmake ninja-build pkg-config libext2fs-dev comerr-dev libarchive-dev liblzma-dev libzstd-dev libisal-dev nettle-dev libcxxopts-dev libfmt-dev nlohmann-json3-dev catch2)
judges=(e2fsprogs fdisk tar libarchive-tools fakeroot qemu-system-x86 busybox-static cpio kmod xz-utils pixz zstd lz4 lzip bzip2 ncompress gzip acl attr libcap2-bin strace util-linux)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rawimg-test

missing() {
  local installed package
  installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' "${build[@]}" "${judges[@]}" 2>/dev/null || true)"
  for package in "${build[@]}" "${judges[@]}"; do
    [[ $installed == *" installed:$package "* ]] || printf '%s\n' "$package"
  done
}

# The kernel that boots images in tests is unpacked, never installed.
fetch_kernel() {
  compgen -G "$cache/kernel/boot/vmlinuz-*" >/dev/null && return
  local package work
  package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ {print $2; exit}')
  work=$(mktemp -d)
  (cd "$work" && apt-get download -q "$package" >/dev/null 2>&1 && dpkg -x ./*.deb kernel)
  mkdir -p "$cache" && rm -rf "$cache/kernel" && mv "$work/kernel" "$cache/kernel"
  rm -rf "$work"
}

mapfile -t packages < <(missing)
if ((${#packages[@]})); then
  line="apt-get install --yes --no-install-recommends ${packages[*]}"
  if [[ ${1:-} == --check ]]; then
    echo "missing; as an administrator: $line" >&2
    exit 2
  elif ((EUID == 0)); then
    as_root=()
  elif sudo -n true 2>/dev/null </dev/null; then
    as_root=(sudo -n)
  else
    echo "missing; as an administrator: $line" >&2
    exit 2
  fi
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086  # the line is words
  if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" $line; } >"$log" 2>&1 </dev/null; then
    tail -20 "$log" >&2
    exit 1
  fi
fi
[[ ${1:-} == --check ]] || fetch_kernel
