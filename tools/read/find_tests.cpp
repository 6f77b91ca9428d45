// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/glob.h"
#include "base/text.h"
#include "edit/mode_change.h"
#include "read/find_expression.h"
#include "read/listing.h"

namespace rawimg::cli {
namespace {

constexpr std::int64_t kMinute = 60, kDay = 86400;

[[noreturn]] void refuse(const std::string& argument, const char* wanted) {
  throw Error(Errc::Usage, fmt::format("{} is not {}", quote(argument), wanted));
}

/// N, +N or -N.
struct Wanted {
  char sign = 0;
  std::uint64_t number = 0;

  bool matches(std::uint64_t value) const {
    return sign == '+' ? value > number : sign == '-' ? value < number : value == number;
  }
};

/// Takes the number off the front of `text`.
Wanted take_number(std::string_view& text, const std::string& argument) {
  Wanted wanted;
  if (text.starts_with('+') || text.starts_with('-')) {
    wanted.sign = text.front();
    text.remove_prefix(1);
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wanted.number);
  if (error != std::errc{}) refuse(argument, "a number N, +N or -N");
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return wanted;
}

Wanted parse_wanted(const std::string& argument) {
  std::string_view rest = argument;
  const Wanted wanted = take_number(rest, argument);
  if (!rest.empty()) refuse(argument, "a number N, +N or -N");
  return wanted;
}

// Names

using Subject = std::string_view (*)(const FindFile& file);
std::string_view name_of(const FindFile& file) {
  return file.step.name.empty() ? std::string_view(file.step.path) : file.step.name;
}
std::string_view path_of(const FindFile& file) { return file.step.path; }
std::string_view target_of(const FindFile& file) { return file.step.inode.symlink_target; }

template <Subject subject, bool ignores_case>
FindTest make_glob(const FindRequest& request) {
  const Glob glob(ignores_case ? to_lower(request.arguments[0]) : request.arguments[0]);
  return [glob](const FindFile& file, FindRun&) {
    const std::string_view text = subject(file);
    if (subject == target_of && file.step.inode.type != FileType::Symlink) return false;
    return ignores_case ? glob.matches(to_lower(text)) : glob.matches(text);
  };
}

FindTest make_xattr(const FindRequest& request) {
  const Glob glob(request.arguments[0]);
  return [glob](const FindFile& file, FindRun&) {
    const auto& xattrs = file.step.inode.xattrs;
    return std::any_of(xattrs.begin(), xattrs.end(),
                       [&](const Xattr& xattr) { return glob.matches(xattr.name); });
  };
}

// Kinds

/// "f,l": a bit for each type.
unsigned parse_types(const std::string& argument) {
  constexpr std::string_view kLetters = "fdlcbps";  // in FileType's order
  unsigned types = 0;
  for (std::size_t i = 0; i < argument.size(); i += 2) {
    const std::size_t at = kLetters.find(argument[i]);
    const bool ends =
        i + 1 == argument.size() || (argument[i + 1] == ',' && i + 2 < argument.size());
    if (at == std::string_view::npos || !ends) refuse(argument, "a list of b,c,d,f,l,p,s");
    types |= 1U << at;
  }
  if (types == 0) refuse(argument, "a list of b,c,d,f,l,p,s");
  return types;
}

bool is_of(FileType type, unsigned types) {
  return (types >> static_cast<unsigned>(type) & 1) != 0;
}

FindTest make_type(const FindRequest& request) {
  return [types = parse_types(request.arguments[0])](const FindFile& file, FindRun&) {
    return is_of(file.step.inode.type, types);
  };
}

/// Of what a symlink leads to; of itself where that is nothing.
FindTest make_xtype(const FindRequest& request) {
  return [types = parse_types(request.arguments[0])](const FindFile& file, FindRun&) {
    FileType type = file.step.inode.type;
    if (type != FileType::Symlink) return is_of(type, types);
    const ExtReader& fs = *file.start.fs;
    if (const auto target =
            fs.look_up(file.start.path + file.step.path.substr(file.start.shown.size())))
      type = fs.type(*target);
    return is_of(type, types);
  };
}

FindTest make_empty(const FindRequest&) {
  return [](const FindFile& file, FindRun&) {
    const InodeInfo& inode = file.step.inode;
    if (inode.type == FileType::Regular) return inode.size_bytes == 0;
    return inode.type == FileType::Directory && file.start.fs->read_directory(inode.number).empty();
  };
}

// Numbers

FindTest make_size(const FindRequest& request) {
  const std::string& argument = request.arguments[0];
  std::string_view rest = argument;
  const Wanted wanted = take_number(rest, argument);
  constexpr std::string_view kUnits = "bcwkMG";
  constexpr std::uint64_t kBytes[] = {512, 1, 2, 1 << 10, 1 << 20, 1 << 30};
  const std::size_t unit = rest.empty() ? 0 : kUnits.find(rest.front());
  if (rest.size() > 1 || unit == std::string_view::npos)
    refuse(argument, "a size such as 10, +4k, -1M (units b c w k M G)");
  return [wanted, bytes = kBytes[unit]](const FindFile& file, FindRun&) {
    const std::uint64_t size = file.step.inode.size_bytes;
    return wanted.matches(size / bytes + (size % bytes != 0));  // rounded up, as find does
  };
}

template <std::uint32_t InodeInfo::*field>
FindTest make_number(const FindRequest& request) {
  return [wanted = parse_wanted(request.arguments[0])](const FindFile& file, FindRun&) {
    return wanted.matches(file.step.inode.*field);
  };
}

/// A name of the image, else a number.
template <class Look>
std::uint32_t find_id(const std::string& word, Look look) {
  try {
    return look();
  } catch (const Error& error) {
    std::uint32_t id = 0;
    const auto [end, wrong] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (wrong != std::errc{} || end != word.data() + word.size()) throw;
    return id;
  }
}

FindTest make_user(const FindRequest& request) {
  const std::string& word = request.arguments[0];
  const std::uint32_t uid =
      find_id(word, [&] { return request.start.names->require_user(word).uid; });
  return [uid](const FindFile& file, FindRun&) { return file.step.inode.uid == uid; };
}

FindTest make_group(const FindRequest& request) {
  const std::string& word = request.arguments[0];
  const std::uint32_t gid = find_id(word, [&] { return request.start.names->require_group(word); });
  return [gid](const FindFile& file, FindRun&) { return file.step.inode.gid == gid; };
}

FindTest make_nouser(const FindRequest&) {
  return [](const FindFile& file, FindRun&) {
    return !file.start.names->find_user(file.step.inode.uid);
  };
}

FindTest make_nogroup(const FindRequest&) {
  return [](const FindFile& file, FindRun&) {
    return !file.start.names->find_group(file.step.inode.gid);
  };
}

FindTest make_perm(const FindRequest& request) {
  std::string_view mode = request.arguments[0];
  const char how = mode.starts_with('-') || mode.starts_with('/') ? mode.front() : '=';
  if (how != '=') mode.remove_prefix(1);
  const std::uint16_t bits = ModeChange(mode).apply(0, FileType::Regular);
  return [how, bits](const FindFile& file, FindRun&) {
    const std::uint16_t found = file.step.inode.permissions;
    if (how == '-') return (found & bits) == bits;
    if (how == '/') return bits == 0 || (found & bits) != 0;
    return found == bits;
  };
}

// Times

/// Whole units of time since a file's; what is younger than now is younger than any.
template <TimeField field, std::int64_t unit>
FindTest make_age(const FindRequest& request) {
  const Wanted wanted = parse_wanted(request.arguments[0]);
  return [wanted, now = request.now](const FindFile& file, FindRun&) {
    const Timestamp time = time_of(file.step.inode, field);
    std::int64_t seconds = now.seconds - time.seconds - (now.nanoseconds < time.nanoseconds);
    const bool exact = now.nanoseconds == time.nanoseconds;
    if (seconds < 0) return wanted.sign == '-';
    // days that have passed; the minute that has begun
    const auto whole = static_cast<std::uint64_t>(seconds / unit);
    if (unit == kDay) return wanted.matches(whole);
    const bool rest = seconds % unit != 0 || !exact;
    if (wanted.sign == '-') return whole < wanted.number;
    return wanted.matches(whole + (rest ? 1 : 0));
  };
}

std::uint32_t resolve_argument(const FindRequest& request) {
  std::string_view path = request.arguments[0];
  if (path.starts_with(":/")) path.remove_prefix(1);  // as in a batch
  return request.start.fs->resolve(path, ExtReader::Follow::AllButLast);
}

FindTest newer_than(Timestamp than) {
  return [than](const FindFile& file, FindRun&) { return file.step.inode.mtime > than; };
}

FindTest make_newer(const FindRequest& request) {
  return newer_than(request.start.fs->inode(resolve_argument(request)).mtime);
}

int take_digits(std::string_view& text, std::size_t count, const std::string& argument) {
  int value = 0;
  const char* end = text.data() + std::min(count, text.size());
  if (text.size() < count || std::from_chars(text.data(), end, value).ptr != end || value < 0)
    refuse(argument, "a time such as 2024-05-31, '2024-05-31 12:30' or @1717158600 (UTC)");
  text.remove_prefix(count);
  return value;
}

Timestamp parse_time(const std::string& argument) {
  std::string_view text = argument;
  if (text.starts_with('@')) {
    Timestamp time;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + 1, end, time.seconds);
    if (parsed.ec != std::errc{} || parsed.ptr != end) refuse(argument, "@ and seconds since 1970");
    return time;
  }
  int parts[6] = {};
  constexpr std::string_view kBefore[] = {"", "-", "-", " T", ":", ":"};
  for (std::size_t i = 0; i < 6; ++i) {
    const bool may_end = i == 3 || i == 5;
    if (may_end && text.empty()) break;
    if (i != 0) {
      if (text.empty() || kBefore[i].find(text.front()) == std::string_view::npos)
        refuse(argument, "a time such as 2024-05-31, '2024-05-31 12:30' or @1717158600 (UTC)");
      text.remove_prefix(1);
    }
    parts[i] = take_digits(text, i == 0 ? 4 : 2, argument);
  }
  using namespace std::chrono;
  const year_month_day date{year{parts[0]}, month{static_cast<unsigned>(parts[1])},
                            day{static_cast<unsigned>(parts[2])}};
  if (!text.empty() || !date.ok() || parts[3] > 23 || parts[4] > 59 || parts[5] > 60)
    refuse(argument, "a time such as 2024-05-31, '2024-05-31 12:30' or @1717158600 (UTC)");
  const auto at = sys_days{date} + hours{parts[3]} + minutes{parts[4]} + seconds{parts[5]};
  return {at.time_since_epoch().count(), 0};
}

FindTest make_newermt(const FindRequest& request) {
  return newer_than(parse_time(request.arguments[0]));
}

FindTest make_samefile(const FindRequest& request) {
  return [inode = resolve_argument(request)](const FindFile& file, FindRun&) {
    return file.step.inode.number == inode;
  };
}

template <bool result>
FindTest make_constant(const FindRequest&) {
  return [](const FindFile&, FindRun&) { return result; };
}

constexpr FindWord kTests[] = {
    {"-name", 1, make_glob<name_of, false>},
    {"-iname", 1, make_glob<name_of, true>},
    {"-path", 1, make_glob<path_of, false>},
    {"-wholename", 1, make_glob<path_of, false>},
    {"-ipath", 1, make_glob<path_of, true>},
    {"-iwholename", 1, make_glob<path_of, true>},
    {"-lname", 1, make_glob<target_of, false>},
    {"-ilname", 1, make_glob<target_of, true>},
    {"-xattr", 1, make_xattr},
    {"-type", 1, make_type},
    {"-xtype", 1, make_xtype},
    {"-empty", 0, make_empty},
    {"-size", 1, make_size},
    {"-links", 1, make_number<&InodeInfo::links>},
    {"-inum", 1, make_number<&InodeInfo::number>},
    {"-uid", 1, make_number<&InodeInfo::uid>},
    {"-gid", 1, make_number<&InodeInfo::gid>},
    {"-user", 1, make_user},
    {"-group", 1, make_group},
    {"-nouser", 0, make_nouser},
    {"-nogroup", 0, make_nogroup},
    {"-perm", 1, make_perm},
    {"-mtime", 1, make_age<TimeField::Modify, kDay>},
    {"-atime", 1, make_age<TimeField::Access, kDay>},
    {"-ctime", 1, make_age<TimeField::Change, kDay>},
    {"-mmin", 1, make_age<TimeField::Modify, kMinute>},
    {"-amin", 1, make_age<TimeField::Access, kMinute>},
    {"-cmin", 1, make_age<TimeField::Change, kMinute>},
    {"-newer", 1, make_newer},
    {"-newermt", 1, make_newermt},
    {"-samefile", 1, make_samefile},
    {"-true", 0, make_constant<true>},
    {"-false", 0, make_constant<false>},
};

}  // namespace

std::span<const FindWord> find_tests() { return kTests; }

}  // namespace rawimg::cli
