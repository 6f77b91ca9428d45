// SPDX-License-Identifier: MIT
// 05_edit_transaction IMAGE SLOT MESSAGE
// Writes MESSAGE to /etc/motd and makes /etc/issue a symlink to it, in an ext filesystem of an
// image: both, or neither, whatever happens on the way. Slot 0 is the whole file.
#include <rawimg/error.h>
#include <rawimg/partition_table.h>
#include <rawimg/transaction.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

rawimg::Window window_of(rawimg::ImageFile& image, unsigned slot) {
  if (slot == 0) return rawimg::Window(image);
  const auto partition = rawimg::PartitionTable::read(image).slot(slot);
  if (!partition)
    throw rawimg::Error(rawimg::Errc::NotFound, "there is no slot " + std::to_string(slot));
  return {image, partition->range()};
}

void put_message(rawimg::Transaction& change, std::string_view message) {
  const std::uint32_t etc = change.resolve("/etc");
  auto motd = change.find(etc, "motd");
  if (!motd) {
    rawimg::Entry file;
    file.permissions = 0644;
    motd = change.make(etc, "motd", file);
  }
  change.write_file(*motd, message.size(), [&](const rawimg::Transaction::ContentSink& sink) {
    sink({.offset = 0, .bytes = std::as_bytes(std::span(message)), .owner = nullptr});
  });
  if (change.find(etc, "issue")) change.unlink(etc, "issue");
  rawimg::Entry link;
  link.type = rawimg::FileType::Symlink;
  link.permissions = 0777;
  link.link_target = "motd";
  change.make(etc, "issue", link);
}

}  // namespace

int main(int count, char** words) {
  unsigned slot = 0;
  const std::string_view text = count == 4 ? words[2] : "";
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), slot);
  if (count != 4 || wrong != std::errc() || end != text.data() + text.size()) {
    std::fprintf(stderr, "usage: %s IMAGE SLOT MESSAGE\n", words[0]);
    return 2;
  }
  try {
    // The library asks no clock; a change has the time that it is given.
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now().time_since_epoch());
    auto image = rawimg::ImageFile::open(words[1], rawimg::Access::ReadWrite);
    auto change = rawimg::Transaction::begin(window_of(image, slot),
                                             {.now = {now.count(), 0}, .keep_undo_bytes = 1 << 20});
    put_message(change,
                std::string(words[3]) + '\n');  // an exception from here on: nothing changes
    const auto result = change.commit();
    std::printf("%llu bytes of metadata written%s\n",
                static_cast<unsigned long long>(result.bytes_written),
                result.undo_kept ? "; 'rawimg undo' takes it back" : "");
    return 0;
  } catch (const rawimg::Error& error) {
    std::fprintf(stderr, "%s\n%s", error.what(), error.hint().empty() ? "" : "hint: ");
    if (!error.hint().empty()) std::fprintf(stderr, "%s\n", error.hint().c_str());
    return 1;
  }
}
