// SPDX-License-Identifier: MIT
#include "ext/ext_error.h"

#include <cerrno>
#include <string>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/errno_error.h"
#include "ext/libext2fs.h"  // brings com_err.h, which must stand inside its extern "C"

namespace rawimg {
namespace {

constexpr long kFirstLibraryCode = 1 << 20;  // com_err: below that it is an errno

std::string text_of(long code) {
  static const bool registered = [] {
    initialize_ext2_error_table();
    return true;
  }();
  (void)registered;
  return error_message(code);
}

class ExtCategory : public std::error_category {
 public:
  const char* name() const noexcept override { return "libext2fs"; }
  std::string message(int code) const override { return text_of(code); }
};

}  // namespace

void check_ext(long code, std::string_view doing) {
  if (code == 0) return;
  if (code == ENOMEM) throw std::bad_alloc();
  if (code > 0 && code < kFirstLibraryCode)
    throw errno_error(static_cast<int>(code), std::string(doing));
  static const ExtCategory category;
  throw Error(Errc::Corrupt, fmt::format("{}: {}", doing, text_of(code)),
              std::error_code(static_cast<int>(code), category));
}

}  // namespace rawimg
