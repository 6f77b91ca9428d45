// SPDX-License-Identifier: MIT
// A directory of the host as a source: what GNU tar makes a tarball of.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "judge/judge.h"
#include "judge/loop_mount.h"
#include "judge/rootfs.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

Outcome build_from(const fs::path& image, const fs::path& directory,
                   const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{"build",  image.string(), "--from",   directory.string(),
                                 "--size", "auto",         "--no-sync"};
  words.insert(words.end(), more.begin(), more.end());
  return run_rawimg(words);
}

/// The same, by a user without privileges.
Outcome build_as_nobody(const TempDir& dir, const fs::path& image, const fs::path& directory) {
  Command command = rawimg_command(
      {"build", image.string(), "--from", directory.string(), "--size", "auto", "--no-sync"});
  fs::copy_file(command.argv.front(), dir / "rawimg", fs::copy_options::overwrite_existing);
  command.argv.front() = (dir / "rawimg").string();
  command.user = 65534;
  return run(command);
}

}  // namespace

TEST_CASE("a directory makes the same image as GNU tar's archive of it", "[judge][directory]") {
  require_root("a tree with owners, devices and capabilities, as a directory");
  const std::string type = GENERATE("ext2", "ext4");
  CAPTURE(type);
  const TempDir dir;
  const fs::path tree = dir / "tree", tar = dir / "tree.tar";
  fs::create_directory(tree);
  REQUIRE(run({"tar", "-xpf", rootfs_tar(Rootfs::Narrow).string(), "-C", tree.string(), "--xattrs",
               "--xattrs-include=*", "--acls", "--numeric-owner"})
              .ok());
  // GNU tar stores ACLs with the names of this machine's users.
  REQUIRE(run({"setfacl", "-R", "-b", tree.string()}).ok());
  fs::remove(tree / "dev/null-hard");  // nor does it keep two names of a device
  REQUIRE(run({"truncate", "-s", "30M", (tree / "hole").string()}).ok());
  std::string sparse(3u << 20, '\0');
  sparse.replace(1u << 20, 5, "bytes");
  write_file(tree / "half", sparse);
  REQUIRE(run({"fallocate", "--dig-holes", (tree / "half").string()}).ok());
  REQUIRE(run({"tar", "--sort=name", "--format=posix", "--pax-option=delete=atime,delete=ctime",
               "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "-S", "-cf",
               tar.string(), "-C", tree.string(), "."})
              .ok());
  const Outcome built = build_from(dir / "a.img", tree, {"-t", type});
  INFO(built.text());
  REQUIRE(built.ok());
  require_build(dir / "b.img", tar, {"--size", "auto", "-t", type});
  require_clean(dir / "a.img");
  CHECK(same_bytes(dir / "a.img", dir / "b.img"));
}

TEST_CASE("the image that is made is no part of the directory that it is made of",
          "[judge][directory]") {
  const TempDir dir;
  write_file(dir / "file", "content");
  const fs::path image = dir / "disk.img";
  for (const char* again : {"--force", "-f"}) {
    const Outcome built = build_from(image, dir.path(), {again});
    INFO(built.text());
    REQUIRE(built.ok());
    CHECK(run_rawimg({"ls", image.string()}).out == "file\nlost+found\n");
  }
}

TEST_CASE("what cannot be read of a directory is named, and no image is made",
          "[judge][directory]") {
  require_root("files of somebody else");
  const TempDir dir;
  fs::permissions(dir.path(), fs::perms{0777});
  const fs::path tree = dir / "tree", image = dir / "x.img";
  fs::create_directories(tree / "sub");
  write_file(tree / "fine", "x");
  const auto refused = [&](const std::string& name) {
    const Outcome outcome = build_as_nobody(dir, image, tree);
    INFO(outcome.text());
    CHECK(outcome.exit_code == 1);
    CHECK_THAT(outcome.err,
               Catch::Contains((tree / name).string()) && Catch::Contains("ermission"));
    CHECK_FALSE(fs::exists(image));
    CHECK_FALSE(fs::exists(image.string() + ".part"));
  };
  SECTION("a file") {
    write_file(tree / "secret", "x");
    fs::permissions(tree / "secret", fs::perms{0600});
    refused("secret");
  }
  SECTION("a directory") {
    fs::permissions(tree / "sub", fs::perms{0700});
    refused("sub");
  }
  SECTION("nothing of that name") {
    const Outcome outcome = build_from(image, dir / "none");
    CHECK(outcome.exit_code == 1);
    const Outcome digest = build_from(image, tree, {"--sha256", std::string(64, '0')});
    CHECK(digest.exit_code == 2);
  }
}

TEST_CASE("files of the user who builds become root's", "[judge][directory]") {
  require_root("files of several users");
  const TempDir dir;
  fs::permissions(dir.path(), fs::perms{0777});
  const fs::path tree = dir / "tree", image = dir / "x.img";
  fs::create_directory(tree);
  for (const char* name : {"mine", "other", "roots"}) write_file(tree / name, "x");
  REQUIRE(chown((tree / "mine").c_str(), 65534, 65534) == 0);
  REQUIRE(chown((tree / "other").c_str(), 7, 65534) == 0);
  const Outcome built = build_as_nobody(dir, image, tree);
  INFO(built.text());
  REQUIRE(built.ok());
  const std::string img = image.string() + ":/";
  CHECK(run_rawimg({"stat", "-c", "%n %u:%g", img + "mine", img + "other", img + "roots"}).out ==
        "/mine 0:0\n/other 7:0\n/roots 0:0\n");
}

TEST_CASE("one file system leaves out what is mounted below", "[judge][directory]") {
  require_root("a mount");
  const TempDir dir;
  const fs::path tree = dir / "tree", image = dir / "x.img", inner = dir / "inner.img";
  fs::create_directories(tree / "mnt");
  write_file(tree / "file", "x");
  REQUIRE(run_rawimg({"init", inner.string(), "--size", "2M", "--table", "none"}).ok());
  const LoopMount mounted(inner, tree / "mnt", "", "what is mounted in a directory");
  REQUIRE(build_from(image, tree, {"--one-file-system"}).ok());
  CHECK(run_rawimg({"find", image.string() + ":/mnt"}).out == "/mnt\n");
  REQUIRE(build_from(image, tree, {"--force"}).ok());
  CHECK(run_rawimg({"find", image.string() + ":/mnt"}).out == "/mnt\n/mnt/lost+found\n");
}
