// SPDX-License-Identifier: MIT
// What an edit of a guest's text file came upon. A plain value.
#pragma once

#include <cstddef>

#pragma GCC visibility push(default)

namespace rawimg {

/// "Nothing matched" is `matched == 0`; "it was so already" is `matched > 0 && changed == 0`.
struct EditCount {
  std::size_t matched = 0;  ///< lines that the request is about
  std::size_t changed = 0;  ///< those of them that were changed or removed

  bool operator==(const EditCount&) const = default;
};

}  // namespace rawimg

#pragma GCC visibility pop
