// SPDX-License-Identifier: MIT
// What changes with a mode, an owner or content, beside what was asked: the access ACL, the
// setuid bits and file capabilities. A real kernel makes the same changes to a copy of the image.
#include <fstream>

#include <catch2/catch.hpp>

#include "judge/judge.h"
#include "judge/loop_mount.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

Outcome shell(const fs::path& directory, const std::string& script) {
  Command command;
  command.argv = {"/bin/sh", "-ec", script};
  command.directory = directory;
  return run(command);
}

/// Runs the script in the mounted filesystem, and gives what it printed.
std::string in_kernel(const TempDir& dir, const fs::path& image, const std::string& script) {
  const fs::path at = dir / "mounted";
  const LoopMount mounted(image, at, "", "what a kernel does to the same filesystem");
  const Outcome outcome = shell(at, script);
  INFO(outcome.text());
  REQUIRE(outcome.ok());
  return outcome.out;
}

constexpr const char* kFiles = R"(
for f in chmod chmod2 own group write append trunc tee cp edit acl noacl; do
  echo content of $f >$f
  chmod 6755 $f
  setfacl -m u:7:rwx,g:8:r,o::x $f
  setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 $f
  setfattr -n user.kept -v "$f" $f
done
setfacl -b chmod2 noacl
mkdir dir
setfacl -m u:7:rwx,d:u:9:r dir
)";
/// What is said of both, line by line, where it differs.
std::string difference(const TempDir& dir, const std::string& want, const std::string& have) {
  std::ofstream(dir / "want") << want;
  std::ofstream(dir / "have") << have;
  return run({"diff", "-U5", (dir / "want").string(), (dir / "have").string()}).out;
}

constexpr const char* kTold =
    "ls; getfacl -pn -- *; getfattr -hd -m - -e hex -- *; stat -c '%n %a "
    "%u:%g %h %s' -- *";

}  // namespace

TEST_CASE("modes, owners and content change ACLs and capabilities as Linux changes them",
          "[judge][edit]") {
  const std::string options =
      GENERATE("-t ext4 -I 256", "-t ext4 -I 128 -b 1024", "-t ext2 -I 128", "-t ext3 -b 4096");
  CAPTURE(options);
  const TempDir dir;
  const fs::path ours = dir / "ours.img", theirs = dir / "theirs.img";
  INFO(shell(dir.path(), "truncate -s 16M ours.img && mke2fs -q " + options + " ours.img").text());
  in_kernel(dir, ours, kFiles);
  fs::copy_file(ours, theirs);
  in_kernel(dir, theirs, R"(
chmod 640 chmod; chmod g-w,o+w chmod2; chmod 710 dir
chown 5 own; chown :6 group
echo new >write; echo more >>append; truncate -s 3 trunc; echo tee >tee; echo copied >cp
sed s/content/text/ edit >../edit; cat ../edit >edit
setfacl -m m::r,u::rw,o::w acl; setfacl -m u:9:x noacl
)");
  fs::remove(dir / "edit");
  const std::string img = ours.string() + ":/";
  const auto change = [&](std::vector<std::string> words, const std::string& in = "") {
    Command command = rawimg_command(std::move(words));
    command.input = in;
    const Outcome outcome = run(command);
    INFO(outcome.text());
    REQUIRE(outcome.ok());
  };
  change({"chmod", "640", img + "chmod"});
  change({"chmod", "g-w,o+w", img + "chmod2"});
  change({"chmod", "710", img + "dir"});
  change({"chown", "5", img + "own"});
  change({"chown", ":6", img + "group"});
  change({"tee", img + "write"}, "new\n");
  change({"tee", "-a", img + "append"}, "more\n");
  change({"truncate", "-s", "3", img + "trunc"});
  change({"tee", img + "tee"}, "tee\n");
  change({"cp", "-", img + "cp"}, "copied\n");
  change({"edit", "-e", "s/content/text/", img + "edit"});
  change({"xattr", "--set",
          "system.posix_acl_access="
          "0x0200000001000600ffffffff020007000700000004000500ffffffff080004000800000010000400ffffff"
          "ff20000200ffffffff",
          img + "acl"});
  change(
      {"xattr", "--set",
       "system.posix_acl_access="
       "0x0200000001000700ffffffff020001000900000004000500ffffffff10000500ffffffff20000100ffffffff",
       img + "noacl"});
  CHECK(complaints(ours, 0, 16u << 20) == std::vector<std::string>{});
  const std::string want = in_kernel(dir, theirs, kTold);
  REQUIRE(want.find("security.capability") != std::string::npos);
  CHECK(difference(dir, want, in_kernel(dir, ours, kTold)) == "");
}

TEST_CASE("cp -a within an image keeps capabilities and ACLs", "[judge][edit]") {
  const TempDir dir;
  const fs::path image = dir / "x.img";
  INFO(shell(dir.path(), "truncate -s 16M x.img && mke2fs -q -t ext4 x.img").text());
  in_kernel(dir, image, "mkdir a b; echo old >b/own; cd a;" + std::string(kFiles));
  const Outcome outcome = run_rawimg({"cp", "-aT", image.string() + ":/a", image.string() + ":/b"});
  INFO(outcome.text());
  REQUIRE(outcome.ok());
  const std::string told =
      "getfacl -pn -- *; getfattr -hd -m - -e hex -- *; stat -c '%n %a %u:%g %s' *";
  const std::string want = in_kernel(dir, image, "cd a; " + told);
  REQUIRE(want.find("security.capability") != std::string::npos);
  CHECK(difference(dir, want, in_kernel(dir, image, "cd b; " + told)) == "");
}

TEST_CASE("cp -a to the host keeps capabilities, ACLs and setuid", "[judge][edit]") {
  const TempDir dir;
  const fs::path image = dir / "x.img", out = dir / "out";
  INFO(shell(dir.path(), "truncate -s 16M x.img && mke2fs -q -t ext4 x.img").text());
  in_kernel(dir, image,
            "mkdir a; cd a;" + std::string(kFiles) +
                "chown 5:6 *; chmod 6755 own; mkfifo fifo; chmod 600 fifo; chown 7 fifo;"
                "setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 "
                "own; ln own own2; mknod null c 1 3; chmod 611 null");
  const Outcome outcome =
      run_rawimg({"cp", "-a", "--devices", image.string() + ":/a", out.string()});
  INFO(outcome.text());
  REQUIRE(outcome.ok());
  const std::string told =
      "getfacl -pn -- *; getfattr -hd -m - -e hex -- *; stat -c '%n %f %u:%g %h %t:%T %y' *";
  const std::string want = in_kernel(dir, image, "cd a; " + told);
  REQUIRE(want.find("security.capability") != std::string::npos);
  CHECK(difference(dir, want, shell(out, told).out) == "");
}
