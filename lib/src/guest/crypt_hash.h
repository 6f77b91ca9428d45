// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace rawimg {

/// Whether `text` has the form of a hash that crypt(3) makes and compares, as crypt(5) lists them.
/// Thirteen letters and digits are one of DES, and could be a password all the same.
bool is_crypt_hash(std::string_view text);

}  // namespace rawimg
