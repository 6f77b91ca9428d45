// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/errno_error.h"
#include "base/text.h"
#include "cmd/all.h"
#include "edit/file_content.h"
#include "edit/guest_file.h"
#include "edit/place.h"
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

/// A dry run shows the difference.
void replace_content(Edit& edit, const Operand& file, const std::string& before,
                     const std::string& after) {
  show_difference(edit, file.path, before, after);
  write_content(edit, file, after);
}

void substitute(Edit& edit, const Operand& file, const Args& args,
                std::span<const Substitution> substitutions) {
  const std::uint32_t inode = edit.resolve(file);
  const std::string before = read_content(edit, inode);
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

/// A file on the host that an editor works on; gone at the end, with its directory.
class EditorCopy {
 public:
  EditorCopy(const std::string& name, const std::string& content) {
    std::string pattern = (std::filesystem::temp_directory_path() / "rawimg-edit-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      throw errno_error(errno, "cannot make a directory for the editor");
    directory_ = pattern;
    file_ = directory_ / (name.empty() || name == "." || name == ".." ? "file" : name);
    const int descriptor = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) throw errno_error(errno, "cannot make a copy for the editor");
    const bool written =
        ::write(descriptor, content.data(), content.size()) == static_cast<ssize_t>(content.size());
    const int error = errno;
    ::close(descriptor);
    if (!written) throw errno_error(error, "cannot write the copy for the editor");
  }
  ~EditorCopy() {
    std::error_code ignored;
    if (!kept_) std::filesystem::remove_all(directory_, ignored);
  }
  EditorCopy(const EditorCopy&) = delete;
  EditorCopy& operator=(const EditorCopy&) = delete;

  void run(const std::string& editor) const {
    const std::string command = editor + " \"$1\"", name = file_.string();
    const char* argv[] = {"sh", "-c", command.c_str(), "sh", name.c_str(), nullptr};
    pid_t child = 0;
    int status = 0;
    if (const int error =
            posix_spawnp(&child, "sh", nullptr, nullptr, const_cast<char**>(argv), environ);
        error != 0)
      throw errno_error(error, fmt::format("cannot start the editor {}", quote(editor)));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
      throw Error(Errc::Io,
                  fmt::format("the editor {} failed; nothing was changed", quote(editor)));
  }
  std::string read() const {
    const int descriptor = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) throw errno_error(errno, "cannot read what the editor left");
    std::string text = read_descriptor(descriptor, "what the editor left");
    ::close(descriptor);
    return text;
  }
  /// It stays, for the user to do something with it.
  const std::filesystem::path& keep() {
    kept_ = true;
    return file_;
  }

 private:
  std::filesystem::path directory_, file_;
  bool kept_ = false;
};

std::string content_of(const Address& address, const Args& args, Streams& io) {
  const OpenedFs opened = open_filesystem(address, args, io);
  std::string text;
  const InodeInfo inode = opened.fs.inode(opened.fs.resolve(address.path));
  if (inode.type != FileType::Regular)
    throw Error(Errc::Usage, fmt::format("{} is not a regular file", quote(address.path)))
        .with_path(address.path);
  require_modest(inode.size_bytes, address.path);
  opened.fs.read_file(inode.number, [&](std::span<const std::byte> bytes) {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  return text;
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
    io.err << "nothing to change\n";
    return ExitCode::Done;
  }
  try {
    return run_edit_on(kEdit, address, args, io, false, [&](Edit& edit) {
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
