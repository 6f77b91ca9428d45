// SPDX-License-Identifier: MIT
// Who reads another's directory must not be led out of it while doing so: a directory that has been
// opened stays the one that is read, whatever has its name meanwhile.
#include <filesystem>

#include <rawimg/directory_source.h>
#include <catch2/catch.hpp>

#include "edit/copy.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

/// tree/sub/file, and a secret of the same name elsewhere.
struct Trap {
  Trap() {
    fs::create_directories(dir / "tree/sub");
    fs::create_directories(dir / "secret");
    write_file(dir / "tree/sub/file", "public");
    write_file(dir / "secret/file", "secret");
  }
  void spring() const {
    fs::rename(dir / "tree/sub", dir / "tree/moved");
    fs::create_directory_symlink(dir / "secret", dir / "tree/sub");
  }
  TempDir dir;
};

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string content_of(const cli::CopySource& source) {
  std::string text;
  source.read([&](const DataChunk& chunk) { text += text_of(chunk.bytes); });
  return text;
}

}  // namespace

TEST_CASE("cp reads the directory that it has opened, whatever takes its name", "[cli]") {
  const Trap trap;
  const std::string path = (trap.dir / "tree").string();
  const auto tree = cli::open_host_source(path, path, ExtFs::Follow::All);
  const auto sub = tree->child("sub", ExtFs::Follow::AllButLast);
  trap.spring();
  REQUIRE(sub->names() == std::vector<std::string>{"file"});
  CHECK(content_of(*sub->child("file", ExtFs::Follow::AllButLast)) == "public");
  CHECK(tree->child("sub", ExtFs::Follow::AllButLast)->meta().type == FileType::Symlink);
}

TEST_CASE("cp reads the file that it has seen, whatever takes its name", "[cli]") {
  const Trap trap;
  const std::string path = (trap.dir / "tree/sub/file").string();
  const auto file = cli::open_host_source(path, path, ExtFs::Follow::AllButLast);
  fs::remove(path);
  fs::create_symlink(trap.dir / "secret/file", path);
  CHECK(content_of(*file) == "public");
}

TEST_CASE("a directory as a source is the one that was opened, whatever takes its name", "[cli]") {
  const Trap trap;
  const auto source = open_directory(trap.dir / "tree");
  REQUIRE(source->next()->path == ".");
  REQUIRE(source->next()->path == "./sub");
  trap.spring();
  REQUIRE(source->next()->path == "./sub/file");
  const auto chunk = source->next_chunk();
  REQUIRE(chunk);
  CHECK(text_of(chunk->bytes) == "public");
  CHECK(source->next() == nullptr);
}
