// SPDX-License-Identifier: MIT
// A path inside an image: absolute, normalised, raw bytes. Deliberately not convertible to or from
// std::filesystem::path.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)

namespace rawimg {

/// `/` or `/a/b`: no `.`, no `..`, no empty component, no NUL.
class ImagePath {
 public:
  ImagePath() = default;  ///< the root

  /// Normalises `text`: leading and repeated slashes and `.` components go; `\` is an ordinary
  /// byte. Throws: BadInput for a `..` component, a NUL byte, or a component over 255 bytes.
  static ImagePath parse(std::string_view text);

  bool is_root() const { return components_.empty(); }
  const std::vector<std::string>& components() const { return components_; }
  /// With a leading slash; `/` for the root.
  std::string to_text() const;
  /// This path with `name` (one component) behind it. Throws: like parse.
  ImagePath operator/(std::string_view name) const;

  auto operator<=>(const ImagePath&) const = default;

 private:
  std::vector<std::string> components_;
};

}  // namespace rawimg

#pragma GCC visibility pop
