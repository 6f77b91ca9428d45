// SPDX-License-Identifier: MIT
#include "tree/source_filter.h"

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg {
namespace {

constexpr std::size_t kMaxName = 255;

/// Length of the element at the start of `pattern` that matches one byte.
std::size_t element_length(std::string_view pattern) {
  if (pattern[0] == '\\') return std::min<std::size_t>(2, pattern.size());
  if (pattern[0] != '[') return 1;
  // A `]` that comes first is a member; a set that never ends is a literal `[`.
  const std::size_t first = pattern.size() > 1 && (pattern[1] == '!' || pattern[1] == '^') ? 2 : 1;
  const std::size_t close = pattern.find(']', first + 1);
  return close == std::string_view::npos ? 1 : close + 1;
}

bool set_matches(std::string_view set, unsigned char byte) {  // "[...]"
  set = set.substr(1, set.size() - 2);
  const bool negated = set[0] == '!' || set[0] == '^';
  if (negated) set.remove_prefix(1);
  bool inside = false;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const auto low = static_cast<unsigned char>(set[i]);
    const bool is_range = i + 2 < set.size() && set[i + 1] == '-';
    const auto high = is_range ? static_cast<unsigned char>(set[i + 2]) : low;
    if (is_range) i += 2;
    inside = inside || (low <= byte && byte <= high);
  }
  return inside != negated;
}

bool element_matches(std::string_view element, char byte) {
  if (element.size() == 1) return element[0] == '?' || element[0] == byte;
  if (element[0] == '\\') return element[1] == byte;
  return set_matches(element, static_cast<unsigned char>(byte));
}

}  // namespace

bool matches_glob(std::string_view pattern, std::string_view text) {
  // After a mismatch only the last `*` has to give way, so there is nothing to recurse into.
  std::size_t p = 0, t = 0;
  std::optional<std::size_t> star;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_text = t;
      continue;
    }
    const std::size_t length = p < pattern.size() ? element_length(pattern.substr(p)) : 0;
    if (length != 0 && element_matches(pattern.substr(p, length), text[t])) {
      p += length;
      ++t;
      continue;
    }
    if (!star) return false;
    p = *star;
    t = ++star_text;
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> components;
  const auto refuse = [&](const std::string& why) { throw Error(Errc::BadInput, fmt::format("entry {}: {}", quote(path), why)).with_path(std::string(path)); };
  if (path.find('\0') != std::string_view::npos) refuse("its path has a NUL byte");
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view name = path.substr(at, slash - at);
    at = slash + 1;
    if (name.empty() || name == ".") continue;
    if (name == "..") refuse("its path has '..', which could lead out of the image");
    if (name.size() > kMaxName) refuse(fmt::format("a name of {} bytes: ext holds {}", name.size(), kMaxName));
    components.push_back(name);
  }
  return components;
}

bool SourceFilter::is_excluded(const std::vector<std::string_view>& components) const {
  if (spec_.excludes.empty()) return false;
  std::string path;
  std::vector<std::size_t> starts;
  for (const std::string_view component : components) {  // a match of a parent leaves out all below
    if (!path.empty()) path += '/';
    starts.push_back(path.size());
    path += component;
    for (const std::string_view pattern : spec_.excludes) {
      const std::size_t anchor = pattern.starts_with("./") ? 2 : pattern.starts_with('/') ? 1 : 0;
      const bool anchored = anchor != 0;
      const std::string_view glob = pattern.substr(anchor);
      for (const std::size_t start : starts)
        if ((start == 0 || !anchored) && matches_glob(glob, std::string_view(path).substr(start))) return true;
    }
  }
  return false;
}

std::optional<std::vector<std::string>> SourceFilter::apply(std::string_view path) const {
  std::vector<std::string_view> components = split_path(path);
  if (spec_.strip_components != 0 && components.size() <= spec_.strip_components) return std::nullopt;
  components.erase(components.begin(), components.begin() + spec_.strip_components);
  if (is_excluded(components)) return std::nullopt;
  std::vector<std::string> out = spec_.at.components();
  out.insert(out.end(), components.begin(), components.end());
  return out;
}

}  // namespace rawimg
