// SPDX-License-Identifier: MIT
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/inode_text.h"
#include "cli/open_fs.h"
#include "cmd/all.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"dereference", "", "follow a symlink in the last part of the path", 'L'}};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kJournalOption, kLockOptions, kImageOption,
                                                   kCommonOptions};

/// "user::rw-,user:1000:r--,group::r--,mask::rw-,other::r--", as getfacl -c -n says it, in one
/// line.
std::string acl_text(std::string_view value) {
  const auto number = [&](std::size_t at, std::size_t bytes) {
    std::uint32_t result = 0;
    for (std::size_t i = bytes; i-- > 0;)
      result = result << 8 | static_cast<unsigned char>(value[at + i]);
    return result;
  };
  std::string text;
  for (std::size_t at = 4; at + 8 <= value.size(); at += 8) {
    const std::uint32_t tag = number(at, 2), permissions = number(at + 2, 2),
                        id = number(at + 4, 4);
    const char* kind = tag == 1 || tag == 2   ? "user"
                       : tag == 4 || tag == 8 ? "group"
                       : tag == 16            ? "mask"
                                              : "other";
    const std::string who = tag == 2 || tag == 8 ? fmt::format("{}", id) : "";
    text += fmt::format("{}{}:{}:{}{}{}", text.empty() ? "" : ",", kind, who,
                        permissions & 4 ? 'r' : '-', permissions & 2 ? 'w' : '-',
                        permissions & 1 ? 'x' : '-');
  }
  return text;
}

std::string xattr_text(const Xattr& xattr) {
  if (xattr.name.starts_with("system.posix_acl_")) return acl_text(xattr.value);
  const bool printable = is_utf8(xattr.value) && escape(xattr.value) == xattr.value;
  if (printable) return '"' + xattr.value + '"';
  std::string hex = "0x";
  for (const char c : xattr.value) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

void print(const Address& address, const InodeInfo& inode, Streams& io) {
  std::string name = shown(address.path.empty() ? "/" : address.path, io.out_is_terminal);
  if (inode.type == FileType::Symlink)
    name += " -> " + shown(inode.symlink_target, io.out_is_terminal);
  io.out << fmt::format("  File: {}\n  Size: {}  Sectors: {}  {}\n", name, inode.size_bytes,
                        inode.sectors, type_name(inode.type));
  io.out << fmt::format(" Inode: {}  Links: {}", inode.number, inode.links);
  if (inode.type == FileType::CharDevice || inode.type == FileType::BlockDevice)
    io.out << fmt::format("  Device: {},{}", inode.device_major, inode.device_minor);
  io.out << fmt::format("\nAccess: {:04o}/{}  Uid: {}  Gid: {}\n", inode.permissions,
                        mode_string(inode), inode.uid, inode.gid);
  io.out << fmt::format("Access: {}\nModify: {}\nChange: {}\n", time_string(inode.atime),
                        time_string(inode.mtime), time_string(inode.ctime));
  if (inode.birthtime) io.out << fmt::format(" Birth: {}\n", time_string(*inode.birthtime));
  io.out << fmt::format(" Flags: {:#x}\n", inode.flags);
  for (const Xattr& xattr : inode.xattrs)
    io.out << fmt::format(" Xattr: {}={}\n", shown(xattr.name, io.out_is_terminal),
                          xattr_text(xattr));
}

ExitCode run(const Args& args, Streams& io) {
  const Address address = read_address(args);
  args.require_at_most(1);
  const OpenedFs opened = open_filesystem(address, args, io);
  const InodeInfo inode = opened.fs.inode(
      opened.fs.resolve(address.path.empty() ? "/" : address.path,
                        args.has("dereference") ? ExtFs::Follow::All : ExtFs::Follow::AllButLast));
  if (!args.has("json")) {
    print(address, inode, io);
    return ExitCode::Done;
  }
  Json json;
  put_bytes(json, "path", address.path.empty() ? "/" : address.path);
  json.update(to_json(inode));
  print_result(io, "stat", json, opened.warnings);
  return ExitCode::Done;
}

}  // namespace

const Command kStat{
    .name = "stat",
    .synopsis = "IMG[:N]/path",
    .summary = "show all metadata of one inode",
    .examples = "  rawimg stat disk.img:/usr/bin/ping\n  rawimg stat --json disk.img:1/etc\n",
    .details = "Times are UTC. Extended attributes and ACLs are shown in full.\n",
    .options = kTables,
    .run = run,
};

}  // namespace rawimg::cli
