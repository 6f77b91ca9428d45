// SPDX-License-Identifier: MIT
#include "cli/exit_code.h"

namespace rawimg::cli {

ExitCode exit_code_of(Errc code) {
  switch (code) {
    case Errc::Usage:
      return ExitCode::Usage;
    case Errc::Unsupported:
      return ExitCode::Unsupported;
    case Errc::NotFound:
      return ExitCode::NotFound;
    case Errc::NoSpace:
      return ExitCode::NoSpace;
    case Errc::Corrupt:
    case Errc::Dirty:
      return ExitCode::Damaged;
    case Errc::Mismatch:
      return ExitCode::Mismatch;
    case Errc::Busy:
      return ExitCode::Busy;
    case Errc::Interrupted:
      return ExitCode::Interrupted;
    case Errc::BadInput:
    case Errc::Exists:
    case Errc::Io:
      break;
  }
  return ExitCode::Failed;
}

std::string_view name_of(Errc code) {
  switch (code) {
    case Errc::Usage:
      return "usage";
    case Errc::BadInput:
      return "bad-input";
    case Errc::Exists:
      return "exists";
    case Errc::Io:
      return "io";
    case Errc::Unsupported:
      return "unsupported";
    case Errc::NotFound:
      return "not-found";
    case Errc::NoSpace:
      return "no-space";
    case Errc::Corrupt:
      return "corrupt";
    case Errc::Dirty:
      return "dirty";
    case Errc::Mismatch:
      return "mismatch";
    case Errc::Busy:
      return "busy";
    case Errc::Interrupted:
      break;
  }
  return "interrupted";
}

}  // namespace rawimg::cli
