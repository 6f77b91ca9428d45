#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# 02_arm_from_ubuntu_base.sh UBUNTU-BASE.tar.gz IMAGE [M5]
# A disk for an ARM guest (gem5's ArmBoard, or qemu-system-aarch64 -M virt) from an Ubuntu base tarball, on a machine of any architecture.
# Needs: rawimg (on PATH or as $RAWIMG), ubuntu-base-*-arm64.tar.gz; SHA256SUMS beside it is used when it is there. With M5, gem5's m5 for arm64, the guest runs the host's script.
# Kernel and boot loader stay outside: gem5 takes both as files of its own, QEMU takes -kernel.
set -euo pipefail
[[ $# -eq 2 || $# -eq 3 ]] || { echo "usage: ${0##*/} UBUNTU-BASE.tar.gz IMAGE [M5]" >&2; exit 2; }
rawimg=${RAWIMG:-rawimg}
base=$1 image=$2

verify=()
sums=$(dirname -- "$base")/SHA256SUMS
[[ ! -e $sums ]] || verify=("--verify=$sums")
gem5=()
[[ $# -eq 2 ]] || gem5=(--gem5 --m5 "$3" --arch arm)

"$rawimg" build "$image" --from "$base" "${verify[@]}" --exclude '/boot/*' -t ext4 --label rootfs --size auto+1G "${gem5[@]}"

# gem5's ArmBoard has a virtio disk. 0: what was never unmounted is not checked at each boot.
"$rawimg" batch "$image" -e 'fstab set / /dev/vda1 ext4 noatime,errors=remount-ro 0 0' -e 'hostname arm-guest'

"$rawimg" info "$image"
echo "kernel arguments: console=ttyAMA0 root=/dev/vda1 rw"
