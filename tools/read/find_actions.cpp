// SPDX-License-Identifier: MIT
#include <algorithm>
#include <memory>
#include <ostream>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "cli/inode_text.h"
#include "read/find_expression.h"
#include "read/text_format.h"
#include "read/time_text.h"

namespace rawimg::cli {
namespace {

constexpr std::string_view kLetters = "pfhPHdskbmMuUgGinlyYtacTACF";

void add_json(const FindFile& file, FindRun& run) {
  Json json;
  put_bytes(json, "path", file.step.path);
  json["depth"] = file.step.depth;
  json.update(inode_json(file.step.inode, *file.start.names));
  run.entries.add(json);
}

FindTest make_print(char end) {
  return [end](const FindFile& file, FindRun& run) {
    if (run.reading.wants_json())
      add_json(file, run);
    else  // what ends with a zero byte is for programs
      run.reading.io().out << (end == 0 ? file.step.path : run.reading.shown(file.step.path))
                           << end;
    return true;
  };
}

FindTest make_ls(const FindRequest&) {
  return [](const FindFile& file, FindRun& run) {
    if (run.reading.wants_json()) {
      add_json(file, run);
      return true;
    }
    const InodeInfo& inode = file.step.inode;
    const bool device = inode.type == FileType::CharDevice || inode.type == FileType::BlockDevice;
    const std::string size = device ? fmt::format("{}, {}", inode.device_major, inode.device_minor)
                                    : fmt::format("{}", inode.size_bytes);
    run.reading.io().out << fmt::format(
        "{:>9} {:>6} {} {:>3} {:<8} {:<8} {:>8} {} {}", inode.number, (inode.sectors + 1) / 2,
        mode_string(inode), inode.links, run.reading.shown(file.start.names->user_text(inode.uid)),
        run.reading.shown(file.start.names->group_text(inode.gid)), size,
        short_time_string(inode.mtime), run.reading.shown(file.step.path));
    if (inode.type == FileType::Symlink)
      run.reading.io().out << " -> " << run.reading.shown(inode.symlink_target);
    run.reading.io().out << '\n';
    return true;
  };
}

char type_letter(FileType type) {
  constexpr std::string_view kTypeLetters = "fdlcbps";  // in FileType's order
  return kTypeLetters[static_cast<std::size_t>(type)];
}

/// What a symlink leads to; N: nothing, L: itself.
char target_letter(const FindFile& file) {
  if (file.step.inode.type != FileType::Symlink) return type_letter(file.step.inode.type);
  try {
    const ExtReader& fs = *file.start.fs;
    return type_letter(
        fs.type(fs.resolve(file.start.path + file.step.path.substr(file.start.shown.size()))));
  } catch (const Error& error) {
    if (error.code() != Errc::NotFound) throw;
    return std::string_view(error.what()).find("too many levels") == std::string_view::npos ? 'N'
                                                                                            : 'L';
  }
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return path.substr(0, slash);
}

std::string below_start(const FindFile& file) {
  std::string_view rest = std::string_view(file.step.path).substr(file.start.shown.size());
  if (rest.starts_with('/')) rest.remove_prefix(1);
  return std::string(rest);
}

std::string fraction(Timestamp time) { return fmt::format(".{:09}0", time.nanoseconds); }

/// As find has it: %T@ and the seconds with a fraction.
std::string time_value(char which, Timestamp time) {
  if (which == '@') return fmt::format("{}{}", time.seconds, fraction(time));
  if (which == '+') return format_time("%Y-%m-%d+%H:%M:%S", time) + fraction(time);
  std::string text = format_time(std::string("%") + which, time);
  if (which == 'S' || which == 'T') text += fraction(time);
  return text;
}

std::string value_of(const FormatPart& part, const FindFile& file) {
  const InodeInfo& inode = file.step.inode;
  const auto number = [](std::uint64_t value) { return fmt::format("{}", value); };
  switch (part.letter) {
    case 'p':
      return file.step.path;
    case 'f':
      return std::string(file.step.name.empty() ? file.step.path : file.step.name);
    case 'h':
      return directory_of(file.step.path);
    case 'P':
      return below_start(file);
    case 'H':
      return file.start.shown;
    case 'd':
      return number(file.step.depth);
    case 's':
      return number(inode.size_bytes);
    case 'k':
      return number((inode.sectors + 1) / 2);
    case 'b':
      return number(inode.sectors);
    case 'm':
      return fmt::format("{}{:o}", part.alternate && inode.permissions != 0 ? "0" : "",
                         inode.permissions);
    case 'M':
      return mode_string(inode);
    case 'u':
      return file.start.names->user_text(inode.uid);
    case 'U':
      return number(inode.uid);
    case 'g':
      return file.start.names->group_text(inode.gid);
    case 'G':
      return number(inode.gid);
    case 'i':
      return number(inode.number);
    case 'n':
      return number(inode.links);
    case 'l':
      return inode.symlink_target;
    case 'y':
      return std::string(1, type_letter(inode.type));
    case 'Y':
      return std::string(1, target_letter(file));
    case 'F':
      return std::string(to_text(file.start.fs->info().summary.type));
    default:
      break;
  }
  const char kind = static_cast<char>(part.letter | 0x20);
  const Timestamp time = kind == 't' ? inode.mtime : kind == 'a' ? inode.atime : inode.ctime;
  if (part.which != 0) return time_value(part.which, time);
  return format_time("%a %b %e %H:%M:%S", time) + fraction(time) + format_time(" %Y", time);
}

FindTest make_printf(const FindRequest& request) {
  std::string text = request.arguments[0];
  // \c ends the output here
  for (std::size_t at = 0; (at = text.find('\\', at)) != std::string::npos; at += 2)
    if (text.substr(at, 2) == "\\c") text.resize(at);
  const auto format = parse_format(unescape_format(text), kLetters, "TAC");
  return [format](const FindFile& file, FindRun& run) {
    if (run.reading.wants_json())
      throw Error(Errc::Usage, "-printf prints no JSON: leave one of the two out");
    for (const FormatPart& part : format) {
      if (part.letter == 0) {
        run.reading.io().out << part.text;
        continue;
      }
      std::string value = value_of(part, file);
      if (part.precision) value.resize(std::min(value.size(), *part.precision));
      run.reading.io().out << fill(part, run.reading.shown(value));
    }
    return true;
  };
}

constexpr FindWord kActions[] = {
    {"-print", 0, [](const FindRequest&) { return make_print('\n'); }, true},
    {"-print0", 0, [](const FindRequest&) { return make_print('\0'); }, true},
    {"-printf", 1, make_printf, true},
    {"-ls", 0, make_ls, true},
    {"-prune", 0,
     [](const FindRequest&) -> FindTest {
       return [](const FindFile&, FindRun& run) { return run.prune = true; };
     }},
    {"-quit", 0,
     [](const FindRequest&) -> FindTest {
       return [](const FindFile&, FindRun& run) { return run.quit = true; };
     }},
};

}  // namespace

std::span<const FindWord> find_actions() { return kActions; }

}  // namespace rawimg::cli
