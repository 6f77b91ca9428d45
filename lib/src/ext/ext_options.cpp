// SPDX-License-Identifier: MIT
#include <rawimg/ext_options.h>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg {

ExtType parse_ext_type(std::string_view text) {
  for (const ExtType type : {ExtType::Ext2, ExtType::Ext3, ExtType::Ext4})
    if (text == to_text(type)) return type;
  throw Error(Errc::Usage,
              fmt::format("{} is not a filesystem type that rawimg makes: ext2, ext3 or ext4",
                          quote(text)));
}

std::string_view to_text(ExtType type) {
  switch (type) {
    case ExtType::Ext2:
      return "ext2";
    case ExtType::Ext3:
      return "ext3";
    case ExtType::Ext4:
      break;
  }
  return "ext4";
}

}  // namespace rawimg
