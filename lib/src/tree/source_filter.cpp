// SPDX-License-Identifier: MIT
#include "tree/source_filter.h"

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

namespace rawimg {

std::string join(const Components& path) {
  std::string text;
  for (const std::string& component : path) (text += '/') += component;
  return text.empty() ? "/" : text;
}

std::vector<std::string_view> split_path(std::string_view path) {
  if (path.find('\0') != std::string_view::npos)
    throw Error(Errc::BadInput, "the path has a NUL byte");
  std::vector<std::string_view> components;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view name = path.substr(at, slash - at);
    at = slash + 1;
    if (name.empty() || name == ".") continue;
    if (name == "..")
      throw Error(Errc::BadInput, "the path has a '..', which may lead out of the image");
    components.push_back(name);
  }
  for (const std::string_view name : components)
    if (name.size() > kMaxName)
      throw Error(Errc::Unsupported,
                  fmt::format("a name of {} bytes: ext holds at most {}", name.size(), kMaxName));
  return components;
}

SourceFilter::SourceFilter(const SourceSpec& spec)
    : at_(spec.at.components()), strip_(spec.strip_components) {
  for (std::string_view pattern : spec.excludes) {
    const std::size_t anchor = pattern.starts_with("./") ? 2 : pattern.starts_with('/') ? 1 : 0;
    pattern.remove_prefix(anchor);
    while (pattern.ends_with('/')) pattern.remove_suffix(1);  // `var/cache/` means the directory
    excludes_.push_back({Glob(pattern), anchor != 0});
  }
}

bool SourceFilter::is_excluded(std::string_view path) const {
  return std::any_of(excludes_.begin(), excludes_.end(), [&](const Exclude& exclude) {
    return exclude.anchored ? exclude.glob.matches_leading_part(path)
                            : exclude.glob.matches_some_part(path);
  });
}

std::optional<Components> SourceFilter::apply(std::string_view path) const {
  const std::vector<std::string_view> components = split_path(path);
  if (components.size() < strip_) return std::nullopt;
  Components out = at_;
  std::string below;  // the root itself matches no pattern
  for (std::size_t i = strip_; i < components.size(); ++i) {
    out.emplace_back(components[i]);
    if (!excludes_.empty()) below.append(below.empty() ? "" : "/").append(components[i]);
  }
  if (!below.empty() && is_excluded(below)) return std::nullopt;
  return out;
}

}  // namespace rawimg
