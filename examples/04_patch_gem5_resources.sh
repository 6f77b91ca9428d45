#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# 04_patch_gem5_resources.sh IMAGE[.gz] PROGRAM NEW-IMAGE
# Puts a program into a copy of a prebuilt image of gem5-resources (x86-ubuntu-24.04-img and its kind: GPT, ext4 in slot 2 at 2 MiB), and has the guest run it behind its boot.
# Needs: rawimg (on PATH or as $RAWIMG), the image as it is downloaded. The original stays as it is, for simulations that use it; the copy takes the disk that its data need.
# Checkpoints belong to the bytes of an image: take new ones of the new image.
set -euo pipefail
[[ $# -eq 3 ]] || { echo "usage: ${0##*/} IMAGE[.gz] PROGRAM NEW-IMAGE" >&2; exit 2; }
rawimg=${RAWIMG:-rawimg}
original=$1 program=$2 image=$3
name=$(basename -- "$program")

"$rawimg" convert "$original" "$image"

# The script that these images run behind the login of user gem5. One transaction: the guest has the program and the script, or neither.
script=$(mktemp)
trap 'rm -f -- "$script"' EXIT
cat >"$script" <<SCRIPT
#!/bin/bash
# runs $name, then ends the simulation
/usr/local/bin/$name
gem5-bridge exit
SCRIPT
"$rawimg" batch "$image" - <<BATCH
cp --chmod 0755 $(printf %q "$program") :/usr/local/bin/
cp --chmod 0755 --owner 1000:1000 $(printf %q "$script") :/home/gem5/after_boot.sh
BATCH

"$rawimg" ls -l "$image:/usr/local/bin" "$image:/home/gem5"
