// SPDX-License-Identifier: MIT

#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cmd/all.h"
#include "edit/editor_copy.h"
#include "edit/file_content.h"
#include "edit/guest_file.h"
#include "edit/place.h"
#include "edit/run_edit.h"
#include "edit/substitution.h"

namespace rawimg::cli {
namespace {

constexpr OptionSpec kOwn[] = {
    {"expression", "s/OLD/NEW/",
     "replace in every line, as sed -E does; repeatable; needs no editor", 'e'},
    {"optional", "", "with -e: no match is no error"},
};
constexpr std::span<const OptionSpec> kTables[] = {kOwn, kEditOptions, kLockOptions, kImageOption,
                                                   kCommonOptions};

/// Runs what looks for the file.
template <class Find>
auto with_hint_of_makers(Find find) -> decltype(find()) {
  try {
    return find();
  } catch (const Error& error) {
    if (error.code() != Errc::NotFound) throw;
    throw Error(error).with_hint("'rawimg touch' or 'rawimg tee' makes a file");
  }
}

/// A dry run shows the difference.
void replace_content(Edit& edit, const Operand& file, const std::string& before,
                     const std::string& after) {
  show_difference(edit, file.path, before, after);
  write_content(edit, file, after);
}

void substitute(Edit& edit, const Operand& file, const Args& args,
                std::span<const Substitution> substitutions) {
  const auto inode =
      with_hint_of_makers([&] { return resolve_or_skip(edit, file, ExtFs::Follow::All); });
  if (!inode) return;
  const std::string before = read_content(edit, *inode);
  std::string after = before;
  std::size_t changed = 0;
  for (const Substitution& substitution : substitutions) after = substitution.apply(after, changed);
  if (changed == 0 && !args.has("optional"))
    throw Error(Errc::BadInput, "nothing in it matches")
        .with_hint("--optional takes that as it is");
  if (after == before) return;
  replace_content(edit, file, before, after);
}

void apply(Edit& edit, const Args& args) {
  (void)args.require(0, "IMG:/path");
  std::vector<Substitution> substitutions;
  for (const auto& [name, value] : args.options())
    if (name == "expression") substitutions.emplace_back(value);
  if (substitutions.empty()) throw Error(Errc::Usage, "-e is needed here: a batch opens no editor");
  for_each_file(edit, args.operands(), Missing::IsError,
                [&](const Operand& file) { substitute(edit, file, args, substitutions); });
}

std::string content_of(const Address& address, const Args& args, Streams& io) {
  const OpenedFs opened = open_filesystem(address, args, io);
  return about_image(address.image, opened.start, [&] {
    std::string text;
    const InodeInfo inode =
        opened.fs.inode(with_hint_of_makers([&] { return opened.fs.resolve(address.path); }));
    if (inode.type != FileType::Regular)
      throw Error(Errc::Exists, fmt::format("{} is not a regular file", quote(address.path)))
          .with_path(address.path);
    require_modest(inode.size_bytes, quote(address.path));
    opened.fs.read_file(inode.number, [&](std::span<const std::byte> bytes) {
      text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
    return text;
  });
}

/// An empty variable is one that is not there.
std::string editor_of(const Streams& io) {
  for (const char* name : {"VISUAL", "EDITOR"})
    if (const auto editor = io.environment(name); editor && !editor->empty()) return *editor;
  return "vi";
}

/// The image is not locked while somebody types; it is written only if the file still is what was
/// read.
ExitCode edit_by_hand(const Args& args, Streams& io) {
  if (args.operands().size() > 1)
    throw Error(Errc::Usage, "an editor gets one file at a time")
        .with_hint("an expression stands behind -e");
  const Address address = read_address(args);
  if (address.path.empty())
    throw Error(Errc::Usage,
                fmt::format("{} names no file in the image", quote(args.require(0, "IMG:/path"))));
  const std::string before = content_of(address, args, io);
  EditorCopy copy(address.path.substr(address.path.rfind('/') + 1), before);
  copy.run(editor_of(io));
  const std::string after = copy.read();
  if (after == before) {
    io.err << fmt::format("{}: nothing to change\n", quote(address.image.string()));
    return ExitCode::Done;
  }
  try {
    return run_edit_on(kEdit, address, args, io, Verbs::One, [&](Edit& edit) {
      const Operand file{Operand::Kind::Image, args.operands()[0], address.path, {}};
      if (read_content(edit, edit.resolve(file)) != before)
        throw Error(Errc::Mismatch, fmt::format("{} changed in the image meanwhile; nothing was "
                                                "written",
                                                quote(file.word)))
            .with_path(file.path);
      replace_content(edit, file, before, after);
    });
  } catch (const Error& error) {
    const std::string hint = error.hint().empty() ? "" : error.hint() + "; ";
    throw Error(error).with_hint(hint + "what you wrote is in " + shell_word(copy.keep().string()));
  }
}

}  // namespace

const Command kEdit{
    .name = "edit",
    .synopsis = "[-e s/OLD/NEW/]... IMG:/path...",
    .summary = "edit a text file of an image, by hand or by expressions",
    .examples =
        "  rawimg edit disk.img:/etc/fstab\n  rawimg edit -e 's/^c[2-6]:/#&/' "
        "disk.img:/etc/inittab\n  rawimg edit -e 's,/dev/sda,/dev/vda,g' --dry-run "
        "disk.img:/etc/fstab\n",
    .details =
        "Without -e it runs another program: $VISUAL, $EDITOR or vi, on a copy. The image is "
        "written only if the file is still what was\n"
        "read (else exit 7). With -e: exit 1 when nothing matches, unless --optional.\n",
    .options = kTables,
    .run =
        [](const Args& args, Streams& io) {
          return args.has("expression") ? run_edit(kEdit, args, io) : edit_by_hand(args, io);
        },
    .apply = apply,
};

}  // namespace rawimg::cli
