// SPDX-License-Identifier: MIT
#include "cli/address.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rawimg/error.h>
#include <rawimg/ext_fs.h>
#include <rawimg/partition_table.h>

#include "base/text.h"
#include "cli/numbers.h"

namespace rawimg::cli {
namespace {

namespace fs = std::filesystem;

bool exists(std::string_view name) {
  std::error_code ignored;
  return !name.empty() && fs::exists(fs::path(name), ignored);
}

void take_slot_and_path(std::string_view text, Address& address) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  if (slash != 0) {
    unsigned slot = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + slash, slot);
    if (error != std::errc{} || end != text.data() + slash || slot > kMaxSlot)
      throw Error(Errc::Usage, fmt::format("slot {}: it can be 0 (the whole file) to {}",
                                           quote(text.substr(0, slash)), kMaxSlot))
          .with_hint(quote_command("rawimg info " + shell_word(address.image.string())) +
                     " lists the slots that are in use");
    address.slot = slot;
  }
  address.path = std::string(text.substr(slash));
}

/// `IMG?offset=1M/etc` lacks its colon.
void require_no_path(const std::string& image, std::string_view number) {
  const std::size_t slash = number.find('/');
  if (slash == std::string_view::npos) return;
  const std::string_view front =
      std::string_view(image).substr(0, image.size() - number.size() + slash);
  throw missing_slash(image, fmt::format("{}:{}", front, number.substr(slash)));
}

/// IMG?offset=BYTES as e2fsprogs has it, IMG@@OFFSET as mtools has it.
void take_offset(std::string& image, Address& address) {
  if (exists(image)) return;
  for (const std::string_view mark : {std::string_view("?offset="), std::string_view("@@")}) {
    const std::size_t at = image.rfind(mark);
    if (at == std::string::npos || !exists(std::string_view(image).substr(0, at))) continue;
    const std::string_view number = std::string_view(image).substr(at + mark.size());
    require_no_path(image, number);
    address.offset = parse_size(number, "offset");
    image.resize(at);
    return;
  }
}

std::string list(const std::vector<Partition>& partitions) {
  std::vector<std::string> lines;
  for (const Partition& partition : partitions)
    lines.push_back(fmt::format("slot {} at byte {}", partition.slot, partition.range().start()));
  return fmt::format("{}", fmt::join(lines, ", "));
}

/// All but extended partitions.
std::vector<Partition> filesystem_slots(const PartitionTable& table) {
  std::vector<Partition> slots = table.partitions();
  std::erase_if(slots, [](const Partition& partition) { return is_extended(partition); });
  return slots;
}

FoundWindow window_of(ImageFile& image, const PartitionTable& table, const Partition& partition) {
  return {Window(image, partition.range()), partition.slot, table.warnings(),
          table.partuuid(partition)};
}

PartitionTable table_for_slot(const ImageFile& image) {
  try {
    return PartitionTable::read(image);
  } catch (const Error& error) {
    if (identify_disk(image).kind != DiskKind::Filesystem) throw;
    throw Error(error).with_hint("the whole file is slot 0, which needs no number");
  }
}

FoundWindow slot_window(ImageFile& image, unsigned slot) {
  if (slot == 0) return {Window(image), 0};
  const PartitionTable table = table_for_slot(image);
  const std::string name = image.path().string();
  const std::optional<Partition> partition = table.slot(slot);
  const std::vector<Partition> used = filesystem_slots(table);
  const std::string others = used.empty() ? "none" : list(used);
  if (partition && is_extended(*partition))
    throw Error(Errc::Unsupported,
                fmt::format("slot {} of {} is an extended partition; for filesystems there is {}",
                            slot, quote(name), others))
        .with_path(name);
  if (!partition)
    throw Error(Errc::NotFound,
                fmt::format("{} has no partition in slot {}; it has {}", quote(name), slot, others))
        .with_path(name);
  return window_of(image, table, *partition);
}

/// The last copy of a GPT lies behind what partitions may use, and no filesystem shall reach it.
std::uint64_t usable_end(const PartitionTable& gpt, std::uint64_t offset) {
  const ByteRange usable = gpt.usable();
  if (offset >= usable.start() && offset < usable.end()) return usable.end();
  throw Error(Errc::Usage,
              fmt::format("offset {} is where the GPT itself lies: partitions use bytes {} to {}",
                          offset, usable.start(), usable.end() - 1));
}

Error error_inside(std::uint64_t offset, const Partition& partition,
                   const std::vector<Warning>& damage) {
  if (!is_extended(partition))
    return Error(
        Errc::Usage,
        fmt::format(
            "offset {} is in the middle of the partition in slot {}, which starts at byte {}",
            offset, partition.slot, partition.range().start()));
  // what lies there may be a logical partition all the same
  if (!damage.empty()) return Error(Errc::Corrupt, damage.front().message);
  return Error(Errc::Usage, fmt::format("offset {} is in the extended partition in slot {}, and no "
                                        "logical partition begins there",
                                        offset, partition.slot));
}

/// The partition that starts there, if one does; else up to the next one or the end of the file.
FoundWindow offset_window(ImageFile& image, std::uint64_t offset) {
  std::uint64_t end = image.size().value;
  if (offset >= end)
    throw Error(Errc::Usage, fmt::format("offset {} is not inside of {}, which has {} bytes",
                                         offset, quote(image.path().string()), end));
  std::vector<Warning> warnings;
  if (has_partition_table(image)) {
    const PartitionTable table = PartitionTable::read(image);
    warnings = table.warnings();
    if (table.kind() == PartitionTable::Kind::Gpt) end = usable_end(table, offset);
    const std::vector<Partition> partitions = table.partitions();
    // of several the last: logical partitions come behind those that they are in
    const Partition* around = nullptr;
    for (const Partition& partition : partitions) {
      const ByteRange range = partition.range();
      if (range.start() == offset && !is_extended(partition))
        return window_of(image, table, partition);
      if (range.start() <= offset && offset < range.end()) around = &partition;
      if (range.start() > offset) end = std::min(end, range.start());
    }
    if (around != nullptr) throw error_inside(offset, *around, warnings);
  }
  return {Window(image, ByteRange{ByteOffset{offset}, ByteCount{end - offset}}), 0, warnings};
}

/// A filesystem says itself how large it is: whoever knows where it begins does not need a table
/// that is damaged.
FoundWindow filesystem_at(ImageFile& image, std::uint64_t offset) {
  try {
    return offset_window(image, offset);
  } catch (const Error& error) {
    if (error.code() != Errc::Corrupt) throw;
    const ByteRange rest{ByteOffset{offset}, ByteCount{image.size().value - offset}};
    const auto info = probe_ext(Window(image, rest));
    if (!info) throw;
    const Window own(image, ByteRange{ByteOffset{offset}, ByteCount{info->size_bytes}});
    return {own,
            0,
            {{"table-damaged", image.path().string(),
              std::string(error.what()) + "; it is not looked at"}}};
  }
}

bool holds_ext(ImageFile& image, const Partition& partition) {
  if (is_extended(partition)) return false;
  try {
    return probe_ext(Window(image, partition.range())).has_value();
  } catch (const Error&) {
    return true;  // a damaged one; opening it says what is wrong
  }
}

}  // namespace

bool is_slot_and_path(std::string_view text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  return text.substr(0, slash).find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_image(std::string_view name) {
  std::error_code none;
  if (!fs::is_regular_file(fs::path(name), none)) return false;
  try {
    const ImageFile file = ImageFile::open(fs::path(name), Access::ReadOnly, {.required = false});
    const DiskKind kind = identify_disk(file).kind;
    return kind == DiskKind::Mbr || kind == DiskKind::Gpt || kind == DiskKind::Filesystem;
  } catch (const Error&) {
    return false;
  }
}

std::optional<std::string> with_slash(std::string_view word) {
  if (exists(word)) return std::nullopt;
  for (std::size_t colon = word.find(':'); colon != std::string_view::npos;
       colon = word.find(':', colon + 1)) {
    const std::string_view left = word.substr(0, colon), rest = word.substr(colon + 1);
    if (is_slot_and_path(rest) || !is_image(left)) continue;
    const std::size_t slot = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const std::string_view behind = rest.substr(std::min(slot + 1, rest.size()));
    const bool is_doubled = slot < rest.size() && rest[slot] == ':' && is_slot_and_path(behind) &&
                            (slot == 0 || behind.starts_with('/'));
    return is_doubled ? fmt::format("{}:{}{}", left, rest.substr(0, slot), behind)
                      : fmt::format("{}:/{}", left, rest);
  }
  for (std::size_t slash = word.find('/', 1); slash != std::string_view::npos;
       slash = word.find('/', slash + 1))
    if (is_image(word.substr(0, slash)))
      return fmt::format("{}:{}", word.substr(0, slash), word.substr(slash));
  return std::nullopt;
}

Error missing_slash(std::string_view word, std::string_view meant) {
  return Error(Errc::Usage, fmt::format("{}: a path in an image is IMG:/path", quote(word)))
      .with_path(std::string(word))
      .with_hint(fmt::format("write {}", escape(meant)));
}

bool has_partition_table(const ImageFile& image) {
  const DiskKind kind = identify_disk(image).kind;
  return kind == DiskKind::Mbr || kind == DiskKind::Gpt;
}

Address parse_address_in(const fs::path& image, std::string_view word) {
  Address address;
  address.image = image;
  if (word.starts_with(':')) word.remove_prefix(1);
  if (!is_slot_and_path(word))
    throw Error(
        Errc::Usage,
        fmt::format(
            "{} is not a slot and a path, such as 1/etc/fstab, of the image that --image names",
            quote(word)));
  take_slot_and_path(word, address);
  return address;
}

Address parse_address(std::string_view word) {
  if (word == "-")
    throw Error(Errc::Usage, "an image cannot be standard input or output")
        .with_hint("a file of that name is ./-");
  Address address;
  std::string image(word);
  for (std::size_t colon = word.find(':'); colon != std::string_view::npos;
       colon = word.find(':', colon + 1)) {
    const std::string_view left = word.substr(0, colon), rest = word.substr(colon + 1);
    if (!is_slot_and_path(rest)) continue;
    std::string candidate(left);
    Address attempt;
    take_offset(candidate, attempt);
    if (!exists(candidate)) continue;
    if (exists(word))
      throw Error(Errc::Usage,
                  fmt::format("{} can mean the file of that name, and {} inside of the image {}",
                              quote(word), quote(rest), quote(candidate)))
          .with_hint(fmt::format("name the image with --image {}", quote(candidate)));
    attempt.image = candidate;
    take_slot_and_path(rest, attempt);
    return attempt;
  }
  if (exists(word)) {
    address.image = image;
    return address;
  }
  take_offset(image, address);
  // Where nothing of that name exists, the image before the first fitting colon is meant, and
  // opening it says that it is missing.
  std::size_t colon = word.find(':', 1);
  while (colon < word.size() && !is_slot_and_path(word.substr(colon + 1)))
    colon = word.find(':', colon + 1);
  if (!address.offset && colon < word.size()) {
    image.resize(colon);
    address.image = image;
    take_slot_and_path(word.substr(colon + 1), address);
  }
  address.image = image;
  return address;
}

std::optional<Address> existing_address(const std::string& word) {
  if (word.find(':') == std::string::npos && word.find('?') == std::string::npos &&
      word.find("@@") == std::string::npos)
    return std::nullopt;
  const Address address = parse_address(word);
  if (address.path.empty() && !address.slot && !address.offset) return std::nullopt;
  std::error_code error;  // what may not be looked at is there, and opening it says why
  if (!std::filesystem::exists(address.image, error) && error != std::errc::permission_denied)
    return std::nullopt;
  return address;
}

bool names_image(const std::string& word) { return existing_address(word).has_value(); }

FoundWindow find_filesystem(ImageFile& image, const Address& address) {
  if (address.offset && address.slot)
    throw Error(Errc::Usage, "an offset and a slot were both given: which one?");
  if (address.offset) return filesystem_at(image, *address.offset);
  if (address.slot) return slot_window(image, *address.slot);
  const std::string name = image.path().string();
  if (!has_partition_table(image)) {
    if (const auto whole = probe_ext(Window(image))) return {Window(image), 0};
    (void)PartitionTable::read(image);  // says what it is
  }
  const PartitionTable table = PartitionTable::read(image);
  std::vector<Partition> found;
  for (const Partition& partition : table.partitions())
    if (holds_ext(image, partition)) found.push_back(partition);
  if (found.empty())
    throw Error(Errc::Unsupported,
                fmt::format("{} has a partition table but no ext filesystem in it", quote(name)))
        .with_path(name)
        .with_hint("make one with 'rawimg format'");
  if (found.size() > 1)
    throw Error(Errc::Usage, fmt::format("{} has {} ext filesystems ({}): which one?", quote(name),
                                         found.size(), list(found)))
        .with_hint(fmt::format("for example {}",
                               shell_word(fmt::format("{}:{}", name, found.front().slot))));
  return window_of(image, table, found.front());
}

FoundWindow find_place(ImageFile& image, const Address& address) {
  if (address.offset && address.slot)
    throw Error(Errc::Usage, "an offset and a slot were both given: which one?");
  if (address.offset) return offset_window(image, *address.offset);
  if (address.slot) return slot_window(image, *address.slot);
  if (!has_partition_table(image)) return {Window(image), 0};
  const PartitionTable table = PartitionTable::read(image);
  const std::vector<Partition> used = filesystem_slots(table);
  const std::string name = image.path().string();
  if (used.empty())
    throw Error(Errc::NotFound,
                fmt::format("{} has a partition table without partitions", quote(name)))
        .with_path(name)
        .with_hint("make one with 'rawimg partition --force', or name the whole file as :0");
  if (used.size() > 1)
    throw Error(Errc::Usage, fmt::format("{} has {} partitions ({}): which one?", quote(name),
                                         used.size(), list(used)));
  return window_of(image, table, used.front());
}

}  // namespace rawimg::cli
