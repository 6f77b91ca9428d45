// SPDX-License-Identifier: MIT
#include "read/block_units.h"

#include <fmt/format.h>
#include <rawimg/error.h>

#include "cli/numbers.h"

namespace rawimg::cli {

std::string BlockUnit::text(std::uint64_t size_bytes) const {
  if (human) return short_size(size_bytes);
  return fmt::format("{}", size_bytes / bytes + (size_bytes % bytes != 0));
}

std::string BlockUnit::name() const {
  std::uint64_t count = bytes;
  std::size_t power = 0;
  constexpr std::string_view kLetters = "BKMGTPE";
  for (; count % 1024 == 0 && power + 1 < kLetters.size(); ++power) count /= 1024;
  return fmt::format("{}{}", count, kLetters[power]);
}

BlockUnit read_block_unit(const Args& args) {
  BlockUnit unit;
  for (const auto& [name, value] : args.options()) {
    if (name == "human-readable") unit.human = true;
    const bool sets = name == "block-size" || name == "kib" || name == "mib" || name == "bytes";
    if (!sets) continue;
    unit.human = false;
    unit.bytes = name == "kib"     ? 1024
                 : name == "mib"   ? 1 << 20
                 : name == "bytes" ? 1
                                   : parse_size(value, "block size");
    if (unit.bytes == 0) throw Error(Errc::Usage, "a block size of 0");
  }
  return unit;
}

}  // namespace rawimg::cli
