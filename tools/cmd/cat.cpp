// SPDX-License-Identifier: MIT
#include <cerrno>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "cli/open_fs.h"
#include "cli/output.h"
#include "cmd/all.h"

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

std::vector<Address> read_request(const Args& args) {
  std::vector<Address> files;
  (void)args.require(0, "IMG:/path");
  for (std::size_t i = 0; i < args.operands().size(); ++i) {
    files.push_back(read_address(args, i));
    if (files.back().path.empty())
      throw Error(Errc::Usage,
                  fmt::format("{} names no file in the image", quote(args.operands()[i])))
          .with_hint(fmt::format("for example {}:/etc/fstab", escape(files.back().image.string())));
  }
  if (args.has("json") && files.size() > 1) throw Error(Errc::Usage, "--json shows one file");
  return files;
}

ExitCode run(const Args& args, Streams& io) {
  std::string content;
  for (const Address& address : read_request(args)) {
    const OpenedFs opened = open_filesystem(address, args, io);
    const std::uint32_t inode = opened.fs.resolve(address.path);
    if (args.has("json")) require_modest(opened.fs.inode(inode).size_bytes, address.path);
    about(address.path, [&] {
      opened.fs.read_file(inode, [&](std::span<const std::byte> bytes) {
        const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        if (args.has("json"))
          content += text;
        else if (!io.out.write(text.data(), static_cast<std::streamsize>(text.size())))
          throw output_error(errno);
      });
    });
    if (!args.has("json")) continue;
    Json json;
    put_bytes(json, "path", address.path);
    put_bytes(json, "content", content);
    print_result(io, "cat", json, opened.warnings);
  }
  return ExitCode::Done;
}

}  // namespace

const Command kCat{
    .name = "cat",
    .synopsis = "IMG[:N]/path...",
    .summary = "print files of an image",
    .examples =
        "  rawimg cat disk.img:/etc/fstab\n  rawimg cat disk.img:1/boot/vmlinuz > vmlinuz\n",
    .details = "Symlinks are followed inside of the image.\n",
    .options = kTables,
    .run = run,
};

}  // namespace rawimg::cli
