#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# 01_gem5_x86_from_stage3.sh STAGE3.tar.xz M5 IMAGE
# A disk for gem5's x86 full system mode from a Gentoo stage3: it boots to the script that the host gives (m5 readfile), runs it and exits.
# Needs: rawimg (on PATH or as $RAWIMG), a stage3, and gem5's m5 for x86 (scons build/x86/out/m5 in gem5's util/m5). No root, no loop device.
# The kernel is none of the image's business: gem5 takes it as a file of its own, with root=/dev/hda1 or whatever it calls the disk.
set -euo pipefail
[[ $# -eq 3 ]] || { echo "usage: ${0##*/} STAGE3.tar.xz M5 IMAGE" >&2; exit 2; }
rawimg=${RAWIMG:-rawimg}
stage3=$1 m5=$2 image=$3

# What Gentoo publishes beside a stage3 says whether it came whole; whether it came from Gentoo, 'gpg --verify' of the same file says.
verify=()
if [[ -e $stage3.DIGESTS || -e $stage3.sha256 ]]; then
  verify=(--verify)
else
  echo "${0##*/}: there is no $stage3.DIGESTS: what was downloaded is not checked" >&2
fi

# One pass: partition table, ext2 (which every kernel mounts), the tree, m5 with its hook, and 1 GiB to work in. IDE disks of gem5 have at most 128 GiB.
"$rawimg" build "$image" --from "$stage3" "${verify[@]}" --size auto+1G --start 63s --gem5 --m5 "$m5" --arch x86

"$rawimg" info "$image"
