#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# run.sh EXAMPLE|README: runs an example, or README's lines of rawimg, and has other programs judge what was made. $RAWIMG is the command, $EXAMPLES where the C++ ones were built.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C SOURCE_DATE_EPOCH=1700000000
here=$(cd "$(dirname "$0")/../../examples" && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
cd "$work"

fail() {
  printf 'run.sh: %s\n' "$*" >&2
  exit 1
}
expect() { # WHAT WANTED FOUND
  [[ $2 == "$3" ]] || fail "$1: '$3', not '$2'"
}
for program in sfdisk e2fsck debugfs mke2fs e2label; do
  command -v "$program" >/dev/null && continue
  echo "not run: the program '$program' is missing; third_party/install-deps.sh installs it" >&2
  [[ -n ${CI-} ]] && exit 1
  exit 77
done
start_of() { sfdisk -d "$1" | sed -n "s/^[^:]*$2 : start= *\([0-9]*\),.*/\1/p"; }
clean() { e2fsck -fn "$1?offset=$(($2 * 512))" >log 2>&1 || fail "e2fsck on $1: $(cat log)"; }
debug() { debugfs -R "$3" "$1?offset=$(($2 * 512))" 2>/dev/null; }

# ELF, as much of it as an architecture is told by: 64 bits, little-endian, machine $2 (octal escape).
elf() {
  {
    printf '\177ELF\002\001\001\0\0\0\0\0\0\0\0\0\002\0'"$2"'\0\001\0\0\0'
    head -c 200 /dev/zero
  } >"$1"
  chmod 755 "$1"
}
x86='\076' arm='\267'

root_tree() { # MACHINE
  mkdir -p root/{usr/bin,etc,boot,dev,proc,sys,tmp,sbin}
  ln -s usr/bin root/bin
  elf root/usr/bin/sh "$1"
  printf '#LABEL=root\t/\text4\tnoatime\t0 1\n' >root/etc/fstab
  printf 'localhost\n' >root/etc/hostname
  printf 'root:x:0:0:root:/root:/bin/sh\n' >root/etc/passwd
  printf 'id:3:initdefault:\nsi::sysinit:/sbin/openrc sysinit\nrc::bootwait:/sbin/openrc boot\nl3:3:wait:/sbin/openrc default\nc1:12345:respawn:/sbin/agetty --noclear 38400 tty1 linux\n' >root/etc/inittab
  printf 'kernel' >root/boot/vmlinuz
}
pack() { tar --format=posix --owner=0 --group=0 --numeric-owner --sort=name --mtime=@1600000000 -C root "$@" .; }

case ${1-} in
  01)
    root_tree "$x86"
    elf m5 "$x86"
    pack -cJf stage3-amd64-openrc.tar.xz
    printf '# BLAKE2B HASH\n%s# SHA512 HASH\n%s' "$(b2sum stage3-amd64-openrc.tar.xz)"$'\n' "$(sha512sum stage3-amd64-openrc.tar.xz)"$'\n' >stage3-amd64-openrc.tar.xz.DIGESTS
    "$here/01_gem5_x86_from_stage3.sh" stage3-amd64-openrc.tar.xz m5 disk.img
    expect 'start of the partition' 63 "$(start_of disk.img 1)"
    clean disk.img 63
    debug disk.img 63 'cat /sbin/m5' | cmp - m5
    printf 'x' >>stage3-amd64-openrc.tar.xz
    ! "$here/01_gem5_x86_from_stage3.sh" stage3-amd64-openrc.tar.xz m5 other.img || fail 'a damaged stage3 passed'
    [[ ! -e other.img ]] || fail 'a damaged stage3 became an image'
    ;;
  02)
    root_tree "$arm"
    pack -czf ubuntu-base-arm64.tar.gz
    sha256sum -b ubuntu-base-arm64.tar.gz >SHA256SUMS
    "$here/02_arm_from_ubuntu_base.sh" ubuntu-base-arm64.tar.gz disk.img >said
    grep -q 'root=/dev/vda1' said || fail 'it does not say what root= is'
    clean disk.img 2048
    expect 'host name' arm-guest "$(debug disk.img 2048 'cat /etc/hostname')"
    debug disk.img 2048 'cat /etc/fstab' | grep -q '^/dev/vda1[[:blank:]]*/[[:blank:]]*ext4' || fail 'fstab has no root'
    expect 'kernels in it' '' "$(debug disk.img 2048 'cat /boot/vmlinuz')"
    sed -i 's/^./x/' SHA256SUMS
    ! "$here/02_arm_from_ubuntu_base.sh" ubuntu-base-arm64.tar.gz other.img || fail 'a wrong digest passed'
    ;;
  03)
    mkdir -p 'my bench/.git' 'my bench/src'
    printf 'int main;' >'my bench/src/a.c'
    printf 'object' >'my bench/src/a.o'
    printf 'history' >'my bench/.git/HEAD'
    "$here/03_benchmarks_disk.sh" 'my bench' disk.img >said
    clean disk.img 2048
    expect 'content' 'int main;' "$(debug disk.img 2048 'cat /src/a.c')"
    ! grep -qE 'a\.o|\.git' said || fail 'what was to stay out is in it'
    expect 'label' benchmarks "$(e2label "disk.img?offset=$((2048 * 512))")"
    ;;
  04)
    mkdir -p tree/{usr/local/bin,home/gem5,etc}
    printf '#!/bin/bash\nold\n' >tree/home/gem5/after_boot.sh
    truncate -s 64M ubuntu.img
    printf 'label: gpt\nstart=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649\nstart=4096\n' | sfdisk -q ubuntu.img
    mke2fs -q -F -t ext4 -d tree -E offset=$((4096 * 512)),root_owner=0:0 ubuntu.img 60M
    gzip -k ubuntu.img
    printf '#!/bin/sh\necho benchmark\n' >'my bench'
    mv 'my bench' bench.sh
    "$here/04_patch_gem5_resources.sh" ubuntu.img.gz bench.sh patched.img
    clean patched.img 4096
    debug patched.img 4096 'cat /usr/local/bin/bench.sh' | cmp - bench.sh
    debug patched.img 4096 'cat /home/gem5/after_boot.sh' | grep -q '^/usr/local/bin/bench.sh$' || fail 'the script does not run it'
    debug patched.img 4096 'stat /home/gem5/after_boot.sh' | grep -q 'Mode:  0755.*' || fail 'the script cannot be run'
    cmp -n $((4096 * 512)) ubuntu.img patched.img
    cmp <(tail -c 17K ubuntu.img) <(tail -c 17K patched.img)
    gzip -dc ubuntu.img.gz | cmp - ubuntu.img
    ;;
  05)
    mkdir -p tree/etc
    printf 'old\n' >tree/etc/issue
    truncate -s 8M disk.img
    echo 'start=63, type=83' | sfdisk -q disk.img
    mke2fs -q -F -t ext2 -d tree -E offset=$((63 * 512)) disk.img 7M
    "$EXAMPLES/05_edit_transaction" disk.img 1 'hello, guest'
    clean disk.img 63
    expect 'message' 'hello, guest' "$(debug disk.img 63 'cat /etc/motd')"
    debug disk.img 63 'stat /etc/issue' | grep -q 'Fast link dest: "motd"' || fail 'issue is no symlink'
    # the last step fails where issue is a directory: the first, which went well, leaves nothing
    debugfs -w -R 'rm /etc/issue' "disk.img?offset=$((63 * 512))" 2>/dev/null
    debugfs -w -R 'mkdir /etc/issue' "disk.img?offset=$((63 * 512))" 2>/dev/null
    cp disk.img before.img
    ! "$EXAMPLES/05_edit_transaction" disk.img 1 'not this' || fail 'it went well with a directory in the way'
    cmp disk.img before.img
    ! "$EXAMPLES/05_edit_transaction" disk.img 3 'no such slot' || fail 'there is no slot 3'
    ;;
  06)
    root_tree "$x86"
    head -c 3000000 /dev/urandom >root/usr/bin/large
    pack -cf root.tar
    "$EXAMPLES/06_progress_and_cancel" root.tar disk.img 2>progress
    grep -q '% read' progress || fail 'it does not say how far it is'
    clean disk.img 2048
    code=0
    "$EXAMPLES/06_progress_and_cancel" root.tar other.img 1000 || code=$?
    expect 'exit code' 130 "$code"
    expect 'what it left' '' "$(ls | grep other || true)"
    ;;
  README)
    root_tree "$x86"
    mkdir -p root/var/cache/apt
    printf 'old\n' >root/etc/motd
    elf root/usr/bin/ping "$x86"
    elf m5 "$x86"
    printf 'nameserver 192.0.2.1\n' >resolv.conf
    mkdir -p bench cpt.1
    pack -czf ubuntu-core-amd64.tar.gz
    pack -cJf stage3-amd64-openrc.tar.xz
    pack -cf stage3.tar.xz # what is inside decides, not the name
    docker() { cat stage3.tar.xz; }
    rawimg() { "$RAWIMG" "$@"; }
    gem5img.py() { "$RAWIMG" gem5img "$@"; }
    rawimg build x86-ubuntu.img --from root -t ext4 --no-sync
    gzip -k x86-ubuntu.img
    mv x86-ubuntu.img disk.img
    cp disk.img changed.img
    rawimg tee changed.img:/etc/motd <<<'written by the guest' >/dev/null
    rawimg cow diff cpt.1/disk.cow disk.img changed.img

    lines=0
    while read -r line; do
      lines=$((lines + 1))
      line=${line//\/etc\/resolv.conf/resolv.conf} # the host may have none
      [[ ! $line =~ ^[a-z5.]+\ (build|create|init)\ ([a-z]+\.img) ]] || rm -f "${BASH_REMATCH[2]}"
      (eval "$line") >said 2>&1 </dev/null || fail "README: '$line' ends with exit code $?: $(cat said)"
      [[ $line != 'rawimg gem5 '* ]] || rawimg undo ubuntu.img # the next ones do a part of it
    done < <(sed -n -e '/^| .*rawimg/{s/`\(gem5img.py init [^`]*\)`/\n\1\n/; s/`\(rawimg [^`]*\)`/\n\1\n/g; p}' -e '/^\$ /{s///p;d}' -e '/^rawimg /p' "$here/../README.md" |
      sed -nE 's/ +# .*//; /^(rawimg|gem5img.py|docker) .*\.(img|tar)/p')
    ((lines > 30)) || fail "README has only $lines lines of rawimg"
    expect 'the device of the guest' 'crw-rw----' "$(rawimg ls -l ubuntu.img:/dev/ttyS0 | cut -c 1-10)"
    clean ubuntu.img 63
    clean gentoo.img 2048
    clean disk.img 2048
    clean box.img 0
    debug disk.img 2048 'cat /etc/motd' | grep -q 'written by the guest' || fail 'what the guest has written is not there'
    ;;
  *) fail 'usage: run.sh 01|02|03|04|05|06|README' ;;
esac
