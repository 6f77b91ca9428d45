// SPDX-License-Identifier: MIT
#include <rawimg/gem5.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "guest/guest_planner.h"

namespace rawimg {
namespace {

using Follow = GuestFiles::Follow;
using Kind = GuestChange::Kind;

constexpr const char *kM5 = "/sbin/m5", *kLink = "/sbin/gem5", *kStart = "/sbin/gem5-start",
                     *kScript = "/sbin/gem5-script", *kInittab = "/etc/inittab",
                     *kFstab = "/etc/fstab", *kUnits = "/etc/systemd/system",
                     *kService = "/etc/systemd/system/gem5-start.service",
                     *kTarget = "/etc/systemd/system/gem5.target",
                     *kDefault = "/etc/systemd/system/default.target",
                     *kMachineId = "/etc/machine-id";
/// All that a list of what was made may name: the list is part of the image, and so may be a lie.
constexpr std::array kMakes{kM5, kLink, kScript, kService, kTarget, kDefault, kMachineId, kFstab};
constexpr std::array kDirectories{kUnits, "/etc/systemd", "/sbin"};

constexpr std::string_view kServiceText = R"(# rawimg gem5; 'rawimg gem5 --remove' takes it back
[Unit]
Description=The host's script, by gem5
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target

[Service]
Type=idle
ExecStart=/sbin/gem5-start
StandardInput=tty-force
StandardOutput=inherit
StandardError=inherit
TTYPath=/dev/console
TimeoutStopSec=5
)";
constexpr std::string_view kTargetText = R"(# rawimg gem5; 'rawimg gem5 --remove' takes it back
[Unit]
Description=The host's script alone, by gem5
DefaultDependencies=no
Requires=gem5-start.service
AllowIsolate=yes
)";

// What the guest is

std::optional<Machine> machine_at(const GuestFiles& files, std::string_view path) {
  const auto file = files.find(path, Follow::All);
  if (!file || file->type != FileType::Regular) return std::nullopt;
  return machine_of_program(files.head(*file, kElfHeadBytes));
}

std::optional<Machine> machine_of_guest(const GuestFiles& files) {
  for (const char* path : {"/bin/sh", "/bin/busybox", "/sbin/init"})
    if (const auto machine = machine_at(files, path)) return machine;
  return std::nullopt;
}

std::string default_tty(Architecture architecture) {
  return architecture == Architecture::Arm ? "ttyAMA0" : "ttyS0";
}

void require_no_bridge(const GuestFiles& files) {
  for (const char* path : {"/usr/local/bin/gem5-bridge", "/sbin/gem5_init.sh"})
    if (files.find(path, Follow::AllButLast))
      throw Error(Errc::Exists,
                  fmt::format("the guest is prepared for gem5 already: it has {}", path))
          .with_path(path)
          .with_hint("--force prepares it anyway");
}

// m5

/// Nothing: a script, which runs on any processor.
std::optional<Machine> machine_of_m5(std::string_view bytes, const std::string& name) {
  if (bytes.starts_with("#!")) return std::nullopt;
  if (const auto machine = machine_of_program(bytes)) return machine;
  throw Error(Errc::BadInput,
              fmt::format("{} is neither a program (ELF) nor a script (#!)", quote(name)))
      .with_path(name)
      .with_hint("gem5's util/m5 makes it: scons build/x86/out/m5");
}

[[noreturn]] void refuse_m5(const std::string& name, const Machine& m5, std::string_view guest) {
  throw Error(Errc::BadInput,
              fmt::format("{} is for {}, the guest for {}", quote(name), to_text(m5), guest))
      .with_path(name);
}

class Planner {
 public:
  Planner(const GuestFiles& files, const Gem5Request& request)
      : files_(files), request_(request), steps_(files, request.force) {
    if (const auto text = read_text(files, kStart)) earlier_ = parse_gem5_start(*text);
    for (const std::string& path : earlier_.value_or(Gem5Start{}).made)
      if (is_known(path)) steps_.note_made(path);
  }

  Gem5Plan plan() {
    if (!request_.force) require_no_bridge(files_);
    guest_ = machine_of_guest(files_);
    plan_.init = init_of(files_);
    check_m5();
    plan_.architecture = decide_architecture();
    plan_.tty = decide_tty();
    install();
    hook();
    write_fstab();
    write_start();
    plan_.changes = steps_.take();
    return std::move(plan_);
  }

  static bool is_known(const std::string& path) {
    const auto is = [&](const char* known) { return path == known; };
    return std::any_of(kMakes.begin(), kMakes.end(), is) ||
           std::any_of(kDirectories.begin(), kDirectories.end(), is);
  }

 private:
  void warn(std::string code, std::string path, std::string message) {
    plan_.warnings.push_back({std::move(code), std::move(path), std::move(message)});
  }

  void check_m5() {
    std::string bytes, name = request_.m5 ? request_.m5_name : kM5;
    if (request_.m5) {
      bytes = *request_.m5;
    } else {
      const auto there = files_.find(kM5, Follow::All);
      if (!there || there->type != FileType::Regular)
        return warn("no-m5", kM5,
                    "the guest has no /sbin/m5, without which it gets no script: --m5 FILE "
                    "installs it; gem5's util/m5 makes it");
      bytes = files_.head(*there, kElfHeadBytes);
    }
    plan_.has_m5 = true;
    m5_ = machine_of_m5(bytes, name);
    if (!m5_)
      return warn(
          "m5-is-script", name,
          fmt::format("{} is a script: whether it suits the guest is not checked", quote(name)));
    if (request_.architecture && architecture_of(*m5_) != request_.architecture)
      refuse_m5(name, *m5_, to_text(*request_.architecture));
    if (guest_ && *m5_ != *guest_ && !runs_on(*m5_, *guest_))
      refuse_m5(name, *m5_, to_text(*guest_));
  }

  /// A 64-bit m5 beside 32-bit programs needs nothing but the kernel that gem5 boots anyway.
  static bool runs_on(const Machine& m5, const Machine& guest) {
    return architecture_of(m5) == Architecture::X86 && architecture_of(guest) == Architecture::X86;
  }

  Architecture decide_architecture() {
    const auto found = guest_ ? architecture_of(*guest_) : std::nullopt;
    if (request_.architecture) {
      if (found && found != request_.architecture)
        warn("other-architecture", "/bin/sh",
             fmt::format("/bin/sh is for {}, and {} was asked for", to_text(*guest_),
                         to_text(*request_.architecture)));
      return *request_.architecture;
    }
    if (found) return *found;
    if (guest_)
      throw Error(Errc::Unsupported,
                  fmt::format("the guest is for {}; gem5's m5 is known for x86, arm and riscv",
                              to_text(*guest_)));
    if (const auto of_m5 = m5_ ? architecture_of(*m5_) : std::nullopt) return *of_m5;
    throw Error(Errc::NotFound, "no telling the guest's architecture: /bin/sh is no ELF program")
        .with_path("/bin/sh")
        .with_hint("--arch x86, --arch arm or --arch riscv says it");
  }

  std::string decide_tty() {
    std::string tty = request_.tty.empty() && earlier_ ? earlier_->tty : request_.tty;
    if (tty.empty()) tty = default_tty(plan_.architecture);
    return require_terminal(std::move(tty));
  }

  void install() {
    steps_.need_directory("/sbin");
    if (request_.m5) steps_.make_file(kM5, *request_.m5, 0755, false);
    steps_.make_symlink(kLink, "m5");
    if (request_.script) steps_.make_file(kScript, *request_.script, 0755, true);
  }

  void hook() {
    switch (plan_.init) {
      case GuestInit::Systemd:
        return hook_systemd();
      case GuestInit::None:
        return warn("no-init", "/sbin/init",
                    "the guest has neither /etc/inittab nor systemd: boot it with "
                    "init=/sbin/gem5-start");
      case GuestInit::Sysvinit:
      case GuestInit::Busybox:
        break;
    }
    const std::string text = require_text(files_, kInittab);
    steps_.edit(kInittab, text,
                gem5_inittab(text, plan_.init == GuestInit::Busybox ? InittabStyle::Busybox
                                                                    : InittabStyle::Sysvinit));
  }

  void hook_systemd() {
    for (const char* directory : {"/etc/systemd", kUnits}) steps_.need_directory(directory);
    // systemd does not boot without one from a root that is read-only, as gem5's x86 board has it
    if (!files_.find(kMachineId, Follow::AllButLast)) steps_.make_file(kMachineId, "", 0444, true);
    steps_.make_file(kService, std::string(kServiceText), 0644, true);
    steps_.make_file(kTarget, std::string(kTargetText), 0644, true);
    steps_.make_symlink(kDefault, "gem5.target", GuestSteps::InTheWay::GoesAside);
  }

  void write_fstab() {
    root_device_ =
        request_.root_device.empty() && earlier_ ? earlier_->root_device : request_.root_device;
    if (std::any_of(root_device_.begin(), root_device_.end(),
                    [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; }))
      throw Error(Errc::Usage, fmt::format("root device {}: a control byte", quote(root_device_)));
    const auto text = read_text(files_, kFstab);
    if (text && !steps_.has_made(kFstab))
      return steps_.edit(kFstab, *text, gem5_fstab(*text, root_device_));
    if (!text && root_device_.empty()) return;  // small guests have none, and need none
    steps_.make_file(kFstab, gem5_fstab("", root_device_), 0644, true);
  }

  void write_start() {
    Gem5Start start{plan_.tty, root_device_, steps_.made()};
    steps_.make_own(kStart, gem5_start_script(start), 0755, earlier_.has_value());
  }

  const GuestFiles& files_;
  const Gem5Request& request_;
  GuestSteps steps_;
  std::optional<Gem5Start> earlier_;
  std::optional<Machine> guest_, m5_;
  std::string root_device_;
  Gem5Plan plan_;
};

}  // namespace

Gem5Plan plan_gem5(const GuestFiles& files, const Gem5Request& request) {
  return Planner(files, request).plan();
}

std::vector<GuestChange> plan_gem5_removal(const GuestFiles& files) {
  GuestSteps steps(files, false);
  const auto script = read_text(files, kStart);
  const auto start = script ? parse_gem5_start(*script) : std::nullopt;
  std::vector<std::string> made = start.value_or(Gem5Start{}).made;
  std::erase_if(made, [](const std::string& path) { return !Planner::is_known(path); });
  const bool made_fstab = std::find(made.begin(), made.end(), kFstab) != made.end();
  if (const auto text = read_text(files, kInittab))
    steps.edit(kInittab, *text, without_gem5_inittab(*text));
  if (const auto text = made_fstab ? std::nullopt : read_text(files, kFstab))
    steps.edit(kFstab, *text, without_gem5_fstab(*text));
  if (start) steps.take_back(kStart);
  for (auto path = made.rbegin(); path != made.rend(); ++path) steps.take_back(*path);
  return steps.take();
}

bool gem5_reads(std::string_view name) {
  for (const char* path : {kM5, kStart, kScript, kInittab, kFstab, kService, kTarget})
    if (std::string_view(path).ends_with(name) && !name.empty() &&
        path[std::string_view(path).size() - name.size() - 1] == '/')
      return true;
  return false;
}

}  // namespace rawimg
