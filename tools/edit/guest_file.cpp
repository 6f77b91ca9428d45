// SPDX-License-Identifier: MIT
#include "edit/guest_file.h"

#include <algorithm>
#include <filesystem>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "base/unified_diff.h"
#include "edit/file_content.h"
#include "edit/run_edit.h"

namespace rawimg::cli {
namespace {

bool is_verb(const GuestNoun& noun, std::string_view word) {
  return std::find(noun.verbs.begin(), noun.verbs.end(), word) != noun.verbs.end();
}

bool names_file(const std::string& word) {
  std::error_code ignored;
  const std::filesystem::path file = parse_address(word).image;
  return std::filesystem::exists(file, ignored) && !std::filesystem::is_directory(file, ignored);
}

/// :[N][/path], as --image leaves it of an address. No other word of these commands looks so.
bool is_slot(std::string_view word) {
  if (!word.starts_with(':')) return false;
  const std::size_t end = word.find_first_not_of("0123456789", 1);
  return end == std::string_view::npos || word[end] == '/';
}

std::string for_shell(std::span<const std::string> words) {
  std::string text;
  for (const std::string& word : words) text += " " + shell_word(word);
  return text;
}

std::string verbs_of(const GuestNoun& noun) {
  return fmt::format("{}", fmt::join(noun.verbs, "|"));
}

Error unknown_verb(const GuestNoun& noun, const std::string& word) {
  if (word == "uncomment" && is_verb(noun, "set"))  // "comment" is near, and the opposite
    return Error(Errc::Usage,
                 fmt::format("{} is none of its verbs; 'set' writes an active line", quote(word)));
  const auto guess = nearest(word, noun.verbs);
  return Error(Errc::Usage, fmt::format("{} is none of its verbs{}", quote(word),
                                        guess ? fmt::format("; did you mean '{}'?", *guess) : ""));
}

/// How it goes, for a command line that does not begin with a verb.
Error wrong_order(const GuestNoun& noun, const Args& args) {
  std::vector<std::string> words = args.operands();
  const auto literal = args.value("image");
  const auto line = [&](const std::string& verb) {
    const std::string option = literal ? " --image " + shell_word(*literal) : "";
    return fmt::format("rawimg {} {}{}{}", noun.command.name, verb, option, for_shell(words));
  };
  if (words.size() > 1 && is_verb(noun, words[1])) {
    const std::string verb = words[1];
    words.erase(words.begin() + 1);
    return Error(Errc::Usage, fmt::format("the verb {} stands before the image", quote(verb)))
        .with_hint(line(verb));
  }
  const bool is_other = !words.empty() && !(literal ? is_slot(words[0]) : names_file(words[0]));
  const Error error =
      is_other ? unknown_verb(noun, words[0]) : Error(Errc::Usage, "a verb is missing");
  if (is_other) words.erase(words.begin());
  const bool has_slot = literal && !words.empty() && is_slot(words[0]);
  if (!literal && words.empty()) words.emplace_back("IMG");
  const std::size_t front = literal && !has_slot ? 0 : 1;
  if (words.size() == front) words.emplace_back(noun.operands);
  return Error(error).with_hint(line(verbs_of(noun)));
}

bool names_only_image(const Args& args) {
  const std::vector<std::string>& words = args.operands();
  return args.has("image") ? words.empty() || (words.size() == 1 && is_slot(words[0]))
                           : words.size() == 1;
}

ExitCode list(const GuestNoun& noun, const Address& address, const Args& args, Streams& io) {
  const OpenedFs opened = open_filesystem(address, args, io);
  const auto text = about_image(address.image, opened.start, [&] {
    auto found = read_guest_file(opened.fs, noun.path);
    if (found) return found;
    throw Error(Errc::NotFound, fmt::format("the image has no {}", noun.path)).with_path(noun.path);
  });
  if (args.has("json"))
    print_result(io, noun.command.name, noun.result(*text), opened.warnings);
  else
    io.out << noun.lines(*text);
  return ExitCode::Done;
}

}  // namespace

GuestWords read_guest_words(const Args& args, const GuestNoun& noun) {
  const std::vector<std::string>& words = args.operands();
  if (words.empty())
    throw Error(Errc::Usage, "a verb is missing")
        .with_hint(fmt::format("{} {} {}", noun.command.name, verbs_of(noun), noun.operands));
  if (!is_verb(noun, words[0])) throw unknown_verb(noun, words[0]);
  return {words[0], {words.begin() + 1, words.end()}};
}

void require_no_image(const Edit& edit, std::span<const std::string> words) {
  if (!edit.in_batch() || words.empty() || !(is_image(words[0]) || names_image(words[0]))) return;
  throw Error(Errc::Usage,
              fmt::format("{} names an image, and a batch is about one, {}: leave it out",
                          quote(words[0]), quote(edit.image().image.string())));
}

GuestWords read_guest_words(const Edit& edit, const Args& args, const GuestNoun& noun) {
  GuestWords words = read_guest_words(args, noun);
  require_no_image(edit, words.operands);
  return words;
}

ExitCode run_guest(const GuestNoun& noun, const Args& args, Streams& io) {
  std::vector<std::string> words = args.operands();
  const bool has_verb = !words.empty() && is_verb(noun, words[0]);
  if (!has_verb && !(noun.lines != nullptr && names_only_image(args)))
    throw wrong_order(noun, args);
  const Address address = take_image(args, words, has_verb ? 1 : 0);
  if (!has_verb) words.insert(words.begin(), "list");
  const Args behind = with_operands(args, words);
  if (words[0] != "list") {
    noun.require_words(behind);
    return run_edit_on(noun.command, address, args, io, Verbs::One,
                       [&](Edit& edit) { noun.command.apply(edit, behind); });
  }
  require_operands(read_guest_words(behind, noun), 0, 0, "nothing behind the image");
  return list(noun, address, args, io);
}

Address take_image(const Args& args, std::vector<std::string>& words, std::size_t at) {
  const auto literal = args.value("image");
  const bool is_here = at < words.size() && (!literal || is_slot(words[at]));
  if (!is_here && !literal) throw Error(Errc::Usage, "IMG is missing");
  const std::string word = is_here ? words[at] : "";
  const Address address = literal ? parse_address_in(*literal, word) : parse_address(word);
  if (!address.path.empty())
    throw Error(Errc::Usage, fmt::format("{} is a path; the image alone is needed", quote(word)));
  if (is_here) words.erase(words.begin() + static_cast<std::ptrdiff_t>(at));
  return address;
}

Args with_operands(const Args& args, std::vector<std::string> operands) {
  return Args(args.options(), std::move(operands));
}

std::string command_line(std::string_view command, std::span<const std::string> words) {
  return fmt::format("rawimg {}{}", command, for_shell(words));
}

namespace {

/// What `action` throws gets the file's name in front.
template <class Action>
auto about_file(const std::string& path, Action&& action) {
  try {
    return action();
  } catch (const Error& error) {
    throw in_file(error, file_at(path));
  }
}

/// The path without symlinks, also where they lead to what is not there.
std::string without_symlinks(const ExtReader& fs, const std::string& path) {
  constexpr unsigned kMaxSymlinks = 40;  // as Linux
  std::string real, rest = path;
  for (unsigned links = 0; !rest.empty();) {
    rest.erase(0, std::min(rest.find_first_not_of('/'), rest.size()));
    const std::string name = rest.substr(0, rest.find('/'));
    rest.erase(0, name.size());
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      real.resize(std::min(real.rfind('/'), real.size()));
      continue;
    }
    const auto inode = fs.look_up(real + '/' + name, ExtReader::Follow::AllButLast);
    if (!inode || fs.inode(*inode).type != FileType::Symlink || ++links > kMaxSymlinks) {
      real += '/' + name;
      continue;
    }
    const std::string target = fs.symlink_target(*inode);
    if (target.starts_with('/')) real.clear();
    rest.insert(0, target);
  }
  return real;
}

/// Throws: NotFound where symlinks lead to what the kernel shows in place of the image's directory.
void require_own_file(const ExtReader& fs, const std::string& path) {
  const std::string real = without_symlinks(fs, path);
  for (const std::string_view top : {"/proc/", "/sys/", "/dev/", "/run/"})
    if (real.starts_with(top))
      throw Error(Errc::NotFound,
                  fmt::format("a symlink leads to {}, which only a running guest has", quote(real)))
          .with_hint("remove the symlink first ('rawimg rm'): the image has no such file else");
}

}  // namespace

Operand file_at(const std::string& path) { return {Operand::Kind::Image, path, path, {}}; }

std::optional<std::string> read_guest_file(const ExtReader& fs, const std::string& path) {
  return about_file(path, [&]() -> std::optional<std::string> {
    const auto inode = fs.look_up(path);
    if (!inode || fs.inode(*inode).type != FileType::Regular) require_own_file(fs, path);
    if (!inode) return std::nullopt;
    std::string text;
    require_modest(fs.inode(*inode).size_bytes, "it");
    fs.read_file(*inode, [&](std::span<const std::byte> bytes) {
      text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
    return text;
  });
}

void show_guest_file(Edit& edit, const GuestNoun& noun, const std::string& text) {
  if (edit.wants_json())
    edit.result = noun.result(text);
  else
    edit.io().out << noun.lines(text);
}

void write_guest_file(Edit& edit, const std::string& path, const std::optional<std::string>& before,
                      const std::string& after) {
  if (before == after) return;
  show_difference(edit, path, before.value_or(""), after);
  replace_guest_file(edit, path, after);
}

void show_difference(Edit& edit, const std::string& path, const std::string& before,
                     const std::string& after) {
  if (!edit.is_dry_run()) return;
  const std::string diff = unified_diff("a" + path, "b" + path, before, after);
  if (edit.wants_json())
    edit.diff += diff;
  else
    edit.io().out << diff;
}

void replace_guest_file(Edit& edit, const std::string& path, const std::string& content) {
  about_file(path, [&] {
    require_own_file(edit.fs(), path);
    write_content(edit, file_at(path), content);
  });
}

void note_match(Edit& edit, const char* path, std::string_view what, const std::string& pattern,
                const EditCount& count) {
  if (count.matched != 0) return;
  edit.warnings.push_back(
      {"no-match", path, fmt::format("no {} of {} matches {}", what, path, quote(pattern))});
}

void require_operands(const GuestWords& words, std::size_t least, std::size_t most,
                      std::string_view what) {
  if (words.operands.size() < least || words.operands.size() > most)
    throw Error(Errc::Usage, fmt::format("{} takes {}", words.verb, what));
}

bool is_printable(std::string_view bytes) {
  std::string plain(bytes);  // without what is escaped only because escapes use it
  std::erase_if(plain, [](char c) { return c == '\\' || c == '\''; });
  return escape(plain) == plain;
}

}  // namespace rawimg::cli
