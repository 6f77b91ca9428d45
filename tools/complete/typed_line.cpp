// SPDX-License-Identifier: MIT
#include "complete/typed_line.h"

#include <algorithm>

#include <fmt/format.h>

namespace rawimg::cli {
namespace {

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class Reader {
 public:
  Reader(std::string_view line, std::string_view breaks, const Variables& variables)
      : line_(line), breaks_(breaks), variables_(variables) {}

  TypedLine read() {
    while (at_ < line_.size()) step();
    result_.raw = line_.substr(word_start_);
    result_.raw_at.push_back(result_.raw.size());
    return std::move(result_);
  }

 private:
  void step() {
    const char c = line_[at_];
    if (result_.quote == '\'') return in_single();
    if (c == '\\') return backslash();
    if (c == '$') return dollar();
    if (result_.quote == '"') return c == '"' ? close_quote() : plain();
    if (c == '\'' || c == '"') return open_quote(1);
    if (c == ' ' || c == '\t' || c == '\n') return end_word();
    if (c == '~' && at_ == word_start_) return tilde();
    plain();
    if (breaks_.find(c) != std::string_view::npos) result_.fixed = result_.word.size();
  }

  void put(std::string_view text, std::size_t raw_bytes) {
    result_.word += text;
    result_.raw_at.insert(result_.raw_at.end(), text.size(), at_ - word_start_);
    at_ += raw_bytes;
    in_word_ = true;
  }

  void plain() { put(line_.substr(at_, 1), 1); }

  void end_word() {
    if (in_word_) result_.words.push_back(result_.word);
    in_word_ = false;
    result_.word.clear();
    result_.raw_at.clear();
    result_.fixed = 0;
    word_start_ = ++at_;
  }

  void open_quote(std::size_t raw_bytes) {
    fixed_outside_ = result_.fixed;
    result_.quote = line_[at_ + raw_bytes - 1];
    is_ansi_ = raw_bytes == 2;
    at_ += raw_bytes;
    in_word_ = true;
    result_.fixed = result_.word.size();
  }

  void close_quote() {
    result_.quote = 0;
    result_.fixed = fixed_outside_;
    ++at_;
  }

  void in_single() {
    if (line_[at_] == '\'') return close_quote();
    if (is_ansi_ && line_[at_] == '\\' && at_ + 1 < line_.size()) return ansi_escape();
    plain();
  }

  /// What quoted_for_bash and printf %q write.
  void ansi_escape() {
    constexpr std::string_view kLetters = "abeEfnrtv", kBytes = "\a\b\x1B\x1B\f\n\r\t\v";
    const char c = line_[at_ + 1];
    if (const std::size_t i = kLetters.find(c); i != std::string_view::npos)
      return put(kBytes.substr(i, 1), 2);
    std::size_t end = at_ + 1;
    unsigned value = 0;
    while (end < line_.size() && end < at_ + 4 && line_[end] >= '0' && line_[end] <= '7')
      value = value * 8 + static_cast<unsigned>(line_[end++] - '0');
    if (end == at_ + 1) return put(line_.substr(at_ + 1, 1), 2);
    const char byte = static_cast<char>(value);
    put(std::string_view(&byte, 1), end - at_);
  }

  void backslash() {
    if (at_ + 1 == line_.size()) {  // nothing stands behind it yet
      ++at_;
      in_word_ = true;
      return;
    }
    const char next = line_[at_ + 1];
    if (result_.quote == '"' && std::string_view("\"\\$`").find(next) == std::string_view::npos)
      return plain();
    put(line_.substr(at_ + 1, 1), 2);
  }

  void tilde() {
    const auto home = variables_("HOME");
    const bool is_own = at_ + 1 < line_.size() && line_[at_ + 1] == '/';
    if (home && is_own) return put(*home, 1);
    plain();
  }

  void dollar() {
    if (result_.quote == 0 && at_ + 1 < line_.size() && line_[at_ + 1] == '\'')
      return open_quote(2);
    const bool braced = at_ + 1 < line_.size() && line_[at_ + 1] == '{';
    const std::size_t begin = at_ + (braced ? 2 : 1);
    std::size_t end = begin;
    while (end < line_.size() && is_name_byte(line_[end])) ++end;
    const bool closed = !braced || (end < line_.size() && line_[end] == '}');
    const auto value = end > begin && closed
                           ? variables_(std::string(line_.substr(begin, end - begin)).c_str())
                           : std::nullopt;
    if (!value) return plain();
    put(*value, end + (braced ? 1 : 0) - at_);
  }

  std::string_view line_, breaks_;
  const Variables& variables_;
  TypedLine result_;
  std::size_t at_ = 0, word_start_ = 0, fixed_outside_ = 0;
  bool in_word_ = false, is_ansi_ = false;
};

bool is_safe(char c) {
  return is_name_byte(c) || std::string_view("/.,-+:@%=").find(c) != std::string_view::npos ||
         static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

TypedLine read_typed_line(std::string_view line, std::string_view breaks,
                          const Variables& variables) {
  return Reader(line, breaks, variables).read();
}

std::string quoted_for_bash(std::string_view bytes, char open_quote) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (open_quote == '\'')
      out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    else if (open_quote == '"')
      // history expansion is not kept away by a backslash here
      out += c == '!' ? std::string("\"'!'\"")
                      : (std::string_view("\"\\$`").find(c) != std::string_view::npos ? "\\" : "") +
                            std::string(1, c);
    else if (byte < 0x20 || byte == 0x7F)
      out += fmt::format("$'\\{:03o}'", byte);
    else
      out += (is_safe(c) ? "" : "\\") + std::string(1, c);
  }
  return out;
}

}  // namespace rawimg::cli
