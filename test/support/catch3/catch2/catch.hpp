// SPDX-License-Identifier: MIT
// Catch2 was one header up to version 2, with other names for the matchers: where version 3 is
// found, test/CMakeLists.txt puts this one on the include path.
#pragma once

#include <string>
#include <utility>

#include <catch2/catch_all.hpp>

namespace Catch {

using Matchers::MatcherBase;
using Matchers::StartsWith;
using TestEventListenerBase = EventListenerBase;

inline auto Contains(std::string text) { return Matchers::ContainsSubstring(std::move(text)); }

}  // namespace Catch
