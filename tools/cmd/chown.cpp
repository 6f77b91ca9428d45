// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/edit.h"
#include "edit/owner_names.h"
#include "read/walk.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"recursive", "", "directories with all that is in them", 'R'},
    {"no-dereference", "", "symlinks themselves, not what they lead to", 'P'},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn,         kVerboseOption, kEditOptions,
                                                   kLockOptions, kImageOption,   kCommonOptions};

void change_one(Edit& edit, const std::string& file, const InodeInfo& inode, const Owner& owner) {
  if (owner.uid.value_or(inode.uid) == inode.uid && owner.gid.value_or(inode.gid) == inode.gid)
    return;
  MetadataChange change;
  change.uid = owner.uid;
  change.gid = owner.gid;
  // As Linux does: who gets the file must not get what its old owner could do.
  if (inode.type == FileType::Regular && (inode.permissions & 06000) != 0)
    change.permissions = static_cast<std::uint16_t>(
        inode.permissions & ((inode.permissions & 0010) != 0 ? 01777U : 03777U));
  edit.fs().change(inode.number, change);
  edit.say(fmt::format("owner of {} changed from {}:{} to {}:{}", quote(file), inode.uid, inode.gid,
                       owner.uid.value_or(inode.uid), owner.gid.value_or(inode.gid)));
}

void apply(Edit& edit, const Args& args) {
  const Owner owner = parse_owner(edit.fs(), args.require(0, "OWNER[:GROUP]"));
  (void)args.require(1, "IMG:/path");
  const bool recursive = args.has("recursive");
  for (std::size_t i = 1; i < args.operands().size(); ++i) {
    for (const Operand& file : edit.expand(args.operands()[i])) {
      const std::uint32_t inode =
          edit.resolve(file, args.has("no-dereference") || recursive ? ExtFs::Follow::AllButLast
                                                                     : ExtFs::Follow::All);
      if (recursive)
        walk_tree(edit.fs(), file.word, inode, {.enter = [&](const WalkStep& step) {
                    change_one(edit, step.path, step.inode, owner);
                    return Walk::In;
                  }});
      else
        change_one(edit, file.word, edit.fs().inode(inode), owner);
    }
  }
}

}  // namespace

const Command kChown{
    .name = "chown",
    .synopsis = "[-R] OWNER[:GROUP] IMG:/path...",
    .summary = "change owner and group in an image",
    .examples =
        "  rawimg chown -R 1000:1000 disk.img:/home/gem5\n  rawimg chown root:wheel "
        "disk.img:/bin/su\n  rawimg chown :video disk.img:/dev/fb0\n",
    .details =
        "Names are looked up in the image's own /etc/passwd and /etc/group; numbers need "
        "neither.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kChown, args, io); },
    .apply = apply,
};

}  // namespace rawimg::cli
