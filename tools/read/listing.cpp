// SPDX-License-Identifier: MIT
#include "read/listing.h"

#include <algorithm>
#include <array>
#include <ostream>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/inode_text.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "read/time_text.h"

namespace rawimg::cli {
namespace {

bool is_device(const InodeInfo& inode) {
  return inode.type == FileType::CharDevice || inode.type == FileType::BlockDevice;
}

bool has_xattr(const InodeInfo& inode, std::string_view prefix) {
  return std::any_of(inode.xattrs.begin(), inode.xattrs.end(),
                     [&](const Xattr& xattr) { return xattr.name.starts_with(prefix); });
}

/// Behind the mode: an ACL, or nothing but an SELinux label.
char access_mark(const InodeInfo& inode) {
  if (has_xattr(inode, "system.posix_acl_")) return '+';
  return has_xattr(inode, "security.selinux") ? '.' : ' ';
}

std::string type_mark(const InodeInfo& inode, const ListStyle& style) {
  if (style.mark == ListStyle::Mark::None) return "";
  if (inode.type == FileType::Directory) return "/";
  if (style.mark == ListStyle::Mark::Slash) return "";
  if (inode.type == FileType::Symlink) return style.long_form ? "" : "@";
  if (inode.type == FileType::Fifo) return "|";
  if (inode.type == FileType::Socket) return "=";
  return inode.type == FileType::Regular && (inode.permissions & 0111) != 0 ? "*" : "";
}

std::string blocks_text(std::uint64_t sectors, bool human) {
  return human ? short_size(sectors * 512) : fmt::format("{}", sectors / 2 + sectors % 2);
}

/// The cells in front of a name; those of devices' sizes are put together when their widths are
/// known.
struct Cells {
  std::string inode, blocks, mode, links, owner, group, size, major, minor, time;
};

Cells cells_of(const InodeInfo& inode, const ListStyle& style, AccountNames& names) {
  Cells cells;
  if (style.inode) cells.inode = fmt::format("{}", inode.number);
  if (style.blocks) cells.blocks = blocks_text(inode.sectors, style.human);
  if (!style.long_form) return cells;
  cells.mode = mode_string(inode) + access_mark(inode);
  cells.links = fmt::format("{}", inode.links);
  if (style.owner && !style.numeric) cells.owner = names.find_user(inode.uid).value_or("");
  if (style.group && !style.numeric) cells.group = names.find_group(inode.gid).value_or("");
  if (is_device(inode)) {
    cells.major = fmt::format("{}", inode.device_major);
    cells.minor = fmt::format("{}", inode.device_minor);
  } else {
    cells.size = style.human ? short_size(inode.size_bytes) : fmt::format("{}", inode.size_bytes);
  }
  cells.time = format_time(style.time_format, time_of(inode, style.time));
  return cells;
}

std::size_t widest(const std::vector<Cells>& all, std::string Cells::*cell) {
  std::size_t width = 0;
  for (const Cells& cells : all) width = std::max(width, (cells.*cell).size());
  return width;
}

/// Names to the left, numbers to the right, as ls has them.
void align_ids(std::vector<Cells>& all, std::string Cells::*cell, const std::vector<ListRow>& rows,
               std::uint32_t InodeInfo::*id, Streams& io) {
  std::size_t width = 0;
  std::vector<bool> named;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::string& text = all[i].*cell;
    named.push_back(!text.empty());
    text = named.back() ? shown(text, io.out_is_terminal) : fmt::format("{}", rows[i].inode.*id);
    width = std::max(width, text.size());
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string blanks(width - (all[i].*cell).size(), ' ');
    all[i].*cell = named[i] ? all[i].*cell + blanks : blanks + all[i].*cell;
  }
}

void align_sizes(std::vector<Cells>& all) {
  const std::size_t major = widest(all, &Cells::major), minor = widest(all, &Cells::minor);
  const std::size_t device = minor == 0 ? 0 : major + 2 + minor;
  const std::size_t width = std::max(widest(all, &Cells::size), device);
  for (Cells& cells : all)
    cells.size = cells.minor.empty() ? fmt::format("{:>{}}", cells.size, width)
                                     : fmt::format("{:>{}}, {:>{}}", cells.major, width - minor - 2,
                                                   cells.minor, minor);
}

std::string name_text(const ListRow& row, const ListStyle& style, const Streams& io) {
  const auto text = [&](std::string_view bytes) {
    return style.quoted ? c_quoted(bytes) : shown(bytes, io.out_is_terminal);
  };
  std::string name = text(row.name) + type_mark(row.inode, style);
  if (style.long_form && row.inode.type == FileType::Symlink)
    name += " -> " + text(row.inode.symlink_target);
  return name;
}

}  // namespace

Timestamp time_of(const InodeInfo& inode, TimeField field) {
  switch (field) {
    case TimeField::Modify:
      return inode.mtime;
    case TimeField::Access:
      return inode.atime;
    case TimeField::Change:
      return inode.ctime;
    case TimeField::Birth:
      break;
  }
  return inode.birthtime.value_or(Timestamp{});
}

std::string total_line(const std::vector<ListRow>& rows, const ListStyle& style) {
  std::uint64_t sectors = 0;
  for (const ListRow& row : rows) sectors += row.inode.sectors;
  return "total " + blocks_text(sectors, style.human) + "\n";
}

void print_rows(const std::vector<ListRow>& rows, const ListStyle& style, AccountNames& names,
                Streams& io) {
  std::vector<Cells> all;
  for (const ListRow& row : rows) all.push_back(cells_of(row.inode, style, names));
  const std::size_t inode = widest(all, &Cells::inode), blocks = widest(all, &Cells::blocks),
                    links = widest(all, &Cells::links);
  if (style.owner) align_ids(all, &Cells::owner, rows, &InodeInfo::uid, io);
  if (style.group) align_ids(all, &Cells::group, rows, &InodeInfo::gid, io);
  align_sizes(all);
  const bool marks = std::any_of(all.begin(), all.end(),
                                 [](const Cells& cells) { return !cells.mode.ends_with(' '); });
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Cells& cells = all[i];
    if (style.inode) io.out << fmt::format("{:>{}} ", cells.inode, inode);
    if (style.blocks) io.out << fmt::format("{:>{}} ", cells.blocks, blocks);
    if (style.long_form) {
      if (!marks) cells.mode.pop_back();
      io.out << fmt::format("{} {:>{}} ", cells.mode, cells.links, links);
      if (style.owner) io.out << cells.owner << ' ';
      if (style.group) io.out << cells.group << ' ';
      io.out << cells.size << ' ' << cells.time << ' ';
    }
    io.out << name_text(rows[i], style, io) << '\n';
  }
}

std::string c_quoted(std::string_view bytes) {
  constexpr std::string_view kEscapes = "\a\b\t\n\v\f\r";
  constexpr std::string_view kLetters = "abtnvfr";
  const bool text = is_utf8(bytes);
  std::string quoted = "\"";
  for (const char c : bytes) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      (quoted += '\\') += c;
    else if (const std::size_t at = kEscapes.find(c); at != std::string_view::npos)
      (quoted += '\\') += kLetters[at];
    else if (byte < 32 || byte == 127 || (byte > 127 && !text))
      quoted += fmt::format("\\{:03o}", byte);
    else
      quoted += c;
  }
  return quoted + '"';
}

}  // namespace rawimg::cli
