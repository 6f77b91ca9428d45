// SPDX-License-Identifier: MIT
#include "base/errno_error.h"

#include <cctype>
#include <cerrno>

namespace rawimg {

Error errno_error(int number, const std::string& message) {
  const std::error_code cause(number, std::generic_category());
  std::string reason = cause.message();
  if (reason.size() > 1 && std::islower(static_cast<unsigned char>(reason[1])))
    reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  const bool full = number == ENOSPC || number == EDQUOT || number == EFBIG;
  return Error(full ? Errc::NoSpace : Errc::Io, message + ": " + reason, cause);
}

}  // namespace rawimg
