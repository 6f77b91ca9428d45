// SPDX-License-Identifier: MIT
// Filesystems of 64 MiB made by mke2fs, in the middle of a file.
#pragma once

#include <rawimg/ext_fs.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "ext/small_tree.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace rawimg::test {

inline constexpr std::uint64_t kStart = 32256;

struct Made {
  explicit Made(const std::vector<std::string>& words,
                const std::function<void(const std::filesystem::path&)>& fill = {}) {
    std::filesystem::create_directory(dir / "root");
    if (fill) fill(dir / "root");
    { ImageFile fresh = make_image(dir / "a", kStart + (64 << 20)); }
    std::vector<std::string> argv{"mke2fs",
                                  "-q",
                                  "-F",
                                  "-d",
                                  (dir / "root").string(),
                                  "-E",
                                  "offset=" + std::to_string(kStart)};
    argv.insert(argv.end(), words.begin(), words.end());
    argv.push_back((dir / "a").string());
    argv.push_back("64M");
    const Outcome outcome = run(argv);
    CAPTURE(outcome.text());
    REQUIRE(outcome.ok());
    file = std::make_unique<ImageFile>(ImageFile::open(dir / "a", Access::ReadWrite));
  }
  Window window() { return Window(*file, ByteRange{ByteOffset{kStart}, ByteCount{64 << 20}}); }
  /// The name that e2fsprogs takes.
  std::string address() const { return (dir / "a").string() + "?offset=" + std::to_string(kStart); }
  ExtFs open() { return ExtFs::open(window()); }

  TempDir dir;
  std::unique_ptr<ImageFile> file;
};

inline std::string read(const ExtFs& fs, const std::string& path) {
  std::string content;
  fs.read_file(fs.resolve(path), [&](std::span<const std::byte> bytes) {
    content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  return content;
}

}  // namespace rawimg::test
