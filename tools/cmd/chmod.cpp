// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/edit.h"
#include "edit/mode_change.h"
#include "read/walk.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {{"recursive", "", "directories with all that is in them", 'R'}};
constexpr std::span<const OptionSpec> kTables[] = {kOwn,         kVerboseOption, kEditOptions,
                                                   kLockOptions, kImageOption,   kCommonOptions};

void change_one(Edit& edit, const std::string& file, const InodeInfo& inode,
                const ModeChange& change) {
  if (inode.type == FileType::Symlink) return;  // they have no permissions of their own
  const std::uint16_t wanted = change.apply(inode.permissions, inode.type == FileType::Directory);
  if (wanted == inode.permissions) return;
  MetadataChange metadata;
  metadata.permissions = wanted;
  edit.fs().change(inode.number, metadata);
  edit.say(fmt::format("mode of {} changed from {:04o} to {:04o}", quote(file), inode.permissions,
                       wanted));
}

void apply(Edit& edit, const Args& args) {
  const ModeChange change(args.require(0, "MODE"));
  (void)args.require(1, "IMG:/path");
  for (std::size_t i = 1; i < args.operands().size(); ++i) {
    for (const Operand& file : edit.expand(args.operands()[i])) {
      const std::uint32_t inode = edit.resolve(file);
      if (args.has("recursive"))
        walk_tree(edit.fs(), file.word, inode, {.enter = [&](const WalkStep& step) {
                    change_one(edit, step.path, step.inode, change);
                    return Walk::In;
                  }});
      else
        change_one(edit, file.word, edit.fs().inode(inode), change);
    }
  }
}

}  // namespace

const Command kChmod{
    .name = "chmod",
    .synopsis = "[-R] MODE IMG:/path...",
    .summary = "change permissions in an image",
    .examples =
        "  rawimg chmod 0755 disk.img:/etc/init.d/gem5\n  rawimg chmod -R u=rwX,go=rX "
        "disk.img:/opt/bench\n  rawimg chmod u+s disk.img:/bin/su\n",
    .details =
        "MODE is octal or symbolic, as in chmod(1). A MODE that begins with '-' goes behind "
        "'--'.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kChmod, args, io); },
    .apply = apply,
};

}  // namespace rawimg::cli
