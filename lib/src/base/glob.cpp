// SPDX-License-Identifier: MIT
#include "base/glob.h"

#include <algorithm>
#include <optional>

namespace rawimg {
namespace {

unsigned char byte_of(char c) { return static_cast<unsigned char>(c); }

struct Set {
  std::bitset<256> bytes;
  std::size_t length = 0;  ///< of its text, brackets included
};

/// The set whose `[` is at the start of `text`, unless its `]` is missing.
std::optional<Set> parse_set(std::string_view text) {
  Set set;
  std::size_t at = 1;
  const bool negated = at < text.size() && (text[at] == '!' || text[at] == '^');
  if (negated) ++at;
  const auto member = [&]() -> std::optional<unsigned char> {
    if (at < text.size() && text[at] == '\\') ++at;
    return at < text.size() ? std::optional(byte_of(text[at++])) : std::nullopt;
  };
  const std::size_t first = at;  // a `]` right here is a member
  while (at == first || (at < text.size() && text[at] != ']')) {
    const auto low = member();
    auto high = low;
    if (at + 1 < text.size() && text[at] == '-' && text[at + 1] != ']') {
      ++at;
      high = member();
    }
    if (!low || !high) return std::nullopt;
    for (unsigned b = *low; b <= *high; ++b) set.bytes.set(b);
  }
  if (at >= text.size()) return std::nullopt;
  if (negated) set.bytes.flip();
  set.length = at + 1;
  return set;
}

}  // namespace

Glob::Glob(std::string_view pattern) {
  for (std::size_t at = 0; at < pattern.size();) {
    const char c = pattern[at++];
    Element element;
    if (c == '*') {
      if (!elements_.empty() && elements_.back().is_star) continue;
      element.is_star = true;
    } else if (c == '?') {
      element.bytes.set();
    } else if (const auto set = c == '[' ? parse_set(pattern.substr(at - 1)) : std::nullopt) {
      element.bytes = set->bytes;
      at += set->length - 1;
    } else {
      element.bytes.set(byte_of(c == '\\' && at < pattern.size() ? pattern[at++] : c));
    }
    elements_.push_back(element);
  }
}

void Glob::enter(std::vector<char>& states, std::size_t state) const {
  states[state] = 1;
  if (state < elements_.size() && elements_[state].is_star) states[state + 1] = 1;
}

/// All ways to match are followed side by side, byte by byte: there is no going back, so no pattern can make it slow.
bool Glob::run(std::string_view text, Bounds bounds) const {
  const std::size_t accepting = elements_.size();
  std::vector<char> now(accepting + 1), next(accepting + 1);
  for (std::size_t i = 0;; ++i) {
    const bool at_end = i == text.size();
    if (i == 0 || (bounds == Bounds::Some && text[i - 1] == '/')) enter(now, 0);
    if (now[accepting] != 0 && (at_end || (bounds != Bounds::Whole && text[i] == '/'))) return true;
    if (at_end) return false;
    std::fill(next.begin(), next.end(), 0);
    for (std::size_t state = 0; state < accepting; ++state) {
      if (now[state] == 0) continue;
      if (elements_[state].is_star) enter(next, state);
      else if (elements_[state].bytes[byte_of(text[i])]) enter(next, state + 1);
    }
    now.swap(next);
  }
}

}  // namespace rawimg
