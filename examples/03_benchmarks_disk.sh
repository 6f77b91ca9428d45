#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# 03_benchmarks_disk.sh DIRECTORY IMAGE
# A second disk with what a directory holds: the same system image serves many sets of benchmarks. Files of the user who calls become root's.
# Needs: rawimg (on PATH or as $RAWIMG). In the guest: mount /dev/hdb1 /mnt, or mount LABEL=benchmarks /mnt.
set -euo pipefail
[[ $# -eq 2 ]] || { echo "usage: ${0##*/} DIRECTORY IMAGE" >&2; exit 2; }
rawimg=${RAWIMG:-rawimg}
directory=$1 image=$2

# Results may go there, too: 64 MiB more than the content needs. Version control and object files stay here.
"$rawimg" build "$image" --from "$directory" --exclude .git --exclude '*.o' --label benchmarks --size auto+64M

"$rawimg" tree -L 2 "$image"
"$rawimg" df -h "$image"
