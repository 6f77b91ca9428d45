// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/place.h"
#include "edit/run_edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"set", "NAME=VALUE",
     "set an attribute; VALUE as text, or 0x and hexadecimal digits; repeatable", 's'},
    {"remove", "NAME", "remove an attribute; repeatable", 'x'},
    {"remove-all", "", "remove all of them first"},
    {"force", "", "an attribute to remove that is not there is no error", 'f'},
    {"no-dereference", "", "a symlink itself, not what it leads to", 'h'},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kEditOptions, kLockOptions,
                                                   kLiteralImageOption, kCommonOptions};

std::string read_value(std::string_view text) {
  if (!text.starts_with("0x")) return std::string(text);
  text.remove_prefix(2);
  const auto digit = [&](char c) {
    const std::size_t at = std::string_view("0123456789abcdef")
                               .find(static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c));
    if (at == std::string_view::npos || text.size() % 2 != 0)
      throw Error(Errc::Usage,
                  fmt::format("value 0x{} is not whole bytes in hexadecimal digits", text));
    return static_cast<unsigned>(at);
  };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size() + text.size() % 2; i += 2)
    bytes += static_cast<char>(digit(text[i]) << 4 | digit(text[std::min(i + 1, text.size() - 1)]));
  return bytes;
}

/// What setxattr(2) refuses, a guest cannot use (Linux fs/xattr.c, security/commoncap.c).
void require_settable(const std::string& name, std::string_view value, FileType type) {
  const bool is_plain = type == FileType::Regular || type == FileType::Directory;
  const auto refuse = [&](const char* why) {
    throw Error(Errc::Exists, fmt::format("{} {}", quote(name), why));
  };
  if (name.starts_with("user.") && !is_plain)
    refuse("cannot be set: Linux has user attributes of files and directories only");
  if (name.starts_with("system.posix_acl_") && type == FileType::Symlink)
    refuse("cannot be set: a symlink has no ACL");
  if (name == "system.posix_acl_default" && type != FileType::Directory)
    refuse("cannot be set: only directories have a default ACL");
  if (name.starts_with("system.") && !name.starts_with("system.posix_acl_"))
    refuse("cannot be set: the kernel keeps it for itself");
  if (name != "security.capability") return;
  constexpr std::size_t kSizes[] = {0, 0, 20, 24};  // of struct vfs_cap_data, by its revision
  const unsigned revision = value.size() < 4 ? 0 : static_cast<unsigned char>(value[3]);
  if (revision < 2 || revision > 3 || value.size() != kSizes[revision])
    throw Error(Errc::Usage,
                fmt::format("{} of {} bytes: revision 2 (0x...02 as its fourth byte) has 20, and "
                            "revision 3 has 24",
                            quote(name), value.size()));
}

enum class Absent { IsError, IsFine };

void remove(std::vector<Xattr>& xattrs, const std::string& name, Absent absent) {
  const auto at = std::find_if(xattrs.begin(), xattrs.end(),
                               [&](const Xattr& xattr) { return xattr.name == name; });
  if (at != xattrs.end())
    xattrs.erase(at);
  else if (absent == Absent::IsError)
    throw Error(Errc::NotFound, fmt::format("it has no attribute {}", quote(name)));
}

void change(std::vector<Xattr>& xattrs, const Args& args, FileType type, Absent absent) {
  if (args.has("remove-all")) xattrs.clear();
  for (const auto& [option, value] : args.options()) {
    if (option == "remove") remove(xattrs, value, absent);
    if (option != "set") continue;
    const std::size_t equals = value.find('=');
    if (equals == std::string::npos)
      throw Error(Errc::Usage, fmt::format("{} is not NAME=VALUE", quote(value)));
    const std::string name = value.substr(0, equals);
    const std::string bytes = read_value(std::string_view(value).substr(equals + 1));
    require_settable(name, bytes, type);
    remove(xattrs, name, Absent::IsFine);
    xattrs.push_back({name, bytes});
  }
  std::sort(xattrs.begin(), xattrs.end());
}

void change_file(Edit& edit, const Operand& file, const Args& args) {
  const auto inode = resolve_or_skip(
      edit, file, args.has("no-dereference") ? ExtFs::Follow::AllButLast : ExtFs::Follow::All);
  if (!inode) return;
  const InodeInfo before = edit.fs().inode(*inode);
  std::vector<Xattr> xattrs = before.xattrs;
  change(xattrs, args, before.type,
         args.has("force") || file.is_match ? Absent::IsFine : Absent::IsError);
  if (xattrs != before.xattrs) edit.fs().set_xattrs(*inode, xattrs);
}

void require_words(const Args& args) {
  require_operands(args, 1);
  if (!args.has("set") && !args.has("remove") && !args.has("remove-all"))
    throw Error(Errc::Usage, "--set, --remove or --remove-all is needed")
        .with_hint("'rawimg stat' shows the attributes of a file");
}

void apply(Edit& edit, const Args& args) {
  for_each_file(edit, args.operands(), Missing::IsError,
                [&](const Operand& file) { change_file(edit, file, args); });
}

}  // namespace

const Command kXattr{
    .name = "xattr",
    .synopsis = "[--set NAME=VALUE] [--remove NAME] IMG:/path...",
    .summary = "change extended attributes in an image",
    .examples =
        "  rawimg xattr --set user.origin=gem5 disk.img:/etc/fstab\n  rawimg xattr -s "
        "security.capability=0x0100000200200000000000000000000000000000 disk.img:/bin/ping\n  "
        "rawimg xattr --remove security.selinux 'disk.img:/etc/*'\n",
    .details =
        "'rawimg stat' shows them. POSIX ACLs are system.posix_acl_access and "
        "system.posix_acl_default, in the form of getxattr(2).\n"
        "Names with * ? [ match inside the image. Of what they match, files without an attribute "
        "to remove are left as they are,\nand so are symlinks that lead nowhere, with a "
        "warning.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kXattr, args, io); },
    .require_words = require_words,
    .apply = apply,
};

}  // namespace rawimg::cli
