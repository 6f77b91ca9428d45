// SPDX-License-Identifier: MIT
#include "edit/placing.h"

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg::cli {
namespace {

/// Also where it is a symlink.
Operand inside(Operand directory) {
  if (directory.path.ends_with('/')) return directory;
  directory.path += '/';
  directory.word += '/';
  return directory;
}

}  // namespace

NewNames::Operand NewNames::take(const cli::Operand& source, const cli::Operand& target) {
  const auto [earlier, is_first] = sources_.emplace(target.path, source.word);
  if (is_first) return Operand::First;
  if (earlier->second == source.word) return Operand::Again;
  throw Error(Errc::Exists, fmt::format("{} would overwrite {}, which this command has just made",
                                        quote(source.word), quote(target.word)))
      .with_path(target.path);
}

/// "dir/." and "/" have no name to keep: what is in them goes into the destination.
bool Placing::fills(const Operand& file) const {
  return options_.recursive && !has_own_name(file.path);
}

NamedBy Placing::named_by(const Operand& file) const {
  return destination_.is_directory && !fills(file) ? NamedBy::Image : NamedBy::User;
}

std::optional<Operand> Placing::target_for(const Operand& file, const CopySource& source) {
  if (file.word == "-" && destination_.is_directory)
    throw Error(Errc::Usage, "standard input has no name: name the file to make");
  if (fills(file))
    return destination_.is_directory ? inside(destination_.target) : destination_.target;
  const Operand target = destination_.target_for(file);
  const bool may_be_there = source.meta().type == FileType::Directory || options_.no_clobber;
  if (may_be_there || names_.take(file, target) == NewNames::Operand::First) return target;
  warnings_.push_back(
      {"named-twice", file.word, fmt::format("{} is named more than once", quote(file.word))});
  return std::nullopt;
}

}  // namespace rawimg::cli
