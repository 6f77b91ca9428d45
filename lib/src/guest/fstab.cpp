// SPDX-License-Identifier: MIT
#include "rawimg/fstab.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/glob.h"
#include "base/text.h"
#include "guest/fstab_line.h"
#include "guest/text_lines.h"

namespace rawimg {
namespace {

void require_field(const char* name, std::string_view value) {
  if (value.empty())
    throw Error(Errc::Usage, fmt::format("the {} of an fstab entry is empty", name));
  if (value.find('\0') != std::string_view::npos)
    throw Error(Errc::Usage,
                fmt::format("the {} {} of an fstab entry holds a zero byte", name, quote(value)));
}

bool is_among_devices(std::string_view path) {
  return normal_mount_point(path).starts_with("/dev/");
}

/// Below /dev only what has no device is mounted (tmpfs, devpts), or another directory (bind).
bool has_device(const FstabRequest& request) {
  return request.type != "none" &&
         (request.device.front() == '/' || request.device.find('=') != std::string::npos);
}

/// What is wrong with the mount point, or nothing.
std::string_view mount_point_fault(const FstabRequest& request) {
  if (!is_mount_point(request.mount_point))
    return "of an fstab entry is neither absolute nor 'none' nor 'swap'";
  if (request.type == "swap" && request.mount_point.front() == '/')
    return "of swap space is neither 'none' nor 'swap'";
  if (is_among_devices(request.mount_point) && has_device(request))
    return "of an fstab entry is among the devices";
  return {};
}

void require_mount_point(const FstabRequest& request) {
  const std::string_view fault = mount_point_fault(request);
  if (fault.empty()) return;
  const std::string& device = request.device;
  if (device.front() == '/' ? !is_among_devices(device)
                            : request.type == "swap" && is_mount_point(device))
    throw Error(
        Errc::Usage,
        fmt::format("the mount point {} and the device {} of an fstab entry seem to be swapped",
                    quote(request.mount_point), quote(device)));
  throw Error(Errc::Usage, fmt::format("the mount point {} {}", quote(request.mount_point), fault));
}

void require_request(const FstabRequest& request) {
  require_field("mount point", request.mount_point);
  require_field("device", request.device);
  require_field("type", request.type);
  if (request.options) require_field("options", *request.options);
  require_mount_point(request);
}

/// Which entries a request is about.
class Place {
 public:
  explicit Place(const FstabRequest& request)
      : mount_point_(normal_mount_point(request.mount_point)), device_(request.device) {}

  bool holds(const FstabEntry& entry) const {
    const bool mounted = mount_point_.front() == '/';
    if (mounted != (entry.mount_point.front() == '/')) return false;
    return mounted ? normal_mount_point(entry.mount_point) == mount_point_
                   : entry.device == device_;
  }
  /// What tells it from others, for messages.
  const std::string& key() const { return mount_point_.front() == '/' ? mount_point_ : device_; }

 private:
  std::string mount_point_, device_;
};

/// The values of the entry that is to be, in place of `old` if there is one.
FstabFields wanted_values(const FstabRequest& request, const std::optional<FstabEntry>& old) {
  FstabEntry entry;
  entry.pass = normal_mount_point(request.mount_point) == "/" ? 1 : 0;
  if (old && old->type == request.type) entry = *old;
  entry.device = request.device;
  // Another spelling of the same directory is no reason to change a line.
  if (!old || normal_mount_point(old->mount_point) != normal_mount_point(request.mount_point))
    entry.mount_point = request.mount_point;
  else
    entry.mount_point = old->mount_point;
  entry.type = request.type;
  entry.options = request.options.value_or(entry.options);
  entry.dump = request.dump.value_or(entry.dump);
  entry.pass = request.pass.value_or(entry.pass);
  return fields_of(entry);
}

/// The number of the line that a request takes the place of, or 0.
std::size_t line_to_replace(const std::vector<FstabEntry>& same_place, const std::string& device) {
  for (const FstabEntry& entry : same_place)
    if (entry.device == device) return entry.line;
  return same_place.empty() ? 0 : same_place.front().line;
}

/// The fields of a line as they stand there, with single blanks between.
std::string fields_text(const FstabLine& line) {
  return fmt::format("{}", fmt::join(line.fields.begin(), line.fields.begin() + line.count, " "));
}

class Pattern {
 public:
  explicit Pattern(std::string_view text)
      : text_(text), mount_point_(normal_mount_point(text)), glob_(text) {
    if (text.empty())
      throw Error(Errc::Usage, "the mount point or device to look for in fstab is empty");
  }
  bool matches(const FstabEntry& entry) const {
    const std::string mount_point = normal_mount_point(entry.mount_point);
    return entry.device == text_ || mount_point == mount_point_ || glob_.matches(entry.device) ||
           glob_.matches(mount_point);
  }

 private:
  std::string text_, mount_point_;
  Glob glob_;
};

}  // namespace

Fstab Fstab::parse(std::string text) { return Fstab(std::move(text)); }

std::vector<FstabEntry> Fstab::entries() const {
  std::vector<FstabEntry> found;
  LineReader reader(text_);
  while (const auto line = reader.next()) {
    const auto parsed = parse_fstab_line(line->body);
    if (!parsed) continue;
    found.push_back(decode_entry(*parsed));
    found.back().line = line->number;
  }
  return found;
}

std::vector<FstabEntry> Fstab::same_place(const FstabRequest& request) const {
  require_request(request);
  const Place place(request);
  std::vector<FstabEntry> found = entries();
  std::erase_if(found,
                [&](const FstabEntry& entry) { return !entry.active || !place.holds(entry); });
  return found;
}

bool Fstab::set(const FstabRequest& request) {
  const std::size_t number = line_to_replace(same_place(request), request.device);
  std::string out;
  out.reserve(text_.size() + 256);
  std::optional<FstabLine> pattern;
  LineReader reader(text_);
  while (const auto line = reader.next()) {
    const auto parsed = parse_fstab_line(line->body);
    if (parsed) pattern = parsed;
    if (line->number != number)
      keep_line(out, *line);
    else
      replace_line(out, *line,
                   replace_fields(*parsed, wanted_values(request, decode_entry(*parsed))));
  }
  if (number == 0) append_line(out, lay_out_fields(pattern, wanted_values(request, std::nullopt)));
  const bool changed = out != text_;
  text_ = std::move(out);
  return changed;
}

bool Fstab::add(const FstabRequest& request) {
  require_request(request);
  const Place place(request);
  std::optional<Error> other;
  LineReader reader(text_);
  while (const auto line = reader.next()) {
    const auto parsed = parse_fstab_line(line->body);
    if (!parsed || !parsed->active) continue;
    const FstabEntry entry = decode_entry(*parsed);
    if (!place.holds(entry)) continue;
    const FstabFields wanted = wanted_values(request, entry);
    // "none" and "swap" say the same
    if (std::equal(wanted.begin() + 2, wanted.end(), fields_of(entry).begin() + 2) &&
        wanted[0] == entry.device)
      return false;
    if (!other)
      other = Error(Errc::Exists,
                    fmt::format("line {} of fstab has an entry for {} already: {}", line->number,
                                quote(place.key()), quote(fields_text(*parsed))))
                  .with_hint("'set' would replace it");
  }
  if (other) throw *other;
  return set(request);
}

namespace {

std::function<LineMatch(const TextLine&)> lines_of(const Pattern& pattern) {
  return [&pattern](const TextLine& line) {
    const auto parsed = parse_fstab_line(line.body);
    if (!parsed || !pattern.matches(decode_entry(*parsed))) return LineMatch::None;
    return parsed->active ? LineMatch::Active : LineMatch::Comment;
  };
}

}  // namespace

EditCount Fstab::rm(std::string_view pattern) {
  return remove_lines(text_, lines_of(Pattern(pattern)));
}

EditCount Fstab::comment(std::string_view pattern) {
  return comment_lines(text_, lines_of(Pattern(pattern)));
}

}  // namespace rawimg
