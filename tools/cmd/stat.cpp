// SPDX-License-Identifier: MIT
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/inode_text.h"
#include "cli/open_fs.h"
#include "cmd/all.h"
#include "read/reading.h"
#include "read/stat_format.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"dereference", "", "follow a symlink in the last part of the path", 'L'},
    {"format", "FORMAT", "this instead, and a newline, for each file", 'c'},
    {"printf", "FORMAT", "the same without the newline, and with escapes such as \\n"}};
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

std::string id_text(std::uint32_t id, const std::optional<std::string>& name,
                    const Reading& reading) {
  return name ? fmt::format("{} ({})", id, reading.shown(*name)) : fmt::format("{}", id);
}

void print(const ReadFile& file, const InodeInfo& inode, const Reading& reading) {
  std::ostream& out = reading.io().out;
  std::string name = reading.shown(file.shown);
  if (inode.type == FileType::Symlink) name += " -> " + reading.shown(inode.symlink_target);
  out << fmt::format("  File: {}\n  Size: {}  Sectors: {}  {}\n", name, inode.size_bytes,
                     inode.sectors, type_name(inode.type));
  out << fmt::format(" Inode: {}  Links: {}", inode.number, inode.links);
  if (inode.type == FileType::CharDevice || inode.type == FileType::BlockDevice)
    out << fmt::format("  Device: {},{}", inode.device_major, inode.device_minor);
  out << fmt::format("\nAccess: {:04o}/{}  Uid: {}  Gid: {}\n", inode.permissions,
                     mode_string(inode),
                     id_text(inode.uid, file.names->find_user(inode.uid), reading),
                     id_text(inode.gid, file.names->find_group(inode.gid), reading));
  out << fmt::format("Access: {}\nModify: {}\nChange: {}\n", time_string(inode.atime),
                     time_string(inode.mtime), time_string(inode.ctime));
  if (inode.birthtime) out << fmt::format(" Birth: {}\n", time_string(*inode.birthtime));
  out << fmt::format(" Flags: {:#x}\n", inode.flags);
  for (const Xattr& xattr : inode.xattrs)
    out << fmt::format(" Xattr: {}={}\n", reading.shown(xattr.name), xattr_text(xattr));
}

Json to_json(const ReadFile& file, const InodeInfo& inode) {
  Json json;
  put_bytes(json, "path", file.path);
  json.update(inode_json(inode, *file.names));
  return json;
}

void set_result(Reading& reading, const std::vector<ReadFile>& files,
                const std::vector<InodeInfo>& inodes) {
  if (files.size() == 1) return reading.set_result(to_json(files[0], inodes[0]));
  JsonList list;
  for (std::size_t i = 0; i < files.size(); ++i) list.add(to_json(files[i], inodes[i]));
  reading.set_result_text("{\"files\":" + list.text() + "}");
}

ExitCode read(Reading& reading, const Args& args) {
  const auto format = args.value("format"), plain = args.value("printf");
  if (format && plain) throw Error(Errc::Usage, "--format and --printf are one too many");
  const auto parts = parse_stat_format(plain ? unescape_format(*plain) : format.value_or(""));
  std::vector<ReadFile> files = reading.files(args);
  const auto follow = args.has("dereference") ? ExtFs::Follow::All : ExtFs::Follow::AllButLast;
  const std::vector<std::uint32_t> numbers =
      reading.resolve(files, [&](const ReadFile&) { return follow; });
  std::vector<InodeInfo> inodes;
  for (std::size_t i = 0; i < files.size(); ++i) inodes.push_back(files[i].fs->inode(numbers[i]));
  if (reading.wants_json()) {
    set_result(reading, files, inodes);
    return ExitCode::Done;
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (format || plain)
      reading.io().out << stat_text(parts, files[i], inodes[i], reading.io().out_is_terminal)
                       << (plain ? "" : "\n");
    else
      print(files[i], inodes[i], reading);
  }
  return ExitCode::Done;
}

}  // namespace

const Command kStat{
    .name = "stat",
    .synopsis = "[-L] [-c FORMAT] IMG[:N]/path...",
    .summary = "show all metadata of an inode",
    .examples =
        "  rawimg stat disk.img:/usr/bin/ping\n  rawimg stat --json disk.img:1/etc\n  rawimg stat "
        "-c '%a %U:%G %n' 'disk.img:/etc/*'\n",
    .details =
        "Times are UTC. Extended attributes and ACLs are shown in full. FORMAT has stat(1)'s "
        "letters: %a %A permissions, %b blocks of %B\n"
        "bytes, %f mode in hex, %F type, %g %G %u %U owners, %h links, %i inode, %n %N name, %o "
        "block size, %s size, %t %T device, %w %x %y %z\n"
        "times and %W %X %Y %Z in seconds. --json with several files has them in \"files\".\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_reading(kStat, args, io); },
    .read = read,
};

}  // namespace rawimg::cli
