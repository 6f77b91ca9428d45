// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/inode_text.h"
#include "cmd/all.h"
#include "edit/mode_change.h"
#include "edit/place.h"
#include "edit/run_edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"recursive", "", "directories with all that is in them", 'R'},
    {"changes", "", "say what is changed; -v also says what stays", 'c'},
    {"silent", "", "what does not exist is no error", 'f'},
    {"reference", "IMG:/path", "the mode of this file of the image, in place of MODE"},
};
constexpr std::span<const OptionSpec> kTables[] = {
    kOwn, kVerboseOption, kEditOptions, kLockOptions, kLiteralImageOption, kCommonOptions};

std::string mode_text(InodeInfo inode, std::uint16_t permissions) {
  inode.permissions = permissions;
  return fmt::format("{:04o} ({})", permissions, mode_string(inode).substr(1));
}

void change_one(Edit& edit, const Args& args, const std::string& file, const InodeInfo& inode,
                const ModeChange& change) {
  if (inode.type == FileType::Symlink) return;  // they have no permissions of their own
  const std::uint16_t wanted = change.apply(inode.permissions, inode.type);
  const std::string before = mode_text(inode, inode.permissions);
  if (wanted == inode.permissions)
    return edit.say([&] { return fmt::format("mode of {} retained as {}", quote(file), before); });
  MetadataChange metadata;
  metadata.permissions = wanted;
  edit.fs().change(inode.number, metadata);
  if (edit.verbose || args.has("changes"))
    edit.tell(fmt::format("mode of {} changed from {} to {}", quote(file), before,
                          mode_text(inode, wanted)));
}

ModeChange read_change(const Edit& edit, const Args& args) {
  const auto reference = args.value("reference");
  if (!reference) return ModeChange(args.operands()[0]);
  const InodeInfo inode = edit.fs().inode(edit.resolve(edit.in_image(*reference)));
  return ModeChange(fmt::format("{:05o}", inode.permissions));  // five digits: special bits, too
}

void require_words(const Args& args) {
  require_operands(args, args.has("reference") ? 1 : 2,
                   args.has("reference") ? "IMG:/path" : "MODE IMG:/path");
  if (!args.has("reference")) require_first(args, "MODE");
}

void apply(Edit& edit, const Args& args) {
  const ModeChange mode = read_change(edit, args);
  const Depth depth = args.has("recursive") ? Depth::AllBelow : Depth::FileOnly;
  const std::span<const std::string> words = args.operands();
  for_each_file(edit, words.subspan(args.has("reference") ? 0 : 1),
                args.has("silent") ? Missing::IsSkipped : Missing::IsError,
                [&](const Operand& file) {
                  for_each_inode(edit, file, ExtFs::Follow::All, depth,
                                 [&](const std::string& path, const InodeInfo& inode) {
                                   change_one(edit, args, path, inode, mode);
                                 });
                });
}

/// "-x", "-rwx", "-w,+x": what no option of chmod begins with.
bool is_mode(std::string_view word) {
  return word.size() > 1 && word[0] == '-' &&
         std::string_view("rwxXstugoa,+=01234567").find(word[1]) != std::string_view::npos;
}

}  // namespace

const Command kChmod{
    .name = "chmod",
    .synopsis = "[-R] MODE | --reference=IMG:/path  IMG:/path...",
    .summary = "change permissions in an image",
    .examples =
        "  rawimg chmod 0755 disk.img:/etc/init.d/gem5\n  rawimg chmod -R u=rwX,go=rX "
        "disk.img:/opt/bench\n  rawimg chmod u+s disk.img:/bin/su\n  rawimg chmod -x "
        "disk.img:/etc/rc.local\n",
    .details =
        "MODE is octal or symbolic, as in chmod(1). Without u, g, o or a, the bits of a umask of "
        "022 stay as they are. Names with\n* ? [ match inside the image.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kChmod, args, io); },
    .require_words = require_words,
    .apply = apply,
    .is_dashed_operand = is_mode,
};

}  // namespace rawimg::cli
