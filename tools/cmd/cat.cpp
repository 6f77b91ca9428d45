// SPDX-License-Identifier: MIT
#include <cerrno>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/open_fs.h"
#include "cli/output.h"
#include "cmd/all.h"
#include "read/reading.h"

namespace rawimg::cli {
namespace {

constexpr std::span<const OptionSpec> kTables[] = {kJournalOption, kLockOptions, kImageOption,
                                                   kCommonOptions};

constexpr std::uint64_t kMostInJson = 64u << 20;  // it is held in RAM, several times over

void require_modest(std::uint64_t size, const std::string& path) {
  if (size > kMostInJson)
    throw Error(Errc::Unsupported, fmt::format("{} has {} bytes; --json shows up to {}",
                                               quote(path), size, kMostInJson))
        .with_path(path)
        .with_hint("leave out --json");
}

ExitCode read(Reading& reading, const Args& args) {
  std::vector<ReadFile> files = reading.files(args, Reading::NoPath::IsMissing);
  if (reading.wants_json() && files.size() > 1) throw Error(Errc::Usage, "--json shows one file");
  const std::vector<std::uint32_t> inodes =
      reading.resolve(files, [](const ReadFile&) { return ExtReader::Follow::All; });
  std::string content;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const ReadFile& file = files[i];
    if (reading.wants_json()) require_modest(file.fs->inode(inodes[i]).size_bytes, file.path);
    about(file.shown, [&] {
      file.fs->read_file(inodes[i], [&](std::span<const std::byte> bytes) {
        const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        if (reading.wants_json())
          content += text;
        else if (!reading.io().out.write(text.data(), static_cast<std::streamsize>(text.size())))
          throw output_error(errno);
      });
    });
  }
  if (!reading.wants_json() || files.empty()) return ExitCode::Done;
  Json json;
  put_bytes(json, "path", files.front().path);
  put_bytes(json, "content", content);
  reading.set_result(json);
  return ExitCode::Done;
}

}  // namespace

const Command kCat{
    .name = "cat",
    .synopsis = "IMG[:N]/path...",
    .summary = "print files of an image",
    .examples =
        "  rawimg cat disk.img:/etc/fstab\n  rawimg cat disk.img:1/boot/vmlinuz > vmlinuz\n",
    .details =
        "Symlinks are followed inside of the image. Wildcards are matched there, too, in quotes.\n",
    .options = kTables,
    .run = [](const Args& args, Streams& io) { return run_reading(kCat, args, io); },
    .read = read,
};

}  // namespace rawimg::cli
