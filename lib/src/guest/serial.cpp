// SPDX-License-Identifier: MIT
#include <rawimg/serial.h>

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "guest/guest_planner.h"
#include "guest/own_lines.h"

namespace rawimg {
namespace {

using Follow = GuestFiles::Follow;
using Kind = GuestChange::Kind;

constexpr const char *kInittab = "/etc/inittab", *kSecuretty = "/etc/securetty",
                     *kUnits = "/etc/systemd/system",
                     *kWants = "/etc/systemd/system/getty.target.wants";
constexpr unsigned kUsualBaud = 115200;
constexpr std::string_view kOurs = "# rawimg serial";

/// The owner of a terminal's lines, and the texts that it refers to.
struct TerminalOwner {
  explicit TerminalOwner(const std::string& tty)
      : tag("serial " + tty), undo("rawimg serial --remove IMG " + tty) {}
  Owner owner() const { return {tag, undo}; }
  std::string tag, undo;
};

bool has_word(std::string_view text, std::string_view word) {
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(" \t,");
    std::string_view one = text.substr(0, end);
    if (one.starts_with("/dev/")) one.remove_prefix(5);
    if (one == word) return true;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return false;
}

bool is_login_at(const InittabEntry& entry, const std::string& tty) {
  return entry.active && (entry.action == "respawn" || entry.action == "askfirst") &&
         entry.process.find("getty") != std::string::npos && has_word(entry.process, tty);
}

bool is_taken(const std::vector<InittabEntry>& entries, std::string_view id) {
  return std::any_of(entries.begin(), entries.end(),
                     [&](const InittabEntry& entry) { return entry.active && entry.id == id; });
}

/// As distributions call it (s0 of ttyS0, f0 of ttyAMA0), else the end of the name, which sysvinit
/// takes for utmp's; at most 4 bytes.
std::string free_id(const std::vector<InittabEntry>& entries, const std::string& tty) {
  const std::size_t digits = tty.find_last_not_of("0123456789") + 1;
  const std::string name = tty.substr(0, digits), number = tty.substr(digits);
  const std::string front = name == "ttyS" ? "s" : name == "ttyAMA" ? "f" : "";
  std::string id = front.empty() ? tty.substr(tty.size() - std::min<std::size_t>(tty.size(), 4))
                                 : front + number;
  std::erase(id, '/');
  if (id.size() > 4) id.erase(0, id.size() - 4);
  for (unsigned i = 0; (id.empty() || is_taken(entries, id)) && i < 100; ++i)
    id = fmt::format("sr{:02}", i);
  return id;
}

std::set<std::size_t> logins_at(const std::vector<InittabEntry>& entries, const std::string& tty) {
  std::set<std::size_t> lines;
  for (const InittabEntry& entry : entries)
    if (is_login_at(entry, tty)) lines.insert(entry.line);
  return lines;
}

std::string without_logins(std::string_view text, const std::string& tty) {
  const TerminalOwner owner(tty);
  const std::string before = without_own_lines(text, owner.owner());
  const auto off = logins_at(Inittab::parse(before).entries(), tty);
  return with_own_lines(before, owner.owner(), {},
                        [&](const TextLine& line) { return off.contains(line.number); });
}

std::string getty_of(const GuestFiles& files, std::vector<Warning>& warnings) {
  for (const char* path : {"/sbin/agetty", "/sbin/getty", "/usr/sbin/agetty", "/bin/getty"})
    if (files.find(path, Follow::All)) return path;
  warnings.push_back(
      {"no-getty", "/sbin/getty", "the guest has no /sbin/agetty and no /sbin/getty"});
  return "/sbin/getty";
}

/// Where root must not log in from other terminals.
void allow_root(const GuestFiles& files, const std::string& tty, GuestSteps& steps) {
  const auto text = read_text(files, kSecuretty);
  if (!text) return;
  const TerminalOwner owner(tty);
  about_text(kSecuretty, [&] {
    const std::string before = without_own_lines(*text, owner.owner());
    LineReader reader(before);
    while (const auto line = reader.next())
      if (line->body == tty) return;
    steps.edit(kSecuretty, *text,
               with_own_lines(before, owner.owner(), {tty}, [](const TextLine&) { return false; }));
  });
}

void take_back_lines(const GuestFiles& files, const char* path, const std::string& tty,
                     GuestSteps& steps) {
  if (const auto text = read_text(files, path))
    about_text(path, [&] {
      steps.edit(path, *text, without_own_lines(*text, TerminalOwner(tty).owner()));
    });
}

// systemd

constexpr std::string_view kTemplate = "serial-getty@.service", kMasked = "/dev/null";

struct Unit {
  explicit Unit(std::string tty) {
    std::replace(tty.begin(), tty.end(), '/', '-');
    name = fmt::format("serial-getty@{}.service", tty);
  }
  std::string name;
  std::string wants() const { return fmt::format("{}/{}", kWants, name); }
  std::string mask() const { return fmt::format("{}/{}", kUnits, name); }
  std::string directory() const { return fmt::format("{}/{}.d", kUnits, name); }
  std::string drop_in() const { return directory() + "/rawimg.conf"; }
};

/// The two symlinks that decide about a login, by their targets.
struct UnitLinks {
  std::optional<std::string> wants, mask;
  bool operator==(const UnitLinks&) const = default;
};

/// What the drop-in says was there before, and which directories were made.
struct UnitRecord {
  UnitLinks before;
  std::vector<std::string> directories;
};

constexpr std::string_view kWantsBefore = "# before: wanted by ",
                           kMaskBefore = "# before: masked by ", kMadeDirectory = "# made: ";

UnitLinks links_of(const GuestFiles& files, const Unit& unit) {
  return {link_at(files, unit.wants()), link_at(files, unit.mask())};
}

/// Without a drop-in of ours, what is there now is what was there before.
UnitRecord read_record(const GuestFiles& files, const Unit& unit) {
  const auto text = read_text(files, unit.drop_in());
  if (!text || !text->starts_with(kOurs)) return {links_of(files, unit), {}};
  UnitRecord record;
  LineReader reader(*text);
  const auto value = [](std::string_view line, std::string_view front) {
    return std::string(line.substr(front.size()));
  };
  while (const auto line = reader.next()) {
    if (line->body.starts_with(kWantsBefore)) record.before.wants = value(line->body, kWantsBefore);
    if (line->body.starts_with(kMaskBefore)) record.before.mask = value(line->body, kMaskBefore);
    for (const char* known : {"/etc/systemd", kUnits, kWants})
      if (line->body == std::string(kMadeDirectory) + known) record.directories.push_back(known);
  }
  return record;
}

std::string to_text(const UnitRecord& record, unsigned baud) {
  std::string text = fmt::format("{}; 'rawimg serial --remove' takes it back\n", kOurs);
  if (record.before.wants) text += fmt::format("{}{}\n", kWantsBefore, *record.before.wants);
  if (record.before.mask) text += fmt::format("{}{}\n", kMaskBefore, *record.before.mask);
  for (const std::string& directory : record.directories)
    text += fmt::format("{}{}\n", kMadeDirectory, directory);
  if (baud != kUsualBaud)
    text += fmt::format("[Service]\nExecStart=\nExecStart=-/sbin/agetty {} %I $TERM\n", baud);
  return text;
}

std::string require_template(const GuestFiles& files, std::vector<Warning>& warnings) {
  const std::string masked = fmt::format("{}/{}", kUnits, kTemplate);
  if (link_at(files, masked) == kMasked)
    warnings.push_back(
        {"masked", masked,
         fmt::format("{} is masked: there will be no login until it is removed", masked)});
  for (const char* path : {"/usr/lib/systemd/system/serial-getty@.service",
                           "/lib/systemd/system/serial-getty@.service"})
    if (files.find(path, Follow::All)) return path;
  throw Error(Errc::NotFound, "the guest's systemd has no serial-getty@.service")
      .with_path("/usr/lib/systemd/system/serial-getty@.service");
}

void set_link(const GuestFiles& files, const std::string& path,
              const std::optional<std::string>& wanted, GuestSteps& steps) {
  const auto now = link_at(files, path);
  if (now == wanted) return;
  if (!wanted) return (void)steps.take_back({path, {}});
  if (now) steps.note_made({path, {}});  // it goes, and nothing is put aside
  steps.make_symlink(path, *wanted);
}

/// From what is there to `wanted`; what was before is kept in the drop-in, unless it is that.
void change_unit(const GuestFiles& files, const Unit& unit, UnitRecord record,
                 const UnitLinks& wanted, unsigned baud, GuestSteps& steps) {
  const bool is_changed = wanted != record.before || baud != kUsualBaud;
  if (is_changed) {
    for (const char* directory : {"/etc/systemd", kUnits}) steps.need_directory(directory);
    if (wanted.wants) steps.need_directory(kWants);
    for (const Gem5Made& made : steps.made()) record.directories.push_back(made.path);
  }
  set_link(files, unit.wants(), wanted.wants, steps);
  set_link(files, unit.mask(), wanted.mask, steps);
  const auto there = read_text(files, unit.drop_in());
  const bool is_ours = there && there->starts_with(kOurs);
  if (is_changed) {
    steps.need_directory(unit.directory());
    steps.make_own(unit.drop_in(), to_text(record, baud), 0644, is_ours);
  } else if (is_ours) {
    (void)steps.take_back({unit.drop_in(), {}});
    (void)steps.take_back({unit.directory(), {}});
    for (auto made = record.directories.rbegin(); made != record.directories.rend(); ++made)
      (void)steps.take_back({*made, {}});
  }
}

void enable_unit(const GuestFiles& files, const Unit& unit, unsigned baud, GuestSteps& steps,
                 std::vector<Warning>& warnings) {
  const std::string from = require_template(files, warnings);
  const UnitRecord record = read_record(files, unit);
  UnitLinks wanted = record.before;
  // a link to another place of the same unit is as good
  if (!wanted.wants || !wanted.wants->ends_with(fmt::format("/{}", kTemplate))) wanted.wants = from;
  if (wanted.mask == kMasked) wanted.mask.reset();
  change_unit(files, unit, record, wanted, baud, steps);
}

void disable_unit(const GuestFiles& files, const Unit& unit, GuestSteps& steps) {
  const UnitRecord record = read_record(files, unit);
  // also a console= of the kernel would start it
  change_unit(files, unit, record, {record.before.wants, std::string(kMasked)}, kUsualBaud, steps);
}

void take_unit_back(const GuestFiles& files, const Unit& unit, GuestSteps& steps) {
  const UnitRecord record = read_record(files, unit);
  change_unit(files, unit, record, record.before, kUsualBaud, steps);
}

InittabStyle style_of(GuestInit init) {
  return init == GuestInit::Busybox ? InittabStyle::Busybox : InittabStyle::Sysvinit;
}

GuestInit require_init(const GuestFiles& files) {
  const GuestInit init = init_of(files);
  if (init != GuestInit::None) return init;
  throw Error(Errc::NotFound, "the guest has neither /etc/inittab nor systemd").with_path(kInittab);
}

}  // namespace

std::string serial_inittab(std::string_view text, InittabStyle style, const SerialRequest& request,
                           std::string_view getty) {
  const TerminalOwner owner(request.tty);
  const std::string before = without_own_lines(text, owner.owner());
  const std::vector<InittabEntry> entries = Inittab::parse(before).entries();
  const std::string baud = fmt::format("{}", request.baud);
  for (const InittabEntry& entry : entries)
    if (is_login_at(entry, request.tty) && has_word(entry.process, baud)) return before;
  const auto off = logins_at(entries, request.tty);
  std::vector<InittabEntry> others = entries;
  std::erase_if(others, [&](const InittabEntry& entry) { return off.contains(entry.line); });
  const std::string process = fmt::format("{} -L {} {} vt100", getty, baud, request.tty);
  const std::string line =
      style == InittabStyle::Busybox
          ? fmt::format("{}::respawn:{}", request.tty, process)
          : fmt::format("{}:12345:respawn:{}", free_id(others, request.tty), process);
  return with_own_lines(before, owner.owner(), {line},
                        [&](const TextLine& text_line) { return off.contains(text_line.number); });
}

SerialPlan plan_serial(const GuestFiles& files, const SerialRequest& asked) {
  const SerialRequest request{require_terminal(asked.tty), asked.baud};
  SerialPlan plan;
  plan.init = require_init(files);
  GuestSteps steps(files, false);
  if (plan.init == GuestInit::Systemd) {
    enable_unit(files, Unit(request.tty), request.baud, steps, plan.warnings);
  } else {
    const std::string text = require_text(files, kInittab);
    about_text(kInittab, [&] {
      steps.edit(
          kInittab, text,
          serial_inittab(text, style_of(plan.init), request, getty_of(files, plan.warnings)));
    });
  }
  allow_root(files, request.tty, steps);
  plan.changes = steps.take();
  return plan;
}

SerialPlan plan_serial_removal(const GuestFiles& files, const std::string& asked) {
  const std::string tty = require_terminal(asked);
  SerialPlan plan;
  plan.init = require_init(files);
  GuestSteps steps(files, false);
  if (plan.init == GuestInit::Systemd)
    take_unit_back(files, Unit(tty), steps);
  else
    take_back_lines(files, kInittab, tty, steps);
  take_back_lines(files, kSecuretty, tty, steps);
  plan.changes = steps.take();
  return plan;
}

SerialPlan plan_no_serial(const GuestFiles& files, const std::string& asked) {
  const std::string tty = require_terminal(asked);
  SerialPlan plan;
  plan.init = require_init(files);
  GuestSteps steps(files, false);
  if (plan.init == GuestInit::Systemd) {
    disable_unit(files, Unit(tty), steps);
  } else {
    const std::string text = require_text(files, kInittab);
    about_text(kInittab, [&] { steps.edit(kInittab, text, without_logins(text, tty)); });
  }
  take_back_lines(files, kSecuretty, tty, steps);
  plan.changes = steps.take();
  return plan;
}

}  // namespace rawimg
