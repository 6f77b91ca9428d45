// SPDX-License-Identifier: MIT
// Following a path inside an image as the guest's kernel would, never on the host.
#include <rawimg/ext_fs.h>

#include <ext2fs/ext2_fs.h>

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg {
namespace {

constexpr unsigned kMaxSymlinks = 40;  // as Linux
constexpr std::size_t kMaxName = 255;

class Walk {
 public:
  Walk(const ExtReader& source, std::string_view path) : source_(source), path_(path) {
    push(path);
  }

  std::uint32_t run(ExtReader::Follow follow) {
    while (!todo_.empty()) {
      const std::string name = std::move(todo_.back());
      todo_.pop_back();
      require_directory();
      if (name == ".") continue;
      if (name == "..") {
        if (trail_.size() > 1) trail_.pop_back();
        walked_.resize(std::min(walked_.size(), walked_.rfind('/')));
        continue;
      }
      const bool follows = !todo_.empty() || follow == ExtReader::Follow::All;
      step(name, follows);
    }
    return trail_.back();
  }

 private:
  void push(std::string_view text) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t slash = std::min(text.find('/', at), text.size());
      if (slash > at) parts.emplace_back(text.substr(at, slash - at));
      at = slash + 1;
    }
    if (text.ends_with('/')) parts.emplace_back(".");  // what is before it must be a directory
    todo_.insert(todo_.end(), parts.rbegin(), parts.rend());
  }

  void step(const std::string& name, bool follows) {
    if (name.size() > kMaxName)
      throw not_found(fmt::format("a name of {} bytes: ext holds {}", name.size(), kMaxName));
    const auto child = source_.find(trail_.back(), name);
    if (!child)
      throw not_found(fmt::format(
          "{} does not exist in the image{}", quote(walked_ + "/" + name),
          last_link_.empty() ? ""
                             : fmt::format("; the symlink {} leads there", quote(last_link_))));
    if (follows && source_.type(*child) == FileType::Symlink) return follow_link(name, *child);
    trail_.push_back(*child);
    (walked_ += '/') += name;
  }

  void follow_link(const std::string& name, std::uint32_t link) {
    if (++links_ > kMaxSymlinks)
      throw not_found(
          fmt::format("{}: too many levels of symbolic links", quote(walked_ + "/" + name)));
    last_link_ = walked_ + "/" + name;
    const std::string target = source_.symlink_target(link);
    if (target.starts_with('/')) {
      trail_.assign(1, EXT2_ROOT_INO);
      walked_.clear();
    }
    push(target);
  }

  void require_directory() const {
    if (source_.type(trail_.back()) != FileType::Directory)
      throw not_found(fmt::format("{} is not a directory", quote(walked_)));
  }

  Error not_found(const std::string& why) const {
    return Error(Errc::NotFound, why).with_path(std::string(path_));
  }

  const ExtReader& source_;
  std::string_view path_;
  std::vector<std::uint32_t> trail_{EXT2_ROOT_INO};  // the directories on the way, for `..`
  std::vector<std::string> todo_;                    // the next component last
  std::string walked_, last_link_;
  unsigned links_ = 0;
};

}  // namespace

std::uint32_t ExtReader::resolve(std::string_view path, Follow follow) const {
  return Walk(*this, path).run(follow);
}

std::optional<std::uint32_t> ExtReader::look_up(std::string_view path, Follow follow) const {
  try {
    return resolve(path, follow);
  } catch (const Error& error) {
    if (error.code() != Errc::NotFound) throw;
    return std::nullopt;
  }
}

}  // namespace rawimg
