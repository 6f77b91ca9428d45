// SPDX-License-Identifier: MIT
#include "boot/guest.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>

#include "boot/initrd.h"
#include "support/not_run.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace rawimg::test {
namespace {

namespace fs = std::filesystem;

// In this order: each needs those before it. ext4 and its parts are built into Debian's kernel.
constexpr std::array kModules{"virtio_ring",           "virtio",     "virtio_pci_modern_dev",
                              "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk"};

constexpr auto kStart = R"(#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs -o mode=1777 tmp /tmp; mount -t tmpfs out /out
)";

constexpr auto kRunScript = R"(
if sh /script; then echo ok >/out/ended; fi
tar -cf $OUTPUT_DISK -C /out . && sync
poweroff -f
)";

constexpr auto kSwitchRoot = R"(
tries=0; while [ ! -b $ROOT_DEVICE ] && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries+1)); done
mount -o ro $ROOT_DEVICE /root || { echo MOUNT-FAILED; poweroff -f; }
umount /tmp /out /sys; mount -o move /dev /root/dev; umount /proc
exec switch_root /root $REAL_INIT
)";

fs::path cache_directory() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0')
    return cache;
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr ? home : "/root") / ".cache";
}

fs::path kernel_image() {
  for (const auto& file : fs::directory_iterator(kernel_directory() / "boot")) {
    if (file.path().filename().string().rfind("vmlinuz-", 0) == 0) return file;
  }
  throw NotRun("no kernel in '" + (kernel_directory() / "boot").string() +
               "'; third_party/install-deps.sh fetches one");
}

fs::path find_module(const std::string& name) {
  for (const auto& file :
       fs::recursive_directory_iterator(kernel_directory() / "lib" / "modules")) {
    if (file.path().filename() == name + ".ko") return file;
  }
  throw std::runtime_error("the kernel has no module " + name);
}

Initrd base_initrd(const std::string& init) {
  Initrd initrd;
  for (const char* directory :
       {"bin", "dev", "proc", "sys", "tmp", "out", "root", "modules", "mnt"})
    initrd.add_directory(directory);
  initrd.add_file("bin/busybox", find_program("busybox"));
  std::string load;
  for (const char* module : kModules) {
    const std::string path = std::string("modules/") + module + ".ko";
    initrd.add_file(path, find_module(module));
    load += "insmod /" + path + "\n";
  }
  initrd.add_bytes("init", kStart + load + init, 0755);
  return initrd;
}

std::string device_name(std::size_t index) {
  return std::string("/dev/vd") + static_cast<char>('a' + index);
}

Outcome run_qemu(const fs::path& initrd, const std::vector<GuestDisk>& disks, unsigned memory_mib,
                 std::chrono::milliseconds timeout) {
  Command qemu;
  qemu.argv = {"qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m",
               std::to_string(memory_mib), "-nographic", "-no-reboot", "-nodefaults", "-serial",
               "stdio", "-kernel", kernel_image().string(), "-initrd", initrd.string(), "-append",
               // on a busy host, an emulated timer can miss the kernel's check of it
               "console=ttyS0 quiet panic=-1 no_timer_check"};
  for (const GuestDisk& disk : disks) {
    // A comma in a file name would end the option's value; QEMU wants it doubled.
    std::string name;
    for (const char byte : disk.image.string()) name += byte == ',' ? ",," : std::string(1, byte);
    qemu.argv.insert(
        qemu.argv.end(),
        {"-drive", "file=" + name + ",format=raw,if=virtio,cache=unsafe" +
                       (disk.writes == GuestDisk::Writes::Discarded ? ",snapshot=on" : "")});
  }
  qemu.timeout = timeout;
  return run(qemu);
}

std::map<std::string, std::string> unpack_output(const fs::path& disk, const fs::path& into) {
  fs::create_directory(into);
  const Outcome tar = run({"tar", "-xf", disk.string(), "-C", into.string(), "--no-same-owner"});
  std::map<std::string, std::string> files;
  if (!tar.ok()) return files;
  for (const auto& file : fs::recursive_directory_iterator(into)) {
    if (file.is_regular_file()) files[fs::relative(file, into).string()] = read_file(file);
  }
  return files;
}

}  // namespace

fs::path kernel_directory() {
  const auto directory = cache_directory() / "rawimg-test" / "kernel";
  if (!fs::is_directory(directory / "boot"))
    throw NotRun("no kernel in '" + directory.string() +
                 "'; third_party/install-deps.sh fetches one");
  return directory;
}

GuestResult run_in_guest(const GuestJob& job) {
  const TempDir dir;
  auto disks = job.disks;
  write_file(dir / "out.raw", "");
  fs::resize_file(dir / "out.raw", std::uintmax_t{1} << 30);
  Initrd initrd = base_initrd("OUTPUT_DISK=" + device_name(disks.size()) + kRunScript);
  disks.push_back({dir / "out.raw", GuestDisk::Writes::Kept});
  initrd.add_bytes("script", job.script, 0755);
  for (const auto& [path, file] : job.files) initrd.add_file(path, file);
  for (const auto& [path, name] : job.programs) initrd.add_program(path, name);
  write_file(dir / "initrd", initrd.finish());

  const Outcome qemu = run_qemu(dir / "initrd", disks, job.memory_mib, job.timeout);
  GuestResult result;
  result.console = qemu.text();
  result.files = unpack_output(dir / "out.raw", dir / "out");
  result.ended = qemu.ok() && result.files.erase("ended") == 1;
  return result;
}

fs::path guest_tree(const std::string& init) {
  const auto directory = cache_directory() / "rawimg-test" / ("guest-" + init);
  if (!fs::is_directory(directory / "usr"))
    throw NotRun("no system with " + init + " in '" + directory.string() +
                 "'; third_party/install-deps.sh fetches one");
  return directory;
}

std::string boot_from(const fs::path& image, const std::string& device, const std::string& init,
                      const std::vector<GuestDisk>& more) {
  const TempDir dir;
  Initrd initrd = base_initrd("ROOT_DEVICE=" + device + "; REAL_INIT=" + init + kSwitchRoot);
  write_file(dir / "initrd", initrd.finish());
  std::vector<GuestDisk> disks{{image, GuestDisk::Writes::Discarded}};
  disks.insert(disks.end(), more.begin(), more.end());
  return run_qemu(dir / "initrd", disks, 512, std::chrono::seconds(400)).text();
}

}  // namespace rawimg::test
