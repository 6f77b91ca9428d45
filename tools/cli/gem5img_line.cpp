// SPDX-License-Identifier: MIT
#include "cli/gem5img_line.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/numbers.h"
#include "cli/requests.h"
#include "cmd/all.h"

namespace rawimg::cli {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;
// 16 heads of 63 sectors; an IDE disk's own geometry ends at 16383 cylinders (8063.5 MiB).
constexpr std::uint64_t kCylinderSectors = 16 * 63, kMostCylinders = 16383;
constexpr std::uint64_t kMostMb = 1u << 30;  // no host's file system has room for more

struct FileSize {
  std::uint64_t bytes = 0;
  std::vector<Warning> warnings = {};
};

FileSize file_size(const Args& args, const std::string& mb) {
  const std::uint64_t count = parse_number(mb, "mb", 1, kMostMb);
  if (args.has("exact")) return {count * kMiB};
  const std::uint64_t cylinders = count * (kMiB / kSectorSize) / kCylinderSectors;
  FileSize size{std::min(cylinders, kMostCylinders) * kCylinderSectors * kSectorSize};
  if (cylinders >= kMostCylinders)
    size.warnings.push_back({"truncated", args.operands()[1],
                             fmt::format("{} MB is too big for LBA, truncating file.", count)});
  return size;
}

std::uint64_t start_of(const Args& args) {
  return parse_number(args.value("align").value_or("63"), "align", 1, UINT32_MAX);
}

/// What mke2fs takes for a device of this size: its usage types floppy, small and default.
void add_filesystem(const Args& args, std::uint64_t bytes, std::vector<std::string>& words) {
  const bool small = bytes < 512 * kMiB, floppy = bytes < 3 * kMiB;
  words.push_back("--type=" + args.value("type").value_or("ext2"));
  words.push_back(fmt::format("--block-size={}", small ? "1K" : "4K"));
  words.push_back(fmt::format("--inode-ratio={}", floppy ? 8192 : small ? 4096 : 16384));
}

/// A file of no bytes is nobody's work: mktemp made it, or gem5img.py before it crashed.
bool is_empty_file(const std::string& file) {
  std::error_code none;
  return std::filesystem::is_regular_file(file, none) &&
         std::filesystem::file_size(file, none) == 0;
}

/// Options that mean the same everywhere go along.
std::vector<std::string> shared_words(const Args& args) {
  std::vector<std::string> words;
  const auto add = [&](std::span<const OptionSpec> table) {
    for (const OptionSpec& option : table)
      if (const auto value = args.value(option.name))
        words.push_back(option.is_switch() || value->empty()
                            ? fmt::format("--{}", option.name)
                            : fmt::format("--{}={}", option.name, *value));
  };
  add(kWriteOptions);
  add(kLockOptions);
  add(kQuietOption);
  add(kCommonOptions);
  return words;
}

/// init, or new: its first part.
Gem5imgLine new_file(bool with_filesystem, const Args& args) {
  const std::string& file = args.operands()[1];
  FileSize size = file_size(args, args.operands()[2]);
  std::vector<std::string> words = shared_words(args);
  if (is_empty_file(file) && !args.has("force")) words.emplace_back("--force");
  words.push_back(fmt::format("--size={}s", size.bytes / kSectorSize));
  if (with_filesystem) {
    const std::uint64_t start = start_of(args) * kSectorSize;
    words.push_back(fmt::format("--start={}s", start_of(args)));
    add_filesystem(args, size.bytes - std::min(size.bytes, start), words);
  }
  words.insert(words.end(), {"--", file});
  return {with_filesystem ? kInit : kCreate, std::move(words), std::move(size.warnings)};
}

}  // namespace

const std::vector<Gem5imgVerb>& gem5img_verbs() {
  using Operand = std::pair<std::string_view, std::string_view>;
  static const Operand file{"file", "Name of the image file."};
  static const Operand mb{"mb", "Size of the file in MiB."};
  static const std::vector<Gem5imgVerb> verbs{
      {"init",
       "Create an image with an empty file system.",
       {file, mb},
       {"type", "align", "exact"}},
      {"mount",
       "Mount the first partition in the disk image.",
       {file, {"mount point", "Where to mount the image."}},
       {}},
      {"umount",
       "Unmount the disk image mounted at mount_point.",
       {{"mount_point", "What mount point to unmount."}},
       {}},
      {"new", "File creation part of \"init\".", {file, mb}, {"exact"}},
      {"partition", "Partition part of \"init\".", {file}, {"align"}},
      {"format", "Formatting part of \"init\".", {file}, {"type"}}};
  return verbs;
}

std::string to_text(const Gem5imgLine& line) {
  std::string text = fmt::format("rawimg {}", line.command.name);
  for (const std::string& word : line.words) {
    const std::size_t value = word.starts_with("--") ? word.find('=') : 0;
    if (value == std::string::npos)
      text += ' ' + word;  // an option, or the end of them
    else if (value != 0)
      text += ' ' + word.substr(0, value + 1) + shell_word(word.substr(value + 1));
    else
      text += ' ' + shell_word(word);
  }
  return text;
}

Partition first_partition(const Args& args, const std::string& file) {
  const ImageFile image = ImageFile::open(file, Access::ReadOnly, read_lock_policy(args));
  const PartitionTable table = PartitionTable::read(image);
  if (table.partitions().empty())
    throw Error(Errc::NotFound,
                fmt::format("{} has no first partition: its table is empty", quote(file)))
        .with_path(file);
  return table.partitions().front();
}

Gem5imgLine gem5img_line(const std::string& verb, const Args& args) {
  if (verb == "init" || verb == "new") return new_file(verb == "init", args);
  std::vector<std::string> words = shared_words(args);
  words.push_back("--image=" + args.operands()[1]);
  if (verb == "partition") {
    words.push_back(fmt::format("start={}", start_of(args)));
    return {kPartition, std::move(words), {}};
  }
  const Partition partition = first_partition(args, args.operands()[1]);
  add_filesystem(args, partition.range().size(), words);
  words.push_back(fmt::format("{}", partition.slot));
  return {kFormat, std::move(words), {}};
}

}  // namespace rawimg::cli
