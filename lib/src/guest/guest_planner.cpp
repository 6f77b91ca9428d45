// SPDX-License-Identifier: MIT
#include "guest/guest_planner.h"

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>
#include <rawimg/inittab.h>

#include "base/digest.h"
#include "base/text.h"

namespace rawimg {
namespace {

using Follow = GuestFiles::Follow;
using Kind = GuestChange::Kind;

constexpr unsigned kMaxSymlinks = 40;
constexpr std::size_t kMaxTerminal = 31;

std::string with_article(FileType type) { return fmt::format("a {}", noun(type)); }

std::string aside(const std::string& path) { return path + std::string(kAsideSuffix); }

bool is_roots(const GuestFile& file, std::uint16_t permissions) {
  return file.permissions == permissions && file.uid == 0 && file.gid == 0;
}

/// Against changes, not against people.
std::string fingerprint(std::string_view bytes) {
  constexpr std::size_t kDigits = 16;
  Sha256 digest;
  digest.add(bytes);
  return to_hex(digest.finish()).substr(0, kDigits);
}

bool has_systemd(const GuestFiles& files) {
  return files.find("/usr/lib/systemd/systemd", Follow::All) ||
         files.find("/lib/systemd/systemd", Follow::All);
}

}  // namespace

std::string_view to_text(GuestInit init) {
  switch (init) {
    case GuestInit::Sysvinit:
      return "sysvinit";
    case GuestInit::Busybox:
      return "busybox";
    case GuestInit::Systemd:
      return "systemd";
    case GuestInit::None:
      break;
  }
  return "none";
}

GuestInit init_of(const GuestFiles& files) {
  const std::string name = last_name(files, "/sbin/init");
  const bool has_inittab = files.find("/etc/inittab", Follow::All).has_value();
  if (name == "systemd") return GuestInit::Systemd;
  if (has_inittab) {
    const std::string text = read_text(files, "/etc/inittab").value_or("");
    return name == "busybox" || Inittab::parse(text).style() == InittabStyle::Busybox
               ? GuestInit::Busybox
               : GuestInit::Sysvinit;
  }
  if (has_systemd(files)) return GuestInit::Systemd;
  if (const auto target = link_at(files, "/etc/inittab"))
    throw Error(Errc::NotFound,
                fmt::format("/etc/inittab is a symlink to {}, which leads nowhere", quote(*target)))
        .with_path("/etc/inittab");
  return GuestInit::None;
}

std::optional<std::string> read_text(const GuestFiles& files, std::string_view path) {
  const auto file = files.find(path, Follow::All);
  if (!file) return std::nullopt;
  if (file->type != FileType::Regular)
    throw Error(Errc::Exists, fmt::format("{} is {}, and no file", path, with_article(file->type)))
        .with_path(std::string(path));
  if (auto text = files.read(*file)) return text;
  throw Error(Errc::Unsupported,
              fmt::format("the content of {} is not known while the tree is being built", path))
      .with_path(std::string(path))
      .with_hint("build without it, and prepare the image that is made: rawimg gem5 IMG");
}

std::string require_text(const GuestFiles& files, std::string_view path) {
  if (auto text = read_text(files, path)) return *text;
  throw Error(Errc::NotFound, fmt::format("the guest has no {}", path))
      .with_path(std::string(path));
}

std::optional<std::string> link_at(const GuestFiles& files, std::string_view path) {
  const auto file = files.find(path, Follow::AllButLast);
  if (!file || file->type != FileType::Symlink) return std::nullopt;
  return file->link_target;
}

std::string last_name(const GuestFiles& files, std::string_view path) {
  std::string at(path);
  for (unsigned links = 0; links <= kMaxSymlinks; ++links) {
    const auto file = files.find(at, Follow::AllButLast);
    if (!file || file->type != FileType::Symlink || file->link_target.empty()) break;
    const std::string& target = file->link_target;
    at = target.starts_with('/') ? target : at.substr(0, at.rfind('/') + 1) + target;
  }
  return at.substr(at.rfind('/') + 1);
}

std::string require_terminal(std::string tty) {
  constexpr std::string_view kDev = "/dev/";
  if (tty.starts_with(kDev)) tty.erase(0, kDev.size());
  const bool is_plain = std::all_of(tty.begin(), tty.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '.' || c == '-';
  });
  // all that the kernel gives a console to end in a number; /dev/pts is made anew by each login
  const bool is_numbered = !tty.empty() && tty.back() >= '0' && tty.back() <= '9';
  const bool begins_well = !tty.empty() && (tty[0] < '0' || tty[0] > '9') && tty[0] != '/' &&
                           tty[0] != '-' && tty[0] != '.';
  if (tty.size() > kMaxTerminal || !is_plain || !begins_well ||
      (!is_numbered && tty != "console") || tty.starts_with("pts/") || tty.starts_with("dev/") ||
      tty.find("..") != std::string::npos)
    throw Error(Errc::Usage, fmt::format("{} is no name of a terminal", quote(tty)))
        .with_hint("for example ttyS0");
  return tty;
}

void GuestSteps::note_made(Gem5Made made) {
  const auto known = std::ranges::find(made_, made.path, &Gem5Made::path);
  if (known == made_.end())
    made_.push_back(std::move(made));
  else
    *known = std::move(made);
}

bool GuestSteps::has_made(std::string_view path) const {
  return std::ranges::find(made_, path, &Gem5Made::path) != made_.end();
}

void GuestSteps::edit(const std::string& path, const std::string& before,
                      const std::string& after) {
  if (before != after)
    changes_.push_back({.kind = Kind::Edit, .path = path, .content = after, .before = before});
}

void GuestSteps::clear(const std::string& path, const GuestFile& there, InTheWay in_the_way) {
  // a name that this has made holds what this has made, unless it has become a directory since
  if (has_made(path) && there.type != FileType::Directory) return;
  const bool may_go =
      there.type == FileType::Regular || force_ || in_the_way == InTheWay::GoesAside;
  if (!may_go)
    throw Error(
        Errc::Exists,
        fmt::format("{} is {}{}", path, with_article(there.type),
                    there.type == FileType::Symlink ? " to " + quote(there.link_target) : ""))
        .with_path(path)
        .with_hint(fmt::format("'rawimg gem5 --force' puts it aside, as {}", aside(path)));
  if (files_.find(aside(path), Follow::AllButLast))
    throw Error(Errc::Exists,
                fmt::format("{} is in the way, and {} is there already", path, aside(path)))
        .with_path(aside(path));
  changes_.push_back({.kind = Kind::Aside, .path = path, .target = aside(path)});
}

void GuestSteps::make_file(const std::string& path, const std::string& content,
                           std::uint16_t permissions, bool is_text, InTheWay in_the_way) {
  GuestChange change{.kind = Kind::File,
                     .path = path,
                     .content = content,
                     .permissions = permissions,
                     .is_text = is_text};
  if (const auto there = files_.find(path, Follow::AllButLast)) {
    const auto now = there->type == FileType::Regular && there->size_bytes <= kMaxGuestFileBytes
                         ? files_.read(*there)
                         : std::nullopt;
    if (now == content && is_roots(*there, permissions)) {
      if (has_made(path)) note_made({path, fingerprint(content)});
      return;
    }
    clear(path, *there, in_the_way);
    if (has_made(path) && is_text) change.before = now.value_or("");
  }
  note_made({path, fingerprint(content)});
  changes_.push_back(std::move(change));
}

void GuestSteps::make_symlink(const std::string& path, const std::string& target,
                              InTheWay in_the_way) {
  if (const auto there = files_.find(path, Follow::AllButLast)) {
    if (there->type == FileType::Symlink && there->link_target == target) {
      if (has_made(path)) note_made({path, fingerprint(target)});
      return;
    }
    clear(path, *there, in_the_way);
  }
  note_made({path, fingerprint(target)});
  changes_.push_back({.kind = Kind::Symlink, .path = path, .target = target});
}

void GuestSteps::need_directory(const std::string& path) {
  const auto leads = files_.find(path, Follow::All);
  if (leads && leads->type == FileType::Directory) return;
  if (const auto there = files_.find(path, Follow::AllButLast))
    throw Error(Errc::Exists,
                there->type == FileType::Symlink
                    ? fmt::format("{} is a symlink to {}, which leads to no directory", path,
                                  quote(there->link_target))
                    : fmt::format("{} is {}, and no directory", path, with_article(there->type)))
        .with_path(path);
  note_made({path, {}});
  changes_.push_back({.kind = Kind::Directory, .path = path});
}

void GuestSteps::make_own(const std::string& path, const std::string& content,
                          std::uint16_t permissions, bool is_own) {
  if (is_own) note_made({path, {}});
  make_file(path, content, permissions, true);
  std::erase_if(made_, [&](const Gem5Made& made) { return made.path == path; });
}

bool GuestSteps::take_back(const Gem5Made& made) {
  const std::string& path = made.path;
  const auto there = files_.find(path, Follow::AllButLast);
  if (there && there->type == FileType::Directory) {
    changes_.push_back({.kind = Kind::RemoveDirectory, .path = path});
    return true;
  }
  if (there && !made.fingerprint.empty() && fingerprint_of(*there) != made.fingerprint)
    return false;
  if (there) changes_.push_back({.kind = Kind::Remove, .path = path});
  if (files_.find(aside(path), Follow::AllButLast))
    changes_.push_back({.kind = Kind::Aside, .path = aside(path), .target = path});
  return true;
}

std::string GuestSteps::fingerprint_of(const GuestFile& there) const {
  if (there.type == FileType::Symlink) return fingerprint(there.link_target);
  const bool is_readable =
      there.type == FileType::Regular && there.size_bytes <= kMaxGuestFileBytes;
  const auto content = is_readable ? files_.read(there) : std::nullopt;
  return content ? fingerprint(*content) : "";
}

}  // namespace rawimg
