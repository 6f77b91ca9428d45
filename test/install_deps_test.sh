#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What third_party/install-deps.sh does when packages are missing, with stand-ins for dpkg-query, apt-get and sudo: nothing is installed.
set -euo pipefail
script=$(realpath "$(dirname "$0")/../third_party/install-deps.sh")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir"/{bin,cache/rawimg-test/{kernel/{boot,lib/modules},guest-{sysvinit,systemd}/sbin}}
for init in sysvinit systemd; do ln -s /lib/init "$dir/cache/rawimg-test/guest-$init/sbin/init"; done
touch "$dir/cache/rawimg-test/kernel/boot/vmlinuz-0" "$dir/asked" "$dir/missing"
chmod -R a+rwX "$dir"
cp "$script" "$dir/install-deps.sh"  # the checkout may be out of reach for the user that the script runs as
chmod a+rx "$dir/install-deps.sh"

program() { printf '#!/bin/bash\n%s\n' "$2" >"$dir/bin/$1" && chmod 755 "$dir/bin/$1"; }
program dpkg-query 'for a; do case $a in -*) ;; *) grep -qxF -- "$a" '"$dir"'/missing || echo "installed $a" ;; esac; done'
program apt-get 'echo "apt-get $*" >>'"$dir"'/asked'
no_sudo='exit 1'
works='while [[ $1 == -n ]]; do shift; done; exec "$@"'

unprivileged=()
[[ $EUID -ne 0 ]] || unprivileged=(setpriv --reuid=65534 --regid=65534 --clear-groups)
tell() { printf 'install_deps_test: %s\n' "$1" >&2 && cat "$dir/out" >&2 && exit 1; }
expect() { # EXIT-CODE PATTERN-OF-OUTPUT PATTERN-OF-REQUESTS COMMAND...
  local rc=0 start=$SECONDS
  : >"$dir/asked"
  env PATH="$dir/bin:/usr/sbin:/usr/bin:/sbin:/bin" XDG_CACHE_HOME="$dir/cache" "${@:4}" >"$dir/out" 2>&1 || rc=$?
  [[ $rc == "$1" ]] || tell "'${*:4}' exits $rc instead of $1"
  ((SECONDS - start < 10)) || tell "'${*:4}' waits for a slow sudo"  # it gives it 0.7 s; a busy machine adds to that
  [[ $(<"$dir/out") =~ $2 ]] || tell "'${*:4}' does not say '$2'"
  [[ $(<"$dir/asked") =~ $3 ]] || tell "'${*:4}' asks for '$(<"$dir/asked")' instead of '$3'"
}
as_user=("${unprivileged[@]}" "$dir/install-deps.sh")

program sudo "$no_sudo"
expect 0 '^$' '^$' "${as_user[@]}"
expect 0 '^$' '^$' "${as_user[@]}" --check
expect 2 'usage: ' '^$' "${as_user[@]}" --help-me
expect 2 'usage: ' '^$' "${as_user[@]}" tests now

printf '%s\n' lzip catch2 >"$dir/missing"
expect 2 'apt-get install -y --no-install-recommends catch2 lzip$' '^$' "${as_user[@]}" --check
expect 2 'apt-get install -y --no-install-recommends catch2$' '^$' "${as_user[@]}" --check quickstart
expect 2 'apt-get install -y --no-install-recommends catch2 lzip$' '^$' "${as_user[@]}"
program sudo 'sleep 20'
expect 2 'apt-get install -y --no-install-recommends catch2 lzip$' '^$' "${as_user[@]}"
program sudo "$works"
expect 0 '^$' '^apt-get install -qq -y --no-install-recommends catch2 lzip$' "${as_user[@]}"
expect 0 '^$' '^apt-get install -qq -y --no-install-recommends catch2$' "${as_user[@]}" quickstart
if [[ $EUID -eq 0 ]]; then
  program sudo "$no_sudo"
  expect 2 'apt-get install -y --no-install-recommends catch2 lzip$' '^$' "$dir/install-deps.sh" --check
  expect 0 '^$' '^apt-get install -qq -y --no-install-recommends catch2 lzip$' "$dir/install-deps.sh"
  program sudo "$works"
fi
program apt-get "echo \"apt-get \$*\" >>$dir/asked; [[ \$1 == update ]]"
expect 1 'could not install: catch2 lzip$' 'apt-get update -qq' "${as_user[@]}"

: >"$dir/missing"
rm "$dir/cache/rawimg-test/kernel/boot/vmlinuz-0"
expect 2 'a kernel to boot in tests is missing' '^$' "${as_user[@]}" --check
expect 0 '^$' '^$' "${as_user[@]}" --check quickstart
touch "$dir/cache/rawimg-test/kernel/boot/vmlinuz-0"
rm "$dir/cache/rawimg-test/guest-systemd/sbin/init"
expect 2 'a system to boot in tests is missing in .*guest-systemd' '^$' "${as_user[@]}" --check
expect 0 '^$' '^$' "${as_user[@]}" --check quickstart
expect 1 'apt cannot tell what a system with systemd needs' '^apt-get -s -o' "${as_user[@]}"
echo 'install-deps.sh does what it says'
