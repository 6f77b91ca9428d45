// SPDX-License-Identifier: MIT
#include "edit/substitution.h"

#include <regex.h>

#include <algorithm>
#include <array>
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

/// Up to the next delimiter that has no \ in front; \ and the delimiter become the delimiter alone.
std::string read_part(std::string_view text, std::size_t& at, char delimiter,
                      std::string_view whole) {
  std::string part;
  for (; at < text.size(); ++at) {
    if (text[at] == delimiter) {
      ++at;
      return part;
    }
    if (text[at] == '\\' && at + 1 < text.size()) {
      if (text[at + 1] != delimiter) part += '\\';
      ++at;
    }
    part += text[at];
  }
  throw Error(Errc::Usage, fmt::format("expression {}: it is s/old/new/, with three {}",
                                       quote(whole), quote(std::string(1, delimiter))));
}

}  // namespace

Substitution::Substitution(std::string_view text) : state_(std::make_unique<State>()) {
  if (text.size() < 4 || text[0] != 's' || text[1] == '\\' || text[1] == '\n')
    throw Error(Errc::Usage, fmt::format("expression {}: it is s/old/new/", quote(text)));
  std::size_t at = 2;
  const std::string pattern = read_part(text, at, text[1], text);
  state_->replacement = read_part(text, at, text[1], text);
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
  if (const int error = regcomp(&state_->expression, pattern.c_str(), flags); error != 0) {
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
    else if (const char next = replacement[++i]; next >= '0' && next <= '9')
      append_group(static_cast<std::size_t>(next - '0'));
    else if (next == 'n')
      out += '\n';
    else if (next == 't')
      out += '\t';
    else
      out += next;
  }
}

std::string Substitution::State::replace_in(const std::string& line, bool& changed) const {
  std::string out;
  const char* at = line.c_str();
  std::array<regmatch_t, 10> match{};
  while (regexec(&expression, at, match.size(), match.data(),
                 at == line.c_str() ? 0 : REG_NOTBOL) == 0) {
    changed = true;
    out.append(at, static_cast<std::size_t>(match[0].rm_so));
    append_replacement(at, match, out);
    const bool empty = match[0].rm_so == match[0].rm_eo;
    at += match[0].rm_eo;
    if (!everywhere || *at == '\0') break;
    if (empty) out += *at++;
  }
  return out + at;
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
