// SPDX-License-Identifier: MIT
// Each line of rawimg in here is run by a test, which knows what it has to do: what others need
// stands above, the line itself below it, four columns further to the right.
#include "help/topics.h"

namespace rawimg::cli {

const Topic kFromTopic{
    "from", "from losetup and mount, debugfs, e2tools, guestfish and others to rawimg",
    R"(What others do, and below it the line of rawimg that does it: as any user, without mounting anything. disk.img has a
partition table, fs.img is one filesystem. A change is whole or not made at all; more than one: 'rawimg batch'.

From dd, sfdisk, losetup, mkfs and mount:

  dd if=/dev/zero of=new.img bs=1M count=0 seek=64
      rawimg create new.img --size 64M
  echo 'start=63,type=83' | sfdisk blank.img
      rawimg partition blank.img 'start=63,type=83'
  losetup -o 1048576 /dev/loop0 table.img; mkfs.ext4 -L root /dev/loop0
      rawimg format table.img:1 -t ext4 --label root
  losetup -P /dev/loop0 disk.img; mount /dev/loop0p1 /mnt; tar -xpf root.tar --xattrs -C /mnt; umount /mnt
      rawimg populate disk.img:1 root.tar
  dd, sfdisk, losetup, mkfs, mount, tar and umount together
      rawimg build new.img --from root.tar --size 64M -t ext4
  mount -o loop,offset=1048576 disk.img /mnt; cp -a bench /mnt/opt; umount /mnt
      rawimg cp -a bench disk.img:/opt
  mount, then cp /mnt/var/log/messages ., then umount
      rawimg cp disk.img:/var/log/messages .
  mount, then rm -r /mnt/var/log, then umount
      rawimg rm -r disk.img:/var/log
  mount, then sed -i s/vda/sda/ /mnt/etc/fstab, then umount
      rawimg edit -e 's/vda/sda/' disk.img:/etc/fstab
  mount, then vi /mnt/etc/fstab, then umount
      rawimg fstab set disk.img / PARTUUID=auto ext4 noatime
  fdisk -l disk.img; blkid -p -O 1048576 disk.img
      rawimg info disk.img

From gem5img.py:

  gem5img.py init new.img 64, of 65520 KiB, which are whole cylinders
      rawimg gem5img init new.img 64
  the same, of 64 MiB
      rawimg init new.img --size 64M --start 63s
  gem5img.py mount disk.img /mnt; cp m5 /mnt/sbin; gem5img.py umount /mnt
      rawimg cp ./m5 disk.img:/sbin/m5

From debugfs, which ends with 0 whatever happened:

  debugfs -w -R 'write m5 /sbin/m5' fs.img
      rawimg cp ./m5 fs.img:/sbin/m5
  debugfs -w -R 'rm /etc/motd' fs.img
      rawimg rm fs.img:/etc/motd
  debugfs -w -R 'set_inode_field /bin/su mode 0104755' fs.img
      rawimg chmod 4755 fs.img:/bin/su
  debugfs -w -R 'mknod console c 5 1' fs.img
      rawimg mknod fs.img:/dev/console c 5 1
  debugfs -w -R 'ea_set /bin/su user.origin gem5' fs.img
      rawimg xattr --set user.origin=gem5 fs.img:/bin/su
  debugfs -w -f commands fs.img
      rawimg batch fs.img -e 'rm :/etc/motd' -e 'cp ./m5 :/sbin/m5'
  debugfs -R 'stat /etc/fstab' fs.img
      rawimg stat fs.img:/etc/fstab
  debugfs -R 'rdump /etc .' fs.img
      rawimg cp -r fs.img:/etc .

From e2tools and mtools (the addresses of mtools, for ext filesystems):

  e2cp -O 0 -G 0 -P 755 m5 'disk.img?offset=1048576:/sbin/m5'
      rawimg cp --chmod 755 ./m5 'disk.img?offset=1048576:/sbin/m5'
  e2ls -l fs.img:/etc
      rawimg ls -l fs.img:/etc
  e2mkdir fs.img:/opt/gem5
      rawimg mkdir -p fs.img:/opt/gem5
  e2tail -n 100 fs.img:/var/log/messages
      rawimg cat fs.img:/var/log/messages
  e2ln fs.img:/bin/su /bin/sudo
      rawimg ln fs.img:/bin/su fs.img:/bin/sudo
  mcopy -i disk.img@@1048576 m5 ::/sbin/m5
      rawimg cp ./m5 disk.img@@1048576:/sbin/m5

From libguestfs:

  virt-make-fs --partition=mbr --type=ext4 --size=+64M root.tar new.img
      rawimg build new.img --from root.tar -t ext4 --size auto+64M
  virt-tar-in -a disk.img root.tar /opt
      rawimg populate disk.img:/opt root.tar
  virt-copy-in -a disk.img bench /opt
      rawimg cp -r bench disk.img:/opt
  virt-copy-out -a disk.img /etc .
      rawimg cp -r disk.img:/etc .
  virt-edit -a disk.img /etc/fstab -e 's/vda/sda/'
      rawimg edit -e 's/vda/sda/' disk.img:/etc/fstab
  virt-customize -a disk.img --hostname gem5
      rawimg hostname disk.img gem5
  virt-df -a disk.img
      rawimg df disk.img
  virt-sparsify --in-place disk.img
      rawimg sparsify disk.img
  guestfish -a disk.img -m /dev/sda1 upload m5 /sbin/m5
      rawimg cp ./m5 disk.img:1/sbin/m5

From mke2fs -d and genext2fs:

  mke2fs -t ext4 -d root new.img 64M
      rawimg build new.img --from root -t ext4 --size 64M --table none
  mke2fs -t ext4 -d root.tar new.img 64M
      rawimg build new.img --from root.tar -t ext4 --size 64M --table none
  genext2fs -d root -B 4096 -b 16384 new.img, until it is large enough
      rawimg build new.img --from root --size auto --table none

From wic:

  wic ls disk.img:1/etc
      rawimg ls disk.img:1/etc
  wic cp bench disk.img:1/opt
      rawimg cp -r bench disk.img:1/opt
  wic rm disk.img:1/etc/motd
      rawimg rm disk.img:1/etc/motd

From cp, e2image and others that keep holes:

  cp --sparse=always disk.img copy.img; e2image -ra fs.img copy.img; qemu-img convert -O raw disk.img copy.img
      rawimg convert disk.img copy.img
  gzip -dc disk.img.gz | dd of=copy.img conv=sparse
      rawimg convert disk.img.gz copy.img
  fallocate -d disk.img
      rawimg sparsify disk.img
)"};

}  // namespace rawimg::cli
