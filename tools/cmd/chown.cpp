// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/owner_names.h"
#include "edit/place.h"
#include "edit/run_edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"recursive", "", "directories with all that is in them; no symlink is followed", 'R'},
    {"no-dereference", "", "symlinks themselves, not what they lead to", 'h'},
    {"changes", "", "say what is changed; -v also says what stays", 'c'},
    {"silent", "", "what does not exist is no error", 'f'},
    {"from", "OWNER[:GROUP]", "change only what belongs to these now"},
    {"reference", "IMG:/path", "the owner and group of this file of the image, in place of OWNER"},
};
constexpr std::span<const OptionSpec> kTables[] = {
    kOwn, kVerboseOption, kEditOptions, kLockOptions, kLiteralImageOption, kCommonOptions};

struct Request {
  Owner owner, from;
  bool recursive = false, no_dereference = false, changes = false;
};

bool belongs(const InodeInfo& inode, const Owner& owner) {
  return owner.uid.value_or(inode.uid) == inode.uid && owner.gid.value_or(inode.gid) == inode.gid;
}

void change_one(Edit& edit, const std::string& file, const InodeInfo& inode,
                const Request& request) {
  const Owner& owner = request.owner;
  if (belongs(inode, owner) || !belongs(inode, request.from))
    return edit.say([&] {
      return fmt::format("ownership of {} retained as {}:{}", quote(file), inode.uid, inode.gid);
    });
  MetadataChange change;
  change.uid = owner.uid;
  change.gid = owner.gid;
  edit.fs().change(inode.number, change);
  if (edit.verbose || request.changes)
    edit.tell(fmt::format("changed ownership of {} from {}:{} to {}:{}", quote(file), inode.uid,
                          inode.gid, owner.uid.value_or(inode.uid), owner.gid.value_or(inode.gid)));
}

Request read_request(const Edit& edit, const Args& args) {
  Request request;
  request.recursive = args.has("recursive");
  request.no_dereference = args.has("no-dereference");
  request.changes = args.has("changes");
  if (const auto from = args.value("from")) request.from = parse_owner(edit.fs(), *from);
  if (const auto reference = args.value("reference")) {
    const InodeInfo inode = edit.fs().inode(edit.resolve(edit.in_image(*reference)));
    request.owner = {inode.uid, inode.gid};
  } else {
    request.owner = parse_owner(edit.fs(), args.operands()[0]);
  }
  return request;
}

void change(Edit& edit, const Operand& file, const Request& request) {
  const bool itself = request.no_dereference || request.recursive;
  for_each_inode(edit, file, itself ? ExtFs::Follow::AllButLast : ExtFs::Follow::All,
                 request.recursive ? Depth::AllBelow : Depth::FileOnly,
                 [&](const std::string& path, const InodeInfo& inode) {
                   change_one(edit, path, inode, request);
                 });
}

void require_words(const Args& args) {
  require_operands(args, args.has("reference") ? 1 : 2,
                   args.has("reference") ? "IMG:/path" : "OWNER[:GROUP] IMG:/path");
  if (!args.has("reference")) require_first(args, "OWNER[:GROUP]");
}

void apply(Edit& edit, const Args& args) {
  const Request request = read_request(edit, args);
  const std::span<const std::string> words = args.operands();
  for_each_file(edit, words.subspan(args.has("reference") ? 0 : 1),
                args.has("silent") ? Missing::IsSkipped : Missing::IsError,
                [&](const Operand& file) { change(edit, file, request); });
}

}  // namespace

const Command kChown{
    .name = "chown",
    .synopsis = "[-R] [-h] OWNER[:GROUP] | --reference=IMG:/path  IMG:/path...",
    .summary = "change owner and group in an image",
    .examples =
        "  rawimg chown -R 1000:1000 disk.img:/home/gem5\n  rawimg chown root:wheel "
        "disk.img:/bin/su\n  rawimg chown :video disk.img:/dev/fb0\n",
    .details =
        "Names are looked up in the image's own /etc/passwd and /etc/group; numbers need neither, "
        "and +5 is always a number.\nNames with * ? [ match inside the image.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kChown, args, io); },
    .require_words = require_words,
    .apply = apply,
};

}  // namespace rawimg::cli
