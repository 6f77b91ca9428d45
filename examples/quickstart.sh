#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# quickstart.sh [STAGE3.tar.xz]
# The main job, from a fresh clone: builds rawimg, makes a bootable disk image from a root filesystem tarball without privileges, looks inside, has e2fsck judge it, and boots it.
# Without a tarball it makes a small one from Debian's packages, packed as Gentoo packs a stage3. Everything it makes is in build-release/.
set -euo pipefail
[[ $# -le 1 && ${1-} != -* ]] || { echo 'usage: quickstart.sh [STAGE3.tar.xz]' >&2; exit 2; }
tarball=${1:+$(realpath -- "$1")}
[[ -z $tarball || -r $tarball ]] || { echo "quickstart.sh: cannot read '$tarball'" >&2; exit 1; }
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin # e2fsck, for those who are not root
out=build-release/quickstart
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
not_shown=()

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() { # COMMAND...
  printf '$ %s\n' "$*"
  "$@"
}

# base-files to coreutils make a root filesystem with a shell; ping has a file capability, the thing that is lost most often.
make_tarball() {
  local packages=(base-files base-passwd bash coreutils iputils-ping libacl1 libattr1 libc6 libcap2 libcap2-bin libgmp10 libidn2-0 libpcre2-8-0 libselinux1 libtinfo6 libunistring2 mount
    libblkid1 libmount1 libsmartcols1)
  local root=$work/root
  mkdir "$work/packages" "$root"
  # Root alone can get package lists; a fresh container has none.
  [[ $EUID -ne 0 ]] || apt-cache show base-files >/dev/null 2>&1 || apt-get update -qq
  (cd "$work/packages" && apt-get download -qq -o APT::Sandbox::User="$(id -un)" "${packages[@]}") ||
    { echo "quickstart.sh: Debian's packages cannot be fetched; 'apt-get update' as root may help, or name a tarball" >&2; return 1; }
  # Permissions as in the packages; the owner becomes root in the tarball, whoever unpacks here.
  for package in "$work"/packages/*.deb; do dpkg -x "$package" "$root"; done
  mkdir -p "$root"/{proc,sys,dev,etc}
  ln -s bash "$root/bin/sh"
  printf '/dev/vda1\t/\text4\tnoatime\t0 1\n' >"$root/etc/fstab"
  setcap cap_net_raw+ep "$root/bin/ping" 2>/dev/null || not_shown+=("a file capability in the tarball: only root can give one")
  tar --format=posix --xattrs --xattrs-include=security.capability --numeric-owner --owner=0 --group=0 --sort=name -I 'pixz -t' -cpf "$tarball" -C "$root" .
}

# As nobody where root started this, with an empty environment and no way to gain privileges: that is all that rawimg needs.
build_image() { # IMAGE TARBALL
  local nobody=()
  if [[ $EUID -eq 0 ]]; then
    chown 65534:65534 "$work/unprivileged"
    chmod 711 "$work"
    nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs)
  fi
  cp build-release/rawimg "$work/unprivileged/"
  show "${nobody[@]}" env -i -C "$work/unprivileged" ./rawimg build disk.img --from - --size "$size" --type ext4 <"$tarball"
  mv "$work/unprivileged/disk.img" "$1"
}

# A stock Debian kernel mounts the partition and runs a shell from it.
boot_image() { # IMAGE
  local kernel initrd=$work/initrd
  kernel=$(compgen -G "${XDG_CACHE_HOME:-$HOME/.cache}/rawimg-test/kernel/boot/vmlinuz-*" | head -n 1) || true
  for program in qemu-system-x86_64 busybox cpio; do
    command -v "$program" >/dev/null || { not_shown+=("a boot: $program is not installed"); return; }
  done
  [[ -n $kernel ]] || { not_shown+=('a boot: no kernel is unpacked; third_party/install-deps.sh does that'); return; }
  mkdir -p "$initrd"/{bin,dev,proc,root}
  cp "$(command -v busybox)" "$initrd/bin/busybox"
  local modules=(virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk)
  for module in "${modules[@]}"; do find "${kernel%/boot/*}/lib/modules" -name "$module.ko" -exec cp {} "$initrd/" \;; done
  cat >"$initrd/init" <<INIT
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in ${modules[*]}; do /bin/busybox insmod /\$module.ko; done
/bin/busybox mount -t ext4 -o ro /dev/vda1 /root && /bin/busybox mount -o move /dev /root/dev &&
  exec /bin/busybox switch_root /root /bin/sh -c '. /etc/os-release; echo "the image is up: \$PRETTY_NAME"; mount -t proc proc /proc && while read -r line; do case \$line in *" / "*) echo "\$line";; esac; done </proc/mounts; echo o >/proc/sysrq-trigger; while :; do :; done'
/bin/busybox poweroff -f
INIT
  chmod 755 "$initrd/init"
  (cd "$initrd" && find . | cpio --quiet -o -H newc) >"$work/initrd.cpio"
  timeout 300 qemu-system-x86_64 -accel tcg -cpu max -m 512 -nodefaults -nographic -serial stdio -no-reboot -kernel "$kernel" -initrd "$work/initrd.cpio" \
    -append 'console=ttyS0 quiet panic=-1 no_timer_check' -drive "file=$1,format=raw,if=virtio,snapshot=on" </dev/null | tee "$work/console"
  grep -aq 'the image is up' "$work/console" || { echo 'quickstart.sh: the image did not boot' >&2; return 1; }
}

step 'Build rawimg'
third_party/install-deps.sh quickstart
cmake --preset release -G Ninja -DRAWIMG_BUILD_TESTS=OFF >"$work/log" && cmake --build build-release >>"$work/log" || { cat "$work/log" >&2; exit 1; }
mkdir -p "$out" "$work/unprivileged"
show build-release/rawimg version

size=4G
if [[ -z $tarball ]]; then
  step "A small root filesystem from Debian's packages, packed as a stage3"
  tarball=$PWD/$out/rootfs.tar.xz size=512M
  make_tarball
  ls -l "$tarball"
fi

step 'A bootable disk image, without privileges'
build_image "$out/disk.img"

step 'What is in it'
show build-release/rawimg info "$out/disk.img"
show build-release/rawimg ls -l "$out/disk.img:/"
show build-release/rawimg cat "$out/disk.img:/etc/fstab"

step "e2fsck's opinion"
offset=$(build-release/rawimg info --json "$out/disk.img" | sed 's/.*"offset":\([0-9]*\).*/\1/')
show e2fsck -fn "$out/disk.img?offset=$offset"

step 'A boot in QEMU'
boot_image "$out/disk.img"

printf '\nThe image is %s.\n' "$out/disk.img"
((${#not_shown[@]} == 0)) || printf 'Not shown: %s\n' "${not_shown[@]}"
