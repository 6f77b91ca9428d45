// SPDX-License-Identifier: MIT
#include "help/topics.h"

#include <algorithm>
#include <array>

namespace rawimg::cli {
namespace {

constexpr Topic kAddresses{
    "addresses", "how an image, a slot in it and a path are named",
    R"(IMG[:[N][/path]] names an image, a slot in it, and a path inside its filesystem.

  disk.img               the image; where a filesystem is needed, the only ext filesystem in it
  disk.img:1             partition 1 (an MBR has 1 to 4 and logical ones from 5, a GPT 1 to 128)
  disk.img:0             the whole file as one filesystem
  disk.img:1/etc/fstab   a file in it
  disk.img:/etc/fstab    the same, where there is only one filesystem
  disk.img?offset=32256  the filesystem at that byte, as e2fsprogs writes it
  disk.img@@32256        the same, as mtools writes it

In place of a tarball, - is standard input. An image is never standard input or output.

The word is split at the first colon whose right side looks like that and whose left side exists. A file name
with a colon: --image FILE takes it literally, and paths are then [N]/path; for cp, which knows the host's, too, :[N]/path.

Verbs that change an image take many paths. Names with * ? [ match inside the image, where no file has just that name;
no match, or none but symlinks that lead nowhere, is exit 4. For cp, mv, ln, mkdir and mknod, \ in front of one makes a name that has it. A slash behind a name asks
for a directory.
)"};

constexpr Topic kExitCodes{"exit-codes", "what the exit code of rawimg says",
                           R"(  0    done
  1    failed: the host's file system, a missing host file, a bad archive, or what is there is in the way or of another kind
  2    wrong command line
  3    not an image, or a feature that rawimg refuses
  4    not found in the image
  5    no space, in the image or on the host (the message says what would fit)
  6    damaged or dirty
  7    a digest or comparison did not match
  8    in use: try again, or --wait
  130  interrupted (143: terminated; 129: hung up)
)"};

constexpr Topic kSizes{
    "sizes", "how sizes and offsets are written",
    R"(K, M, G and T are powers of 1024, and so are KiB, MiB, GiB and TiB; s is sectors of 512 bytes; no unit is bytes (in
the lines of partition, which are sfdisk's: sectors).
KB and MB are refused, because they mean different things to different people.

  4G   4GiB, 4294967296 bytes
  1M   2048s, 1048576 bytes
  63s  32256 bytes
)"};

constexpr Topic kFiles{"files",
                       "files that rawimg keeps beside an image, and variables that it heeds",
                       R"(Beside an image IMG there may be:

  IMG.part         a new image that is being made; it gets its name when it is complete
  IMG.rawimg-undo  what was there before a change that is being written; 'rawimg recover' uses it
  IMG.rawimg-kept  what was there before the last change; 'rawimg undo' uses it

Of the environment, rawimg heeds:

  SOURCE_DATE_EPOCH  seconds since 1970: the time that a change is made at, and of directories that sources only imply
  VISUAL, EDITOR     the program that 'rawimg edit' runs, which is vi without them
)"};

}  // namespace

std::span<const Topic> topics() {
  static const std::array kAll{kFromTopic, kAddresses, kSizes, kJsonTopic, kExitCodes, kFiles};
  return kAll;
}

const Topic* find_topic(std::string_view name) {
  const auto all = topics();
  const auto it =
      std::find_if(all.begin(), all.end(), [&](const Topic& topic) { return topic.name == name; });
  return it == all.end() ? nullptr : &*it;
}

}  // namespace rawimg::cli
