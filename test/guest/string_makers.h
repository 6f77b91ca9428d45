// SPDX-License-Identifier: MIT
// How Catch shows our values when a check fails.
#pragma once

#include <string>

#include <fmt/format.h>
#include <rawimg/edit_count.h>
#include <rawimg/fstab.h>
#include <rawimg/inittab.h>
#include <catch2/catch.hpp>

namespace Catch {
template <>
struct StringMaker<rawimg::EditCount> {
  static std::string convert(const rawimg::EditCount& count) {
    return fmt::format("{} matched, {} changed", count.matched, count.changed);
  }
};
template <>
struct StringMaker<rawimg::FstabEntry> {
  static std::string convert(const rawimg::FstabEntry& e) {
    return fmt::format("{}{}: '{}' '{}' '{}' '{}' {} {}", e.line, e.active ? "" : "#", e.device,
                       e.mount_point, e.type, e.options, e.dump, e.pass);
  }
};
template <>
struct StringMaker<rawimg::InittabEntry> {
  static std::string convert(const rawimg::InittabEntry& e) {
    return fmt::format("{}{}: '{}' '{}' '{}' '{}'", e.line, e.active ? "" : "#", e.id, e.runlevels,
                       e.action, e.process);
  }
};
}  // namespace Catch
