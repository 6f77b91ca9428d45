// SPDX-License-Identifier: MIT
#include "edit/destination.h"

#include <filesystem>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg::cli {
namespace {

bool names_directory(Edit& edit, const Operand& file) {
  if (file.kind == Operand::Kind::Host) return std::filesystem::is_directory(file.path);
  const auto inode = edit.find(file);
  return inode && edit.is_directory(*inode);
}

}  // namespace

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
  if (count > 1 && !is_directory)
    throw Error(Errc::NotFound, fmt::format("{} is not a directory, and {} files are to go there",
                                            quote(target.word), count))
        .with_path(target.path);
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

Destination read_destination(Edit& edit, const Args& args, bool in_image) {
  require_destination(args);
  Destination destination;
  destination.sources = args.operands();
  const auto directory = args.value("target-directory");
  std::string word = directory.value_or("");
  if (!directory) {
    word = destination.sources.back();
    destination.sources.pop_back();
  }
  destination.target = in_image ? edit.in_image(word) : edit.operand(word);
  destination.is_directory =
      !args.has("no-target-directory") && names_directory(edit, destination.target);
  const bool many = destination.sources.size() > 1;
  if ((directory || many) && !destination.is_directory)
    throw Error(Errc::NotFound, fmt::format("{} is not a directory", quote(word)))
        .with_path(destination.target.path);
  return destination;
}

}  // namespace rawimg::cli
