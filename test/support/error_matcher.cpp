// SPDX-License-Identifier: MIT
#include "support/error_matcher.h"

namespace rawimg::test {

std::string ErrorMatcher::describe() const {
  return std::string("is ") + to_text(code_) + " with \"" + text_ + "\" in its message";
}

const char* to_text(Errc code) {
  switch (code) {
    case Errc::Usage:
      return "Usage";
    case Errc::BadInput:
      return "BadInput";
    case Errc::Exists:
      return "Exists";
    case Errc::Io:
      return "Io";
    case Errc::Unsupported:
      return "Unsupported";
    case Errc::NotFound:
      return "NotFound";
    case Errc::NoSpace:
      return "NoSpace";
    case Errc::Corrupt:
      return "Corrupt";
    case Errc::Dirty:
      return "Dirty";
    case Errc::Mismatch:
      return "Mismatch";
    case Errc::Busy:
      return "Busy";
    case Errc::Interrupted:
      return "Interrupted";
  }
  return "an unknown code";
}

}  // namespace rawimg::test
