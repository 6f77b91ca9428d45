// SPDX-License-Identifier: MIT
#include <rawimg/image_path.h>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg {
namespace {

constexpr std::size_t kMaxName = 255;  // EXT2_NAME_LEN; ext keeps the length of a name in one byte

void require_component(std::string_view name, std::string_view whole) {
  const auto refuse = [&](const std::string& why) {
    throw Error(Errc::BadInput, fmt::format("path {}: {}", quote(whole), why))
        .with_path(std::string(whole));
  };
  if (name == "..") refuse("'..' would leave its directory");
  if (name.find('\0') != std::string_view::npos) refuse("it has a NUL byte");
  if (name.size() > kMaxName)
    refuse(fmt::format("a name of {} bytes is over the limit of {}", name.size(), kMaxName));
}

}  // namespace

ImagePath ImagePath::parse(std::string_view text) {
  ImagePath path;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t slash = std::min(text.find('/', at), text.size());
    const std::string_view name = text.substr(at, slash - at);
    at = slash + 1;
    if (name.empty() || name == ".") continue;
    require_component(name, text);
    path.components_.emplace_back(name);
  }
  return path;
}

std::string ImagePath::to_text() const {
  if (components_.empty()) return "/";
  std::string text;
  for (const std::string& name : components_) (text += '/') += name;
  return text;
}

ImagePath ImagePath::operator/(std::string_view name) const {
  if (name.empty() || name == "." || name.find('/') != std::string_view::npos)
    throw Error(Errc::BadInput, fmt::format("{} is not a file name", quote(name)));
  require_component(name, name);
  ImagePath path = *this;
  path.components_.emplace_back(name);
  return path;
}

}  // namespace rawimg
