#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ci_examples_test.sh RAWIMG: what the jobs of examples/ci call rawimg with makes an image. (That they run on their hosts can only be seen there.)
set -euo pipefail
rawimg=$(realpath "$1")
cd "$(dirname "$0")/../examples/ci"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/etc"
echo 'of a job' >"$work/etc/motd"
tar -C "$work" -cJf "$work/rootfs.tar.xz" etc
ln -s "$rawimg" "$work/rawimg"

mapfile -t gitlab < <(sed -n 's/^    - \(\.\/rawimg .*\)/\1/p' gitlab-ci.yml)
mapfile -t github < <(sed -n 's/.*env -C \/tmp\/out "\$PWD\/build-static\/rawimg" \(build .*\)/\1/p' github-workflow.yml)
[[ ${#gitlab[@]} -eq 2 && ${#github[@]} -eq 1 ]] || { echo 'ci_examples_test: the jobs call rawimg in another way'; exit 1; }
for line in "${gitlab[@]}"; do (cd "$work" && sh -c "$line" >/dev/null); done
[[ $("$rawimg" cat "$work/disk.img:/etc/motd") == 'of a job' ]] || { echo "ci_examples_test: GitLab's image holds something else"; exit 1; }
rm "$work/disk.img"
repository=$(realpath ../..)
(cd "$work" && sh -c "./rawimg ${github[0]//\$PWD/$repository}")
"$rawimg" ls "$work/disk.img:/ci" | grep -qx Containerfile || { echo "ci_examples_test: GitHub's image holds something else"; exit 1; }
