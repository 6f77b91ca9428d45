// SPDX-License-Identifier: MIT
#include <rawimg/new_image.h>

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "support/error_matcher.h"
#include "support/fault_seam.h"
#include "support/temp_dir.h"

using namespace rawimg;
using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

void write_text(ImageFile& file, std::string_view text) {
  file.write_at(ByteOffset{0}, std::as_bytes(std::span(text)));
}

std::size_t count_files(const fs::path& dir) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(dir), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a new image has its name only after commit, and leaves nothing else", "[storage]") {
  const TempDir dir;
  {
    NewImage image(dir / "a.img", Replace::Refuse);
    write_text(image.file(), "hello");
    REQUIRE_FALSE(fs::exists(dir / "a.img"));
    REQUIRE(fs::exists(dir / "a.img.part"));
    image.commit(Durability::Sync);
  }
  REQUIRE(read_file(dir / "a.img") == "hello");
  REQUIRE(count_files(dir.path()) == 1);
}

TEST_CASE("an image that is not committed leaves nothing, and an older one untouched",
          "[storage]") {
  const TempDir dir;
  write_file(dir / "old.img", "old");
  {
    NewImage image(dir / "old.img", Replace::RegularFile);
    write_text(image.file(), "new");
  }
  REQUIRE(read_file(dir / "old.img") == "old");
  REQUIRE(count_files(dir.path()) == 1);
}

TEST_CASE("an existing file is replaced only on request, and keeps its mode", "[storage]") {
  const TempDir dir;
  write_file(dir / "a.img", "old");
  REQUIRE(chmod((dir / "a.img").c_str(), 0640) == 0);
  REQUIRE_THROWS_MATCHES(NewImage(dir / "a.img", Replace::Refuse), Error,
                         IsError(Errc::Exists, "exists"));
  NewImage image(dir / "a.img", Replace::RegularFile);
  write_text(image.file(), "new");
  image.commit(Durability::NoSync);
  REQUIRE(read_file(dir / "a.img") == "new");
  struct stat status {};
  REQUIRE(stat((dir / "a.img").c_str(), &status) == 0);
  REQUIRE((status.st_mode & 07777) == 0640);
}

TEST_CASE("only a regular file is replaced", "[storage]") {
  const TempDir dir;
  fs::create_directory(dir / "d");
  REQUIRE_THROWS_MATCHES(NewImage(dir / "d", Replace::RegularFile), Error,
                         IsError(Errc::Exists, "is a directory"));
  REQUIRE(::mkfifo((dir / "f").c_str(), 0600) == 0);
  REQUIRE_THROWS_MATCHES(NewImage(dir / "f", Replace::RegularFile), Error,
                         IsError(Errc::Exists, "not a regular file"));
}

TEST_CASE("a symlink to an image is followed: the real file is replaced, the link stays",
          "[storage]") {
  const TempDir dir;
  fs::create_directory(dir / "real");
  write_file(dir / "real/a.img", "old");
  fs::create_symlink("real/a.img", dir / "link.img");
  NewImage image(dir / "link.img", Replace::RegularFile);
  write_text(image.file(), "new");
  REQUIRE(image.part_path() == fs::canonical(dir / "real") / "a.img.part");
  image.commit(Durability::NoSync);
  REQUIRE(fs::is_symlink(dir / "link.img"));
  REQUIRE(read_file(dir / "real/a.img") == "new");
}

TEST_CASE("a stale part file is reused and emptied, one in use is not touched", "[storage]") {
  const TempDir dir;
  write_file(dir / "a.img.part", std::string(512, '\0') + std::string(100000, 'x'));
  NewImage image(dir / "a.img", Replace::Refuse);
  REQUIRE(image.file().size().value == 0);
  REQUIRE_THROWS_MATCHES(NewImage(dir / "a.img", Replace::Refuse), Error,
                         IsError(Errc::Busy, "in use"));
  write_text(image.file(), "new");
  image.commit(Durability::NoSync);
  REQUIRE(read_file(dir / "a.img") == "new");
}

TEST_CASE("somebody's download is no leftover of ours", "[storage]") {
  const TempDir dir;
  std::string table(512, '\0');
  table[510] = '\x55';
  table[511] = '\xAA';
  write_file(dir / "a.img.part", table + "unfinished");
  { const NewImage unfinished(dir / "a.img", Replace::Refuse); }
  table[0] = '\xFA';  // boot code: not ours
  for (const std::string& content : {std::string("an important download"), table + "x"}) {
    write_file(dir / "a.img.part", content);
    REQUIRE_THROWS_MATCHES(NewImage(dir / "a.img", Replace::Refuse), Error,
                           IsError(Errc::Exists, "not a leftover of ours"));
    CHECK(read_file(dir / "a.img.part") == content);
  }
}

TEST_CASE("a part file of ours is known by its mode, whatever it holds", "[storage]") {
  const TempDir dir;
  const auto mode_of = [&](const char* name) {
    struct stat status {};
    REQUIRE(stat((dir / name).c_str(), &status) == 0);
    return status.st_mode & 07777;
  };
  write_file(dir / "a.img.part", std::string(512, 'x'));
  REQUIRE(chmod((dir / "a.img.part").c_str(), 0644) == 0);
  REQUIRE_THROWS_MATCHES(NewImage(dir / "a.img", Replace::Refuse), Error,
                         IsError(Errc::Exists, "not a leftover of ours"));
  CHECK(mode_of("a.img.part") == 0644);
  REQUIRE(chmod((dir / "a.img.part").c_str(), 01644) == 0);
  NewImage image(dir / "a.img", Replace::Refuse);
  CHECK(image.file().size().value == 0);
  CHECK(mode_of("a.img.part") == 01644);
  image.commit(Durability::NoSync);
  CHECK(mode_of("a.img") == 0644);
}

TEST_CASE("an image that takes the place of an open one is as private and keeps its mode",
          "[storage]") {
  const TempDir dir;
  write_file(dir / "a.img", "old");
  const mode_t mode = GENERATE(0600, 0640, 0644);
  REQUIRE(chmod((dir / "a.img").c_str(), mode) == 0);
  const auto mode_of = [&](const char* name) {
    struct stat status {};
    REQUIRE(stat((dir / name).c_str(), &status) == 0);
    return status.st_mode & 07777;
  };
  // root gives it back to whose it was
  const uid_t owner = geteuid() == 0 ? 1234 : geteuid();
  if (owner != geteuid()) REQUIRE(chown((dir / "a.img").c_str(), owner, 2345) == 0);
  NewImage image(ImageFile::open(dir / "a.img", Access::ReadWrite));
  CHECK(mode_of("a.img.part") == 01600);
  REQUIRE_THROWS_MATCHES(ImageFile::open(dir / "a.img", Access::ReadWrite), Error,
                         IsError(Errc::Busy, ""));
  CHECK(image.old().size().value == 3);
  write_text(image.file(), "newer");
  image.commit(Durability::Sync);
  CHECK(read_file(dir / "a.img") == "newer");
  CHECK(mode_of("a.img") == mode);
  struct stat status {};
  REQUIRE(stat((dir / "a.img").c_str(), &status) == 0);
  CHECK(status.st_uid == owner);
}

TEST_CASE("a part file that was taken away is neither renamed nor removed", "[storage]") {
  const TempDir dir;
  {
    NewImage image(dir / "a.img", Replace::Refuse);
    fs::remove(dir / "a.img.part");
    write_file(dir / "a.img.part", "another's");
    REQUIRE_THROWS_MATCHES(image.commit(Durability::NoSync), Error,
                           IsError(Errc::Io, "removed or replaced"));
  }
  CHECK(read_file(dir / "a.img.part") == "another's");
  CHECK_FALSE(fs::exists(dir / "a.img"));
}

TEST_CASE("a part file that somebody planted is not written through", "[storage]") {
  const TempDir dir;
  write_file(dir / "victim", "precious");
  SECTION("a symlink") {
    fs::create_symlink(dir / "victim", dir / "a.img.part");
    REQUIRE_THROWS_MATCHES(NewImage(dir / "a.img", Replace::Refuse), Error,
                           IsError(Errc::Exists, "is a symlink"));
  }
  SECTION("a hard link") {
    fs::create_hard_link(dir / "victim", dir / "a.img.part");
    REQUIRE_THROWS_MATCHES(NewImage(dir / "a.img", Replace::Refuse), Error,
                           IsError(Errc::Exists, "not a leftover of ours"));
  }
  REQUIRE(read_file(dir / "victim") == "precious");
}

TEST_CASE("a dry run takes a name without a directory", "[storage]") {
  const TempDir dir;
  const fs::path before = fs::current_path();
  fs::current_path(dir.path());
  CHECK_NOTHROW(NewImage("plain.img", Replace::Refuse, NewImage::DryRun{}));
  CHECK_FALSE(fs::exists("plain.img"));
  fs::current_path(before);
}

TEST_CASE("a name that came into being meanwhile is not overwritten", "[storage]") {
  const TempDir dir;
  NewImage image(dir / "a.img", Replace::Refuse);
  write_text(image.file(), "mine");
  write_file(dir / "a.img", "theirs");
  REQUIRE_THROWS_MATCHES(image.commit(Durability::NoSync), Error, IsError(Errc::Exists, "a.img"));
  REQUIRE(read_file(dir / "a.img") == "theirs");
}

TEST_CASE("a failed sync means no image", "[storage]") {
  const TempDir dir;
  {
    NewImage image(dir / "a.img", Replace::Refuse);
    FaultSeam seam(1);
    image.file().set_seam(&seam);
    write_text(image.file(), "new");
    REQUIRE_THROWS_MATCHES(image.commit(Durability::Sync), Error,
                           IsError(Errc::Io, "injected fault"));
  }
  REQUIRE(count_files(dir.path()) == 0);
}
