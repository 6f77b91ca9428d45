// SPDX-License-Identifier: MIT
#include "judge/rootfs.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <stdexcept>
#include <vector>

#include "boot/guest.h"
#include "boot/initrd.h"
#include "judge/kernel_judge.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace rawimg::test {
namespace {

namespace fs = std::filesystem;

const char* name_of(Rootfs kind) {
  switch (kind) {
    case Rootfs::Rich:
      return "rich";
    case Rootfs::Narrow:
      return "narrow";
    case Rootfs::Big:
      return "big";
  }
  return "?";
}

class FileLock {
 public:
  explicit FileLock(const fs::path& file)
      : fd_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (fd_ < 0 || ::flock(fd_, LOCK_EX) != 0)
      throw std::runtime_error("cannot lock '" + file.string() + "'");
  }
  ~FileLock() { ::close(fd_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_;
};

// Makes `name` unless it is there and younger than all that it is made from; `make` writes to the
// path that it is given.
template <class Make>
fs::path fixture(const std::string& name, const std::vector<fs::path>& made_from, Make make) {
  const fs::path directory = RAWIMG_JUDGE_FIXTURES;
  fs::create_directories(directory);
  const fs::path file = directory / name;
  const FileLock lock(directory / (name + ".lock"));
  bool fresh = fs::exists(file);
  for (const auto& input : made_from)
    fresh = fresh && fs::last_write_time(input) <= fs::last_write_time(file);
  if (fresh) return file;
  const fs::path part = directory / (name + ".part");
  make(part);
  fs::rename(part, file);
  return file;
}

void require_ok(const Outcome& outcome, const std::string& what) {
  if (!outcome.ok()) throw std::runtime_error(what + ": " + outcome.text());
}

void make_tar(Rootfs kind, const fs::path& file) {
  Command command;
  command.argv = {RAWIMG_MAKE_ROOTFS};
  if (kind != Rootfs::Rich) command.argv.push_back("--narrow");
  if (kind == Rootfs::Big) command.argv.push_back("--big");
  const auto add = [&](const std::string& path, const fs::path& from) {
    command.argv.insert(command.argv.end(), {"--add", path + "=" + from.string()});
  };
  add("usr/bin/busybox", find_program("busybox"));
  const auto getcap = find_program("getcap");
  add("usr/bin/getcap", getcap);
  // The loader looks in /lib64 and /usr/lib, whatever directory of the host a library came from.
  for (const fs::path library : libraries_of(getcap)) {
    add((library.filename().string().rfind("ld-linux", 0) == 0 ? "usr/lib64/" : "usr/lib/") +
            library.filename().string(),
        library);
  }
  command.output_file = file;
  require_ok(run(command), "make_rootfs");
}

std::vector<std::string> compressor(const std::string& ending) {
  if (ending == "xz") return {"xz", "-1", "-T2", "--block-size=4MiB", "-c"};
  if (ending == "gz") return {"gzip", "-1", "-c"};
  if (ending == "zst") return {"zstd", "-1", "-q", "-c"};
  if (ending == "bz2") return {"bzip2", "-1", "-c"};
  if (ending == "lz4") return {"lz4", "-1", "-q", "-c"};
  throw std::runtime_error("no compressor for '" + ending + "'");
}

}  // namespace

// GNU tar runs in the guest, where it is root whoever runs the tests, on an ext4 that mke2fs made.
std::string list_unpacked(const fs::path& tarball) {
  const TempDir dir;
  write_file(dir / "scratch", "");
  fs::resize_file(dir / "scratch", std::uintmax_t{8} << 30);
  require_ok(run({"mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-b", "4096", "-I",
                  "256", "-N", "200000", (dir / "scratch").string()}),
             "mke2fs");
  GuestJob job;
  job.disks = {{tarball}, {dir / "scratch"}};
  job.programs = {{"usr/bin/gnu-tar", "tar"}};
  job.files = {{"usr/bin/tree_listing", RAWIMG_TREE_LISTING}};
  job.script =
      "mount -t ext4 /dev/vdb /mnt && mkdir /mnt/tree && cd /mnt/tree && "
      "/usr/bin/gnu-tar -xpf /dev/vda --xattrs --xattrs-include='*' --acls --selinux "
      "--numeric-owner --warning=no-timestamp && /usr/bin/tree_listing . >/out/listing";
  const GuestResult result = run_in_guest(job);
  if (!result.ended) throw std::runtime_error("GNU tar in the guest: " + result.console);
  return result.files.at("listing");
}

fs::path rootfs_tar(Rootfs kind) {
  return fixture(std::string(name_of(kind)) + ".tar", {RAWIMG_MAKE_ROOTFS},
                 [&](const fs::path& part) { make_tar(kind, part); });
}

fs::path rootfs_tar(Rootfs kind, const std::string& compression) {
  const auto plain = rootfs_tar(kind);
  return fixture(plain.filename().string() + "." + compression, {plain}, [&](const fs::path& part) {
    Command command;
    command.argv = compressor(compression);
    command.input_file = plain;
    command.output_file = part;
    require_ok(run(command), compression);
  });
}

std::string reference_listing(Rootfs kind) {
  const auto tarball = rootfs_tar(kind);
  return read_file(
      fixture(std::string(name_of(kind)) + ".listing", {tarball, RAWIMG_TREE_LISTING},
              [&](const fs::path& part) { write_file(part, list_unpacked(tarball)); }));
}

}  // namespace rawimg::test
