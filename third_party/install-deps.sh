#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what the build and the tests need, as Debian 12 packages it (README.md beside this file says what for). Silent when all is there.
#   install-deps.sh [--check] [quickstart|tests]
# Installs as root or by `sudo -n`; with neither it prints the one apt line for an administrator and exits 2 at once. With --check it does that always.
# quickstart: what examples/quickstart.sh cannot do without; tests (the default): that, and every judge.
# What tests boot in QEMU is not installed but unpacked into ${XDG_CACHE_HOME:-~/.cache}/rawimg-test: a kernel, and two small systems, one with sysvinit and one with systemd.
set -euo pipefail

build=(g++ cmake ninja-build pkg-config libext2fs-dev comerr-dev libarchive-dev liblzma-dev libzstd-dev libisal-dev libb2-dev nettle-dev
  libcxxopts-dev libfmt-dev nlohmann-json3-dev catch2 libbz2-dev liblz4-dev zlib1g-dev)
quickstart=(e2fsprogs util-linux tar libcap2-bin pixz)
judges=(clang-format e2tools fdisk findutils libarchive-tools fakeroot genext2fs qemu-system-x86 busybox-static cpio strace time tree acl attr gzip bzip2 xz-utils zstd lz4 lzip ncompress diffutils patch libbenchmark-dev isal groff-base mandoc zsh fish
  dpkg-dev lintian mmdebstrap)
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/rawimg-test
kernel=$cache/kernel

fail() { # EXIT-CODE LINE...
  printf 'install-deps.sh: %s\n' "${@:2}" >&2
  exit "$1"
}

missing_packages() { # PACKAGE...
  local present
  present=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p') || true
  printf '%s\n' "$@" | grep -vxF -- "$present" || true
}

have_kernel() { compgen -G "$kernel/boot/vmlinuz-*" >/dev/null && [[ -d $kernel/lib/modules ]]; }

# sudo may ask a directory server who we are before it says no: an answer that takes long is a no.
may_sudo() { command -v sudo >/dev/null && timeout 0.7 sudo -n true 2>/dev/null; }

tell_administrator() { # PACKAGE...
  fail 2 'packages are missing; an administrator installs them with' "  apt-get install -y --no-install-recommends $*"
}

install_packages() { # PACKAGE...
  local as_root=()
  if [[ $EUID -ne 0 ]]; then
    may_sudo || tell_administrator "$@"
    as_root=(sudo -n)
  fi
  # An install that fails is tried again with new package lists: a fresh container has none, an old one has stale ones.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null 2>&1 ||
    { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >&2; } ||
    fail 1 "could not install: $*"
}

kernel_package() { apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1; }

# A fresh container has no package lists.
update_lists() {
  if [[ $EUID -eq 0 ]]; then apt-get update -qq >&2; elif may_sudo; then sudo -n apt-get update -qq >&2; fi || true
}

unpack_kernel() {
  mkdir -p "${kernel%/*}"
  local name
  work=$(mktemp -d "${kernel%/*}/kernel.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  name=$(kernel_package)
  if [[ -z $name ]]; then
    update_lists
    name=$(kernel_package)
  fi
  [[ -n $name ]] || fail 1 "apt knows no kernel that linux-image-cloud-amd64 depends on; 'apt-get update' as root may help"
  # The sandbox user of apt cannot write here; without it there is only a warning less.
  (cd "$work" && apt-get download -qq -o APT::Sandbox::User="$(id -un)" "$name") >&2 || fail 1 "could not download $name"
  dpkg -x "$work"/*.deb "$work/kernel"
  rm -rf "$kernel"
  mv -T "$work/kernel" "$kernel"
  have_kernel || fail 1 "$name has no kernel and modules where they are expected"
}

have_guest() { [[ -x $cache/guest-$1/sbin/init || -L $cache/guest-$1/sbin/init ]]; } # INIT

# All that apt would install into an empty system, unpacked beside each other: nothing of it is run.
unpack_guest() ( # INIT PACKAGE...
  local init=$1 names deb
  shift
  work=$(mktemp -d "$cache/guest.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  : >"$work/status"
  mapfile -t names < <(apt-get -s -o Dir::State::status="$work/status" --no-install-recommends install "$@" 2>/dev/null | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
  ((${#names[@]} > 0)) || fail 1 "apt cannot tell what a system with $init needs; 'apt-get update' as root may help"
  (cd "$work" && apt-get download -qq -o APT::Sandbox::User="$(id -un)" "${names[@]}") >&2 || fail 1 "could not download the packages of a system with $init"
  mkdir -p "$work/root"/{usr/{bin,sbin,lib,lib64},etc,proc,sys,dev,run,tmp,root}
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$work/root/$name"; done
  for deb in "$work"/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -xf - -C "$work/root" --keep-directory-symlink --no-same-owner --exclude './usr/share/doc/*' --exclude './usr/share/locale/*' --exclude './usr/share/man/*'
  done
  # as the package's own script does it
  [[ ! -e $work/root/usr/share/sysvinit/inittab ]] || cp "$work/root/usr/share/sysvinit/inittab" "$work/root/etc/inittab"
  chmod 755 "$work/root"
  rm -rf "$cache/guest-$init"
  mv -T "$work/root" "$cache/guest-$init"
)

check=false
if [[ ${1-} == --check ]]; then
  check=true
  shift
fi
[[ $# -le 1 ]] || fail 2 'usage: install-deps.sh [--check] [quickstart|tests]'
case ${1-tests} in
  quickstart) wanted=("${build[@]}" "${quickstart[@]}") with_kernel=false ;;
  tests) wanted=("${build[@]}" "${quickstart[@]}" "${judges[@]}") with_kernel=true ;;
  *) fail 2 'usage: install-deps.sh [--check] [quickstart|tests]' ;;
esac
command -v dpkg-query >/dev/null || fail 2 'these are packages of Debian 12, and there is no dpkg here; README.md beside this script lists them'

mapfile -t missing < <(missing_packages "${wanted[@]}")
if ((${#missing[@]} > 0)); then
  ! $check || tell_administrator "${missing[@]}"
  install_packages "${missing[@]}"
fi
if $with_kernel && ! have_kernel; then
  ! $check || fail 2 "a kernel to boot in tests is missing in $kernel; install-deps.sh fetches it, as any user"
  unpack_kernel
fi
if $with_kernel; then
  for guest in 'sysvinit sysvinit-core' 'systemd systemd-sysv'; do
    read -r init package <<<"$guest"
    have_guest "$init" && continue
    ! $check || fail 2 "a system to boot in tests is missing in $cache/guest-$init; install-deps.sh fetches it, as any user"
    unpack_guest "$init" "$package" dash coreutils mount util-linux
  done
fi
