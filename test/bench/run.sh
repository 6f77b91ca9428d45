#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Measures rawimg against the physical limit, or a peer, in turns in the same run, and prints Markdown. Asserts no time; but e2fsck judges every image that was measured, and one that is not clean ends it with 1.
# Usage: test/bench/run.sh [--quick] [--only P1,P2,...] [--svg OUT.svg] [TARBALL.tar.xz]
#   --quick: small inputs and one pair each, for correctness. Without a tarball one is made of the files of installed Debian packages.
# In the environment: RAWIMG, the command (build-release/rawimg); TOOLS, where the bench tools are (build/test/bench); WORK, a tmpfs with 14 GiB to spare (/dev/shm); DISK, a directory on a disk (/var/tmp).
# Wants the packages of install-deps.sh, and for P9 isal (igzip).
set -euo pipefail
cd "$(dirname "$0")/../.."
draw=$PWD/test/bench/draw.awk
rawimg=$(realpath "${RAWIMG:-build-release/rawimg}")
tools=$(realpath "${TOOLS:-build/test/bench}")
pairs=11 slow_pairs=3 mib=1200 files=200000 big=4294967296 counts='1000 10000 100000 1000000' peer_most=20000 huge=1T quick='' only='' svg=''
while [[ ${1:-} == --* ]]; do
  case $1 in
    --quick) quick=yes pairs=1 slow_pairs=1 mib=40 files=4000 big=67108864 counts='1000 10000' peer_most=1000 huge=16G ;;
    --only) only=",$2," && shift ;;
    --svg) svg=$(realpath -m "$2") && shift ;;
    *) echo "run.sh: unknown option $1" >&2 && exit 2 ;;
  esac
  shift
done
tarball=${1:+$(realpath "$1")}
work=$(mktemp -d "${WORK:-/dev/shm}/rawimg-bench.XXXXXX")
disk=$(mktemp -d "${DISK:-/var/tmp}/rawimg-bench.XXXXXX")
trap 'rm -rf "$work" "$disk"' EXIT
cd "$work"

wanted() { [[ -z $only || $only == *",$1,"* ]]; }
judge() { # IMAGE, with one partition or none
  local place=$1
  [[ $("$rawimg" info --json "$1") == *'"slot":1'* ]] && place="$1?offset=1048576"
  e2fsck -fn "$place" >fsck.log 2>&1 || { sed "s|^|$1 is not clean: |" fsck.log >&2 && exit 1; }
}
# row JOB LIMIT-COMMAND COMMAND [OPTION...]: o.* are what they make
row() {
  "$tools/rawimg_bench_compare" --pairs "$pairs" --before "rm -f o.* $disk/o.*; sync" "${@:4}" "$1" "$2" "$3"
  local image
  for image in o.img "$disk/o.img"; do [[ ! -e $image ]] || judge "$image"; done
}
input() { "$tools/rawimg_bench_input" "$@"; }

# The files of packages in the order of their names, up to so many bytes: the same wherever the same packages are installed.
list_package_files() { # MIB
  dpkg-query -W -f '${binary:Package}\n' | sort | xargs dpkg -L 2>/dev/null | grep -E '^/(usr|etc|opt)/' | sort -u >all
  xargs -d '\n' stat -c '%s %n' <all 2>/dev/null | awk -v most="$1" '{sum += $1 + 512; if (sum > most * 1048576) exit; sub(/^[0-9]* /, ""); print}'
}
if [[ -n $tarball ]]; then
  cp "$tarball" in.tar.xz
  xz -T0 -dc in.tar.xz >in.tar
else
  list_package_files "$mib" >list || true # stat ends with 1 for what is not installed
  tar -cf in.tar --no-recursion -C / -T list 2>/dev/null || [[ $? == 1 ]]
fi
entries=$(tar -tf in.tar | wc -l)
build="$rawimg build -q o.img --no-sync"

printf '%s entries, %s MiB; %s; %s processors; %s\n\n' "$entries" $(($(stat -c %s in.tar) / 1048576)) "$(sed -n 's/^model name\t*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$("$rawimg" version)"
"$tools/rawimg_bench_compare" --heading

if wanted P1; then
  [[ -e in.tar.xz ]] || pixz -t <in.tar >in.tar.xz
  row 'P1 build from .tar.xz / xz -T0 -dc >/dev/null' 'xz -T0 -dc in.tar.xz >/dev/null' "$build --from in.tar.xz" --target 1.05
fi
if wanted P2; then
  row 'P2 build ext2 from .tar / cat' 'cat in.tar >o.tar' "$build --from in.tar" --target 1.3
  row 'raw writes of zeros (dd) / cat' 'cat in.tar >o.tar' "dd if=/dev/zero of=o.dd bs=1M count=$(($(stat -c %s in.tar) / 1048576)) status=none"
  mkdir root && tar -xf in.tar -C root
  slow() { row "$@" --pairs "$slow_pairs"; }
  slow 'mke2fs -d, ext2, from a directory / cat' 'cat in.tar >o.tar' 'mke2fs -q -t ext2 -d root o.mke2fs 2G'
  slow 'mke2fs -d, ext4, from a directory / cat' 'cat in.tar >o.tar' 'mke2fs -q -t ext4 -d root o.mke2fs 2G'
  slow 'genext2fs from a directory / cat' 'cat in.tar >o.tar' 'genext2fs -d root -B 4096 -b 524288 -N 131072 o.genext2fs'
  slow 'tar -x, which makes no image / cat' 'cat in.tar >o.tar' 'mkdir gone && tar -xf in.tar -C gone' --before 'rm -rf o.* gone; sync'
  rm -rf gone
fi
wanted P3 && row 'P3 build ext4 from .tar / cat' 'cat in.tar >o.tar' "$build -t ext4 --from in.tar" --target 1.5
wanted P4 && row 'P4 build with its syncs, to a disk / cat and sync' "cat in.tar >$disk/o.tar && sync $disk/o.tar" "$rawimg build -q $disk/o.img --from in.tar" --target 1.15
if wanted P5; then
  input files "$files" 1 >one.tar && input files "$files" $((files / 100)) >many.tar
  row "P5 $files empty files in one directory / in $((files / 100))" "$build --from many.tar && mv o.img o2.img" "$build --from one.tar" --target 1.2
  rm one.tar many.tar
fi
if wanted P6; then
  input files $((files * 5)) $((files / 20)) >more.tar && input files $((files / 2)) $((files / 200)) >less.tar
  row "P6 $((files * 5)) entries / $((files / 2)), per entry" "$build --from less.tar && mv o.img o2.img" "$build --from more.tar" --target 1.1 --scale 0.1
  rm more.tar less.tar
fi
if wanted P7; then
  input big "$big" >big.tar
  row "P7 one file of $((big / 1048576)) MiB / cat" 'cat big.tar >o.tar' "$build --from big.tar" --target 1.3 --pairs "$((pairs / 2 + 1))"
  rm big.tar
  pipe="$tools/rawimg_bench_input big $((big * 5))"
  row "P7 one file of $((big * 5 / 1048576)) MiB from a pipe to a disk / cat" "$pipe | cat >$disk/o.tar" "$pipe | $rawimg build -q $disk/o.img --no-sync --from -" --pairs "$slow_pairs" --target 1.3
fi
if wanted P9; then
  gzip -c in.tar >in.tar.gz && zstd -q -T0 -c in.tar >in.tar.zst
  if command -v igzip >/dev/null; then row 'P9 build from .tar.gz / igzip -dc >/dev/null' 'igzip -dc in.tar.gz >/dev/null' "$build --from in.tar.gz" --target 1.15; fi
  row 'P9 build from .tar.gz / gzip -dc >/dev/null' 'gzip -dc in.tar.gz >/dev/null' "$build --from in.tar.gz" --target 1.15
  row 'P9 build from .tar.zst / zstd -dc >/dev/null' 'zstd -q -dc in.tar.zst >/dev/null' "$build --from in.tar.zst" --target 1.15
  rm in.tar.gz in.tar.zst
fi
if wanted P10; then
  for type in ext2 ext4; do
    row "P10 init of ${huge}iB, $type, on a disk / mke2fs" "truncate -s $huge $disk/o.mke2fs && mke2fs -q -F -t $type $disk/o.mke2fs" "$rawimg init -q $disk/o.img --size $huge -t $type" --target 1.0
  done
fi
if wanted P11; then
  input files "$files" $((files / 100)) >many.tar
  "$rawimg" build -q big.img --from many.tar --size 16G -t ext4 --table none && head -c 4096 in.tar >page && "$rawimg" cp -q page big.img:/d7/page
  times() { echo "for i in {1..50}; do $1; done"; }
  row 'P11 50 times cat of one file in 16 GiB / debugfs' "$(times "debugfs -R 'cat /d7/page' big.img 2>/dev/null")" "$(times "$rawimg cat big.img:/d7/page")" --target 1.0
  row 'P11 50 times ls of a directory / debugfs' "$(times "debugfs -R 'ls -l /d7' big.img 2>/dev/null")" "$(times "$rawimg ls -l big.img:/d7")" --target 1.0
  row 'P11 50 times stat / debugfs' "$(times "debugfs -R 'stat /d7/page' big.img 2>/dev/null")" "$(times "$rawimg stat big.img:/d7/page")" --target 1.0
  judge big.img
  rm big.img many.tar
fi
if wanted P12; then
  [[ -d root ]] || { mkdir root && tar -xf in.tar -C root; }
  row 'P12 build from a directory / tar -c and cat' 'tar -cf - root | cat >o.tar' "$build --from root" --target 1.0
fi

# series NAME COMMAND MOST: the least of three runs for each number of entries
growth() {
  local count times
  for count in $counts; do
    ((count <= $3)) || continue
    rm -rf flat flat.tar && mkdir flat && input files "$count" 1 >flat.tar
    [[ $1 == rawimg ]] || tar -xf flat.tar -C flat
    times=$(for _ in 1 2 3; do rm -f o.* && TIMEFORMAT=%R && { time bash -c "$2" >/dev/null 2>&1; } 2>&1; done | sort -n | head -n 1)
    [[ $1 != rawimg ]] || judge o.img
    echo "$1 $count $times"
  done
}
if wanted growth; then
  {
    growth rawimg "$build --from flat.tar" 1000000
    growth mke2fs 'mke2fs -q -t ext2 -N 40000 -d flat o.mke2fs 1G' "$peer_most"
    growth genext2fs 'genext2fs -d flat -B 4096 -b 65536 -N 40000 o.genext2fs' "$peer_most"
    growth tar 'tar -cf o.tar flat' 100000
  } >growth.txt
  printf '\n| empty files in one directory | entries | seconds |\n| --- | --- | --- |\n' && sed 's/\([^ ]*\) \([^ ]*\) \([^ ]*\)/| \1 | \2 | \3 |/' growth.txt
  if [[ -n $svg ]]; then awk -f "$draw" growth.txt >"$svg"; fi
fi
