// SPDX-License-Identifier: MIT
#include "edit/guest_file.h"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "base/unified_diff.h"
#include "edit/file_content.h"

namespace rawimg::cli {
namespace {

Operand file_at(const std::string& path) { return {Operand::Kind::Image, path, path, {}}; }

/// The operand that names the image: behind the verb, or the only one.
std::size_t image_index(const Args& args, std::span<const std::string_view> verbs) {
  const bool has_verb = !args.operands().empty() &&
                        std::find(verbs.begin(), verbs.end(), args.operands()[0]) != verbs.end();
  return has_verb ? 1 : 0;
}

}  // namespace

GuestWords read_guest_words(const Args& args, std::span<const std::string_view> verbs,
                            bool in_batch) {
  const std::vector<std::string>& words = args.operands();
  const std::size_t image = image_index(args, verbs);
  if (image == 0 && (in_batch || words.size() > 1)) {
    const auto guess = words.empty() ? std::nullopt : nearest(words[0], verbs);
    throw Error(Errc::Usage,
                words.empty()
                    ? "a verb is missing"
                    : fmt::format("{} is none of its verbs{}", quote(words[0]),
                                  guess ? fmt::format("; did you mean '{}'?", *guess) : ""));
  }
  GuestWords result{image == 0 ? "list" : words[0], {}};
  const std::size_t first = in_batch ? 1 : image + 1;
  if (words.size() > first)
    result.operands.assign(words.begin() + static_cast<std::ptrdiff_t>(first), words.end());
  return result;
}

ExitCode run_guest(const Command& command, const Args& args, Streams& io,
                   std::span<const std::string_view> verbs, const char* path,
                   void (*show)(const std::string& text, Streams& io)) {
  const GuestWords words = read_guest_words(args, verbs, false);
  const std::size_t index = image_index(args, verbs);
  const Address address = parse_address(args.require(index, "IMG"));
  if (!address.path.empty())
    throw Error(Errc::Usage, fmt::format("{} is a path; the image alone is needed",
                                         quote(args.operands()[index])));
  if (words.verb != "list" || show == nullptr)
    return run_edit_on(command, address, args, io, false,
                       [&](Edit& edit) { command.apply(edit, args); });
  require_operands(words, 0, 0, "nothing behind the image");
  const OpenedFs opened = open_filesystem(address, args, io);
  const auto text = read_guest_file(opened.fs, path);
  if (!text) throw Error(Errc::NotFound, fmt::format("the image has no {}", path)).with_path(path);
  show(*text, io);
  return ExitCode::Done;
}

std::optional<std::string> read_guest_file(const ExtReader& fs, const std::string& path) {
  std::uint32_t inode = 0;
  try {
    inode = fs.resolve(path);
  } catch (const Error& error) {
    if (error.code() != Errc::NotFound) throw;
    return std::nullopt;
  }
  std::string text;
  require_modest(fs.inode(inode).size_bytes, path);
  fs.read_file(inode, [&](std::span<const std::byte> bytes) {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  return text;
}

std::optional<std::string> read_guest_file(const Edit& edit, const std::string& path) {
  const auto inode = edit.find(file_at(path));
  if (!inode) return std::nullopt;
  return read_content(edit, *inode);
}

void write_guest_file(Edit& edit, const std::string& path, const std::optional<std::string>& before,
                      const std::string& after) {
  if (before == after) return;
  if (edit.is_dry_run())
    edit.io().out << unified_diff("a" + path, "b" + path, before.value_or(""), after);
  try {
    write_content(edit, file_at(path), after);
  } catch (const Error& error) {
    throw in_file(error, file_at(path));
  }
}

void require_operands(const GuestWords& words, std::size_t least, std::size_t most,
                      std::string_view what) {
  if (words.operands.size() < least || words.operands.size() > most)
    throw Error(Errc::Usage, fmt::format("{} takes {}", words.verb, what));
}

}  // namespace rawimg::cli
