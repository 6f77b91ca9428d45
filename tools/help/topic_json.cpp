// SPDX-License-Identifier: MIT
// The lines of keys are read by a test, which asks each command for its result and compares.
#include "help/topics.h"

namespace rawimg::cli {

const Topic kJsonTopic{"json", "what --json prints",
                       R"(--json prints one object on standard output, a result or an error:

  {"schema":1,"command":"info","result":{...},"warnings":[...]}
  {"schema":1,"command":"info","error":{"code":"not-found","exit":4,"message":"...","path":"...","hint":"..."}}

Sizes and offsets are bytes, times are seconds since 1970. A name that is not UTF-8 is there twice: "name" with replacement
characters, and "name_base64"; and so is everything else that is bytes of a file system. "code" is usage, bad-input, exists,
io, unsupported, not-found, no-space, corrupt, dirty, mismatch, busy or interrupted; "exit" is the exit code. "path" and
"hint" may be missing. Keys may be added as long as "schema" is 1; none will be taken away or mean something else.

The keys of each result: x? may be missing, x[] is a list, x{a b} an object with these keys; a word in capitals stands for
the keys in its own line.

  build         image size dry_run allocated? slot offset disk_id? root[] FILESYSTEM content{CONTENT} verified[]{VERIFIED}? gem5{PREPARED}? seconds
  plan          asked{PLANNED} types[]{PLANNED} build_would_fail{REFUSAL}? verified[]{VERIFIED}? gem5{PREPARED}? seconds
  init          image size dry_run allocated? slot offset disk_id? root[] FILESYSTEM seconds
  create        image size dry_run
  partition     image disk_id partitions[]{slot type bootable offset size} dry_run
  format        image slot offset FILESYSTEM dry_run
  populate      image slot offset FILESYSTEM content{CONTENT} dry_run undo_kept verified[]{VERIFIED}? seconds
  convert       image size data? shared dry_run
  sparsify      image regained allocated dry_run
  info          image DISK? BOOT? MAP?
  ls            entries[]{name directory? INODE}
  cat           path content
  stat          path? INODE? files[]{path INODE}?
  find          entries[]{path depth INODE}
  du            entries[]{path bytes? inodes?} total unit
  df            filesystems[]{filesystem type size used free available inodes free_inodes block_size label}
  tree          entries[]{path depth INODE} directories files
  cp            CHANGE? copied? dry_run
  mv            CHANGE
  rm            CHANGE
  mkdir         CHANGE
  rmdir         CHANGE
  ln            CHANGE
  chmod         CHANGE
  chown         CHANGE
  touch         CHANGE
  truncate      CHANGE
  mknod         CHANGE
  xattr         CHANGE
  tee           CHANGE
  edit          CHANGE
  fstab         CHANGE? path? entries[]{line active device mount_point type options dump pass}?
  inittab       CHANGE? path? style? entries[]{line active id runlevels action process}?
  hostname      CHANGE? hostname? path?
  passwd        CHANGE
  serial        CHANGE? files[]{FILE} init?
  gem5          CHANGE? PREPARED
  gem5img       verb image? size? dry_run? allocated? slot? offset? disk_id? root[]? FILESYSTEM? seconds?
                partitions[]{slot type bootable offset size}?
  cow           verb file image? sectors? bytes? runs? first_sector? last_sector? changed? shared? dry_run?
                entries[]{sector sectors slot? what path? removed?}?
  batch         CHANGE
  recover       outcome message dry_run
  undo          changed dry_run recovery
  help          text commands[]? topics[]?
  version       version layout

  BOOT          target slot root console architecture initrds[] kernels[]{path machine} lines
  CHANGE        image changed dry_run bytes_written undo_kept output? diff?
  CONTENT       entries files directories symlinks hard_links others content_bytes skipped time
  DISK          size allocated table disk_id? disk_guid? slots[]{SLOT}
  FILE          change path target? permissions? size?
  FILESYSTEM    filesystem{FS}
  FS            type block_size blocks free_blocks reserved_blocks inodes free_inodes journal_blocks label uuid
  INODE         inode type mode uid gid size sectors links mtime{TIME} atime{TIME} ctime{TIME} birthtime{TIME}?
                device{major minor}? target? flags xattrs[]{name value} user? group?
  MAP           size allocated totals[]{use bytes not_stored} ranges[]{offset size use stored}
  PLANNED       type refusal{REFUSAL}? size? filesystem{FS}? content{CONTENT}?
  PREPARED      files[]{FILE} architecture? init? tty? m5?
  REFUSAL       code exit message path? hint?
  SLOT          slot offset size type? type_name? bootable? name? partuuid? holds? problem? root[]?
                filesystem{FS size inode_size features[] needs_recovery has_errors not_clean interrupted created}?
  TIME          seconds nanoseconds
  VERIFIED      source digest hex

With --json, cat takes one file, and stat has several in "files". What a dry run of fstab, inittab, hostname, passwd or
edit would change is "diff"; what -v prints otherwise is "output". batch prints an object for each line that was carried
out, {"schema":1,"command":"rm","line":"-e 1","result":{...}}, and the one for the batch at last: without it, nothing was changed.

--progress json prints objects, one a line, on standard error while a job runs:

  {"progress":"...","entries":N,"bytes_read":N,"content_bytes":N,"seconds":N,"bytes_total":N}
  {"warning":{"code":"...","path":"...","message":"..."}}
  {"finished":RESULT}
)"};

}  // namespace rawimg::cli
