// SPDX-License-Identifier: MIT
#include "edit/substitution.h"

#include <regex.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"

namespace rawimg::cli {

struct Substitution::State {
  regex_t expression{};
  bool compiled = false, everywhere = false;
  std::string replacement;  ///< with \ in front of what is special

  ~State() {
    if (compiled) regfree(&expression);
  }
  std::string replace_in(const std::string& line, bool& changed) const;
  void append_replacement(const char* line, std::span<const regmatch_t> match,
                          std::string& out) const;
};

namespace {

/// The place behind the bracket expression that begins at `at`, as POSIX has it: in there a
/// backslash is a byte like others, and so is ] as the first. npos: it has no end.
std::size_t end_of_bracket(std::string_view text, std::size_t at) {
  ++at;
  if (text.substr(at).starts_with('^')) ++at;
  if (text.substr(at).starts_with(']')) ++at;
  for (; at < text.size(); ++at) {
    if (text[at] == ']') return at + 1;
    const char kind = text[at] == '[' && at + 1 < text.size() ? text[at + 1] : '\0';
    if (kind != ':' && kind != '.' && kind != '=') continue;
    const std::size_t end = text.find(std::string{kind, ']'}, at + 2);
    if (end == std::string_view::npos) return end;
    at = end + 1;
  }
  return std::string_view::npos;
}

enum class Part { Pattern, Replacement };

/// Up to the next delimiter that has no backslash in front, nor is in a bracket expression of a
/// pattern; of a backslash and the delimiter the delimiter alone is left.
std::string read_part(std::string_view text, std::size_t& at, Part kind) {
  const char delimiter = text[1];
  std::string part;
  for (; at < text.size(); ++at) {
    if (text[at] == delimiter) {
      ++at;
      return part;
    }
    if (text[at] == '[' && kind == Part::Pattern) {
      const std::size_t end = end_of_bracket(text, at);
      if (end == std::string_view::npos)
        throw Error(Errc::Usage, fmt::format("expression {}: no ] ends what [ begins: {}",
                                             quote(text), quote(text.substr(at))))
            .with_hint("\\[ stands for the byte");
      part += text.substr(at, end - at);
      at = end - 1;
      continue;
    }
    if (text[at] == '\\' && at + 1 < text.size()) {
      if (text[at + 1] != delimiter) part += '\\';
      ++at;
    }
    part += text[at];
  }
  throw Error(Errc::Usage, fmt::format("expression {}: it is s/old/new/, with three {}",
                                       quote(text), quote(std::string(1, delimiter))));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The byte that is written with the letter at `at` and what follows it, as sed has it: t, x41,
/// o101, d065. `at` moves to its end. Nothing: a letter that means no byte. Throws: Usage.
std::optional<char> take_byte(std::string_view text, std::size_t& at) {
  constexpr std::string_view kLetters = "afnrtv", kBytes = "\a\f\n\r\t\v";
  const char letter = text[at];
  if (const std::size_t found = kLetters.find(letter); found != std::string_view::npos)
    return kBytes[found];
  const int base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'd' ? 10 : 0;
  if (base == 0) return std::nullopt;
  const std::string_view digits = text.substr(at + 1, base == 16 ? 2 : 3);
  unsigned value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{} || value == 0 || value > 255)
    throw Error(Errc::Usage,
                fmt::format("{} is no byte of a text",
                            quote("\\" + std::string(text.substr(at, 1)) + std::string(digits))));
  at += static_cast<std::size_t>(end - digits.data());
  return static_cast<char>(value);
}

void require_known(char letter) {
  if (std::string_view("LUluEc").find(letter) != std::string_view::npos)
    throw Error(Errc::Usage, fmt::format("'\\{}' is GNU sed's, and is not known here", letter));
}

/// The library knows no \t and no \x41: they become the bytes that they stand for, which are then
/// what they are in an expression, as in sed.
std::string with_bytes(std::string_view pattern) {
  std::string out;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    out += pattern[at];
    if (pattern[at] != '\\' || at + 1 == pattern.size()) continue;
    ++at;
    require_known(pattern[at]);
    if (const auto byte = take_byte(pattern, at))
      out.back() = *byte;
    else
      out += pattern[at];
  }
  return out;
}

void require_known_replacement(std::string_view replacement) {
  for (std::size_t at = 0; at + 1 < replacement.size(); ++at) {
    if (replacement[at] != '\\') continue;
    ++at;
    require_known(replacement[at]);
    (void)take_byte(replacement, at);
  }
}

}  // namespace

Substitution::Substitution(std::string_view text) : state_(std::make_unique<State>()) {
  if (text.size() < 4 || text[0] != 's' || text[1] == '\\' || text[1] == '\n')
    throw Error(Errc::Usage, fmt::format("expression {}: it is s/old/new/", quote(text)));
  std::size_t at = 2;
  const std::string pattern = read_part(text, at, Part::Pattern);
  state_->replacement = read_part(text, at, Part::Replacement);
  std::string expression;
  try {
    expression = with_bytes(pattern);
    require_known_replacement(state_->replacement);
  } catch (const Error& error) {
    throw error.in(fmt::format("expression {}", quote(text)));
  }
  int flags = REG_EXTENDED;
  for (; at < text.size(); ++at) {
    if (text[at] == 'g')
      state_->everywhere = true;
    else if (text[at] == 'i' || text[at] == 'I')
      flags |= REG_ICASE;
    else
      throw Error(Errc::Usage, fmt::format("expression {}: flag {} is neither g nor i", quote(text),
                                           quote(text.substr(at, 1))));
  }
  if (const int error = regcomp(&state_->expression, expression.c_str(), flags); error != 0) {
    std::array<char, 200> why{};
    regerror(error, &state_->expression, why.data(), why.size());
    throw Error(Errc::Usage, fmt::format("expression {}: {}", quote(text), why.data()));
  }
  state_->compiled = true;
}

Substitution::Substitution(Substitution&&) noexcept = default;
Substitution::~Substitution() = default;

void Substitution::State::append_replacement(const char* line, std::span<const regmatch_t> match,
                                             std::string& out) const {
  const auto append_group = [&](std::size_t group) {
    if (match[group].rm_so >= 0)
      out.append(line + match[group].rm_so,
                 static_cast<std::size_t>(match[group].rm_eo - match[group].rm_so));
  };
  for (std::size_t i = 0; i < replacement.size(); ++i) {
    const char c = replacement[i];
    if (c == '&')
      append_group(0);
    else if (c != '\\' || i + 1 == replacement.size())
      out += c;
    else if (is_digit(replacement[++i]))
      append_group(static_cast<std::size_t>(replacement[i] - '0'));
    else if (const auto byte = take_byte(replacement, i))
      out += *byte;
    else
      out += replacement[i];
  }
}

std::string Substitution::State::replace_in(const std::string& line, bool& changed) const {
  std::string out;
  std::size_t at = 0, last_end = std::string::npos;
  std::array<regmatch_t, 10> match{};
  const auto find = [&] {
    // From the start of the line, so that what stands before a match is seen.
    match[0] = {static_cast<regoff_t>(at), static_cast<regoff_t>(line.size())};
    return regexec(&expression, line.c_str(), match.size(), match.data(), REG_STARTEND) == 0;
  };
  while (at <= line.size() && find()) {
    const auto begin = static_cast<std::size_t>(match[0].rm_so),
               end = static_cast<std::size_t>(match[0].rm_eo);
    out.append(line, at, begin - at);
    at = end;
    if (begin != end || end != last_end) {  // nothing, right behind a match, is no other match
      changed = true;
      append_replacement(line.c_str(), match, out);
    }
    last_end = end;
    if (!everywhere) break;
    if (begin != end) continue;
    out.append(line, at, 1);
    ++at;
  }
  return at < line.size() ? out.append(line, at) : out;
}

std::string Substitution::apply(const std::string& text, std::size_t& changed) const {
  if (text.find('\0') != std::string::npos)
    throw Error(Errc::Unsupported, "it has zero bytes: it is no text");
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    bool hit = false;
    out += state_->replace_in(text.substr(at, end - at), hit);
    if (hit) ++changed;
    if (end < text.size()) out += '\n';
    at = end + 1;
  }
  return out;
}

}  // namespace rawimg::cli
