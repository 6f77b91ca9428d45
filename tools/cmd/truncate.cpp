// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/numbers.h"
#include "cmd/all.h"
#include "edit/place.h"
#include "edit/run_edit.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"size", "SIZE",
     "4096, 1M; of the size there is: +1M more, -1M less, '<1M' at most, '>1M' at least, /4K and "
     "%4K down and up to a multiple",
     's'},
    {"reference", "IMG:/path", "the size of this file of the image; SIZE is then a change of it",
     'r'},
    {"io-blocks", "", "SIZE counts blocks of the filesystem, not bytes", 'o'},
    {"no-create", "", "make nothing that does not exist", 'c'},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kEditOptions, kLockOptions,
                                                   kLiteralImageOption, kCommonOptions};

/// --size as it was typed: how it changes, and by what.
struct SizeChange {
  std::string text;
  char action = '=';  ///< = + - < > / %
  std::uint64_t bytes = 0;

  std::uint64_t apply(std::uint64_t now) const {
    switch (action) {
      case '+':
        return plus(now, bytes);
      case '-':
        return now - std::min(now, bytes);
      case '<':
        return std::min(now, bytes);
      case '>':
        return std::max(now, bytes);
      case '/':
        return now / bytes * bytes;
      case '%':
        return now % bytes == 0 ? now : plus(now, bytes - now % bytes);
      default:
        return bytes;
    }
  }

 private:
  std::uint64_t plus(std::uint64_t now, std::uint64_t more) const {
    if (more <= UINT64_MAX - now) return now + more;
    throw Error(Errc::Usage, fmt::format("size {}: it is larger than 2^64 bytes", quote(text)));
  }
};

SizeChange read_size(const Args& args, std::uint32_t block_size) {
  SizeChange size{*args.value("size")};
  std::string_view number = size.text;
  if (!number.empty() && std::string_view("+-<>/%").find(number[0]) != std::string_view::npos) {
    size.action = number[0];
    number.remove_prefix(1);
  }
  size.bytes = parse_size(number, "size");
  const std::uint64_t unit = args.has("io-blocks") ? block_size : 1;
  if (size.bytes > UINT64_MAX / unit)
    throw Error(Errc::Usage,
                fmt::format("size {}: it is larger than 2^64 bytes", quote(size.text)));
  size.bytes *= unit;
  if (size.bytes == 0 && (size.action == '/' || size.action == '%'))
    throw Error(Errc::Usage, fmt::format("size {}: a division by zero", quote(size.text)));
  return size;
}

void require_words(const Args& args) {
  if (!args.has("size") && !args.has("reference"))
    throw Error(Errc::Usage, "--size or --reference is needed").with_hint("for example --size 1M");
  if (args.has("io-blocks") && !args.has("size"))
    throw Error(Errc::Usage, "--io-blocks says what --size counts, and there is none");
  if (args.has("size") && args.has("reference") && read_size(args, 1).action == '=')
    throw Error(Errc::Usage, "with --reference, --size is a change: +1M, -1M, '<1M' ...");
  require_operands(args, 1);
}

void apply(Edit& edit, const Args& args) {
  std::optional<SizeChange> size;
  if (args.has("size")) size = read_size(args, edit.fs().info().summary.block_size);
  std::optional<std::uint64_t> reference;
  if (const auto word = args.value("reference"))
    reference = edit.fs().inode(edit.resolve(edit.in_image(*word))).size_bytes;
  for_each_file(edit, args.operands(), Missing::IsError, [&](const Operand& file) {
    if (args.has("no-create") && !find_only(edit, file)) return;
    const auto inode = find_or_make_regular(edit, file);
    if (!inode) return;
    const std::uint64_t now = reference.value_or(edit.fs().inode(*inode).size_bytes);
    edit.fs().set_size(*inode, size ? size->apply(now) : now);
  });
}

}  // namespace

const Command kTruncate{
    .name = "truncate",
    .synopsis = "[-c] -s SIZE | -r IMG:/path  IMG:/path...",
    .summary = "set the size of files in an image",
    .examples =
        "  rawimg truncate -s 0 disk.img:/var/log/messages\n  rawimg truncate -s 64M "
        "disk.img:/swapfile\n",
    .details =
        "What is added is a hole. Files that do not exist are made. Names with * ? [ match inside "
        "the image, and make nothing,\nunless a file has just that name.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_edit(kTruncate, args, io); },
    .require_words = require_words,
    .apply = apply,
};

}  // namespace rawimg::cli
