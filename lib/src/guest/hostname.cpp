// SPDX-License-Identifier: MIT
// Sources: RFC 1123 section 2.1 and RFC 952 (labels), RFC 1035 section 2.3.4 (63 bytes),
// hostname(5) of systemd (comments), gethostname(2) (64 bytes on Linux); init.d/hostname.in of
// OpenRC, which sources the conf.d file and so takes the last assignment.
#include "rawimg/hostname.h"

#include <algorithm>

#include <fmt/format.h>
#include <rawimg/error.h>

#include "base/text.h"
#include "guest/text_lines.h"

namespace rawimg {
namespace {

constexpr std::size_t kMaxHostname = 64, kMaxLabel = 63;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void require_label(std::string_view name, std::string_view label) {
  const auto refuse = [&](const std::string& why) {
    throw Error(Errc::Usage, fmt::format("host name {}: {}", quote(name), why));
  };
  if (label.empty()) refuse("a label between dots is empty");
  if (label.size() > kMaxLabel)
    refuse(fmt::format("the label {} has {} bytes, {} are the most", quote(label), label.size(),
                       kMaxLabel));
  const auto bad = std::find_if(label.begin(), label.end(),
                                [](char c) { return !is_letter_or_digit(c) && c != '-'; });
  if (bad != label.end())
    refuse(fmt::format("{} is no letter, digit or hyphen", quote(std::string_view(&*bad, 1))));
  if (label.front() == '-' || label.back() == '-')
    refuse(fmt::format("the label {} starts or ends with a hyphen", quote(label)));
}

/// An assignment to a shell variable on a line of its own.
struct Assignment {
  TextLine line;
  std::size_t value_at = 0, value_size = 0;  ///< in the line's body, quotes included
  std::optional<std::string> value;          ///< absent: more than a quoted or plain word
};

bool ends_word(char c) { return std::string_view(" \t;&|").find(c) != std::string_view::npos; }

/// The value whose text starts at `text`: one quoted string or one plain word, with nothing in it
/// that a shell would replace.
void parse_value(std::string_view text, Assignment& found) {
  const char quote_mark =
      !text.empty() && (text.front() == '"' || text.front() == '\'') ? text.front() : '\0';
  std::size_t end = 0;
  if (quote_mark != '\0') {
    end = text.find(quote_mark, 1);
    if (end == std::string_view::npos) return;
    ++end;
  } else {
    while (end < text.size() && !ends_word(text[end])) ++end;
  }
  if (end < text.size() && !ends_word(text[end])) return;  // a"b"
  const std::string_view word = quote_mark != '\0' ? text.substr(1, end - 2) : text.substr(0, end);
  const std::string_view special = quote_mark == '\''  ? ""
                                   : quote_mark == '"' ? "$`\\"
                                                       : "$`\\\"'()<>*?[~";
  if (word.find_first_of(special) != std::string_view::npos) return;
  found.value_size = end;
  found.value = std::string(word);
}

std::optional<Assignment> parse_assignment(const TextLine& line, std::string_view variable) {
  constexpr std::string_view kExport = "export";
  std::string_view text = skip_blanks(line.body);
  if (text.substr(0, kExport.size()) == kExport && text.size() > kExport.size() &&
      (text[kExport.size()] == ' ' || text[kExport.size()] == '\t'))
    text = skip_blanks(text.substr(kExport.size()));
  if (text.substr(0, variable.size()) != variable || text.substr(variable.size(), 1) != "=")
    return std::nullopt;
  text.remove_prefix(variable.size() + 1);
  Assignment found{line, line.body.size() - text.size(), 0, std::nullopt};
  parse_value(text, found);
  return found;
}

std::optional<Assignment> last_assignment(std::string_view text, std::string_view variable) {
  std::optional<Assignment> last;
  LineReader reader(text);
  while (const auto line = reader.next())
    if (auto found = parse_assignment(*line, variable)) last = std::move(found);
  return last;
}

/// The name in /etc/hostname. A view into `text`.
std::optional<std::string_view> name_in_file(std::string_view text) {
  LineReader reader(text);
  while (const auto line = reader.next()) {
    const std::string_view name = skip_blanks(line->body);
    if (name.empty() || name.front() == '#') continue;
    return name.substr(0, name.find_last_not_of(" \t") + 1);
  }
  return std::nullopt;
}

}  // namespace

void require_hostname(std::string_view name) {
  if (name.empty()) throw Error(Errc::Usage, "the host name is empty");
  if (name.size() > kMaxHostname)
    throw Error(Errc::Usage, fmt::format("host name {}: {} bytes, Linux takes at most {}",
                                         quote(name), name.size(), kMaxHostname));
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t dot = std::min(name.find('.', at), name.size());
    require_label(name, name.substr(at, dot - at));
    at = dot + 1;
  }
}

std::string set_hostname_file(std::string_view text, std::string_view name) {
  require_hostname(name);
  std::string out(text);
  if (const auto old = name_in_file(text))
    out.replace(static_cast<std::size_t>(old->data() - text.data()), old->size(), name);
  else
    append_line(out, name);
  return out;
}

std::optional<std::string> read_hostname_file(std::string_view text) {
  const auto name = name_in_file(text);
  return name ? std::optional<std::string>(*name) : std::nullopt;
}

std::string set_openrc_hostname(std::string_view text, std::string_view name) {
  require_hostname(name);
  const auto assignment = last_assignment(text, "hostname");
  std::string out;
  if (!assignment) {
    out = text;
    append_line(out, fmt::format("hostname=\"{}\"", name));
    return out;
  }
  if (!assignment->value)
    throw Error(Errc::Unsupported,
                fmt::format("line {} assigns more to 'hostname' than a quoted or plain word: {}",
                            assignment->line.number, quote(assignment->line.body)));
  if (*assignment->value == name) return std::string(text);
  const std::string_view body = assignment->line.body;
  const auto at = static_cast<std::size_t>(body.data() - text.data()) + assignment->value_at;
  return out.append(text.substr(0, at))
      .append(fmt::format("\"{}\"", name))
      .append(text.substr(at + assignment->value_size));
}

std::optional<std::string> read_openrc_hostname(std::string_view text) {
  for (const std::string_view variable : {"hostname", "HOSTNAME"})
    if (const auto assignment = last_assignment(text, variable)) return assignment->value;
  return std::nullopt;
}

}  // namespace rawimg
