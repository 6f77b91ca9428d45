// SPDX-License-Identifier: MIT
// What every failure of the library looks like: one exception class with a code that a caller can
// act on. Messages are lower case, without a full stop, and name the file, the place, the value
// found and the value wanted.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#pragma GCC visibility push(default)

namespace rawimg {

/// Why a call failed. A code is here only when a caller would act differently on it; tools/ maps it
/// onto the exit code named beside it.
enum class Errc {
  Usage,     ///< 2: the request itself makes no sense
  BadInput,  ///< 1: an archive or recipe is malformed or refused
  Exists,    ///< 1: what is there is not to be replaced, or of another kind than is wanted
  Io,        ///< 1: the host's file system failed, or a host file is missing
  /// 3: not an image, a feature that is refused, or an entry that the filesystem cannot store
  Unsupported,
  NotFound,     ///< 4: no such path inside the image
  NoSpace,      ///< 5: no space in the image or on the host
  Corrupt,      ///< 6: damaged structures
  Dirty,        ///< 6: needs recovery first
  Mismatch,     ///< 7: a digest or comparison did not match
  Busy,         ///< 8: locked by someone else
  Interrupted,  ///< 130 or 143: cancelled through a stop token
};

/// The only exception type that the library throws on purpose.
class Error : public std::runtime_error {
 public:
  Error(Errc code, const std::string& message, std::error_code cause = {})
      : std::runtime_error(message), code_(code), cause_(cause) {}

  Errc code() const noexcept { return code_; }
  /// errno or a libext2fs code, when one of them was the reason.
  std::error_code cause() const noexcept { return cause_; }
  /// The next step for a user, or empty.
  const std::string& hint() const noexcept { return hint_; }
  /// The file or entry that the failure is about (raw bytes), or empty.
  const std::string& path() const noexcept { return path_; }

  Error& with_hint(std::string hint) & {
    hint_ = std::move(hint);
    return *this;
  }
  Error&& with_hint(std::string hint) && {
    hint_ = std::move(hint);
    return std::move(*this);
  }
  Error& with_path(std::string path) & {
    path_ = std::move(path);
    return *this;
  }
  Error&& with_path(std::string path) && {
    path_ = std::move(path);
    return std::move(*this);
  }

  /// The same failure with `context` and a colon in front of its message.
  Error in(std::string_view context) const {
    Error outer(code_, std::string(context) + ": " + what(), cause_);
    outer.hint_ = hint_;
    outer.path_ = path_;
    return outer;
  }

 private:
  Errc code_;
  std::error_code cause_;
  std::string hint_, path_;
};

/// Runs `action`; an Error that leaves it gets `context` in front of its message.
template <class Action>
auto with_context(std::string_view context, Action&& action) -> decltype(action()) {
  try {
    return action();
  } catch (const Error& error) {
    throw error.in(context);
  }
}

}  // namespace rawimg

#pragma GCC visibility pop
