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

constexpr std::string_view kUnitMark = "# rawimg gem5;", kTargetName = "gem5.target";
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

bool is_known(const std::string& path) {
  const auto is = [&](const char* known) { return path == known; };
  return std::any_of(kMakes.begin(), kMakes.end(), is) ||
         std::any_of(kDirectories.begin(), kDirectories.end(), is);
}

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
          .with_hint("'rawimg gem5 --force' prepares it anyway");
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

/// The script of an earlier preparation. What is no file at its name is none.
std::optional<Gem5Start> start_of(const GuestFiles& files) {
  const auto there = files.find(kStart, Follow::AllButLast);
  if (!there || there->type != FileType::Regular) return std::nullopt;
  return parse_gem5_start(require_text(files, kStart));
}

/// What the script lists, and what says itself that it was made: the script may be gone.
std::vector<Gem5Made> made_before(const GuestFiles& files, const std::optional<Gem5Start>& start) {
  std::vector<Gem5Made> made = start.value_or(Gem5Start{}).made;
  std::erase_if(made, [](const Gem5Made& one) { return !is_known(one.path); });
  if (start) return made;
  for (const char* unit : {kService, kTarget}) {
    const auto file = files.find(unit, Follow::AllButLast);
    if (file && file->type == FileType::Regular && files.head(*file, kUnitMark.size()) == kUnitMark)
      made.push_back({unit, {}});
  }
  if (link_at(files, kDefault) == kTargetName) made.push_back({kDefault, {}});
  return made;
}

class Planner {
 public:
  Planner(const GuestFiles& files, const Gem5Request& request)
      : files_(files), request_(request), steps_(files, request.force), earlier_(start_of(files)) {
    for (Gem5Made& made : made_before(files, earlier_)) steps_.note_made(std::move(made));
  }

  Gem5Plan plan() {
    if (!request_.force && !earlier_) require_no_bridge(files_);  // or it was forced before
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
    if (m5_ && request_.m5 && !is_whole_program(bytes))
      throw Error(Errc::BadInput,
                  fmt::format("{} is cut short: it ends before what its headers name", quote(name)))
          .with_path(name);
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
    if (request_.m5)  // where it is a symlink, that goes aside: what it leads to is somebody else's
      steps_.make_file(
          kM5, *request_.m5, 0755, false,
          link_at(files_, kM5) ? GuestSteps::InTheWay::GoesAside : GuestSteps::InTheWay::Refuse);
    if (!link_at(files_, kLink).value_or("").ends_with("/m5")) steps_.make_symlink(kLink, "m5");
    if (request_.script) steps_.make_file(kScript, *request_.script, 0755, true);
  }

  void hook() {
    if (!files_.find("/bin/sh", Follow::All))
      warn("no-shell", "/bin/sh", "the guest has no /bin/sh, which /sbin/gem5-start is run by");
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
    about_text(kInittab, [&] {
      steps_.edit(kInittab, text,
                  gem5_inittab(text, plan_.init == GuestInit::Busybox ? InittabStyle::Busybox
                                                                      : InittabStyle::Sysvinit));
    });
  }

  void hook_systemd() {
    for (const char* directory : {"/etc/systemd", kUnits}) steps_.need_directory(directory);
    // systemd does not boot without one from a root that is read-only, as gem5's x86 board has it
    if (!files_.find(kMachineId, Follow::AllButLast)) steps_.make_file(kMachineId, "", 0444, true);
    steps_.make_file(kService, std::string(kServiceText), 0644, true);
    steps_.make_file(kTarget, std::string(kTargetText), 0644, true);
    steps_.make_symlink(kDefault, std::string(kTargetName), GuestSteps::InTheWay::GoesAside);
  }

  void write_fstab() {
    root_device_ =
        request_.root_device.empty() && earlier_ ? earlier_->root_device : request_.root_device;
    if (std::any_of(root_device_.begin(), root_device_.end(),
                    [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; }))
      throw Error(Errc::Usage, fmt::format("root device {}: a control byte", quote(root_device_)));
    const auto text = read_text(files_, kFstab);
    return about_text(kFstab, [&] { edit_fstab(text); });
  }

  void edit_fstab(const std::optional<std::string>& text) {
    if (text && request_.root_device.empty() && is_gem5_fstab_changed(*text, root_device_))
      return warn("changed-since", kFstab,
                  "/etc/fstab: its line for / was changed since, and stays; --root-device replaces "
                  "it");
    if (text) return steps_.edit(kFstab, *text, gem5_fstab(*text, root_device_));
    if (root_device_.empty()) return;  // small guests have none, and need none
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

Gem5Removal plan_gem5_removal(const GuestFiles& files) {
  Gem5Removal removal;
  const auto stays = [&](std::string code, const std::string& path, const std::string& why) {
    removal.warnings.push_back({std::move(code), path, fmt::format("{}: {}", path, why)});
  };
  GuestSteps steps(files, false);
  const auto start = start_of(files);
  std::vector<Gem5Made> made = made_before(files, start);
  if (!start && !made.empty())
    stays("no-list", kStart,
          "it lists what was made, and is gone: what says itself that gem5 has made it goes, and "
          "/sbin/m5 and /sbin/gem5 stay");
  if (const auto text = read_text(files, kInittab))
    about_text(kInittab, [&] { steps.edit(kInittab, *text, without_gem5_inittab(*text)); });
  const auto is_fstab = [](const Gem5Made& one) { return one.path == kFstab; };
  const bool made_fstab = std::any_of(made.begin(), made.end(), is_fstab);
  std::erase_if(made, is_fstab);
  if (const auto text = read_text(files, kFstab)) {
    about_text(kFstab, [&] {
      if (start && is_gem5_fstab_changed(*text, start->root_device))
        return stays("changed-since", kFstab, "its line for / was changed since, and stays");
      const std::string before = without_gem5_fstab(*text);
      if (made_fstab && before.empty()) return (void)steps.take_back({kFstab, {}});
      steps.edit(kFstab, *text, before);
    });
  }
  if (start) (void)steps.take_back({kStart, {}});
  for (auto one = made.rbegin(); one != made.rend(); ++one)
    if (!steps.take_back(*one))
      stays("changed-since", one->path, "it was changed since, and stays");
  removal.changes = steps.take();
  return removal;
}

bool gem5_reads(std::string_view name) {
  // what /etc/inittab and /etc/fstab are symlinks to is called likewise, or has to be read later
  if (name.starts_with("inittab") || name.starts_with("fstab")) return true;
  for (const char* path : {kM5, kStart, kScript, kService, kTarget})
    if (std::string_view(path).ends_with(name) && !name.empty() &&
        path[std::string_view(path).size() - name.size() - 1] == '/')
      return true;
  return false;
}

}  // namespace rawimg
