// SPDX-License-Identifier: MIT
// Unprivileged: as nobody, with no new privileges, an empty environment, and nothing to mount or
// run.
#include <catch2/catch.hpp>

#include <unistd.h>

#include <regex>
#include <sstream>

#include "judge/judge.h"
#include "judge/rootfs.h"
#include "support/not_run.h"
#include "support/temp_dir.h"

using namespace rawimg::test;
namespace fs = std::filesystem;

namespace {

// A directory that nobody can use, with a copy of the command: a build directory may be closed to
// others.
struct Nobody {
  TempDir dir;
  fs::path tool = dir / "rawimg";
  Nobody() {
    fs::copy_file(RAWIMG_TOOL, tool);
    fs::permissions(dir.path(), fs::perms(0777));
    fs::permissions(tool, fs::perms(0755));
    fs::copy_file(rootfs_tar(Rootfs::Narrow, "xz"), dir / "rootfs.tar.xz");
    fs::permissions(dir / "rootfs.tar.xz", fs::perms(0644));
  }
};

std::vector<std::string> forbidden_calls(const std::string& trace) {
  // The first exec is the command itself. Threads are clones of the same process and fine; a new
  // namespace or a child of its own is not.
  static const std::regex kForbidden(
      "(mount|umount2|pivot_root|chroot|setns|unshare|fork|vfork|ptrace|socket|connect|LOOP_|BLKPG|"
      "BLKRRPART|/dev/loop|/dev/fuse|CLONE_NEW|init_module|kexec|reboot|swapon)");
  std::vector<std::string> found;
  int execs = 0;
  std::istringstream lines(trace);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("execve") != std::string::npos && ++execs > 1) found.push_back(line);
    if (line.find("execve") == std::string::npos && std::regex_search(line, kForbidden))
      found.push_back(line);
    const bool clone = line.find("clone") != std::string::npos;
    if (clone && line.find("CLONE_THREAD") == std::string::npos &&
        line.find("resumed") == std::string::npos)
      found.push_back(line);
  }
  if (execs == 0) found.push_back("the trace shows no exec at all: " + trace.substr(0, 500));
  return found;
}

Command as_nobody(const Nobody& place, std::vector<std::string> words) {
  Command command;
  command.argv = std::move(words);
  command.directory = place.dir.path();
  command.environment = std::vector<std::string>{};
  if (::geteuid() == 0) command.user = 65534;
  return command;
}

}  // namespace

TEST_CASE("nobody with no new privileges and an empty environment builds an image", "[judge]") {
  const Nobody place;
  const std::string type = GENERATE(as<std::string>{}, "ext2", "ext4");
  const std::string start = GENERATE(as<std::string>{}, "63s", "2048s");
  CAPTURE(type, start);
  const Outcome outcome = run(as_nobody(
      place, {"setpriv", "--no-new-privs", place.tool, "build", "disk.img", "--from",
              "rootfs.tar.xz", "--size", "400M", "-t", type, "--start", start, "--no-sync"}));
  INFO(outcome.text());
  REQUIRE(outcome.ok());
  // The tree has times in the future; without SOURCE_DATE_EPOCH the newest of them is the
  // superblock's, and e2fsck reports that. A build as root is clean (faithful_test) and equal to
  // this one (determinism_test), so here the table and the size are enough.
  CHECK(sfdisk_partitions(place.dir / "disk.img").at(1).start ==
        (start == "63s" ? 32256u : 1048576u));
  CHECK(fs::file_size(place.dir / "disk.img") == 400u << 20);
}

TEST_CASE("a build mounts nothing, runs nothing and talks to nobody", "[judge]") {
  const Nobody place;
  const std::vector<std::string> tail{"build",     "disk.img",  "--from", "rootfs.tar.xz",
                                      "--size",    "400M",      "-t",     "ext4",
                                      "--no-sync", "--threads", "2"};
  std::vector<std::string> words{"strace",
                                 "-f",
                                 "-qq",
                                 "-o",
                                 "trace",
                                 "-e",
                                 "trace=%process,%network,ioctl,mount,umount2,pivot_root,chroot,"
                                 "setns,unshare,ptrace,openat,open",
                                 place.tool};
  words.insert(words.end(), tail.begin(), tail.end());
  const Outcome outcome = run(as_nobody(place, words));
  INFO(outcome.text());
  REQUIRE(outcome.ok());
  CHECK(forbidden_calls(read_file(place.dir / "trace")) == std::vector<std::string>{});
}

TEST_CASE("forbidden_calls notices each kind", "[judge]") {
  const std::string start = "1 execve(\"/x/rawimg\", [\"rawimg\"], 0x7 /* 0 vars */) = 0\n";
  CHECK(forbidden_calls(start + "1 openat(AT_FDCWD, \"disk.img\", O_RDWR) = 3\n1 "
                                "clone3({flags=CLONE_VM|CLONE_THREAD}) = 2\n")
            .empty());
  for (const char* line :
       {"1 mount(\"/dev/x\", \"/mnt\") = -1\n", "1 ioctl(3, LOOP_SET_FD, 4) = -1\n",
        "1 execve(\"/bin/sh\", []) = 0\n",
        "1 openat(AT_FDCWD, \"/dev/loop-control\", O_RDWR) = 3\n",
        "1 clone(child_stack=NULL, flags=SIGCHLD) = 2\n", "1 unshare(CLONE_NEWUSER) = 0\n",
        "1 socket(AF_UNIX, SOCK_STREAM, 0) = 3\n"}) {
    CAPTURE(line);
    CHECK_FALSE(forbidden_calls(start + line).empty());
  }
  CHECK_FALSE(forbidden_calls("").empty());
}

TEST_CASE("a build needs neither /proc nor /dev", "[judge]") {
  require_root("a namespace without /proc and /dev");
  const Nobody place;
  Command command;
  command.directory = place.dir.path();
  command.argv = {
      "unshare", "-m", "sh", "-c",
      "mount -t tmpfs none /proc && mount -t tmpfs none /dev && mount -t tmpfs none /sys && "
      "exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs env -i ./rawimg "
      "build disk.img --from rootfs.tar.xz --size 400M --no-sync -q"};
  const Outcome outcome = run(command);
  INFO(outcome.text());
  CHECK(outcome.ok());
  CHECK(fs::exists(place.dir / "disk.img"));
}
