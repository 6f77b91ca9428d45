// SPDX-License-Identifier: MIT
#include "help/roff.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "rawimg_version.h"

namespace rawimg::cli {
namespace {

constexpr std::size_t kWidth = 72;  // of the source's lines, where blanks let them end

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

/// A dot or quote in front makes a line a command.
std::string guarded(std::string line) {
  if (line.starts_with('.') || line.starts_with('\'')) line.insert(0, "\\&");
  return line;
}

}  // namespace

std::string roff_escape(std::string_view text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '"':
        out += "\\(dq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      default:
        out += c;
    }
  return out;
}

std::string roff_bold(std::string_view text) {
  return text.empty() ? "" : "\\fB" + roff_escape(text) + "\\fR";
}

std::string roff_italic(std::string_view text) {
  return text.empty() ? "" : "\\fI" + roff_escape(text) + "\\fR";
}

RoffPage::RoffPage(std::string_view name, std::string_view section) {
  text_ = fmt::format(
      ".\\\" made by 'rawimg help --man': the texts are those of --help\n"
      ".TH {} {} {} \"rawimg {}\" \"rawimg manual\"\n.nh\n.ad l\n",
      roff_escape(upper(name)), section, kManualDate, kVersionText);
}

void RoffPage::section(std::string_view title) {
  text_ += fmt::format(".SH {}\n", roff_escape(title));
  begins_ = true;
}

void RoffPage::subsection(std::string_view title) {
  text_ += fmt::format(".SS {}\n", roff_escape(title));
  begins_ = true;
}

void RoffPage::fill(std::string_view text) {
  std::string line;
  const auto end_line = [&] {
    if (!line.empty()) text_ += guarded(line) + '\n';
    line.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = roff_escape(text.substr(at, end - at));
    if (line.size() + 1 + word.size() > kWidth) end_line();
    if (!word.empty()) line += (line.empty() ? "" : " ") + word;
    at = end + 1;
  }
  end_line();
}

void RoffPage::paragraph(std::string_view text) {
  if (!begins_) text_ += ".PP\n";
  begins_ = false;
  fill(text);
}

void RoffPage::item(const std::string& roff_tag, std::string_view text) {
  text_ += ".TP\n" + guarded(roff_tag) + '\n';
  begins_ = false;
  fill(text);
}

void RoffPage::literal(std::string_view lines) {
  text_ += begins_ ? ".RS 4\n.nf\n" : ".sp\n.RS 4\n.nf\n";
  begins_ = false;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    text_ += guarded(roff_escape(lines.substr(at, end - at))) + '\n';
    at = end + 1;
  }
  text_ += ".fi\n.RE\n";
}

void RoffPage::raw(std::string_view line) { text_.append(line).append("\n"); }

void RoffPage::synopsis(std::string_view command, std::string_view words) {
  text_ += roff_bold(command);
  text_ += '\n';
  fill(words);
}

}  // namespace rawimg::cli
