#!/usr/bin/env bash
# Measures `rawimg build` against the physical limit in the same run: decompressing the tarball to nowhere, and copying it. Prints a Markdown table of medians; asserts nothing.
# Usage: test/bench/run.sh [--quick] [TARBALL.tar.xz]      without a tarball one is made of this machine's /usr (--quick: of /usr/share)
# RAWIMG names the command (default: build/rawimg); TMPDIR should be a tmpfs with three times the unpacked size to spare.
set -euo pipefail
cd "$(dirname "$0")/../.."
rawimg=$(realpath "${RAWIMG:-build/rawimg}")
pairs=5
[[ ${1:-} == --quick ]] && { pairs=3; shift; tree=usr/share; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [[ -n ${1:-} ]]; then
  cp "$1" "$work/in.tar.xz"
else
  tar --sort=name -C / -cf - "${tree:-usr}" 2>/dev/null | pixz -t >"$work/in.tar.xz"
fi
xz -T0 -dc "$work/in.tar.xz" >"$work/in.tar"
size=$(($(stat -c %s "$work/in.tar") * 2 / 1048576 + 256))M

seconds() { # COMMAND...: wall seconds
  /usr/bin/env bash -c 'TIMEFORMAT=%R; time "$@" >/dev/null 2>&1' _ "$@" 2>&1 | tail -1
}
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
peak() { # COMMAND...: peak resident MiB
  "$@" >/dev/null 2>&1 &
  local pid=$! most=0 now
  while now=$(awk '/VmHWM/ {print int($2 / 1024)}' "/proc/$pid/status" 2>/dev/null) && [[ -n $now ]]; do
    ((now > most)) && most=$now
    sleep 0.02
  done
  wait "$pid" || true
  echo "$most"
}
compare() { # NAME, LIMIT COMMAND, RAWIMG COMMAND
  local i limit ours
  for ((i = 0; i < pairs; ++i)); do
    limit=$(seconds bash -c "$2")
    ours=$(seconds bash -c "$3")
    echo "$limit" >>"$work/limit"
    echo "$ours" >>"$work/ours"
    awk -v a="$ours" -v b="$limit" 'BEGIN {printf "%.3f\n", a / b}' >>"$work/ratio"
  done
  printf '| %s | %s s | %s s | %s | %s MiB |\n' "$1" "$(median <"$work/limit")" "$(median <"$work/ours")" "$(median <"$work/ratio")" "$(peak bash -c "exec $3")"
  rm "$work/limit" "$work/ours" "$work/ratio"
}

echo "| job | limit | rawimg | ratio | peak memory |"
echo "| --- | --- | --- | --- | --- |"
compare "from .tar.xz / xz -T0 -dc" "xz -T0 -dc $work/in.tar.xz" "$rawimg build -q $work/o.img --from $work/in.tar.xz --size $size --force --no-sync"
compare "from .tar, ext2 / cat" "cat $work/in.tar >$work/copy" "$rawimg build -q $work/o.img --from $work/in.tar --size $size --force --no-sync"
compare "from .tar, ext4 / cat" "cat $work/in.tar >$work/copy" "$rawimg build -q $work/o.img --from $work/in.tar --size $size -t ext4 --force --no-sync"
e2fsck -fn "$work/o.img?offset=1048576" >/dev/null 2>&1 && echo && echo "the last image is clean"
