// SPDX-License-Identifier: MIT
#include "cli/inode_text.h"

#include <chrono>

#include <fmt/format.h>

namespace rawimg::cli {
namespace {

struct Calendar {
  int year;
  unsigned month, day;
  std::int64_t hour, minute, second;
};

Calendar calendar_of(Timestamp time) {
  using namespace std::chrono;
  const sys_seconds at{seconds{time.seconds}};
  const sys_days day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss<seconds> clock{at - day};
  return {int{date.year()},      unsigned{date.month()},  unsigned{date.day()},
          clock.hours().count(), clock.minutes().count(), clock.seconds().count()};
}

char type_letter(FileType type) {
  switch (type) {
    case FileType::Regular:
      return '-';
    case FileType::Directory:
      return 'd';
    case FileType::Symlink:
      return 'l';
    case FileType::CharDevice:
      return 'c';
    case FileType::BlockDevice:
      return 'b';
    case FileType::Fifo:
      return 'p';
    case FileType::Socket:
      break;
  }
  return 's';
}

Json time_json(Timestamp time) {
  return {{"seconds", time.seconds}, {"nanoseconds", time.nanoseconds}};
}

}  // namespace

std::string mode_string(const InodeInfo& inode) {
  std::string text(1, type_letter(inode.type));
  const unsigned mode = inode.permissions;
  for (const unsigned shift : {6U, 3U, 0U}) {
    const unsigned bits = mode >> shift & 7;
    const bool special = shift == 6 ? mode & 04000 : shift == 3 ? mode & 02000 : mode & 01000;
    text += bits & 4 ? 'r' : '-';
    text += bits & 2 ? 'w' : '-';
    const char with = shift == 0 ? 't' : 's', without = shift == 0 ? 'T' : 'S';
    text += special ? (bits & 1 ? with : without) : bits & 1 ? 'x' : '-';
  }
  return text;
}

std::string_view type_name(FileType type) {
  switch (type) {
    case FileType::Regular:
      return "regular file";
    case FileType::Directory:
      return "directory";
    case FileType::Symlink:
      return "symbolic link";
    case FileType::CharDevice:
      return "character special file";
    case FileType::BlockDevice:
      return "block special file";
    case FileType::Fifo:
      return "fifo";
    case FileType::Socket:
      break;
  }
  return "socket";
}

std::string time_string(Timestamp time) {
  const Calendar c = calendar_of(time);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:09} +0000", c.year, c.month, c.day,
                     c.hour, c.minute, c.second, time.nanoseconds);
}

std::string short_time_string(Timestamp time) {
  const Calendar c = calendar_of(time);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute);
}

Json to_json(const InodeInfo& inode) {
  Json json{{"inode", inode.number},
            {"type", type_name(inode.type)},
            {"mode", fmt::format("{:04o}", inode.permissions)},
            {"uid", inode.uid},
            {"gid", inode.gid},
            {"size", inode.size_bytes},
            {"sectors", inode.sectors},
            {"links", inode.links}};
  json["mtime"] = time_json(inode.mtime);
  json["atime"] = time_json(inode.atime);
  json["ctime"] = time_json(inode.ctime);
  if (inode.birthtime) json["birthtime"] = time_json(*inode.birthtime);
  if (inode.type == FileType::CharDevice || inode.type == FileType::BlockDevice)
    json["device"] = {{"major", inode.device_major}, {"minor", inode.device_minor}};
  if (inode.type == FileType::Symlink) put_bytes(json, "target", inode.symlink_target);
  json["flags"] = inode.flags;
  json["xattrs"] = Json::array();
  for (const Xattr& xattr : inode.xattrs) {
    Json entry;
    put_bytes(entry, "name", xattr.name);
    put_bytes(entry, "value", xattr.value);
    json["xattrs"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace rawimg::cli
