// SPDX-License-Identifier: MIT
#include "read/boot_report.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/gem5.h>

#include "base/text.h"
#include "cli/open_fs.h"
#include "read/ext_guest_files.h"

namespace rawimg::cli {
namespace {

constexpr std::array<std::string_view, 3> kTargets{"qemu", "gem5", "firecracker"};
constexpr std::array<std::string_view, 6> kKernelNames{"vmlinuz", "vmlinux", "bzImage",
                                                       "Image",   "zImage",  "kernel"};
constexpr std::string_view kBoot = "/boot";

bool may_be_kernel(std::string_view name) {
  return std::any_of(kKernelNames.begin(), kKernelNames.end(),
                     [&](std::string_view front) { return name.starts_with(front); });
}

/// Into the report: the regular files in /boot that are called like kernels or initial RAM disks.
void read_boot(const ExtReader& fs, const GuestFiles& files, BootReport& report) {
  const auto boot = files.find(kBoot, GuestFiles::Follow::All);
  if (!boot || boot->type != FileType::Directory) return;
  for (const DirEntry& entry : fs.read_directory(static_cast<std::uint32_t>(boot->id))) {
    const bool is_initrd = entry.name.starts_with("initr");  // initrd.img-6.1, initramfs-6.1.img
    if (!is_initrd && !may_be_kernel(entry.name)) continue;
    const std::string path = fmt::format("{}/{}", kBoot, entry.name);
    const auto file = files.find(path, GuestFiles::Follow::All);
    if (!file || file->type != FileType::Regular) continue;
    if (is_initrd)
      report.initrds.push_back(path);
    else
      report.kernels.push_back({path, machine_of_kernel(files.head(*file, kKernelHeadBytes))});
  }
  std::ranges::sort(report.initrds);
  std::ranges::sort(report.kernels, {}, &BootKernel::path);
}

/// Of a preparation by gem5, as far as its script is one.
std::string prepared_tty(const GuestFiles& files) {
  const auto script = files.find("/sbin/gem5-start", GuestFiles::Follow::All);
  if (!script || script->type != FileType::Regular || script->size_bytes > kMaxGuestFileBytes)
    return "";
  const auto start = parse_gem5_start(files.read(*script).value_or(""));
  constexpr std::size_t kLongest = 31;
  return start && start->tty.size() <= kLongest ? start->tty : "";
}

std::string described(const BootKernel& kernel) {
  return kernel.machine ? to_text(*kernel.machine) : "its header does not say what it is for";
}

std::string initrd_lines(const BootReport& report) {
  if (report.initrds.empty())
    return "# one whose drivers (virtio, ext4) are modules wants -initrd, too\n";
  std::string text = "# INITRD: without it, a distribution's kernel may not find its root:\n";
  for (const std::string& path : report.initrds)
    text += fmt::format("# rawimg cp {} INITRD\n",
                        shell_word(fmt::format("{}:{}{}", report.image, report.slot, path)));
  return text;
}

/// Lines that are comments in a shell and in Python.
std::string kernel_lines(const BootReport& report) {
  if (report.kernels.empty()) return "# KERNEL: one from elsewhere; the image has none in /boot\n";
  std::string text = "# KERNEL: one from elsewhere, or from the image:\n";
  for (const BootKernel& kernel : report.kernels)
    text += fmt::format("# rawimg cp {} KERNEL  # {}\n",
                        shell_word(fmt::format("{}:{}{}", report.image, report.slot, kernel.path)),
                        described(kernel));
  return text;
}

std::string qemu_text(const BootReport& report) {
  std::string machine = "qemu-system-x86_64";
  const bool is_32 = report.guest && report.guest->bits == 32;
  if (report.architecture() == Architecture::Arm)
    machine = is_32 ? "qemu-system-arm -M virt" : "qemu-system-aarch64 -M virt -cpu cortex-a57";
  if (report.architecture() == Architecture::Riscv)
    machine = is_32 ? "qemu-system-riscv32 -M virt" : "qemu-system-riscv64 -M virt";
  std::string file;  // QEMU wants commas doubled
  for (const char c : report.image) file += c == ',' ? ",," : std::string(1, c);
  return fmt::format(
      "{}{}{} -m 1G -nographic -no-reboot -drive {} -kernel KERNEL{} -append {}\n",
      kernel_lines(report), initrd_lines(report), machine,
      shell_word("file=" + file + ",format=raw,if=virtio"),
      report.initrds.empty() ? "" : " -initrd INITRD",
      shell_word(fmt::format("root={} rw console={}", report.root(), report.console())));
}

std::string gem5_text(const BootReport& report) {
  const auto python = [](const std::string& text) { return Json(lossy_utf8(text)).dump(); };
  std::string disk = "local_path=" + python(report.absolute);
  if (report.slot != 0) disk += fmt::format(", root_partition=\"{}\"", report.slot);
  const bool is_x86 = report.architecture() == Architecture::X86;
  std::string arguments = is_x86 ? R"("earlyprintk=ttyS0", "lpj=7999923", )" : "";
  arguments += python("console=" + report.console()) + ", " +
               python("root=" + (report.slot == 0 ? "{root_value}" : report.root())) + R"(, "rw")";
  const std::string device = fmt::format("/dev/{}{}", is_x86 ? "hda" : "vda",
                                         report.slot == 0 ? "" : fmt::format("{}", report.slot));
  return fmt::format(
      "{}# {} is what {} calls the root filesystem unless kernel_args say otherwise\n"
      "from gem5.resources.resource import DiskImageResource, KernelResource\n"
      "board.set_kernel_disk_workload(\n"
      "    kernel=KernelResource(local_path=\"KERNEL\"),\n"
      "    disk_image=DiskImageResource({}),\n"
      "    kernel_args=[{}],\n"
      "    readfile=\"SCRIPT\",\n"
      ")\n",
      kernel_lines(report), device,
      is_x86                                       ? "X86Board"
      : report.architecture() == Architecture::Arm ? "ArmBoard"
                                                   : "RiscvBoard",
      disk, arguments);
}

/// Firecracker adds root= itself, of the drive that is the root device.
std::string firecracker_text(const BootReport& report) {
  Json drive{{"drive_id", "rootfs"}};
  put_bytes(drive, "path_on_host", report.image);
  drive["is_root_device"] = true;
  drive["is_read_only"] = false;
  if (!report.partuuid.empty()) drive["partuuid"] = report.partuuid;
  const Json json{
      {"boot-source",
       {{"kernel_image_path", "KERNEL"},
        {"boot_args", fmt::format("console={} reboot=k panic=1 rw", report.console())}}},
      {"drives", Json::array({drive})},
      {"machine-config", {{"vcpu_count", 1}, {"mem_size_mib", 1024}}}};
  return json.dump(2) + '\n';
}

}  // namespace

BootTarget read_boot_target(const std::string& word) {
  for (std::size_t i = 0; i < kTargets.size(); ++i)
    if (kTargets[i] == word) return static_cast<BootTarget>(i);
  const auto guess = nearest(word, kTargets);
  throw Error(Errc::Usage,
              fmt::format("--boot {}: qemu, gem5 or firecracker is wanted{}", quote(word),
                          guess ? fmt::format("; did you mean '{}'?", *guess) : ""));
}

Architecture BootReport::architecture() const {
  return (guest ? architecture_of(*guest) : std::nullopt).value_or(Architecture::X86);
}

std::string BootReport::console() const {
  if (!tty.empty()) return tty;
  return architecture() == Architecture::Arm ? "ttyAMA0" : "ttyS0";
}

std::string BootReport::root() const {
  return partuuid.empty() ? "/dev/vda" : "PARTUUID=" + partuuid;
}

BootReport read_boot_report(const ExtReader& fs) {
  const ExtGuestFiles files(fs);
  BootReport report;
  for (const char* path : {"/bin/sh", "/bin/busybox", "/sbin/init"}) {
    const auto file = files.find(path, GuestFiles::Follow::All);
    if (report.guest || !file || file->type != FileType::Regular) continue;
    report.guest = machine_of_program(files.head(*file, kElfHeadBytes));
  }
  read_boot(fs, files, report);
  report.tty = prepared_tty(files);
  return report;
}

std::string boot_lines(const BootReport& report, BootTarget target) {
  switch (target) {
    case BootTarget::Qemu:
      return qemu_text(report);
    case BootTarget::Gem5:
      return gem5_text(report);
    case BootTarget::Firecracker:
      break;
  }
  return firecracker_text(report);
}

Json to_json(const BootReport& report, BootTarget target) {
  Json json;
  put_bytes(json, "image", report.image);
  json["target"] = kTargets[static_cast<std::size_t>(target)];
  json["slot"] = report.slot;
  json["root"] = report.root();
  json["console"] = report.console();
  json["architecture"] = report.guest ? Json(to_text(report.architecture())) : Json(nullptr);
  json["initrds"] = Json::array();
  for (const std::string& path : report.initrds) json["initrds"].push_back(lossy_utf8(path));
  json["kernels"] = Json::array();
  for (const BootKernel& kernel : report.kernels) {
    Json one;
    put_bytes(one, "path", kernel.path);
    one["machine"] = kernel.machine ? Json(to_text(*kernel.machine)) : Json(nullptr);
    json["kernels"].push_back(std::move(one));
  }
  json["lines"] = lossy_utf8(boot_lines(report, target));
  return json;
}

ExitCode print_boot(const Address& address, BootTarget target, const Args& args, Streams& io) {
  const OpenedFs opened = open_filesystem(address, args, io);
  BootReport report = read_boot_report(opened.fs);
  report.image = address.image.string();
  report.absolute = std::filesystem::absolute(address.image).string();
  report.slot = opened.slot;
  report.partuuid = opened.partuuid;
  if (args.has("json"))
    print_result(io, "info", to_json(report, target), opened.warnings);
  else
    io.out << boot_lines(report, target);
  return ExitCode::Done;
}

}  // namespace rawimg::cli
