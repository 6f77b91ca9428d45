// SPDX-License-Identifier: MIT
#include "edit/destination.h"

#include <filesystem>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg::cli {
namespace {

bool exists_on_host(const std::filesystem::path& path) {
  std::error_code none;
  return std::filesystem::exists(path, none);
}

/// How a directory that is missing is made.
std::string way_to_make(const Edit& edit, const Operand& directory) {
  if (directory.kind == Operand::Kind::Host) return hint_to_make(directory.path);
  try {
    (void)edit.place(Edit::below(directory, "file"));
  } catch (const Error& error) {
    return error.hint();
  }
  return "";
}

bool names_directory(Edit& edit, const Operand& file) {
  if (file.kind == Operand::Kind::Host) return is_host_directory(file.path);
  const auto inode = edit.find(file);
  return inode && edit.is_directory(*inode);
}

/// Throws: Exists in an image, Io on the host.
void require_directory(Edit& edit, const Operand& file) {
  if (file.kind == Operand::Kind::Host) return require_host_directory(file.path);
  const auto inode = edit.find(file);
  if (inode && edit.is_directory(*inode)) return;
  throw Error(inode ? Errc::Exists : Errc::NotFound,
              fmt::format("{} {}", quote(file.word),
                          inode ? "is not a directory" : "does not exist in the image"))
      .with_path(file.path)
      .with_hint(inode ? "" : way_to_make(edit, file));
}

}  // namespace

std::string hint_to_make(const std::filesystem::path& host_directory) {
  return quote_command("mkdir -p " + shell_word(host_directory.string())) + " makes it";
}

bool is_host_directory(const std::filesystem::path& path) {
  std::error_code none;
  return std::filesystem::is_directory(path, none);
}

void require_host_directory(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::is_directory(status)) return;
  const bool is_missing = status.type() == std::filesystem::file_type::not_found;
  throw Error(Errc::Io, fmt::format("{} {}", quote(path.string()),
                                    is_missing ? "does not exist"
                                    : error    ? "cannot be read: " + error.message()
                                               : "is not a directory"))
      .with_path(path.string())
      .with_hint(is_missing ? hint_to_make(path) : "");
}

std::string base_name(const std::string& path) {
  std::string_view rest = path;
  while (rest.size() > 1 && rest.ends_with('/')) rest.remove_suffix(1);
  return std::string(rest.substr(rest.rfind('/') + 1));
}

bool has_own_name(const std::string& path) {
  const std::string name = base_name(path);
  return !name.empty() && name != "." && name != "..";
}

void Destination::require_room_for(std::size_t count) const {
  if (count <= 1 || is_directory) return;
  const bool on_host = target.kind == Operand::Kind::Host;
  throw Error(on_host ? Errc::Io : Errc::NotFound,
              fmt::format("{} {}, and {} files are to go there", quote(target.word),
                          exists ? "is not a directory" : "does not exist", count))
      .with_path(target.path)
      .with_hint(how_to_make);
}

Operand Destination::target_for(const Operand& source) const {
  if (!is_directory) return target;
  if (!has_own_name(source.path))
    throw Error(Errc::Exists, fmt::format("{} has no name of its own to keep", quote(source.word)));
  return Edit::below(target, base_name(source.path));
}

void require_destination(const Args& args) {
  const std::vector<std::string>& words = args.operands();
  if (args.has("target-directory") && args.has("no-target-directory"))
    throw Error(Errc::Usage, "-t and -T contradict each other");
  if (words.empty()) throw Error(Errc::Usage, "missing file operand");
  if (!args.has("target-directory") && words.size() < 2)
    throw Error(Errc::Usage,
                fmt::format("missing destination file operand after {}", quote(words[0])));
  if (args.has("no-target-directory") && words.size() > 2)
    throw Error(Errc::Usage,
                fmt::format("extra operand {}: -T takes one source and one name", quote(words[2])));
}

Destination read_destination(Edit& edit, const Args& args, MayBe where) {
  require_destination(args);
  Destination destination;
  destination.sources = args.operands();
  const auto directory = args.value("target-directory");
  std::string word = directory.value_or("");
  if (!directory) {
    word = destination.sources.back();
    destination.sources.pop_back();
  }
  destination.target = where == MayBe::InImage ? edit.in_image(word) : edit.operand(word);
  if (destination.target.kind == Operand::Kind::Image) destination.target = edit.expand_new(word);
  destination.exists = destination.target.kind == Operand::Kind::Host
                           ? exists_on_host(destination.target.path)
                           : edit.find(destination.target).has_value();
  if (!destination.exists) destination.how_to_make = way_to_make(edit, destination.target);
  destination.is_directory =
      !args.has("no-target-directory") && names_directory(edit, destination.target);
  const bool many = destination.sources.size() > 1;
  if (directory || many) require_directory(edit, destination.target);
  return destination;
}

Destination read_host_destination(const Args& args) {
  require_destination(args);
  Destination destination;
  destination.sources = args.operands();
  const auto directory = args.value("target-directory");
  const std::string word = directory.value_or(destination.sources.back());
  if (!directory) destination.sources.pop_back();
  destination.target = {Operand::Kind::Host, word, word, {}};
  if (destination.is_output()) return destination;
  destination.exists = exists_on_host(word);
  if (!destination.exists) destination.how_to_make = hint_to_make(word);
  destination.is_directory = !args.has("no-target-directory") && is_host_directory(word);
  if (destination.sources.size() > 1 || directory) require_host_directory(word);
  return destination;
}

}  // namespace rawimg::cli
